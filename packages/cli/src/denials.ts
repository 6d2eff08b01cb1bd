import { explain, statusOf } from '@keyhaven/core/errors';
import { Command } from 'commander';
import { z } from 'zod';
import { withLm } from './list.ts';
import { askLm, parseTarget } from './lm-client.ts';
import { printJson, table } from './print.ts';

// keyhaven denials: who was refused of late, and why (R9). From the audit of the license manager, newest first.

const text = z.string().nullish();
const record = z.object({
  at: z.number(),
  scope: z.string(),
  detail: z.object({
    status: z.number(),
    cause: text,
    rule: text,
    ruleFile: text,
    ruleLine: z.number().nullish(),
    user: text,
    host: text,
    address: text,
    application: text,
    holder: text,
    product: z.number().nullish(),
    feature: z.number().nullish(),
  }),
});

/** One denial as `--json` shows it. */
const denialOf = ({ at, scope, detail }: z.infer<typeof record>) => {
  const status = statusOf(detail.status);
  return {
    at: new Date(at).toISOString(),
    status: detail.status,
    name: status === undefined ? null : explain(status).name,
    user: detail.user ?? null,
    host: detail.host ?? null,
    address: detail.address ?? null,
    application: detail.application ?? null,
    licenseManager: detail.holder ?? null,
    key: scope === 'lm' ? null : scope,
    product: detail.product ?? null,
    feature: detail.feature ?? null,
    cause: detail.cause ?? '',
    rule: detail.rule ?? null,
    ruleFile: detail.ruleFile ?? null,
    ruleLine: detail.ruleLine ?? null,
  };
};

export const denialsCommand = (): Command =>
  withLm(new Command('denials').description('who was refused of late, and why'))
    .option('--limit <n>', 'how many at most', '50')
    .option('--json', 'one JSON document')
    .action(async (options: { readonly lm: string; readonly limit: string; readonly json?: boolean }) => {
      const path = `/api/v1/audit?kind=refused&limit=${encodeURIComponent(options.limit)}`;
      const json: unknown = JSON.parse(await askLm(parseTarget(options.lm), 'GET', path));
      const denials = z.array(record).parse(json).map(denialOf);
      if (options.json === true) return printJson(denials);
      process.stdout.write(
        table(
          ['AT', 'STATUS', 'USER', 'HOST', 'ADDRESS', 'KEY', 'FEATURE', 'CAUSE', 'RULE'],
          denials.map((each) => [
            each.at,
            `${each.status} ${each.name ?? ''}`,
            each.user,
            each.host,
            each.address,
            each.key,
            each.feature,
            each.cause,
            each.ruleFile === null || each.rule === null ? each.rule : `${each.rule} (${each.ruleFile}:${each.ruleLine})`,
          ]),
          'Nobody was refused.',
        ),
      );
    });
