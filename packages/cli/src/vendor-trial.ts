import { Command } from 'commander';
import { days } from './parts.ts';
import { outOf, passphraseFile, productId, tellIssued, unlocked, type VendorIo } from './vendor-io.ts';

type Options = {
  readonly product: number;
  readonly days: number;
  readonly out: string;
  readonly json?: boolean;
  readonly passphraseFile?: string;
};

export const vendorTrialCommand = (io: VendorIo): Command =>
  new Command('trial')
    .description('Issue a trial license that runs on any computer for some days from its first use there')
    .argument('<dir>', 'Directory of the vendor')
    .requiredOption('--product <id>', 'Product of the catalog', productId)
    .requiredOption('--days <n>', 'Days from the first use on each computer, 1 to 90; also 30d or 4w', days(1, 90))
    .requiredOption('--out <file>', 'V2C file to write; - for standard output')
    .addOption(passphraseFile())
    .option('--json', 'Print one JSON document')
    .action(async (directory: string, options: Options, command: Command) => {
      const { product, days: count, out, json } = options;
      const target = outOf(io, command, out, json);
      const { issueTrialFile } = await import('@keyhaven/vendor-tools');
      const vendor = await unlocked(directory, io, options.passphraseFile);
      const { again } = await issueTrialFile(directory, { vendor, product, days: count, out: target });
      const text = `trial license for product ${product}, ${count} days on each computer.`;
      tellIssued(io, { out, json, again }, text, { product, days: count });
    });
