import { Command } from 'commander';
import { obtainPassphrase } from './passphrase.ts';
import { withProgress } from './progress.ts';
import { productId, tell, type VendorIo } from './vendor-io.ts';

type Options = {
  readonly fingerprint: string;
  readonly product: readonly number[];
  readonly out: string;
  readonly after?: string;
  readonly replace?: boolean;
  readonly json?: boolean;
};

export const vendorLegacyCommand = (io: VendorIo): Command =>
  new Command('legacy')
    .description('issue an SL Legacy license for the computer of a fingerprint file, without a key that was made there before')
    .argument('<dir>', 'directory of the vendor')
    .requiredOption('--fingerprint <file>', 'what the customer made with keyhaven fingerprint')
    .requiredOption(
      '--product <id>',
      'product that the computer has afterwards; may be given several times',
      (text: string, before?: readonly number[]): readonly number[] => [...(before ?? []), productId(text)],
    )
    .requiredOption('--out <file>', 'license file to write')
    .option('--after <file>', 'the license file that this one takes the place of')
    .option('--replace', 'the license file issued last is void: this one takes its number')
    .option('--json', 'one JSON document')
    .action(async (directory: string, { product: products, json, ...files }: Options) => {
      const { issueLegacyFile, openVendor, unlockVendor } = await import('@keyhaven/vendor-tools');
      await openVendor(directory);
      const passphrase = await obtainPassphrase(io.environment, io.terminal);
      const vendor = await withProgress('opening the key of the vendor', unlockVendor(directory, passphrase));
      const { terms, key } = await issueLegacyFile(directory, { vendor, products, ...files });
      tell(io, json, `${files.out}: legacy license, version ${terms.counter}, product ${products.join(', ')}; its key will be ${key}.`, {
        file: files.out,
        key,
        updateCounter: terms.counter,
        products,
      });
    });
