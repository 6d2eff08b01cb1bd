import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Observation } from '@keyhaven/core/fingerprint';
import type { Clock } from '@keyhaven/core/time';
import { type AdminLm, type LmEvent, parseSettings, startAdminLm } from '@keyhaven/license-manager';
import type { TestVendor } from './test-vendor.ts';

// A real Admin LM in this process, on 127.0.0.1 and a free port, with its state in a temporary directory. It searches nothing.

export type LocalLmOptions = {
  readonly clock?: Clock;
  readonly port?: number;
  readonly stateDirectory?: string;
  /** Text of a settings file. */
  readonly settings?: string;
  /** What the computer is recognised by (K6); observed where absent. */
  readonly observe?: () => Promise<Observation>;
  /** Where the computer remembers its trial licenses (K8); absent = nowhere. */
  readonly trialDirectory?: string;
  readonly onEvent?: (event: LmEvent) => void;
};

export type LocalLm = {
  readonly port: number;
  readonly address: { readonly host: string; readonly port: number };
  readonly lm: AdminLm;
  readonly stateDirectory: string;
  /** One request to the admin API; anything but 200 is an error with its text. */
  ask(method: 'GET' | 'POST' | 'DELETE', path: string, body?: string | object): Promise<string>;
  /** A licensed key of this vendor; its id. */
  license(vendor: TestVendor): Promise<string>;
  /** Stops it and starts it again at the same place. */
  restart(): Promise<void>;
  stop(): Promise<void>;
  start(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};

/** A TCP port that was free a moment ago on all of 127.0.0.0/8. */
export const freeTcpPort = async (): Promise<number> => {
  const server = createServer().listen(0, '0.0.0.0');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('the system names no port');
  return address.port;
};

export const startLocalLm = async (options: LocalLmOptions = {}): Promise<LocalLm> => {
  const port = options.port ?? (await freeTcpPort());
  const stateDirectory = options.stateDirectory ?? (await mkdtemp(join(tmpdir(), 'keyhaven-lm-')));
  const settings = parseSettings(options.settings ?? '', { bind: ['127.0.0.1'], port, name: 'test-lm', search: { broadcast: false } });
  const { clock, onEvent, observe, trialDirectory } = options;
  const given = {
    ...(clock === undefined ? {} : { clock }),
    ...(onEvent === undefined ? {} : { onEvent }),
    ...(observe === undefined ? {} : { observe }),
    ...(trialDirectory === undefined ? {} : { trialDirectory }),
  };
  const begin = (): Promise<AdminLm> => startAdminLm({ settings, stateDirectory, ...given });
  let lm: AdminLm | undefined = await begin();
  const stop = async (): Promise<void> => {
    const running = lm;
    lm = undefined;
    await running?.close();
  };
  const start = async (): Promise<void> => {
    lm = await begin();
  };

  const local: LocalLm = {
    port,
    address: { host: '127.0.0.1', port },
    get lm() {
      if (lm === undefined) throw new Error('the license manager is stopped');
      return lm;
    },
    stateDirectory,
    async ask(method, path, body) {
      const type = typeof body === 'string' ? 'text/plain' : 'application/json';
      const text = typeof body === 'string' ? body : JSON.stringify(body);
      const response = await fetch(`http://127.0.0.1:${port}${path}`, {
        method,
        headers: { connection: 'close', ...(body === undefined ? {} : { 'content-type': type }) },
        ...(text === undefined ? {} : { body: text }),
      });
      const answer = await response.text();
      if (response.status !== 200) throw new Error(`${method} ${path}: ${response.status} ${answer}`);
      return answer;
    },
    async license(vendor) {
      const c2v = await local.ask('POST', '/api/v1/c2v', { vendorCode: vendor.vendorCode });
      const applied: unknown = JSON.parse(await local.ask('POST', '/api/v1/apply', vendor.issue(c2v)));
      if (typeof applied !== 'object' || applied === null || !('key' in applied)) throw new Error('no key in the answer');
      return String(applied.key);
    },
    async restart() {
      await stop();
      await start();
    },
    stop,
    start,
    async [Symbol.asyncDispose]() {
      await stop();
      if (options.stateDirectory === undefined) await rm(stateDirectory, { recursive: true, force: true });
    },
  };
  return local;
};
