import { Command } from 'commander';
import { askLm, parseTarget } from './lm-client.ts';
import { writeInto } from './out.ts';
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
    .requiredOption('--out <file>', 'the file to write; - for standard output')
    .option('--json', 'one JSON document')
    .action(async ({ lm, vendorCode, out, json }: Options, command: Command) => {
      const ask = { type: 'application/json', text: JSON.stringify({ vendorCode }) };
      const again = 'The same command makes the file again.';
      await writeInto({ out, json, again }, command, () => askLm(parseTarget(lm), 'POST', '/api/v1/fingerprint', ask));
    });
