import { LicensingError, Status } from '@keyhaven/core/errors';
import { DOCUMENT_LIMIT } from '@keyhaven/core/license';
import {
  initVendor,
  inspectFile,
  issueLicenseFile,
  openVendor,
  readWhole,
  unlockVendor,
  vendorCodeOf,
  vendorPaths,
} from '@keyhaven/vendor-tools';
import { Command, InvalidArgumentError } from 'commander';
import { obtainPassphrase, type Terminal } from './passphrase.ts';

// keyhaven vendor ...: the vendor's side at the command line. Failures are thrown as LicensingError; main.ts says them.

/** What the commands touch besides files; tests hand in their own. */
export type VendorIo = {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly terminal: Terminal;
  print(text: string): void;
};

const processIo: VendorIo = {
  environment: process.env,
  terminal: { input: process.stdin, write: (text) => void process.stderr.write(text) },
  print: (text) => void process.stdout.write(`${text}\n`),
};

const wholeNumber =
  (min: number, max: number) =>
  (text: string): number => {
    const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
const productId = wholeNumber(0, 65_471);
const collectProduct = (text: string, before: readonly number[] = []): readonly number[] => [...before, productId(text)];

export const vendorCommand = (io: VendorIo = processIo): Command => {
  const vendor = new Command('vendor').description('create a vendor, issue licenses, look into license files');

  vendor
    .command('init')
    .description('create a vendor: its key under a passphrase, and a sample catalog')
    .argument('<dir>', 'directory to create')
    .requiredOption('--id <n>', 'vendor id, 1 to 4294967295', wholeNumber(1, 0xffff_ffff))
    .requiredOption('--name <name>', 'name of the vendor')
    .action(async (directory: string, options: { id: number; name: string }) => {
      const passphrase = await obtainPassphrase(io.environment, io.terminal, { repeat: true });
      const info = await initVendor(directory, { ...options, passphrase });
      const paths = vendorPaths(directory);
      io.print(
        `Vendor ${info.id} (${info.name}) is in ${directory}. Keep a copy of ${paths.key} and its passphrase: nothing replaces them.`,
      );
      io.print(`Describe what you sell in ${paths.catalog}.`);
    });

  vendor
    .command('code')
    .description('print the vendor code that applications carry')
    .argument('<dir>', 'directory of the vendor')
    .action(async (directory: string) => io.print(vendorCodeOf(await openVendor(directory))));

  vendor
    .command('license')
    .description('issue a license (V2C) for the key that a C2V file describes')
    .argument('<dir>', 'directory of the vendor')
    .requiredOption('--c2v <file>', 'C2V file of the key')
    .requiredOption('--product <id>', 'product that the key has afterwards; may be given several times', collectProduct)
    .requiredOption('--out <file>', 'V2C file to write')
    .action(async (directory: string, options: { c2v: string; product: readonly number[]; out: string }) => {
      await openVendor(directory);
      const passphrase = await obtainPassphrase(io.environment, io.terminal);
      const { c2v, product: products, out } = options;
      const { certificate, counter } = await issueLicenseFile(directory, {
        vendor: await unlockVendor(directory, passphrase),
        c2v,
        products,
        out,
      });
      io.print(`${out}: license for key ${certificate.key}, update counter ${counter}, product ${products.join(', ')}.`);
    });

  vendor
    .command('inspect')
    .description('what a C2V or V2C file says, and whether its signature holds')
    .argument('<file>', 'license file')
    .option('--json', 'one JSON document')
    .action(async (file: string, options: { json?: boolean }) => {
      const { text, ...report } = inspectFile((await readWhole(file, DOCUMENT_LIMIT * 1.5)).toString('utf8'));
      io.print(options.json === true ? JSON.stringify(report) : text);
      if (!report.signature.holds) throw new LicensingError(Status.INV_SIG, { detail: report.signature.reason });
    });

  return vendor;
};
