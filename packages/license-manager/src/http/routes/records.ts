import { Buffer } from 'node:buffer';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { DAY, wall } from '@keyhaven/core/time';
import { usageCsv } from '@keyhaven/core/usage';
import { z } from 'zod';
import type { HttpFaces } from '../faces.ts';
import { answers, type Route, route, says } from '../route.ts';
import { id, wantedKey } from '../shapes.ts';

// What was written down (C5): the chain of the audit, the history of use, the logs, the metrics.

const count = z.number().min(0);
const date = z.union([z.iso.date(), z.iso.datetime({ offset: true })]).meta({ description: 'A day (UTC) or a moment.' });

const usageItem = z.strictObject({
  key: z.string().nullable(),
  product: id.nullable(),
  feature: id.nullable(),
  user: z.string().nullable(),
  host: z.string().nullable(),
  at: z.string().nullable(),
  hours: count,
  grants: count,
  denials: count,
  denialsByCause: z.record(z.string(), count),
  peaks: z.strictObject({ max: count, p50: count, p90: count, p95: count, p99: count }).nullable(),
});
const usage = z.strictObject({ from: z.string(), to: z.string(), by: z.string(), items: z.array(usageItem) });
const whole = z.coerce.number().int().min(0).max(0xffff_ffff);
const usageQuery = z.strictObject({
  from: date.optional(),
  to: date.optional(),
  by: z.enum(['feature', 'product', 'user', 'host', 'hour']).default('feature'),
  key: wantedKey.optional(),
  product: whole.optional(),
  feature: whole.optional(),
});
/** Days that a report has where it does not say from when. */
const USUAL_DAYS = 30;

export const recordRoutes = (faces: HttpFaces): Route[] => {
  const { records, network } = faces;
  const get = { method: 'GET', need: 'read' } as const;
  const reportOf = async ({ from, to, by, ...of }: z.output<typeof usageQuery>) => {
    const until = wall(to === undefined ? network.clock.wall() : Date.parse(to));
    const since = wall(from === undefined ? until - USUAL_DAYS * DAY : Date.parse(from));
    if (!(since < until))
      throw new LicensingError(Status.INVALID_PARAMETER, { detail: 'The report ends before it begins.', remedy: 'Give a from before to.' });
    const wanted = Object.fromEntries(Object.entries(of).filter(([, value]) => value !== undefined));
    const items = await records.usage({ from: since, to: until, by, ...wanted });
    return { span: { from: new Date(since).toISOString(), to: new Date(until).toISOString() }, items };
  };
  return [
    route({
      ...get,
      url: '/api/v1/audit/verify',
      summary: 'Walks along the chain of the audit and names the first record that does not fit',
      answer: answers(
        z.strictObject({
          from: count.meta({ description: 'The first record of the chain; what is older was pruned.' }),
          to: count,
          head: z.string(),
          checkpoint: z.string().meta({ description: 'The hash of the record before the first one.' }),
          fault: z.strictObject({ sequence: count, reason: z.string() }).optional(),
        }),
      ),
      run: () => records.verifyAudit(),
    }),
    route({
      ...get,
      url: '/api/v1/usage',
      summary: 'Who used what for how long, how full it was, and who was refused why',
      query: usageQuery,
      answer: answers(usage),
      async run({ query }) {
        const { span, items } = await reportOf(query);
        return { ...span, by: query.by, items };
      },
    }),
    route({
      ...get,
      url: '/api/v1/usage.csv',
      summary: 'The same for spreadsheets',
      query: usageQuery,
      answer: says('text/csv; charset=utf-8', 'RFC 4180, with a line of names.'),
      async run({ query, setHeader }) {
        const { span, items } = await reportOf(query);
        const name = `keyhaven-usage-${query.by}-${span.from.slice(0, 10)}-${span.to.slice(0, 10)}.csv`;
        setHeader('content-disposition', `attachment; filename="${name}"`);
        return usageCsv(items);
      },
    }),
    route({
      ...get,
      url: '/api/v1/log/:log',
      summary: 'The latest lines of the access log or the error log, the oldest of them first',
      params: z.strictObject({ log: z.enum(['access', 'error']) }),
      query: z.strictObject({ lines: z.coerce.number().int().min(1).max(5_000).default(200) }),
      answer: answers(z.strictObject({ lines: z.array(z.string()) })),
      run: async ({ params, query }) => ({ lines: await records.logLines(params.log, query.lines) }),
    }),
    route({
      method: 'GET',
      need: 'metrics',
      url: '/metrics',
      hostless: true,
      summary: 'Metrics, for Prometheus or as OpenMetrics, by the Accept header',
      answer: { kind: 'file', type: 'text/plain', what: 'docs/guide/monitoring.md lists them.' },
      run({ headers }) {
        const { type, text } = records.metrics(headers.accept ?? '');
        return { code: 200 as const, headers: { 'content-type': type }, body: Buffer.from(text) };
      },
    }),
  ];
};
