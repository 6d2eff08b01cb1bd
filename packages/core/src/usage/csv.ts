import type { UsageItem } from './report.ts';

// A report for spreadsheets (RFC 4180). What a spreadsheet would take for a formula gets an apostrophe before it, also behind whatever some
// countries' settings take for the end of a cell: names come from other computers (S8).

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

/** The signs that begin one, narrow or wide, at the beginning of a text or of what may become a cell; blanks before them are passed over. */
const FORMULA = /(^|[,;\t\r\n"])(\s*)(?=[=+\-@\uFF0B\uFF0D\uFF1D\uFF20])/g;
/** What does something in a terminal, or turns the direction of writing; a line may have an end. */
const CONTROL = /[^\P{Cc}\n]|[\u2028-\u202e\u2066-\u2069]/gu;

/** One field of a line, safe in spreadsheets and terminals. */
export const csvCell = (value: string | number | null | undefined): string => {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number') return String(value);
  const text = value.replaceAll(CONTROL, ' ').replaceAll(FORMULA, "$1$2'");
  return /[",;\t\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
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
    .map((cells) => `${cells.map(csvCell).join(',')}\r\n`)
    .join('');
