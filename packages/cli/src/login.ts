import { LicensingError } from '@keyhaven/core/errors';
import { type LmChoice, lmChoices } from '@keyhaven/core/hosts';
import type { Session } from '@keyhaven/licensing-api';
import { Command, Option } from 'commander';
import { printJson } from './print.ts';

// keyhaven login: a protected application in one line. Says what was decided as soon as it is, then holds the session.

type Options = {
  readonly vendorCode: string;
  readonly feature: string;
  readonly scope?: string;
  readonly hold: string;
  readonly seats?: string;
  readonly wait?: string;
  readonly via?: LmChoice;
  readonly json?: boolean;
};

const whole = (text: string): number => (/^\d{1,10}$/.test(text) ? Number(text) : Number.NaN);

const told = (session: Session) => ({
  status: 0,
  name: 'OK',
  session: session.id,
  key: session.key,
  product: session.product,
  feature: session.feature,
  licenseManager: session.licenseManager,
  selection: session.selection,
});

export const loginCommand = (): Command =>
  new Command('login')
    .description('logs in to a feature like a protected application, and holds the session')
    .requiredOption('--vendor-code <code>', 'names the vendor')
    .requiredOption('--feature <n>', 'feature id; 0 asks whether a key is there')
    .option('--scope <xml>', 'which keys may serve it')
    .option('--seats <n>', 'seats to take')
    .option('--wait <seconds>', 'how long to stand in line where no seat is free; the place is told on stderr')
    .addOption(new Option('--via <kind>', 'which license manager to ask; KEYHAVEN_DEBUG=select says on stderr why').choices(lmChoices))
    .option('--hold <seconds>', 'how long to hold the session', '0')
    .option('--json', 'one JSON document')
    .action(async (options: Options) => {
      const { login } = await import('@keyhaven/licensing-api');
      let session: Session;
      try {
        session = await login({
          vendorCode: options.vendorCode,
          feature: whole(options.feature),
          ...(options.scope === undefined ? {} : { scope: options.scope }),
          ...(options.seats === undefined ? {} : { seats: whole(options.seats) }),
          ...(options.via === undefined ? {} : { lm: options.via }),
          ...(options.wait === undefined ? {} : waiting(whole(options.wait))),
        });
      } catch (error) {
        if (options.json !== true || !(error instanceof LicensingError)) throw error;
        printJson(error.toJSON());
        process.exitCode = 1;
        return;
      }
      // Before anything is said: whoever reads it may ask to stop at once.
      const holding = held(whole(options.hold));
      if (options.json === true) printJson(told(session));
      else
        process.stdout.write(
          `session ${session.id} on key ${session.key} at ${session.licenseManager.hostname} (${session.licenseManager.address})\n`,
        );
      await holding;
      await session.logout();
    });

/** Whoever stops the command gives up its place; its process ends, and the license manager sees that. */
const waiting = (seconds: number) => ({
  wait: { timeoutMs: seconds * 1_000 },
  onWaiting: (place: number) => void process.stderr.write(`place ${place} in line\n`),
});

/** Until the time is over or somebody asks the process to stop. */
const held = (seconds: number): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(done, Math.min((Number.isNaN(seconds) ? 0 : seconds) * 1_000, 0x7fff_ffff));
    function done(): void {
      clearTimeout(timer);
      process.off('SIGTERM', done);
      process.off('SIGINT', done);
      resolve();
    }
    process.on('SIGTERM', done);
    process.on('SIGINT', done);
  });
