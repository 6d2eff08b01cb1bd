import { Command } from 'commander';
import { collectProduct, outOf, passphraseFile, tell, tellIssued, unlocked, type VendorIo } from './vendor-io.ts';

// keyhaven vendor license, update and package: what goes to customers who have a key.

const collectAction = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

type Options = { readonly out: string; readonly json?: boolean; readonly passphraseFile?: string };
type IssueOptions = Options & {
  readonly c2v: string;
  readonly after?: string;
  readonly ack?: boolean;
  readonly replace?: boolean;
};

const forKey = (name: string, description: string): Command =>
  new Command(name)
    .description(description)
    .argument('<dir>', 'Directory of the vendor')
    .requiredOption('--c2v <file>', 'C2V file of the key')
    .requiredOption('--out <file>', 'V2C file to write; - for standard output')
    .option('--after <file>', 'V2C that the key applies before this one')
    .option('--ack', 'Ask the key for a fresh C2V as an acknowledgement')
    .option('--replace', 'The license issued last is void: use its counter')
    .addOption(passphraseFile())
    .option('--json', 'Print one JSON document');

const licenseCommand = (io: VendorIo): Command =>
  forKey('license', 'Issue a license (V2C) for the key that a C2V file describes')
    .requiredOption('--product <id>', 'Product that the key has afterwards; may be given several times', collectProduct)
    .action(async (directory: string, options: IssueOptions & { readonly product: readonly number[] }, command: Command) => {
      const { product: products, ack: acknowledge, json, out, c2v, after, replace } = options;
      const target = outOf(io, command, out, json);
      const { issueLicenseFile } = await import('@keyhaven/vendor-tools');
      const vendor = await unlocked(directory, io, options.passphraseFile);
      const issued = await issueLicenseFile(directory, { vendor, products, acknowledge, c2v, after, replace, out: target });
      const { key } = issued.certificate;
      tellIssued(
        io,
        { out, json, again: issued.again },
        `license for key ${key}, update counter ${issued.counter}, product ${products.join(', ')}.`,
        { key, updateCounter: issued.counter, products },
      );
    });

const updateCommand = (io: VendorIo): Command =>
  forKey('update', 'Issue a change (V2C) of what a key has, computed from its C2V')
    .requiredOption('--action <text>', 'Such as "add expiration 1.43 30d" or "set rehost true"; may be given several times', collectAction)
    .action(async (directory: string, options: IssueOptions & { readonly action: readonly string[] }, command: Command) => {
      const { action: actions, ack: acknowledge, json, out, c2v, after, replace } = options;
      const target = outOf(io, command, out, json);
      const { parseAction, updateLicenseFile } = await import('@keyhaven/vendor-tools');
      for (const action of actions) parseAction(action); // Before the passphrase is asked for.
      const vendor = await unlocked(directory, io, options.passphraseFile);
      const issued = await updateLicenseFile(directory, { vendor, actions, acknowledge, c2v, after, replace, out: target });
      const { key } = issued.certificate;
      tellIssued(
        io,
        { out, json, again: issued.again },
        `update for key ${key}, update counter ${issued.counter}: ${actions.join('; ')}.`,
        { key, updateCounter: issued.counter, actions },
      );
    });

const packageCommand = (io: VendorIo): Command =>
  new Command('package')
    .description('Put several V2C files into one package (V2CP)')
    .argument('<dir>', 'Directory of the vendor')
    .argument('<files...>', 'V2C files, those of a key in order')
    .requiredOption('--out <file>', 'V2CP file to write; - for standard output')
    .addOption(passphraseFile())
    .option('--json', 'Print one JSON document')
    .action(async (directory: string, files: readonly string[], options: Options, command: Command) => {
      const { out, json } = options;
      const target = outOf(io, command, out, json);
      const { packUpdateFiles } = await import('@keyhaven/vendor-tools');
      const inside = await packUpdateFiles(directory, await unlocked(directory, io, options.passphraseFile), files, target);
      const text = `${inside.map(({ key, counter }) => `update ${counter} for key ${key}`).join(', ')}.`;
      const updates = inside.map(({ key, counter }) => ({ key, updateCounter: counter }));
      if (out === '-') io.terminal.write(`${text}\n`);
      else tell(io, json, `${out}: ${text}`, { file: out, updates });
    });

export const vendorIssueCommands = (io: VendorIo): Command[] => [licenseCommand(io), updateCommand(io), packageCommand(io)];
