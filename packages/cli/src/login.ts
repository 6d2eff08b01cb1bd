import { setTimeout as pause } from 'node:timers/promises';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { type LmChoice, lmChoices } from '@keyhaven/core/hosts';
import type { LoginOptions, Session } from '@keyhaven/licensing-api';
import { Command, Option } from 'commander';
import { startHold } from './hold.ts';
import { parseTarget } from './lm-client.ts';
import { duration, whole } from './parts.ts';
import { printJson } from './print.ts';

// keyhaven login: a protected application in one line. Prints the decision at once, then holds the session.

type Options = {
  readonly vendorCode: string;
  readonly feature: number;
  readonly scope?: string;
  readonly hold?: number;
  readonly seats?: number;
  readonly executions?: number;
  readonly wait?: number;
  readonly via?: LmChoice;
  readonly lm?: string;
  readonly json?: boolean;
};

const MAX_SECONDS = 0xffff_ffff;
/** An LM sends no word of its own accord: so often the session is looked at. */
const LOOK_MS = 2_000;
/** An LM that is gone meanwhile gives the seat back without a logout. */
const LOGOUT_MS = 5_000;
/** Time to print why. */
const EXIT_MS = 200;

const resultOf = (session: Session) => ({
  status: 0,
  name: 'OK',
  session: session.id,
  key: session.key,
  product: session.product,
  feature: session.feature,
  licenseManager: session.licenseManager,
  selection: session.selection,
});

/** @throws LicensingError INVALID_PARAMETER (501) where the address is not on this computer (L1) */
const localLm = (text: string): string => {
  const { host, port } = parseTarget(text);
  const address = host === 'localhost' ? '127.0.0.1' : host;
  if (/^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(address)) return `${address}:${port}`;
  throw new LicensingError(Status.INVALID_PARAMETER, {
    detail: `${text} is not a license manager on this computer: an application only talks to its own computer, over IPv4 (127.0.0.1).`,
    remedy: 'Name the local license manager, such as 127.0.0.1:1947. It finds keys of other computers itself; --scope chooses among them.',
  });
};

const loginOptions = (options: Options): LoginOptions => ({
  vendorCode: options.vendorCode,
  feature: options.feature,
  ...(options.scope === undefined ? {} : { scope: options.scope }),
  ...(options.seats === undefined ? {} : { seats: options.seats }),
  ...(options.executions === undefined ? {} : { executions: options.executions }),
  ...(options.via === undefined ? {} : { lm: options.via }),
  ...(options.wait === undefined ? {} : waiting(options.wait)),
});

/** Who stops the command gives up its place in the queue: the process ends, and the license manager sees that. */
const waiting = (seconds: number) => ({
  wait: { timeoutMs: seconds * 1_000 },
  onWaiting: (place: number) => void process.stderr.write(`place ${place} in line\n`),
});

/** Resolves to why the session has ended, as soon as that is known. Tells on standard error when the key is out of reach and when it is back. */
const watch = (session: Session, signal: AbortSignal): Promise<LicensingError> => {
  const { promise, resolve } = Promise.withResolvers<LicensingError>();
  session.on('lost', (error) => {
    if (error !== undefined) resolve(error);
    else process.stderr.write('warning: the key is out of reach; the session resumes when it is back\n');
  });
  session.on('restored', () => void process.stderr.write('the session has resumed\n'));
  const look = async (): Promise<void> => {
    while (!signal.aborted) {
      await pause(LOOK_MS, undefined, { signal }).catch(() => undefined);
      // What a call says of the session comes as an event; everything else may pass.
      if (!signal.aborted) await session.info().catch(() => undefined);
    }
  };
  void look();
  return promise;
};

const logout = async (session: Session): Promise<void> => {
  const late = pause(LOGOUT_MS, undefined, { ref: false }).then(() => {
    // Calls under way keep the process alive for as long as they may take.
    setTimeout(() => process.exit(), EXIT_MS).unref();
    throw unreachable();
  });
  await Promise.race([session.logout(), late]);
};
const unreachable = (): LicensingError =>
  new LicensingError(Status.LOCAL_COMM_ERR, {
    detail: 'The license manager did not answer the logout in time.',
    remedy: 'Nothing: it gives the seat back when it sees that this process has ended.',
  });

const run = async (options: Options): Promise<void> => {
  // Before anything is loaded or printed: a signal that comes at once ends the session, not the process.
  if (options.lm !== undefined) process.env['KEYHAVEN_LOCAL_LM'] = localLm(options.lm);
  const { login } = await import('@keyhaven/licensing-api');
  const session = await login(loginOptions(options));
  const hold = startHold(options.hold);
  const stopped = new AbortController();
  if (options.json === true) printJson(resultOf(session));
  else
    process.stdout.write(
      `session ${session.id} on key ${session.key} at ${session.licenseManager.hostname} (${session.licenseManager.address})\n`,
    );
  const ended = await Promise.race([hold.over, options.hold === 0 ? hold.over : watch(session, stopped.signal)]);
  stopped.abort();
  hold.end();
  if (ended !== undefined) throw ended;
  await logout(session);
};

export const loginCommand = (): Command =>
  new Command('login')
    .description('Log in to a feature like a protected application, and hold the session')
    .requiredOption('--vendor-code <code>', 'Vendor code of the application')
    .requiredOption('--feature <n>', 'Feature id; 0 asks whether a key is there', whole(0, 0xffff_ffff))
    .option('--scope <xml>', 'Keys that may serve the login')
    .option('--seats <n>', 'Seats to take', whole(1, 32_752))
    .option('--executions <n>', 'Executions to take, where the license counts them', whole(1, 16_777_215))
    .option(
      '--wait <time>',
      'How long to wait for a seat: seconds, or such as 15m; the place is printed on stderr',
      duration(0, MAX_SECONDS),
    )
    .option('--lm <host:port>', 'Admin LM of this computer; default: KEYHAVEN_LOCAL_LM, else 127.0.0.1:1947')
    .addOption(new Option('--via <kind>', 'Kind of license manager to ask; KEYHAVEN_DEBUG=select says on stderr why').choices(lmChoices))
    .option(
      '--hold <time>',
      'How long to hold the session: seconds, or such as 12h; 0 logs out at once; default: until a signal or the end of standard input',
      duration(0, MAX_SECONDS),
    )
    .option('--json', 'Print JSON: one line with the decision, and one if the session ends by itself')
    .action(async (options: Options) => {
      try {
        await run(options);
      } catch (error) {
        if (options.json !== true || !(error instanceof LicensingError)) throw error;
        printJson(error.toJSON());
        process.exitCode = 1;
      }
    });
