import { LicensingError, Status } from '@keyhaven/core/errors';
import { lineSafe, saidParams } from '@keyhaven/core/log';
import { Command } from 'commander';
import { z } from 'zod';
import { askLm, parseTarget } from './lm-client.ts';
import { whole } from './parts.ts';
import { printJson, table } from './print.ts';
import { withLm } from './with-lm.ts';

// keyhaven audit, audit verify: what was granted, refused and administered, and whether all of it is still as it was written (C5).

type Options = {
  readonly lm: string;
  readonly kind?: string;
  readonly key?: string;
  readonly limit: number;
  readonly before?: number;
  readonly json?: boolean;
};

const record = z.looseObject({
  sequence: z.number(),
  at: z.number(),
  kind: z.string(),
  scope: z.string(),
  detail: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
});
const verdict = z.looseObject({
  from: z.number(),
  to: z.number(),
  head: z.string(),
  checkpoint: z.string(),
  fault: z.looseObject({ sequence: z.number(), reason: z.string() }).optional(),
});

const sayVerdict = ({ from, to, head }: z.infer<typeof verdict>): string => {
  if (to < from) return `No record is chained yet${from > 1 ? `; ${from - 1} are older than the chain` : ''}.\n`;
  const before = from > 1 ? `, behind a checkpoint: ${from - 1} older ones were pruned, or are older than the chain` : '';
  return `All ${to - from + 1} records fit: ${from} to ${to}${before}.\nThe last hash is ${head}.\n`;
};

const verifyCommand = (): Command =>
  withLm(new Command('verify').description('checks that no record of the audit was changed, added or taken out'))
    .option('--json', 'one JSON document')
    .action(async (_options: object, command: Command) => {
      // `audit --lm X verify` means the same as `audit verify --lm X`.
      const own = command.getOptionValueSource('lm') === 'default' ? command.parent : command;
      const lm = String(own?.getOptionValue('lm'));
      const json: unknown = JSON.parse(await askLm(parseTarget(lm), 'GET', '/api/v1/audit/verify'));
      const found = verdict.parse(json);
      const isJson = command.optsWithGlobals()['json'] === true;
      if (isJson) printJson(found);
      if (found.fault !== undefined)
        throw new LicensingError(Status.STORAGE_CORRUPT, {
          detail: `Record ${found.fault.sequence} of the audit is the first that does not fit: ${lineSafe(found.fault.reason)}.`,
          remedy: `What is older (${found.from} to ${found.fault.sequence - 1}) is as it was written. Compare the rest with a backup, and find out who writes to the state directory.`,
        });
      if (!isJson) process.stdout.write(sayVerdict(found));
    });

export const auditCommand = (): Command =>
  withLm(new Command('audit').description('what was granted, refused and administered, the latest first'))
    .option('--kind <kind>', 'only those of one kind: granted, released, refused, settings changed, ...')
    .option('--key <id>', 'only those of one key, or lm')
    .option('--limit <n>', 'how many at most', whole(1, 10_000), 50)
    .option('--before <n>', 'only those with a lower number', whole(1, Number.MAX_SAFE_INTEGER))
    .option('--json', 'one JSON document, with the hashes that chain the records')
    .action(async ({ lm, kind, key, limit, before, json }: Options) => {
      const query = new URLSearchParams({ limit: String(limit), hashes: String(json === true) });
      for (const [name, value] of Object.entries({ kind, key, before })) if (value !== undefined) query.set(name, String(value));
      const answer: unknown = JSON.parse(await askLm(parseTarget(lm), 'GET', `/api/v1/audit?${query.toString()}`));
      if (json === true) return printJson(answer);
      process.stdout.write(
        table(
          ['NUMBER', 'AT', 'KIND', 'KEY', 'DETAIL'],
          z
            .array(record)
            .parse(answer)
            .map(({ sequence, at, kind: of, scope, detail }) => [
              sequence,
              new Date(at).toISOString(),
              lineSafe(of),
              scope === 'lm' ? '-' : lineSafe(scope),
              saidParams(detail),
            ]),
          'No record matches.',
        ),
      );
    })
    .addCommand(verifyCommand());
