import { readFile, writeFile } from 'node:fs/promises';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { Command, Option } from 'commander';
import { z } from 'zod';
import { withLm } from './list.ts';
import { askLm, parseTarget } from './lm-client.ts';
import { printJson } from './print.ts';

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

export const writeLicenseFile = async (file: string, text: string): Promise<void> => {
  try {
    await writeFile(file, text);
  } catch (cause) {
    throw new LicensingError(Status.SYS_ERR, {
      detail: `${file} cannot be written.`,
      remedy: 'Name a file with --out that this user may write.',
      cause,
    });
  }
};

export const licenseFileCommands = (): Command[] => [
  withLm(new Command('apply').description('applies a license file to its key').argument('<file>', 'V2C, V2CP, H2R, R2H or H2H'))
    .option('--ack <file>', 'where to write the acknowledgement for the vendor, if the license asks for one')
    .option('--json', 'one JSON document')
    .action(async (file: string, options: { readonly lm: string; readonly json?: boolean; readonly ack?: string }) => {
      const text = await readLicenseFile(file);
      const answer: unknown = JSON.parse(await askLm(parseTarget(options.lm), 'POST', '/api/v1/apply', { type: 'text/plain', text }));
      const { key, updateCounter, ack, updates } = applied.parse(answer);
      if (options.ack !== undefined && ack !== undefined) await writeLicenseFile(options.ack, ack);
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
    .addOption(new Option('--type <type>', 'type of the new key').choices(['sl-adminmode', 'sl-usermode']).default('sl-adminmode'))
    .requiredOption('--out <file>', 'the file to write')
    .action(
      async (options: {
        readonly lm: string;
        readonly vendorCode?: string;
        readonly key?: string;
        readonly type: string;
        readonly out: string;
      }) => {
        if ((options.vendorCode === undefined) === (options.key === undefined)) {
          throw new LicensingError(Status.INVALID_PARAMETER, {
            detail: 'A C2V is either for a new key or for an existing one.',
            remedy: 'Give --vendor-code CODE or --key ID.',
          });
        }
        if (options.type === 'sl-usermode') {
          throw new LicensingError(Status.REQ_NOT_SUPP, {
            detail: 'An Admin LM does not hold SL UserMode keys.',
            remedy: 'Use --type sl-adminmode.',
          });
        }
        const wanted = options.key === undefined ? { vendorCode: options.vendorCode, type: options.type } : { key: options.key };
        const text = await askLm(parseTarget(options.lm), 'POST', '/api/v1/c2v', {
          type: 'application/json',
          text: JSON.stringify(wanted),
        });
        await writeLicenseFile(options.out, text);
        process.stdout.write(`written: ${options.out}\n`);
      },
    ),
];
