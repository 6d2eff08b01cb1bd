import { Command } from 'commander';
import { collectProduct, outOf, passphraseFile, tellIssued, unlocked, type VendorIo } from './vendor-io.ts';

type Options = {
  readonly fingerprint: string;
  readonly product: readonly number[];
  readonly out: string;
  readonly after?: string;
  readonly replace?: boolean;
  readonly json?: boolean;
  readonly passphraseFile?: string;
};

export const vendorLegacyCommand = (io: VendorIo): Command =>
  new Command('legacy')
    .description('Issue an SL Legacy license for the computer of a fingerprint file')
    .argument('<dir>', 'Directory of the vendor')
    .requiredOption('--fingerprint <file>', 'File that the customer made with keyhaven fingerprint')
    .requiredOption('--product <id>', 'Product that the computer has afterwards; may be given several times', collectProduct)
    .requiredOption('--out <file>', 'License file to write; - for standard output')
    .option('--after <file>', 'License file that this one takes the place of')
    .option('--replace', 'The license file issued last is void: use its number')
    .addOption(passphraseFile())
    .option('--json', 'Print one JSON document')
    .action(async (directory: string, options: Options, command: Command) => {
      const { product: products, json, out, fingerprint, after, replace } = options;
      const target = outOf(io, command, out, json);
      const { issueLegacyFile } = await import('@keyhaven/vendor-tools');
      const vendor = await unlocked(directory, io, options.passphraseFile);
      const { terms, key, again } = await issueLegacyFile(directory, { vendor, products, fingerprint, after, replace, out: target });
      const text = `legacy license, version ${terms.counter}, product ${products.join(', ')}; its key will be ${key}.`;
      tellIssued(io, { out, json, again }, text, { key, updateCounter: terms.counter, products });
    });
