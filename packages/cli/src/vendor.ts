import { LicensingError, Status } from '@keyhaven/core/errors';
import { DOCUMENT_LIMIT } from '@keyhaven/core/license';
import type { Vendor } from '@keyhaven/vendor-tools';
import { Command } from 'commander';
import { obtainPassphrase } from './passphrase.ts';
import { withProgress } from './progress.ts';
import { productId, tell, type VendorIo, wholeNumber } from './vendor-io.ts';
import { vendorLegacyCommand } from './vendor-legacy.ts';
import { vendorTrialCommand } from './vendor-trial.ts';

// keyhaven vendor ...: the vendor's side at the command line. Failures are thrown as LicensingError; main.ts says them.

const processIo: VendorIo = {
  environment: process.env,
  terminal: { input: process.stdin, write: (text) => void process.stderr.write(text) },
  print: (text) => void process.stdout.write(`${text}\n`),
};

const collectProduct = (text: string, before: readonly number[] = []): readonly number[] => [...before, productId(text)];

const collectAction = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

type IssueOptions = {
  readonly c2v: string;
  readonly out: string;
  readonly after?: string;
  readonly ack?: boolean;
  readonly replace?: boolean;
  readonly json?: boolean;
};
const unlocked = async (directory: string, io: VendorIo): Promise<Vendor> => {
  const { openVendor, unlockVendor } = await import('@keyhaven/vendor-tools');
  await openVendor(directory);
  const passphrase = await obtainPassphrase(io.environment, io.terminal);
  return withProgress('opening the key of the vendor', unlockVendor(directory, passphrase));
};

export const vendorCommand = (io: VendorIo = processIo): Command => {
  const vendor = new Command('vendor').description('create a vendor, issue licenses, look into license files');

  vendor
    .command('init')
    .description('create a vendor: its key under a passphrase, and a sample catalog')
    .argument('<dir>', 'directory to create')
    .requiredOption('--id <n>', 'vendor id, 1 to 4294967295', wholeNumber(1, 0xffff_ffff))
    .requiredOption('--name <name>', 'name of the vendor')
    .option('--json', 'one JSON document')
    .action(async (directory: string, { json, ...options }: { id: number; name: string; json?: boolean }) => {
      const { initVendor, vendorPaths } = await import('@keyhaven/vendor-tools');
      const passphrase = await obtainPassphrase(io.environment, io.terminal, { repeat: true });
      const info = await withProgress('making the key of the vendor', initVendor(directory, { ...options, passphrase }));
      const paths = vendorPaths(directory);
      if (json === true)
        return io.print(JSON.stringify({ id: info.id, name: info.name, directory, key: paths.key, catalog: paths.catalog }));
      io.print(
        `Vendor ${info.id} (${info.name}) is in ${directory}. Keep a copy of ${paths.key} and its passphrase: nothing replaces them.`,
      );
      io.print(`Describe what you sell in ${paths.catalog}.`);
    });

  vendor
    .command('code')
    .description('print the vendor code that applications carry')
    .argument('<dir>', 'directory of the vendor')
    .option('--json', 'one JSON document')
    .action(async (directory: string, { json }: { json?: boolean }) => {
      const { openVendor, vendorCodeOf } = await import('@keyhaven/vendor-tools');
      const vendorCode = vendorCodeOf(await openVendor(directory));
      tell(io, json, vendorCode, { vendorCode });
    });

  vendor
    .command('license')
    .description('issue a license (V2C) for the key that a C2V file describes')
    .argument('<dir>', 'directory of the vendor')
    .requiredOption('--c2v <file>', 'C2V file of the key')
    .requiredOption('--product <id>', 'product that the key has afterwards; may be given several times', collectProduct)
    .requiredOption('--out <file>', 'V2C file to write')
    .option('--after <file>', 'V2C that the key applies before this one')
    .option('--ack', 'the key is to answer with a fresh C2V')
    .option('--replace', 'the license issued last is void: this one takes its counter')
    .option('--json', 'one JSON document')
    .action(async (directory: string, options: IssueOptions & { product: readonly number[] }) => {
      const { issueLicenseFile } = await import('@keyhaven/vendor-tools');
      const vendor = await unlocked(directory, io);
      const { product: products, ack: acknowledge, json, ...files } = options;
      const { certificate, counter } = await issueLicenseFile(directory, { vendor, products, acknowledge, ...files });
      tell(io, json, `${files.out}: license for key ${certificate.key}, update counter ${counter}, product ${products.join(', ')}.`, {
        file: files.out,
        key: certificate.key,
        updateCounter: counter,
        products,
      });
    });

  vendor
    .command('update')
    .description('issue a change (V2C) of what a key has, computed from its C2V')
    .argument('<dir>', 'directory of the vendor')
    .requiredOption('--c2v <file>', 'C2V file of the key')
    .requiredOption('--action <text>', 'such as "add expiration 1.43 30"; may be given several times', collectAction)
    .requiredOption('--out <file>', 'V2C file to write')
    .option('--after <file>', 'V2C that the key applies before this one')
    .option('--ack', 'the key is to answer with a fresh C2V')
    .option('--replace', 'the license issued last is void: this one takes its counter')
    .option('--json', 'one JSON document')
    .action(async (directory: string, options: IssueOptions & { action: readonly string[] }) => {
      const { parseAction, updateLicenseFile } = await import('@keyhaven/vendor-tools');
      for (const action of options.action) parseAction(action); // Before the passphrase is asked for.
      const vendor = await unlocked(directory, io);
      const { action: actions, ack: acknowledge, json, ...files } = options;
      const { certificate, counter } = await updateLicenseFile(directory, { vendor, actions, acknowledge, ...files });
      tell(io, json, `${files.out}: update for key ${certificate.key}, update counter ${counter}: ${actions.join('; ')}.`, {
        file: files.out,
        key: certificate.key,
        updateCounter: counter,
        actions,
      });
    });

  vendor
    .command('package')
    .description('put several V2C files into one package (V2CP)')
    .argument('<dir>', 'directory of the vendor')
    .argument('<files...>', 'V2C files, those of a key in order')
    .requiredOption('--out <file>', 'V2CP file to write')
    .option('--json', 'one JSON document')
    .action(async (directory: string, files: readonly string[], { out, json }: { out: string; json?: boolean }) => {
      const { packUpdateFiles } = await import('@keyhaven/vendor-tools');
      const inside = await packUpdateFiles(await unlocked(directory, io), files, out);
      tell(io, json, `${out}: ${inside.map(({ key, counter }) => `update ${counter} for key ${key}`).join(', ')}.`, {
        file: out,
        updates: inside.map(({ key, counter }) => ({ key, updateCounter: counter })),
      });
    });

  vendor.addCommand(vendorTrialCommand(io));
  vendor.addCommand(vendorLegacyCommand(io));

  vendor
    .command('inspect')
    .description('what a license file says, and whether its signature holds')
    .argument('<file>', 'license file')
    .option('--json', 'one JSON document')
    .action(async (file: string, options: { json?: boolean }) => {
      const { inspectFile, readWhole } = await import('@keyhaven/vendor-tools');
      const { text, ...report } = inspectFile((await readWhole(file, DOCUMENT_LIMIT * 1.5)).toString('utf8'));
      io.print(options.json === true ? JSON.stringify(report) : text);
      if (!report.signature.holds) throw new LicensingError(Status.INV_SIG, { detail: report.signature.reason });
    });

  return vendor;
};
