import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestVendor, freeTcpPort } from '@keyhaven/testkit/local-lm';
import { onTestFinished } from 'vitest';
import { startAdminLm } from '../admin-lm.ts';
import { loadConfiguration } from '../configuration/index.ts';

// A license manager with a file of settings of its own, as existing programs meet it.

export type Reply = { readonly code: number; readonly headers: Readonly<Record<string, unknown>>; readonly text: string };

const catalog = `products:
  - id: 5
    name: "Survey }, <b>"
    features:
      - { id: 42, name: "/* Terrain */ {x},", license: { type: perpetual }, concurrency: { seats: 2, network: true } }
      - { id: 43, name: Roof, license: { type: expiration, until: 2037-06-05 } }
    memory: { readWrite: 64, readOnly: 16 }
`;

export const startCompatSite = async (ini = '') => {
  const directory = await mkdtemp(join(tmpdir(), 'keyhaven-compat-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const file = join(directory, 'keyhaven.ini');
  const port = await freeTcpPort();
  const overrides = { bind: ['127.0.0.1'], port, name: 'compat' };
  await writeFile(file, `[REMOTE]\nbroadcastsearch = 0\n${ini}`);
  const { settings, where } = await loadConfiguration(file, overrides);
  const lm = await startAdminLm({ settings, where, stateDirectory: join(directory, 'state'), configuration: { file, overrides } });
  onTestFinished(() => lm.close());
  const vendor = createTestVendor(catalog, 7);

  const ask = (method: string, path: string, body: string | Buffer = '', headers: Record<string, string> = {}): Promise<Reply> =>
    new Promise((resolve, reject) => {
      const sent = request(
        { host: '127.0.0.1', port, method, path, agent: false, headers: { host: `localhost:${port}`, ...headers } },
        (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (chunk: string) => {
            text += chunk;
          });
          response.on('end', () => resolve({ code: response.statusCode ?? 0, headers: response.headers, text }));
        },
      );
      sent.on('error', reject);
      sent.end(body);
    });
  const api = async (method: string, path: string, body?: string | object): Promise<string> => {
    const type = { 'content-type': typeof body === 'string' ? 'text/plain' : 'application/json' };
    const reply = await ask(method, path, typeof body === 'object' ? JSON.stringify(body) : (body ?? ''), body === undefined ? {} : type);
    if (reply.code !== 200) throw new Error(`${method} ${path}: ${reply.code} ${reply.text}`);
    return reply.text;
  };
  const v2c = async (): Promise<string> => vendor.issue(await api('POST', '/api/v1/c2v', { vendorCode: vendor.vendorCode }));
  return {
    port,
    directory,
    vendor,
    lm,
    ask,
    api,
    v2c,
    /** A licensed key; its id. */
    license: async (): Promise<string> => (JSON.parse(await api('POST', '/api/v1/apply', await v2c())) as { key: string }).key,
    ini: () => readFile(file, 'utf8'),
  };
};
export type CompatSite = Awaited<ReturnType<typeof startCompatSite>>;

/** A form with files, as browsers and curl send it. */
export const formOf = (files: readonly { readonly field: string; readonly name: string; readonly text: string | Buffer }[]) => {
  const boundary = '------------------------4ce37c2c6f1e8c10';
  const parts = files.flatMap(({ field, name, text }) => [
    Buffer.from(
      `--${boundary}\r\nContent-Disposition: form-data; name="${field}"; filename="${name}"\r\nContent-Type: application/octet-stream\r\n\r\n`,
    ),
    Buffer.from(text),
    Buffer.from('\r\n'),
  ]);
  return {
    body: Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]),
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
  };
};
