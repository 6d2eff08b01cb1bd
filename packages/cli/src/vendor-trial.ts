import { Command } from 'commander';
import { obtainPassphrase } from './passphrase.ts';
import { withProgress } from './progress.ts';
import { productId, tell, type VendorIo, wholeNumber } from './vendor-io.ts';

export const vendorTrialCommand = (io: VendorIo): Command =>
  new Command('trial')
    .description('issue a trial license that runs on any computer for some days from its first use there')
    .argument('<dir>', 'directory of the vendor')
    .requiredOption('--product <id>', 'product of the catalog', productId)
    .requiredOption('--days <n>', 'days from the first use on each computer, 1 to 90', wholeNumber(1, 90))
    .requiredOption('--out <file>', 'V2C file to write')
    .option('--json', 'one JSON document')
    .action(async (directory: string, { json, ...options }: { product: number; days: number; out: string; json?: boolean }) => {
      const { issueTrialFile, openVendor, unlockVendor } = await import('@keyhaven/vendor-tools');
      await openVendor(directory);
      const passphrase = await obtainPassphrase(io.environment, io.terminal);
      await issueTrialFile(directory, {
        vendor: await withProgress('opening the key of the vendor', unlockVendor(directory, passphrase)),
        ...options,
      });
      tell(io, json, `${options.out}: trial license for product ${options.product}, ${options.days} days on each computer.`, {
        file: options.out,
        product: options.product,
        days: options.days,
      });
    });
