import { realpathSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { arch, availableParallelism, networkInterfaces, type as osName, release, totalmem } from 'node:os';
import { createSecureContext, type SecureContext } from 'node:tls';
import { LicensingError, Status } from '@keyhaven/core/errors';
import type { Note } from '@keyhaven/core/network';
import type { Clock } from '@keyhaven/core/time';
import type { Ledger } from '@keyhaven/ledger';
import { type Binding, type Claim, claimState, processStart } from './machine/index.ts';
import { type Carriage, PeerRefusal, plainCarriage } from './peers/post.ts';
import { proxyCarriage } from './peers/proxy.ts';
import { tlsCarriage } from './peers/tls-carriage.ts';
import type { Settings } from './settings.ts';
import { VERSION } from './version.ts';

// What an Admin LM takes from its computer and its ledger at the start.

/** How often this LM has started; tells others that what they knew of its links is void. */
export const countBoot = async (ledger: Ledger): Promise<number> => {
  const key = 'lm/lm/boot' as const;
  return ledger.update([key], (rows) => {
    const count = ((rows.get<{ readonly count: number }>(key)?.count ?? 0) + 1) % 65_536;
    return {
      changes: [{ key, row: { count } }],
      audit: [{ kind: 'started', scope: 'lm', detail: { count, version: VERSION } }],
      reply: count,
    };
  });
};

/** One license manager for one state on this computer. @throws LicensingError SHARING_VIOLATION (84) naming the one that runs */
export const claimFor = (
  directory: string,
  { seal }: Binding,
  { port }: Settings,
  clock: Clock,
  onConflict: (error: LicensingError) => void,
): Promise<Claim> => {
  const { pid } = process;
  const lm = { pid, start: processStart(pid) ?? 0, directory: realpathSync.native(directory), port };
  return claimState({ key: seal.key('running'), lm, clock, onConflict });
};

/** What it runs on, for a report. */
export const aboutComputer = (): Readonly<Record<string, string | number>> => ({
  system: osName(),
  release: release(),
  architecture: arch(),
  node: process.versions.node,
  processors: availableParallelism(),
  memory: totalmem(),
  pid: process.pid,
  residentMemory: process.memoryUsage.rss(),
});

export const ownNames = (hostname: string, publicAddress?: string): ReadonlySet<string> => {
  const addresses = Object.values(networkInterfaces()).flatMap((each) => (each ?? []).map(({ address }) => address.toLowerCase()));
  const more = publicAddress === undefined ? [] : [publicAddress.toLowerCase()];
  return new Set(['localhost', hostname.toLowerCase(), ...addresses, ...more]);
};

export const secureContext = async (settings: Settings): Promise<SecureContext | undefined> => {
  const { certificate, key: keyFile } = settings.tls;
  if (certificate === undefined || keyFile === undefined) return undefined;
  try {
    const [cert, key] = await Promise.all([readFile(certificate), readFile(keyFile)]);
    return createSecureContext({ cert, key, minVersion: 'TLSv1.2' });
  } catch (cause) {
    throw new LicensingError(Status.CANNOT_READ_FILE, {
      detail: `The TLS certificate or key cannot be used: ${cause instanceof Error ? cause.message : ''}.`,
      remedy: 'Name PEM files of a certificate and its key in [tls].',
      cause,
    });
  }
};

/** The way to other license managers. @throws LicensingError CANNOT_READ_FILE (72) */
export const carriageOf = async ({ tls, proxy: { connect, host, port } }: Settings, clock: Clock, note: Note): Promise<Carriage> => {
  const proxy = connect === 'manual' && host !== undefined ? { host, port } : undefined;
  if (tls.peers === 'off') return proxy === undefined ? plainCarriage(note) : proxyCarriage(proxy, note);
  try {
    const ca = tls.authorities === undefined ? undefined : await readFile(tls.authorities);
    if (ca !== undefined && !ca.includes('-----BEGIN CERTIFICATE-----')) throw new Error('it has no certificate in PEM');
    const context = createSecureContext({ minVersion: 'TLSv1.2', ...(ca === undefined ? {} : { ca }) });
    return tlsCarriage({ mode: tls.peers, context, proxy, note, now: () => clock.mono() });
  } catch (cause) {
    throw new LicensingError(Status.CANNOT_READ_FILE, {
      detail: `The TLS authorities cannot be used: ${cause instanceof Error ? cause.message : ''}.`,
      remedy: 'Name a PEM file of certificates in tls.authorities.',
      cause,
    });
  }
};

/** To another LM that comes without TLS where that is required. */
export const withoutTls = (): PeerRefusal =>
  new PeerRefusal(403, 'this license manager serves others by TLS only: set tls.peers of the one that calls to "prefer" or "require"');

/** Of an Admin LM whose ports are open and whose discovery is not yet: some milliseconds at a start. */
export const startsStill = (): LicensingError =>
  new LicensingError(Status.SYS_ERR, { detail: 'The license manager is starting.', remedy: 'Ask again in a second.' });
