import { readFile, writeFile } from 'node:fs/promises';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { Command, Option } from 'commander';
import { z } from 'zod';
import { withLm } from './list.ts';
import { askLm, parseTarget } from './lm-client.ts';
import { printJson } from './print.ts';

// keyhaven c2v and apply: the files between customer and vendor.

const applied = z.object({ key: z.string(), updateCounter: z.number() });

const readLicenseFile = async (file: string): Promise<string> => {
  try {
    return await readFile(file, 'latin1');
  } catch (cause) {
    throw new LicensingError(Status.CANNOT_READ_FILE, { detail: `${file} cannot be read.`, cause });
  }
};

export const licenseFileCommands = (): Command[] => [
  withLm(new Command('apply').description('applies a license file to its key').argument('<file>', 'V2C'))
    .option('--json', 'one JSON document')
    .action(async (file: string, options: { readonly lm: string; readonly json?: boolean }) => {
      const text = await readLicenseFile(file);
      const answer: unknown = JSON.parse(await askLm(parseTarget(options.lm), 'POST', '/api/v1/apply', { type: 'text/plain', text }));
      const { key, updateCounter } = applied.parse(answer);
      if (options.json === true) printJson({ key, updateCounter });
      else process.stdout.write(`applied: key ${key} is at update ${updateCounter}\n`);
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
        try {
          await writeFile(options.out, text);
        } catch (cause) {
          throw new LicensingError(Status.SYS_ERR, {
            detail: `${options.out} cannot be written.`,
            remedy: 'Name a file with --out that this user may write.',
            cause,
          });
        }
        process.stdout.write(`written: ${options.out}\n`);
      },
    ),
];
