import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { wall } from '@keyhaven/core/time';
import { issueLicense, readCatalog, systemEntropy, vendorCodeOf, vendorFromSecrets } from '@keyhaven/vendor-tools';

// LMs in processes of their own, licensed by a vendor made for the run, on free loopback ports. State lies beside the checkout's cache, so
// that the file system is that of the checkout and not one in memory.

const root = join(import.meta.dirname, '..');
const keyhaven = join(root, 'packages/cli/bin/keyhaven.js');

export type Child = { readonly process: ChildProcess; readonly firstLine: string; stop(): Promise<void> };

/** Starts a program of Node and waits for its first line. */
export const startChild = async (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Child> => {
  const child = spawn(process.execPath, [...args], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...env } });
  const lines = createInterface({ input: child.stdout });
  const firstLine = await new Promise<string>((resolve, reject) => {
    lines.once('line', resolve);
    child.once('exit', (code) => reject(new Error(`${args[0] ?? ''} ended with ${code} before it was ready`)));
  });
  return {
    process: child,
    firstLine,
    stop: () =>
      new Promise((done) => {
        if (child.exitCode !== null) return done();
        child.once('exit', () => done());
        child.kill('SIGTERM');
      }),
  };
};

export const freePort = (host = '127.0.0.1'): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, host, () => {
      const address = server.address();
      server.close(() => (address !== null && typeof address === 'object' ? resolve(address.port) : reject(new Error('no port'))));
    });
  });

export type Lm = { readonly host: string; readonly port: number; readonly child: Child; readonly state: string };

export const startLm = async (directory: string, host: string, port: number, search: readonly string[] = []): Promise<Lm> => {
  await mkdir(directory, { recursive: true });
  const config = join(directory, 'settings.toml');
  await writeFile(config, `name = "bench"\n[search]\nbroadcast = false\naddresses = ${JSON.stringify(search)}\n`);
  const state = join(directory, 'state');
  const child = await startChild([
    keyhaven,
    'lm',
    '--state',
    state,
    '--config',
    config,
    '--bind',
    host,
    '--port',
    String(port),
    '--log',
    'error',
  ]);
  return { host, port, child, state };
};

/** The catalog of the run; `seats` of features 10 and 11 are the sizes that P5 compares. */
export const catalog = `
products:
  - id: 1
    name: Bench
    features:
      - { id: 10, name: few, license: { type: perpetual }, concurrency: { seats: 100, count: login, network: true } }
      - { id: 11, name: many, license: { type: perpetual }, concurrency: { seats: unlimited, count: login, network: true } }
      - { id: 12, name: other, license: { type: perpetual }, concurrency: { seats: unlimited, count: login, network: true } }
`;

const askText = async (lm: Lm, path: string, type: string, body: string): Promise<string> => {
  const answer = await fetch(`http://${lm.host}:${lm.port}${path}`, { method: 'POST', headers: { 'content-type': type }, body });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${path}: ${text}`);
  return text;
};

/** Makes a vendor and licenses a key of this LM. Gives the vendor code. */
export const licenseKey = async (lm: Lm): Promise<string> => {
  const entropy = systemEntropy;
  const vendor = vendorFromSecrets(
    { id: 4_711, name: 'Bench' },
    { signingSeed: Buffer.from(entropy.bytes(32)), masterSecret: Buffer.from(entropy.bytes(32)) },
  );
  const code = vendorCodeOf(vendor);
  const c2v = await askText(lm, '/api/v1/c2v', 'application/json', JSON.stringify({ vendorCode: code }));
  const { v2c } = issueLicense({ vendor, catalog: readCatalog(catalog), c2v, products: [1], now: wall(Date.now()), entropy });
  await askText(lm, '/api/v1/apply', 'text/plain', v2c);
  return code;
};

/** A folder on the checkout's own file system, removed afterwards. */
export const scratch = async (): Promise<AsyncDisposable & { readonly path: string }> => {
  const path = await mkdtemp(join(root, '.cache-bench-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
};
