import { readFile } from 'node:fs/promises';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { parseVendorCode } from '@keyhaven/core/license';
import { Command, Option } from 'commander';
import { z } from 'zod';
import { askLm, parseTarget } from './lm-client.ts';
import { intoFile, writeInto } from './out.ts';
import { printJson } from './print.ts';
import { storeOfFile, storeOfKey, vendorOfFile, withUserStore } from './user-stores.ts';
import { withLm } from './with-lm.ts';

// keyhaven c2v and apply: the files between customer and vendor.

const applied = z.object({
  key: z.string(),
  updateCounter: z.number(),
  ack: z.string().optional(),
  updates: z
    .array(
      z.object({
        key: z.string(),
        status: z.number(),
        updateCounter: z.number().optional(),
        name: z.string().optional(),
        detail: z.string().optional(),
      }),
    )
    .optional(),
});
/** A package is told key by key; that one of them refused its part is a failure of the command. */
const sayPackage = (updates: NonNullable<z.infer<typeof applied>['updates']>): void => {
  for (const { key, status, updateCounter, name, detail } of updates) {
    if (status === Status.OK) process.stdout.write(`applied: key ${key} is at update ${updateCounter}\n`);
    else process.stderr.write(`error ${status} ${name}: key ${key}: ${detail}\n`);
  }
  if (updates.some(({ status }) => status !== Status.OK)) process.exitCode = 1;
};

export const readLicenseFile = async (file: string): Promise<string> => {
  try {
    return await readFile(file, 'latin1');
  } catch (cause) {
    throw new LicensingError(Status.CANNOT_READ_FILE, { detail: `${file} cannot be read.`, cause });
  }
};

type Place = { readonly lm: string; readonly user?: boolean };
/** Only the license manager that is named; otherwise a key of this user's stores is found there, every other one at the Admin LM. */
const isNamed = (command: Command): boolean => command.getOptionValueSource('lm') !== 'default';
const userOption = (): Option => new Option('--user', "of this user's own store (SL UserMode), not of the Admin LM").conflicts('lm');

const applyFile = async (text: string, options: Place, command: Command): Promise<z.infer<typeof applied>> => {
  const vendor = options.user === true ? vendorOfFile(text) : isNamed(command) ? undefined : storeOfFile(text);
  if (vendor !== undefined) return withUserStore(vendor, async (store) => applied.parse(await store.apply(text)));
  const answer: unknown = JSON.parse(await askLm(parseTarget(options.lm), 'POST', '/api/v1/apply', { type: 'text/plain', text }));
  return applied.parse(answer);
};

type Wanted = { readonly vendorCode?: string; readonly key?: string; readonly type: string };
const stateAtLm = (lm: string, wanted: object): Promise<string> =>
  askLm(parseTarget(lm), 'POST', '/api/v1/c2v', { type: 'application/json', text: JSON.stringify(wanted) });
const stateOfKey = async (lm: string, key: string): Promise<string> => {
  const { vendor, problem } = await storeOfKey(key);
  if (vendor !== undefined) return withUserStore(vendor, (store) => store.c2v({ key }));
  try {
    return await stateAtLm(lm, { key });
  } catch (error) {
    if (!(error instanceof LicensingError)) throw error;
    // A store that does not open may be the one that has it.
    if (problem !== undefined) throw problem;
    const { status, detail = '', remedy } = error;
    throw new LicensingError(status, { detail: `Key ${key} is in none of this user's stores. ${detail}`, remedy, cause: error });
  }
};
const stateOf = async ({ lm, vendorCode, key, type }: Place & Wanted, command: Command): Promise<string> => {
  if (!isNamed(command) && key !== undefined) return stateOfKey(lm, key);
  if (!isNamed(command) && vendorCode !== undefined && type === 'sl-usermode')
    return withUserStore(parseVendorCode(vendorCode).vendor, (store) => store.c2v({ vendorCode }));
  return stateAtLm(lm, key === undefined ? { vendorCode, type } : { key });
};

const ACK_AGAIN = 'A new C2V is an acknowledgement, too: keyhaven c2v --key KEY --out FILE';

export const licenseFileCommands = (): Command[] => [
  withLm(new Command('apply').description('applies a license file to its key').argument('<file>', 'V2C, V2CP, H2R, R2H or H2H'))
    .addOption(userOption())
    .option('--ack <file>', 'where to write the acknowledgement for the vendor, if the license asks for one')
    .option('--json', 'one JSON document')
    .action(async (file: string, options: Place & { readonly json?: boolean; readonly ack?: string }, command: Command) => {
      const text = await readLicenseFile(file);
      const apply = (): ReturnType<typeof applyFile> => applyFile(text, options, command);
      const { key, updateCounter, ack, updates } =
        options.ack === undefined
          ? await apply()
          : await intoFile({ out: options.ack, inputs: [file], again: ACK_AGAIN }, command, apply, (answer) => answer.ack);
      if (options.json === true)
        printJson({ key, updateCounter, ...(updates === undefined ? {} : { updates }), ...(ack === undefined ? {} : { ack }) });
      if (updates !== undefined && options.json !== true) sayPackage(updates);
      else if (options.json !== true) process.stdout.write(`applied: key ${key} is at update ${updateCounter}\n`);
      if (options.json === true && updates?.some(({ status }) => status !== Status.OK) === true) process.exitCode = 1;
      if (options.json === true || (ack === undefined && options.ack === undefined)) return;
      if (ack === undefined) process.stdout.write('no acknowledgement was asked for\n');
      else if (options.ack !== undefined) process.stdout.write(`written: ${options.ack}\n`);
      else process.stdout.write('its vendor asks for an acknowledgement: send a new C2V, made with keyhaven c2v --key\n');
    }),
  withLm(new Command('c2v').description('writes the state of a key for its vendor; with --vendor-code makes a first key'))
    .option('--vendor-code <code>', 'the vendor of the new key')
    .option('--key <id>', 'an existing key')
    .addOption(
      new Option('--type <type>', 'type of the new key; sl-usermode needs no Admin LM')
        .choices(['sl-adminmode', 'sl-usermode'])
        .default('sl-adminmode'),
    )
    .requiredOption('--out <file>', 'the file to write; - for standard output')
    .option('--json', 'one JSON document')
    .action(async (options: Place & Wanted & { readonly out: string; readonly json?: boolean }, command: Command) => {
      if ((options.vendorCode === undefined) === (options.key === undefined)) {
        throw new LicensingError(Status.INVALID_PARAMETER, {
          detail: 'A C2V is either for a new key or for an existing one.',
          remedy: 'Give --vendor-code CODE or --key ID.',
        });
      }
      const again = 'The same command makes the file again.';
      await writeInto({ ...options, again }, command, () => stateOf(options, command));
    }),
];
