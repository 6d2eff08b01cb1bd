import type { UsageItem } from './report.ts';

// A report for spreadsheets (RFC 4180). A text that a spreadsheet would take for a formula gets an apostrophe before it: names come from
// other computers (S8).

const HEAD = [
  'key',
  'product',
  'feature',
  'user',
  'host',
  'at',
  'hours',
  'grants',
  'denials',
  'denials_by_cause',
  'peak',
  'p50',
  'p90',
  'p95',
  'p99',
];

const cell = (value: string | number | null | undefined): string => {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number') return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

export const usageCsv = (items: readonly UsageItem[]): string =>
  [
    HEAD,
    ...items.map(({ key, product, feature, user, host, at, hours, grants, denials, denialsByCause, peaks }) => [
      key,
      product,
      feature,
      user,
      host,
      at,
      hours,
      grants,
      denials,
      Object.entries(denialsByCause)
        .map(([status, times]) => `${status}:${times}`)
        .join(' '),
      ...(peaks === null ? [null, null, null, null, null] : [peaks.max, peaks.p50, peaks.p90, peaks.p95, peaks.p99]),
    ]),
  ]
    .map((cells) => `${cells.map(cell).join(',')}\r\n`)
    .join('');
