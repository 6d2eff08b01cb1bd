import { type License, MAX_EXECUTIONS, MAX_GRACE_DAYS, MAX_PERIOD_DAYS } from '@keyhaven/core/license';
import { parseDays } from '@keyhaven/core/parse';
import { z } from 'zod';

// What a catalog says of a feature's license (K1, K8), with the limits of field-facts 4.1. Every fault is named at once.

export const whole = (min: number, max: number) =>
  z.custom<number>((value) => typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max, {
    error: `must be a whole number from ${min} to ${max}`,
  });

/** A number of days, or a duration of whole days such as `30d` or `4w`. */
export const wholeDays = (max: number) =>
  z
    .custom<number | string>(
      (value) => {
        const found = typeof value === 'string' ? parseDays(value) : value;
        return typeof found === 'number' && Number.isSafeInteger(found) && found >= 1 && found <= max;
      },
      { error: `must be a whole number from 1 to ${max}, in days, or a duration of whole days such as 30d or 4w` },
    )
    .transform((value): number => (typeof value === 'string' ? (parseDays(value) ?? Number.NaN) : value));

const DATE = /^\d{4}-\d\d-\d\d$/;
const MOMENT = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(Z|[+-]\d\d:\d\d)$/;
/** The date or moment in UTC; undefined where it does not exist. */
const toMoment = (text: string, otherwise: string): string | undefined => {
  const [, day = text, time = otherwise, zone = 'Z'] = MOMENT.exec(text) ?? [];
  const midnight = Date.parse(`${day}T00:00:00Z`);
  const at = Date.parse(`${day}T${time}${zone}`);
  if (!DATE.test(day) || Number.isNaN(at) || !new Date(midnight).toISOString().startsWith(day) || time.startsWith('24')) return undefined;
  return new Date(at).toISOString().replace('.000Z', 'Z');
};
const dateWith = (timeOfDay: string) =>
  z.string({ error: 'must be a date such as 2027-12-31 or a moment such as 2027-12-31T18:00:00Z' }).transform((text, context): string => {
    const moment = toMoment(text, timeOfDay);
    const year = Number(moment?.slice(0, 4));
    if (moment !== undefined && year >= 1980 && year <= 2091) return moment;
    context.addIssue(
      moment === undefined
        ? 'must be a date such as 2027-12-31 or a moment with its time zone such as 2027-12-31T18:00:00Z'
        : 'must be from 1980-01-01 to 2091-12-31',
    );
    return z.NEVER;
  });

/** A date alone counts to the end of its day, or from the beginning of it. */
const until = dateWith('23:59:59.999');
const from = dateWith('00:00:00').optional();
const graceDays = wholeDays(MAX_GRACE_DAYS).optional();
const begins = (value: string | undefined): { readonly from?: string } => (value === undefined ? {} : { from: value });
const hasGrace = (value: number | undefined): { readonly graceDays?: number } => (value === undefined ? {} : { graceDays: value });

export const license = z
  .discriminatedUnion(
    'type',
    [
      z.strictObject({ type: z.literal('perpetual'), from }),
      z.strictObject({ type: z.literal('expiration'), until, from, graceDays }),
      z.strictObject({ type: z.literal('period'), days: wholeDays(MAX_PERIOD_DAYS), from, graceDays }),
      z.strictObject({ type: z.literal('executions'), count: whole(1, MAX_EXECUTIONS), from }),
    ],
    {
      error: 'must be {type: perpetual}, {type: expiration, until: DATE}, {type: period, days: N} or {type: executions, count: N}',
    },
  )
  .superRefine((terms, context) => {
    if (terms.type === 'expiration' && terms.from !== undefined && Date.parse(terms.from) > Date.parse(terms.until))
      context.addIssue({ code: 'custom', path: ['from'], message: 'must not be after until' });
  })
  .transform((terms): License => {
    switch (terms.type) {
      case 'perpetual':
        return { type: terms.type, ...begins(terms.from) };
      case 'expiration':
        return { type: terms.type, until: terms.until, ...begins(terms.from), ...hasGrace(terms.graceDays) };
      case 'period':
        return { type: terms.type, days: terms.days, ...begins(terms.from), ...hasGrace(terms.graceDays) };
      case 'executions':
        return { type: terms.type, count: terms.count, ...begins(terms.from) };
    }
  });
