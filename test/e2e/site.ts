import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FeatureInfo, KeyInfo, LmStatus, PeerInfo, SessionInfo } from '@keyhaven/core/admin';
import { createLab, type Host, type Lab, type LabOptions, type LabProcess, labAvailable, type RunResult } from '@keyhaven/testkit/lab';
import { initVendor, issueLicenseFile, unlockVendor, type Vendor, vendorCodeOf, vendorPaths } from '@keyhaven/vendor-tools';
import type { TestContext } from 'vitest';
import { startApplication, type ToldApplication } from './told-application.ts';

// A site for end-to-end tests: several computers in a lab, a vendor, and real LM processes, one per computer. What a test waits for it asks
// the admin API of an LM for, over a tunnel process on that computer: the API answers only there.

export const FEATURE = {
  fiveSeats: 10,
  oneSeat: 11,
  perProcess: 12,
  perStation: 13,
  unlimited: 14,
  localOnly: 15,
  executions: 16,
  expired: 17,
  /** In no key. */
  unsold: 99,
} as const;

const CATALOG = `
products:
  - id: 1
    name: Survey
    features:
      - { id: 10, name: Five seats, license: { type: perpetual }, concurrency: { seats: 5, network: true } }
      - { id: 11, name: One seat, license: { type: perpetual }, concurrency: { seats: 1, network: true } }
      - { id: 12, name: Per process, license: { type: perpetual }, concurrency: { seats: 2, count: process, network: true } }
      - { id: 13, name: Per station, license: { type: perpetual }, concurrency: { seats: 2, count: station, network: true } }
      - { id: 14, name: Unlimited, license: { type: perpetual }, concurrency: { network: true } }
      - { id: 15, name: Local only, license: { type: perpetual }, concurrency: { seats: 5 } }
      - { id: 16, name: Executions, license: { type: executions, count: 3 }, concurrency: { network: true } }
      - { id: 17, name: Expired, license: { type: expiration, until: 2020-01-01 }, concurrency: { network: true } }
    memory: { readWrite: 256, readOnly: 64 }
  - id: 2
    name: Charts
    features:
      - { id: 20, name: Charts, license: { type: perpetual }, concurrency: { seats: 1, network: true } }
    memory: { readWrite: 256, readOnly: 64 }
`;
const PASSPHRASE = 'seventeen gulls over the harbour';
const KEYHAVEN = new URL('../../packages/cli/bin/keyhaven.js', import.meta.url).pathname;
const TUNNEL = `
const { createServer, connect } = require('node:net');
const server = createServer((near) => {
  const far = connect(1947, '127.0.0.1');
  near.on('error', () => far.destroy()).on('close', () => far.destroy());
  far.on('error', () => near.destroy()).on('close', () => near.destroy());
  near.pipe(far).pipe(near);
});
server.listen(process.argv[1], () => console.log('ready'));`;

export type Lm = {
  readonly host: Host;
  readonly guid: string;
  readonly process: LabProcess;
  readonly keys: () => Promise<KeyInfo[]>;
  readonly features: () => Promise<FeatureInfo[]>;
  readonly sessions: () => Promise<SessionInfo[]>;
  readonly peers: () => Promise<PeerInfo[]>;
  readonly status: () => Promise<LmStatus>;
  /** Seats in use of a feature, as its own LM says. */
  used(feature: number): Promise<number>;
  /** Ends it and waits until it is gone. */
  end(signal: NodeJS.Signals): Promise<void>;
  /** Starts it again on the same state. */
  again(): Promise<Lm>;
};

export type Site = {
  readonly lab: Lab;
  readonly directory: string;
  readonly vendorDirectory: string;
  readonly code: string;
  host(name: string): Host;
  /** Starts the LM of that host; `config` is the text of its settings, or a file of them. Resolves when it is ready. */
  startLm(host: string, config?: string | { readonly file: string }): Promise<Lm>;
  /** A new key on that LM, licensed for products: c2v, license, apply. Tells its id. */
  license(lm: Lm, products?: readonly number[]): Promise<string>;
  /** Another license for a key that is there. */
  relicense(lm: Lm, key: string, products: readonly number[]): Promise<void>;
  application(host: string, env?: Readonly<Record<string, string>>): Promise<ToldApplication>;
  /** keyhaven on that host, to its end. */
  keyhaven(host: string, ...args: readonly string[]): Promise<RunResult>;
  /** keyhaven login ..., holding; resolves with what it printed. */
  holdLogin(
    host: string,
    feature: number,
    ...args: readonly string[]
  ): Promise<{ readonly process: LabProcess; readonly answer: LoginAnswer }>;
  /** What every LM wrote, for a failure. */
  logs(): string;
  close(): Promise<void>;
};

export type LoginAnswer = {
  readonly status: number;
  readonly name: string;
  readonly session?: string;
  readonly key?: string;
  readonly licenseManager?: { readonly guid: string; readonly hostname: string; readonly address: string };
  readonly message?: string;
  readonly remedy?: string;
};

/** When a test stops waiting: no promise of Keyhaven, and long enough for a computer that is slow and busy. Milliseconds. */
const HANG_MS = 60_000;

/** Asks until `look` gives something, and says what was waited for in vain. Errors on the way (an LM that restarts) count as nothing. */
export const eventually = async <T>(what: string, look: () => Promise<T | undefined | false>, timeoutMs = HANG_MS): Promise<T> => {
  const until = performance.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found;
      last = found;
    } catch (error) {
      last = error;
    }
    if (performance.now() > until) throw new Error(`waited ${timeoutMs} ms in vain: ${what}; last: ${String(last)}`);
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
};

/** For beforeEach: skips where no lab can be, and tells on failure what the LMs said. */
export const needsLab =
  (site: () => Site | undefined, reason: string | undefined = labAvailable()) =>
  (context: TestContext): void => {
    if (reason !== undefined) return context.skip(reason);
    context.onTestFailed(() => console.error(site()?.logs() ?? 'no site'));
  };

const ask = (socketPath: string, method: string, path: string, body?: { readonly type: string; readonly text: string }): Promise<string> =>
  new Promise((resolve, reject) => {
    const headers = {
      host: '127.0.0.1:1947',
      ...(body === undefined ? {} : { 'content-type': body.type, 'content-length': Buffer.byteLength(body.text) }),
    };
    const sent = request({ socketPath, method, path, headers, agent: false, timeout: 15_000 }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      response.on('error', reject);
      response.on('end', () =>
        response.statusCode === 200 ? resolve(text) : reject(new Error(`${path}: ${response.statusCode} ${text}`)),
      );
    });
    sent.on('timeout', () => sent.destroy(new Error(`${path}: no answer in time`)));
    sent.on('error', reject);
    sent.end(body?.text);
  });

export const createSite = async (options: LabOptions): Promise<Site> => {
  const lab = await createLab(options);
  const directory = await mkdtemp(join(tmpdir(), 'kh-site-'));
  const close = async (): Promise<void> => {
    await lab.close();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const vendorDirectory = join(directory, 'vendor');
    await initVendor(vendorDirectory, { id: 37_515, name: 'End to end', passphrase: PASSPHRASE });
    await writeFile(vendorPaths(vendorDirectory).catalog, CATALOG);
    return siteOf(lab, directory, await unlockVendor(vendorDirectory, PASSPHRASE), close);
  } catch (error) {
    await close();
    throw error;
  }
};

const siteOf = (lab: Lab, directory: string, vendor: Vendor, close: () => Promise<void>): Site => {
  const vendorDirectory = join(directory, 'vendor');
  const code = vendorCodeOf(vendor);
  const tunnels = new Map<string, Promise<string>>();
  const lms: { readonly name: string; readonly process: LabProcess }[] = [];
  let count = 0;
  const newPath = (what: string): string => join(directory, `${what}${count++}`);

  const tunnelTo = (host: Host): Promise<string> => {
    const open = async (): Promise<string> => {
      const path = newPath('tunnel');
      const process = await host.spawn('node', ['-e', TUNNEL, path]);
      await process.nextLine((line) => line === 'ready');
      return path;
    };
    const tunnel = tunnels.get(host.name) ?? open();
    tunnels.set(host.name, tunnel);
    return tunnel;
  };
  const post = async (lm: Lm, path: string, type: string, text: string): Promise<string> =>
    ask(await tunnelTo(lm.host), 'POST', path, { type, text });

  const startLm = async (name: string, config?: string | { readonly file: string }): Promise<Lm> => {
    const host = lab.host(name);
    const socketPath = await tunnelTo(host);
    const args = [KEYHAVEN, 'lm', '--state', join(directory, `state-${name}`), '--log', 'debug'];
    if (config !== undefined) {
      const file = typeof config === 'string' ? newPath('config') : config.file;
      if (typeof config === 'string') await writeFile(file, config);
      args.push('--config', file);
    }
    const process = await host.spawn('node', args);
    lms.push({ name, process });
    const line = await process.nextLine((each) => each.startsWith('ready '), HANG_MS);
    const { guid } = JSON.parse(line.slice('ready '.length)) as { guid: string };
    const get =
      <T>(what: string) =>
      async (): Promise<T> =>
        JSON.parse(await ask(socketPath, 'GET', `/api/v1/${what}`)) as T;
    const features = get<FeatureInfo[]>('features');
    return {
      host,
      guid,
      process,
      features,
      keys: get('keys'),
      sessions: get('sessions'),
      peers: get('peers'),
      status: get('status'),
      async used(feature) {
        const found = (await features()).find((each) => each.local && each.feature === feature);
        if (found === undefined) throw new Error(`feature ${feature} is not in a key of ${name}`);
        return found.seats.used;
      },
      async end(signal) {
        process.kill(signal);
        await process.exited;
      },
      again: () => startLm(name, config),
    };
  };

  const issue = async (lm: Lm, c2v: string, products: readonly number[]): Promise<string> => {
    const [from, out] = [newPath('c2v'), newPath('v2c')];
    await writeFile(from, c2v);
    const { certificate } = await issueLicenseFile(vendorDirectory, { vendor, c2v: from, products, out });
    await post(lm, '/api/v1/apply', 'text/plain', await readFile(out, 'utf8'));
    return certificate.key;
  };

  return {
    lab,
    directory,
    vendorDirectory,
    code,
    host: (name) => lab.host(name),
    startLm,
    async license(lm, products = [1]) {
      return issue(
        lm,
        await post(lm, '/api/v1/c2v', 'application/json', JSON.stringify({ vendorCode: code, type: 'sl-adminmode' })),
        products,
      );
    },
    async relicense(lm, key, products) {
      await issue(lm, await post(lm, '/api/v1/c2v', 'application/json', JSON.stringify({ key })), products);
    },
    application: (host, env) => startApplication(lab.host(host), newPath('application'), env),
    keyhaven: (host, ...args) =>
      lab.host(host).run('node', [KEYHAVEN, ...args], { timeoutMs: HANG_MS, env: { KEYHAVEN_VENDOR_PASSPHRASE: PASSPHRASE } }),
    async holdLogin(host, feature, ...args) {
      const all = [KEYHAVEN, 'login', '--vendor-code', code, '--feature', String(feature), '--hold', '600', '--json', ...args];
      const process = await lab.host(host).spawn('node', all);
      return { process, answer: JSON.parse(await process.nextLine(() => true, HANG_MS)) as LoginAnswer };
    },
    logs: () => lms.map(({ name, process }) => `--- LM on ${name}, pid ${process.pid}\n${process.stderr()}`).join('\n'),
    close,
  };
};

/** Resolves when the LM is linked to another and sees its keys. */
export const linkedTo = (lm: Lm, other: Lm, keys = 1): Promise<PeerInfo> =>
  eventually(`${lm.host.name} is linked to ${other.host.name} and knows ${keys} of its keys`, async () =>
    (await lm.peers()).find(({ guid, state, keys: known }) => guid === other.guid && state === 'linked' && known >= keys),
  );
