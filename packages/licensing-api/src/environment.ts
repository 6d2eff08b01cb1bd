import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect, isIPv4 } from 'node:net';
import { homedir, hostname, userInfo } from 'node:os';
import { basename } from 'node:path';
import { isSea } from 'node:sea';
import type { Entropy } from '@keyhaven/core/crypto';
import { LicensingError, Status } from '@keyhaven/core/errors';
import type { ApplicationIdentity } from '@keyhaven/core/session';
import type { VersionRange } from '@keyhaven/core/versions';
import { applicationDirectory } from './application-directory.ts';
import type { Configured } from './configuration.ts';
import type { LmSocket } from './lm-end.ts';
import type { NearSurroundings } from './near-surroundings.ts';
import { systemNear } from './near-system.ts';
import { inRemoteDesktop } from './remote-desktop.ts';

// What the API takes from the process it runs in.

export type LmAddress = { readonly host: string; readonly port: number };

/** The Admin LM of this computer (L3). */
const DEFAULT_LM: LmAddress = { host: '127.0.0.1', port: 1947 };

/**
 * KEYHAVEN_LOCAL_LM=HOST:PORT moves it, for tests; only to another loopback address, for an application talks to no other computer (L1).
 * @throws LicensingError INVALID_PARAMETER (501)
 */
export const lmAddressFrom = (setting: string | undefined): LmAddress => {
  if (setting === undefined || setting === '') return DEFAULT_LM;
  const found = /^(127\.\d{1,3}\.\d{1,3}\.\d{1,3}):(\d{1,5})$/.exec(setting.replace(/^localhost:/, '127.0.0.1:'));
  const port = Number(found?.[2]);
  if (found?.[1] === undefined || !isIPv4(found[1]) || port < 1 || port > 65_535) {
    throw new LicensingError(Status.INVALID_PARAMETER, {
      detail: `KEYHAVEN_LOCAL_LM is ${JSON.stringify(setting)}, which is no loopback address with a port.`,
      remedy: 'Set it to something like 127.0.0.1:1947, or remove it.',
    });
  }
  return { host: found[1], port };
};

export const systemEntropy: Entropy = {
  bytes: (length) => randomBytes(length),
  exchangePair() {
    const pair = generateKeyPairSync('x25519');
    return { privateKey: pair.privateKey, publicKey: pair.publicKey.export({ type: 'spki', format: 'der' }).subarray(-32) };
  },
};

/** Start of this process in clock ticks since boot, as the LM reads it too; 0 where the system does not say. */
const ownStart = (): number => {
  try {
    const text = readFileSync('/proc/self/stat', 'latin1');
    return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[19]);
  } catch {
    return 0;
  }
};

const userName = (): string => {
  try {
    return userInfo().username;
  } catch {
    return ''; // A process without an entry in the user database.
  }
};

export const ownIdentity = (): ApplicationIdentity => ({
  pid: process.pid,
  start: ownStart(),
  user: userName().slice(0, 80),
  host: hostname().slice(0, 80),
  application: basename(process.argv[1] ?? process.execPath).slice(0, 80),
});

/** Everything outside the process that the API touches once it runs: the way to the LM, and time. */
export type Surroundings = {
  dial(address: LmAddress): LmSocket;
  /** This process runs in a remote desktop session; absent = no. */
  readonly remoteDesktop?: () => boolean;
  /** License managers of the application's own; absent = there is the Admin LM only. */
  readonly near?: NearSurroundings;
  /** The versions of the local protocol that it offers; absent = all that it speaks. */
  readonly localVersions?: VersionRange | undefined;
  /** How long a call to a license manager for keys of this vendor may take, in milliseconds (A6); absent, or where it is undefined: 10 seconds. */
  readonly callTimeoutMs?: (vendor: number) => number | undefined;
  readonly time: {
    /** Milliseconds on a clock that only counts forward. */
    now(): number;
    /** Milliseconds since 1970 as the computer says; absent = `Date.now`. */
    wall?(): number;
    /** Keeps the process alive. `cancelable` gets what ends the pause early. */
    pause(milliseconds: number, cancelable?: (cancel: () => void) => void): Promise<void>;
    /** Runs `task` later, without keeping the process alive for it; the result cancels it. */
    later(milliseconds: number, task: () => void): () => void;
    /** Runs `task` when everything has been read that arrived while the event loop was blocked; absent = nothing ever blocks it. */
    afterInput?(task: () => void): void;
  };
};

/** The system, and the Admin LM only. */
export const systemSurroundings: Surroundings = {
  dial: ({ host, port }) => connect({ host, port, family: 4, noDelay: true }),
  remoteDesktop: () => inRemoteDesktop(process.env, process.platform),
  time: {
    now: () => performance.now(),
    wall: () => Date.now(),
    pause: (milliseconds, cancelable) =>
      new Promise((done) => {
        const timer = setTimeout(done, milliseconds);
        cancelable?.(() => {
          clearTimeout(timer);
          done();
        });
      }),
    later(milliseconds, task) {
      const timer = setTimeout(task, milliseconds).unref();
      return () => clearTimeout(timer);
    },
    afterInput: (task) => void setImmediate(task),
  },
};

/** Those of this process: with the license managers of its own. */
export const ownSurroundings = (configured: (vendor: number) => Configured): Surroundings => {
  const near = systemNear({
    env: process.env,
    platform: process.platform,
    home: homedir(),
    beside: applicationDirectory(isSea() ? undefined : process.argv[1], process.execPath),
    configured,
    print: (line) => void process.stderr.write(`${line}\n`),
  });
  return { ...systemSurroundings, near, callTimeoutMs: (vendor) => configured(vendor).callTimeoutMs ?? near.callTimeoutMs(vendor) };
};
