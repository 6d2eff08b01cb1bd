import { LicensingError, Status } from '@keyhaven/core/errors';
import { Command } from 'commander';
import { readLicenseFile, writeLicenseFile } from './license-files.ts';
import { askLm, parseTarget } from './lm-client.ts';
import { say } from './print.ts';
import { withLm } from './with-lm.ts';

// keyhaven recipient, detach, return and rehost: licenses that go from computer to computer (K5).

type Target = { readonly lm: string; readonly out: string; readonly json?: boolean };
type DetachOptions = Target & {
  readonly key: string;
  readonly product: string;
  readonly recipient: string;
  readonly duration?: string;
  readonly seats?: string;
};

const number = (text: string | undefined, what: string): number | undefined => {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() !== '' && Number.isSafeInteger(value)) return value;
  throw new LicensingError(Status.INVALID_PARAMETER, { detail: `${what} must be a whole number.` });
};

/** What the LM answers goes into the file; a lost one may be asked for again with the same command. */
const fetchFile = async ({ lm, out, json }: Target, path: string, wish: object): Promise<void> => {
  const text = await askLm(parseTarget(lm), 'POST', path, { type: 'application/json', text: JSON.stringify(wish) });
  await writeLicenseFile(out, text);
  say(json, `written: ${out}`, { file: out });
};

export const transferCommands = (): Command[] => [
  withLm(
    new Command('recipient').description('writes the identity of this computer, for a license to be detached or a key to be moved to it'),
  )
    .option('--key <id>', 'a detached license of this computer that is to be extended; without it a fresh one is prepared')
    .requiredOption('--out <file>', 'the ID file to write')
    .option('--json', 'one JSON document')
    .action(async (options: Target & { readonly key?: string }) =>
      fetchFile(options, '/api/v1/recipient', options.key === undefined ? {} : { key: options.key }),
    ),
  withLm(new Command('detach').description('detaches a product to another computer for a time, or extends that'))
    .requiredOption('--key <id>', 'the key')
    .requiredOption('--product <id>', 'the product')
    .requiredOption('--recipient <file>', 'the ID file of the other computer')
    .option('--duration <seconds>', 'for how long (a day)')
    .option('--seats <n>', 'seats to serve over a network there; without it one seat for that computer alone')
    .requiredOption('--out <file>', 'the H2R file to write')
    .option('--json', 'one JSON document')
    .action(async (options: DetachOptions) => {
      const [duration, seats] = [number(options.duration, 'The duration'), number(options.seats, 'The number of seats')];
      await fetchFile(options, '/api/v1/detach', {
        key: options.key,
        product: number(options.product, 'The product'),
        recipient: await readLicenseFile(options.recipient),
        ...(duration === undefined ? {} : { duration }),
        ...(seats === undefined ? {} : { seats }),
      });
    }),
  withLm(new Command('return').description('gives a detached license back before its time is over'))
    .requiredOption('--key <id>', 'the key of the detached license on this computer')
    .requiredOption('--out <file>', 'the R2H file to write')
    .option('--json', 'one JSON document')
    .action(async (options: Target & { readonly key: string }) => fetchFile(options, '/api/v1/return', { key: options.key })),
  withLm(new Command('rehost').description('moves a whole key to another computer'))
    .requiredOption('--key <id>', 'the key; it is no more on this computer afterwards')
    .requiredOption('--recipient <file>', 'the ID file of the other computer')
    .requiredOption('--out <file>', 'the H2H file to write')
    .option('--json', 'one JSON document')
    .action(async (options: Target & { readonly key: string; readonly recipient: string }) =>
      fetchFile(options, '/api/v1/rehost', { key: options.key, recipient: await readLicenseFile(options.recipient) }),
    ),
];
