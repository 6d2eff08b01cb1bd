import { LicensingError, Status } from '@keyhaven/core/errors';
import { DOCUMENT_LIMIT } from '@keyhaven/core/license';
import { Command } from 'commander';
import { toStandardOutput } from './out.ts';
import { obtainNewPassphrase, obtainPassphrase } from './passphrase.ts';
import { withProgress } from './progress.ts';
import { passphraseFile, tell, type VendorIo, wholeNumber } from './vendor-io.ts';
import { vendorIssueCommands } from './vendor-issue.ts';
import { vendorLegacyCommand } from './vendor-legacy.ts';
import { vendorRecordCommands } from './vendor-records.ts';
import { vendorTrialCommand } from './vendor-trial.ts';

// keyhaven vendor ...: the vendor's side at the command line. Failures are thrown as LicensingError; main.ts prints them.

const processIo: VendorIo = {
  environment: process.env,
  terminal: { input: process.stdin, write: (text) => void process.stderr.write(text) },
  print: (text) => void process.stdout.write(`${text}\n`),
  write: toStandardOutput,
};

const initCommand = (io: VendorIo): Command =>
  new Command('init')
    .description('Create a vendor: its key under a passphrase, and a sample catalog')
    .argument('<dir>', 'Directory to create')
    .requiredOption('--id <n>', 'Vendor id, 1 to 4294967295', wholeNumber(1, 0xffff_ffff))
    .requiredOption('--name <name>', 'Name of the vendor')
    .addOption(passphraseFile())
    .option('--json', 'Print one JSON document')
    .action(async (directory: string, options: { id: number; name: string; json?: boolean; passphraseFile?: string }) => {
      const { id, name, json, passphraseFile: file } = options;
      const { initVendor, vendorPaths } = await import('@keyhaven/vendor-tools');
      const passphrase = await obtainPassphrase(io.environment, io.terminal, { repeat: true, file });
      const info = await withProgress('making the key of the vendor', initVendor(directory, { id, name, passphrase }));
      const paths = vendorPaths(directory);
      if (json === true)
        return io.print(JSON.stringify({ id: info.id, name: info.name, directory, key: paths.key, catalog: paths.catalog }));
      io.print(
        `Vendor ${info.id} (${info.name}) is in ${directory}. Keep a copy of ${paths.key} and its passphrase: nothing replaces them.`,
      );
      io.print(`Describe what you sell in ${paths.catalog}.`);
    });

const codeCommand = (io: VendorIo): Command =>
  new Command('code')
    .description('Print the vendor code that applications carry')
    .argument('<dir>', 'Directory of the vendor')
    .option('--json', 'Print one JSON document')
    .action(async (directory: string, { json }: { json?: boolean }) => {
      const { openVendor, vendorCodeOf } = await import('@keyhaven/vendor-tools');
      const vendorCode = vendorCodeOf(await openVendor(directory));
      tell(io, json, vendorCode, { vendorCode });
    });

const passphraseCommand = (io: VendorIo): Command =>
  new Command('passphrase')
    .description("Change the passphrase of a vendor's private key")
    .argument('<dir>', 'Directory of the vendor')
    .addOption(passphraseFile())
    .option('--new-file <file>', 'A file whose first line is the new passphrase; default: KEYHAVEN_VENDOR_NEW_PASSPHRASE, or typed')
    .option('--json', 'Print one JSON document')
    .action(async (directory: string, options: { json?: boolean; passphraseFile?: string; newFile?: string }) => {
      const { changePassphrase, openVendor, unlockVendor, vendorPaths } = await import('@keyhaven/vendor-tools');
      await openVendor(directory);
      const from = await obtainPassphrase(io.environment, io.terminal, { file: options.passphraseFile });
      // A wrong one is refused before a new one is asked for.
      await withProgress('opening the key of the vendor', unlockVendor(directory, from));
      const to = await obtainNewPassphrase(io.environment, io.terminal, options.newFile);
      const { id, name } = await withProgress('changing the passphrase', changePassphrase(directory, { from, to }));
      const { key } = vendorPaths(directory);
      tell(
        io,
        options.json,
        `The passphrase of vendor ${id} (${name}) is changed. Copies of ${key} from before still open with the old one: replace them.`,
        { id, name, key, changed: true },
      );
    });

const MAX_TEXT = DOCUMENT_LIMIT * 1.5;
const standardInput = async (): Promise<string> => {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of process.stdin as AsyncIterable<Buffer>) {
    parts.push(part);
    size += part.length;
    if (size > MAX_TEXT) throw new LicensingError(Status.INV_FORMAT, { detail: `Standard input is larger than ${MAX_TEXT} bytes.` });
  }
  return Buffer.concat(parts).toString('utf8');
};

const inspectCommand = (io: VendorIo): Command =>
  new Command('inspect')
    .description('Show what a license file says, and whether its signature holds')
    .argument('<file>', 'License file; - for standard input')
    .option('--json', 'Print one JSON document')
    .action(async (file: string, options: { json?: boolean }) => {
      const { inspectFile, readWhole } = await import('@keyhaven/vendor-tools');
      const { text, ...report } = inspectFile(file === '-' ? await standardInput() : (await readWhole(file, MAX_TEXT)).toString('utf8'));
      io.print(options.json === true ? JSON.stringify(report) : text);
      if (!report.signature.holds && report.signature.unsigned !== true)
        throw new LicensingError(Status.INV_SIG, { detail: report.signature.reason });
    });

export const vendorCommand = (io: VendorIo = processIo): Command => {
  const vendor = new Command('vendor').description('Create a vendor, issue licenses, inspect license files, report what was issued');
  const commands = [
    initCommand(io),
    codeCommand(io),
    ...vendorIssueCommands(io),
    vendorTrialCommand(io),
    vendorLegacyCommand(io),
    inspectCommand(io),
    ...vendorRecordCommands(io),
    passphraseCommand(io),
  ];
  for (const each of commands) vendor.addCommand(each);
  return vendor;
};
