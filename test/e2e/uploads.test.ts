import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync, gzipSync } from 'node:zlib';
import { parseSettings, startAdminLm } from '@keyhaven/license-manager';
import { createTestVendor, freeTcpPort } from '@keyhaven/testkit/local-lm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectWithin } from './time-limit.ts';

// What is handed in and is no license for this computer (S1, S2, S3, S14): refused with the reason, and nothing of it is stored anywhere.

const catalog = 'products:\n  - { id: 1, name: Survey, features: [{ id: 42, license: { type: perpetual } }] }';
const vendor = createTestVendor(catalog, 7);
const stranger = createTestVendor(catalog, 8);
type Answer = { readonly code: number; readonly json: { readonly code?: number; readonly detail?: string; readonly remedy?: string } };

describe('uploads', () => {
  const root = mkdtempSync(join(tmpdir(), 'kh-uploads-'));
  const state = join(root, 'state');
  let lm: Awaited<ReturnType<typeof startAdminLm>>;
  let port = 0;
  let license = '';
  let foreign = '';
  let elsewhere = '';

  const send = (path: string, type: string, parts: readonly (Buffer | string)[], more: Record<string, string> = {}): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const sent = request(
        { host: '127.0.0.1', port, method: 'POST', path, agent: false, headers: { 'content-type': type, connection: 'close', ...more } },
        (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (chunk: string) => {
            text += chunk;
          });
          // Of a body that is still being sent only the answer counts.
          const done = (): void =>
            resolve({ code: response.statusCode ?? 0, json: text.startsWith('{') ? (JSON.parse(text) as Answer['json']) : {} });
          response.on('end', done).on('error', done);
        },
      );
      sent.on('error', (error: NodeJS.ErrnoException) =>
        ['EPIPE', 'ECONNRESET'].includes(error.code ?? '') ? resolve({ code: 413, json: {} }) : reject(error),
      );
      for (const part of parts) sent.write(part);
      sent.end();
    });
  const post = async (path: string, type: string, body: string): Promise<string> => {
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1/${path}`, { method: 'POST', headers: { 'content-type': type }, body });
    expect(answer.status).toBe(200);
    return answer.text();
  };
  const stored = async (): Promise<readonly string[]> => {
    const rows: string[] = []; // BOUNDED by the ledger of this test
    for await (const [key, row] of lm.ledger.scan('')) rows.push(`${key} ${JSON.stringify(row)}`);
    return [...rows.toSorted(), ...readdirSync(root, { recursive: true }).map(String).toSorted()];
  };
  const form = (...files: readonly (readonly [name: string, bytes: Buffer | string])[]): Buffer =>
    Buffer.concat([
      ...files.flatMap(([name, bytes]) => [
        Buffer.from(`--b\r\nContent-Disposition: form-data; name="f"; filename="${name}"\r\n\r\n`),
        Buffer.from(bytes),
        Buffer.from('\r\n'),
      ]),
      Buffer.from('--b--\r\n'),
    ]);

  beforeAll(async () => {
    port = await freeTcpPort();
    const settings = parseSettings('', { bind: ['127.0.0.1'], port, name: 'uploads', search: { broadcast: false } });
    lm = await startAdminLm({ settings, stateDirectory: state });
    license = vendor.issue(await post('c2v', 'application/json', JSON.stringify({ vendorCode: vendor.vendorCode })));
    const other = JSON.stringify({ vendorCode: stranger.vendorCode });
    // Signed by whoever the key does not belong to, and for a key that is nowhere here.
    foreign = stranger.issue(await post('c2v', 'application/json', other));
    const far = await startAdminLm({
      settings: parseSettings('', { bind: ['127.0.0.1'], port: await freeTcpPort(), name: 'far', search: { broadcast: false } }),
      stateDirectory: join(root, 'far'),
    });
    const address = far.tcp[0] ?? '';
    const c2v = await fetch(`http://${address}/api/v1/c2v`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ vendorCode: vendor.vendorCode }),
    });
    elsewhere = vendor.issue(await c2v.text());
    await far.close();
  });
  afterAll(async () => {
    await lm?.close();
    rmSync(root, { recursive: true, force: true });
  });

  it('that are no license, or for others, are refused with the reason, by every way in, and nothing is stored', async () => {
    const before = await stored();
    const laughs = `<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "${'ha'.repeat(100)}"><!ENTITY b "${'&a;'.repeat(100)}">]><l>&b;</l>`;
    const middle = Math.floor(license.length / 2);
    const cases: readonly (readonly [what: string, bytes: Buffer | string])[] = [
      ['another computer', elsewhere],
      ['a line turned around', license.replace(/(?<=\n)[^\n]{40,}(?=\n)/, (line) => line.split('').toReversed().join(''))],
      ['cut off', license.slice(0, middle)],
      ['one letter changed', `${license.slice(0, middle)}${license[middle] === 'A' ? 'B' : 'A'}${license.slice(middle + 1)}`],
      ['twice in one', `${license}${license}`.slice(0, -20)],
      ['a bomb', gzipSync(Buffer.alloc(40 * 1024 * 1024))],
      ['a bomb without a head', deflateSync(Buffer.alloc(40 * 1024 * 1024))],
      ['an archive', Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.alloc(100_000, 1)])],
      ['entities', laughs],
      ['depth', `${'<a>'.repeat(200_000)}${'</a>'.repeat(200_000)}`],
      ['zeros', Buffer.alloc(5 * 1024 * 1024)],
      ['a C2V', Buffer.from('-----BEGIN KEYHAVEN C2V-----\nAAAA\n-----END KEYHAVEN C2V-----\n')],
    ];
    for (const [what, bytes] of cases)
      for (const [path, type, body] of [
        ['/api/v1/upload', 'application/octet-stream', bytes],
        ['/api/v1/upload', 'multipart/form-data; boundary=b', form(['../../../etc/passwd', bytes])],
        ['/api/v1/apply', 'text/plain', bytes],
        ['/_int_/checkin_file.html', 'multipart/form-data; boundary=b', form(['a.v2c', bytes])],
      ] as const) {
        const began = performance.now();
        const { code, json } = await send(path, type, [body]);
        expect([400, 404, 409, 413, 422], `${what} ${path} ${code} ${json.detail}`).toContain(code);
        if (path.startsWith('/api/'))
          expect([json.code, json.detail, json.remedy], what).toEqual([
            expect.any(Number),
            expect.stringMatching(/\w/),
            expect.stringMatching(/\w/),
          ]);
        await expectWithin(performance.now() - began, 5_000, what);
      }
    expect(await stored()).toEqual(before);
  });

  it('of one file among others that are wrong takes that one, and tells each', async () => {
    const answer = await send('/api/v1/upload', 'multipart/form-data; boundary=b', [
      form(['wrong.v2c', elsewhere], ['right.v2c', license], ['again.v2c', license], ['other.v2c', foreign]),
    ]);
    const { results } = answer.json as unknown as {
      results: readonly { readonly file: string; readonly applied?: object; readonly problem?: object }[];
    };
    expect([answer.code, results.map(({ file, applied, problem }) => [file, applied !== undefined, problem !== undefined])]).toEqual([
      200,
      [
        ['wrong.v2c', false, true],
        ['right.v2c', true, false],
        ['again.v2c', false, true],
        ['other.v2c', true, false],
      ],
    ]);
  });

  it('with thousands of parts, endless names or no end are cut short', async () => {
    const before = await stored();
    const memory = process.memoryUsage().rss;
    const head = 'Content-Disposition: form-data; name="f"; filename="';
    const many = Array.from({ length: 5_000 }, (_, at): readonly [string, string] => [`${at}.v2c`, 'x']);
    for (const [what, parts, codes] of [
      ['parts', [form(...many)], [400]],
      ['empty parts', [Buffer.from(`${'--b\r\n\r\n\r\n'.repeat(50_000)}--b--`)], [400]],
      ['name', [`--b\r\n${head}${'n'.repeat(6 * 1024 * 1024)}"\r\n\r\nx\r\n--b--\r\n`], [400]],
      ['name without an end', [`--b\r\n${head}${'\\"'.repeat(3 * 1024 * 1024)}`], [400]],
      ['boundaries', ['--b\r\n'.repeat(1_000_000)], [400]],
      ['huge', [form(['a.v2c', Buffer.alloc(13 * 1024 * 1024, 'a')])], [413]],
      ['chunk after chunk', Array.from({ length: 60 }, () => Buffer.alloc(512 * 1024, 'a')), [413]],
    ] as const) {
      const began = performance.now();
      const { code } = await send('/api/v1/upload', 'multipart/form-data; boundary=b', parts);
      expect(codes, `${what} ${code}`).toContain(code);
      await expectWithin(performance.now() - began, 5_000, what);
    }
    expect(process.memoryUsage().rss - memory).toBeLessThan(300 * 1024 * 1024);
    expect(await stored()).toEqual(before);
  });
});
