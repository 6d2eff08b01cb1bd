import { Command } from 'commander';
import { z } from 'zod';
import { intoFile, sayWritten } from './out.ts';
import { askJson, type Common } from './parts.ts';
import { type Cell, printJson, table } from './print.ts';
import { plain } from './width.ts';
import { withLm } from './with-lm.ts';

// keyhaven key certificate: what a vendor certified of a key, and whoever lends it.

const license = z.union([
  z.looseObject({ type: z.literal('perpetual'), from: z.string().optional() }),
  z.looseObject({ type: z.literal('expiration'), until: z.string(), from: z.string().optional() }),
  z.looseObject({ type: z.literal('period'), days: z.number(), from: z.string().optional() }),
  z.looseObject({ type: z.literal('executions'), count: z.number(), from: z.string().optional() }),
]);
const feature = z.looseObject({
  feature: z.number(),
  name: z.string(),
  license,
  seats: z.number().nullable(),
  count: z.string(),
  network: z.boolean(),
  detachable: z.boolean(),
});
const link = z.looseObject({
  kind: z.string(),
  signer: z.looseObject({ vendor: z.number().optional(), key: z.string().optional(), fingerprint: z.string() }),
  signatureHolds: z.boolean(),
  fault: z.string().nullable(),
  key: z.string().optional(),
  fingerprint: z.string().optional(),
  issued: z.string().optional(),
  until: z.string().optional(),
  counter: z.number().optional(),
  products: z.array(z.looseObject({ product: z.number(), name: z.string(), features: z.array(feature) })),
  document: z.string(),
});
const certificates = z.looseObject({ key: z.string(), vendor: z.number(), vendorFingerprint: z.string(), links: z.array(link) });
type Link = z.infer<typeof link>;

const KINDS: Readonly<Record<string, string>> = {
  vendor: 'certificate of the vendor',
  delegation: 'delegation',
  trial: 'trial license',
  legacy: 'legacy license',
  key: 'the key itself',
};
const signerOf = ({ signer }: Link): string => (signer.vendor === undefined ? `key ${signer.key}` : `vendor ${signer.vendor}`);
const termsOf = (terms: z.infer<typeof license>): string => {
  const from = terms.from === undefined ? '' : `, from ${terms.from}`;
  switch (terms.type) {
    case 'perpetual':
      return `perpetual${from}`;
    case 'expiration':
      return `until ${terms.until}${from}`;
    case 'period':
      return `${terms.days} days from the first use${from}`;
    case 'executions':
      return `${terms.count} executions${from}`;
  }
};

const headOf = (of: Link): string =>
  [
    `${KINDS[of.kind] ?? of.kind}, signed by ${signerOf(of)} (${of.signer.fingerprint}): ${of.fault ?? 'the signature holds'}`,
    of.key === undefined ? '' : `  for key ${of.key} (${of.fingerprint})`,
    of.issued === undefined ? '' : `  issued ${of.issued}`,
    of.until === undefined ? '' : `  until ${of.until}`,
    of.counter === undefined ? '' : `  ${of.kind === 'delegation' ? 'sequence' : 'update'} ${of.counter}`,
  ]
    .filter((line) => line !== '')
    .map((line) => `${plain(line)}\n`)
    .join('');
const featuresOf = ({ products }: Link): string => {
  const rows = products.flatMap((product) =>
    product.features.map((each): Cell[] => [
      product.product,
      product.name,
      each.feature,
      each.name,
      termsOf(each.license),
      each.seats ?? 'unlimited',
      each.count,
      each.network ? 'yes' : 'no',
      each.detachable ? 'yes' : 'no',
    ]),
  );
  const heads = ['PRODUCT', 'NAME', 'FEATURE', 'NAME', 'LICENSE', 'SEATS', 'COUNT', 'NETWORK', 'DETACHABLE'];
  return rows.length === 0 ? '' : table(heads, rows, '');
};

export const certificateCommand = (): Command =>
  withLm(new Command('certificate').description('what the vendor of a key certified of it, and whoever lends it'))
    .requiredOption('--key <id>', 'a key of the license manager, as shown by: keyhaven keys')
    .option('--out <file>', 'where to write the signed documents, from the vendor down; - for standard output')
    .option('--json', 'one JSON document')
    .action(async ({ key, lm, json, out }: Common & { readonly key: string; readonly out?: string }, command: Command) => {
      const ask = () => askJson(certificates, lm, 'GET', `/api/v1/keys/${encodeURIComponent(key)}/certificate`);
      const again = 'The same command writes the file again.';
      const textOf = ({ links }: z.infer<typeof certificates>): string | undefined =>
        links.length === 0 ? undefined : links.map(({ document }) => document).join('');
      const found = out === undefined ? await ask() : await intoFile({ out, json, again }, command, ask, textOf);
      if (found.links.length === 0 && out !== undefined) process.exitCode = 1;
      else if (out !== undefined) return sayWritten({ out, json });
      if (json === true) return printJson(found);
      process.stdout.write(
        found.links.length === 0
          ? `Nothing is certified of key ${plain(found.key)} yet. Apply a license with: keyhaven apply FILE\n`
          : found.links.map((each) => headOf(each) + featuresOf(each)).join('\n'),
      );
    });
