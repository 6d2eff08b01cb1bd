import { Command } from 'commander';
import { writeLicenseFile } from './license-files.ts';
import { askLm, parseTarget } from './lm-client.ts';
import { say } from './print.ts';
import { withLm } from './with-lm.ts';

type Options = { readonly lm: string; readonly vendorCode: string; readonly out: string; readonly json?: boolean };

/** keyhaven fingerprint: what an SL Legacy license is issued for (T1). */
export const fingerprintCommand = (): Command =>
  withLm(
    new Command('fingerprint').description(
      'writes what this computer is recognised by, for a vendor who issues an SL Legacy license for it',
    ),
  )
    .requiredOption('--vendor-code <code>', 'the vendor who gets it: to every vendor a computer looks different')
    .requiredOption('--out <file>', 'the file to write')
    .option('--json', 'one JSON document')
    .action(async ({ lm, vendorCode, out, json }: Options) => {
      const text = await askLm(parseTarget(lm), 'POST', '/api/v1/fingerprint', {
        type: 'application/json',
        text: JSON.stringify({ vendorCode }),
      });
      await writeLicenseFile(out, text);
      say(json, `written: ${out}`, { file: out });
    });
