import { writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { isSea } from 'node:sea';
import { formatError, LicensingError, Status } from '@keyhaven/core/errors';
import { encodeToApplication, LOCAL_VERSIONS } from '@keyhaven/core/wire';
import { type ProcessIdentity, processStart } from '../machine/index.ts';
import { adminAddressFrom, defaultUserStore, loadNearSettings, type NearLm, openNearLm, thisNearPlace } from '../near/index.ts';
import { VERSION } from '../version.ts';
import { readCommandLine } from './command-line.ts';
import { joinStreams } from './standard-streams.ts';

// The External LM (T3): a license manager for one application, which reaches it by its standard streams. It lives by its input: when that
// ends, the application has ended, however that happened; then its sessions are released and this process is gone. What keeps it from
// starting is said to the application in the protocol, and to whoever reads the log. Nothing else is ever written to standard output.

/** How soon the end of the application is seen where something else keeps its end of the stream open. */
const LOOK_MS = 2_000;

const asLicensingError = (cause: unknown): LicensingError =>
  cause instanceof LicensingError
    ? cause
    : new LicensingError(Status.INT_ERR, { detail: cause instanceof Error ? cause.message : '', cause });

/** BOUNDED: bytes of the log. A pipe holds so much: nobody has to read it, and who writes to a full one stands still. */
const MAX_LOG = 32_768;
const createLog = () => {
  let left = MAX_LOG;
  return (line: string): void => {
    const bytes = Buffer.from(`${line}\n`);
    left -= bytes.length;
    if (left < 0) return;
    try {
      writeSync(2, bytes);
    } catch {
      // Closed, or a disk that is full.
    }
  };
};
const log = createLog();

const refuse = (cause: unknown): void => {
  const error = asLicensingError(cause);
  log(formatError(error));
  const end = (): never => process.exit(1);
  process.stdout.end(encodeToApplication({ kind: 'refused', status: error.status, detail: error.detail ?? '' }), end);
};

/** Whose child this is, looked up before it can end: the streams of the License Manager are its own. */
const application: ProcessIdentity = { pid: process.ppid, start: processStart(process.ppid) ?? 0 };

const open = (vendor: number, directory: string | undefined, overrides: Parameters<typeof loadNearSettings>[2]): Promise<NearLm> => {
  const beside = dirname(isSea() ? process.execPath : (process.argv[1] ?? process.execPath));
  return loadNearSettings(vendor, thisNearPlace(beside), overrides).then(({ settings, file = '', notes }) =>
    openNearLm({
      kind: 'external',
      vendor,
      directory: directory ?? defaultUserStore(vendor),
      settings,
      notes: { file, notes },
      adminAddress: adminAddressFrom(process.env),
      application,
      onEvent({ level, event, ...detail }) {
        if (level === 'warn' || level === 'error') log(`${level} ${event} ${JSON.stringify(detail)}`);
      },
    }),
  );
};

const serve = (lm: NearLm): void => {
  const application = joinStreams(process.stdin, process.stdout);
  let ending = false;
  const end = (): void => {
    if (ending) return;
    ending = true;
    lm.close().then(
      () => process.exit(0),
      (error: unknown) => {
        // Whoever logs in next finds that this process is gone, and releases what it held.
        log(formatError(asLicensingError(error)));
        process.exit(1);
      },
    );
  };
  application.once('close', end);
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, end);
  setInterval(() => {
    if (lm.applicationsGone()) end();
  }, LOOK_MS).unref();
  lm.serve(application);
};

const main = (): void => {
  try {
    const asked = readCommandLine(process.argv.slice(2));
    if (asked.kind === 'version') {
      const { from, to } = LOCAL_VERSIONS;
      process.stdout.write(`keyhaven-external-lm ${process.env['KEYHAVEN_BUILD_VERSION'] ?? VERSION} protocol ${from}-${to}\n`);
      return;
    }
    open(asked.vendor, asked.directory, asked.overrides).then(serve, refuse);
  } catch (error) {
    refuse(error);
  }
};

main();
