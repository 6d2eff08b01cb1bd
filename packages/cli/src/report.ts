import { Command, Option } from 'commander';
import { z } from 'zod';
import { askLm, parseTarget } from './lm-client.ts';
import { whole } from './parts.ts';
import { printJson, table } from './print.ts';
import { withLm } from './with-lm.ts';

// keyhaven report usage: who used what for how long, how full it was, and who was refused why (C5).

type Options = {
  readonly lm: string;
  readonly from?: string;
  readonly to?: string;
  readonly by: string;
  readonly key?: string;
  readonly product?: number;
  readonly feature?: number;
  readonly csv?: boolean;
  readonly json?: boolean;
};

const report = z.looseObject({
  from: z.string(),
  to: z.string(),
  items: z.array(
    z.looseObject({
      key: z.string().nullable(),
      product: z.number().nullable(),
      feature: z.number().nullable(),
      user: z.string().nullable(),
      host: z.string().nullable(),
      at: z.string().nullable(),
      hours: z.number(),
      grants: z.number(),
      denials: z.number(),
      denialsByCause: z.record(z.string(), z.number()),
      peaks: z.looseObject({ max: z.number(), p50: z.number(), p95: z.number() }).nullable(),
    }),
  ),
});
type Item = z.infer<typeof report>['items'][number];

const heads: Readonly<Record<string, readonly (keyof Item)[]>> = {
  feature: ['key', 'product', 'feature'],
  product: ['key', 'product'],
  user: ['user'],
  host: ['host'],
  hour: ['at'],
};

const show = (by: string, { from, to, items }: z.infer<typeof report>): string => {
  const names = heads[by] ?? [];
  const hasPeaks = by !== 'user' && by !== 'host';
  const rows = items.map((item) => [
    ...names.map((name) => item[name] as string | number | null),
    item.hours.toFixed(2),
    item.grants,
    item.denials,
    ...(hasPeaks
      ? [
          item.peaks?.max ?? null,
          item.peaks?.p50 ?? null,
          item.peaks?.p95 ?? null,
          Object.entries(item.denialsByCause)
            .map(([status, times]) => `${status}:${times}`)
            .join(' '),
        ]
      : []),
  ]);
  const columns = [
    ...names.map((name) => name.toUpperCase()),
    hasPeaks ? 'SEAT HOURS' : 'HOURS',
    'GRANTS',
    'DENIALS',
    ...(hasPeaks ? ['PEAK', 'P50', 'P95', 'CAUSES'] : []),
  ];
  return `${from} to ${to}\n${table(columns, rows, 'Nothing was used.')}`;
};

export const reportCommand = (): Command =>
  new Command('report').description('reports of the past').addCommand(
    withLm(new Command('usage').description('who used what for how long, how full it was, and who was refused why'))
      .option('--from <date>', 'a day or moment (UTC); 30 days ago where it is left out')
      .option('--to <date>', 'a day or moment (UTC); now where it is left out')
      .addOption(new Option('--by <what>', 'grouped by').choices(Object.keys(heads)).default('feature'))
      .option('--key <id>', 'only of one key')
      .option('--product <id>', 'only of one product', whole(0, 0xffff_ffff))
      .option('--feature <id>', 'only of one feature', whole(0, 0xffff_ffff))
      .addOption(new Option('--csv', 'for spreadsheets').conflicts('json'))
      .option('--json', 'one JSON document')
      .action(async ({ lm, csv, json, ...of }: Options) => {
        const { from, to, by, key, product, feature } = of;
        const query = new URLSearchParams({ by });
        for (const [name, value] of Object.entries({ from, to, key, product, feature }))
          if (value !== undefined) query.set(name, String(value));
        const path = `/api/v1/usage${csv === true ? '.csv' : ''}?${query.toString()}`;
        const text = await askLm(parseTarget(lm), 'GET', path);
        if (csv === true) process.stdout.write(text);
        else {
          const answer: unknown = JSON.parse(text);
          if (json === true) printJson(answer);
          else process.stdout.write(show(by, report.parse(answer)));
        }
      }),
  );
