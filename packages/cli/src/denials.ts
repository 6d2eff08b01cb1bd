import { explain, statusOf } from '@keyhaven/core/errors';
import { Command } from 'commander';
import { z } from 'zod';
import { listed } from './listing.ts';
import { whole } from './parts.ts';

// keyhaven denials: who was refused of late, and why (R9). From the audit of the license manager, newest first.

const text = z.string().nullish();
const record = z.object({
  sequence: z.number(),
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
const denialOf = ({ sequence, at, scope, detail }: z.infer<typeof record>) => {
  const status = statusOf(detail.status);
  return {
    at: new Date(at).toISOString(),
    /** A login; else a computer, an identity, an administrator or a detachment was refused. */
    login: typeof detail.feature === 'number',
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
    number: sequence,
  };
};

type Denial = ReturnType<typeof denialOf>;

export const denialsCommand = (): Command =>
  listed<readonly Denial[], { readonly limit: number }>(
    new Command('denials').description('who was refused of late, and why').option('--limit <n>', 'how many at most', whole(1, 10_000), 50),
    {
      topics: ['denials'],
      async read(ask, { limit }) {
        const json = await ask(`/api/v1/audit?kind=refused&limit=${limit}`);
        return z.array(record).parse(json).map(denialOf);
      },
      heads: ['AT', 'STATUS', 'USER', 'HOST', 'ADDRESS', 'KEY', 'FEATURE', 'CAUSE', 'RULE'],
      rows: (denials) =>
        denials.map((each) => ({
          id: String(each.number),
          cells: [
            each.at,
            `${each.status} ${each.name ?? ''}`,
            each.user,
            each.host,
            each.address,
            each.key,
            each.feature,
            each.cause,
            each.ruleFile === null || each.rule === null ? each.rule : `${each.rule} (${each.ruleFile}:${each.ruleLine})`,
          ],
        })),
      none: 'Nobody was refused.',
    },
  );
