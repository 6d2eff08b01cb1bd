import { LicensingError, Status } from '@keyhaven/core/errors';
import { DAY, type Wall } from '@keyhaven/core/time';
import { csvCell } from '@keyhaven/core/usage';
import { type IssuedLine, issuedLines, pendingIssues, type SoldProduct } from './record.ts';
import { openVendor } from './vendor.ts';

// What a vendor has issued, by key and expiry, from its record. One row for a feature of a key as the last license of the key has it.

export type ReportRow = {
  /** The key; of a trial its id. */
  readonly key: string;
  /** `trial` where the license is for any computer. */
  readonly type: string;
  /** The update counter; absent for trials. */
  readonly counter?: number;
  readonly issued: string;
  /** Absent where the record does not say it. */
  readonly product?: number;
  readonly productName?: string;
  /** Absent where the record does not say what was sold. */
  readonly feature?: number;
  readonly featureName?: string;
  /** perpetual, expiration, period, executions. */
  readonly license?: string;
  /** When it ends, where that is a date. Licenses by days or executions end by their use, which the vendor does not see. */
  readonly expires?: string;
  readonly days?: number;
  readonly executions?: number;
  readonly seats?: number | 'unlimited';
  /** Name of the customer's computer. */
  readonly host?: string;
  readonly file?: string;
};

export type ReportFilter = {
  readonly product?: number | undefined;
  readonly key?: string | undefined;
  /** Only what ends within so many seconds from now, or has ended. */
  readonly expiringWithin?: number | undefined;
};

/** The last license of each key; an update changes what the license before it sold. */
const currentOf = async (directory: string): Promise<readonly IssuedLine[]> => {
  const current = new Map<string, IssuedLine>();
  const take = (line: IssuedLine): void => {
    const id = line.key ?? line.trial;
    if (id === undefined) return;
    const before = current.get(id);
    if (before !== undefined && (line.counter ?? 0) < (before.counter ?? 0)) return;
    // An update of a version that did not record what it sold: at least the products are known.
    const products = line.products ?? before?.products;
    current.set(id, line.sold === undefined && products !== undefined ? { ...line, products } : line);
  };
  for await (const line of issuedLines(directory)) take(line);
  for (const { line } of (await pendingIssues(directory)).values()) take(line);
  return [...current.values()];
};

const rowsOf = (line: IssuedLine): ReportRow[] => {
  const { key, trial, type, counter, at, host, file } = line;
  const common = {
    key: key ?? trial ?? '',
    type: trial === undefined ? (type ?? 'unknown') : 'trial',
    ...(counter === undefined ? {} : { counter }),
    issued: at,
    ...(host === undefined ? {} : { host }),
    ...(file === undefined ? {} : { file }),
  };
  if (line.sold === undefined) return line.products === undefined ? [common] : line.products.map((product) => ({ ...common, product }));
  return line.sold.flatMap((product) => featureRows(common, product));
};

type Common = Omit<ReportRow, 'product'>;
const featureRows = (common: Common, { product, name, features }: SoldProduct): ReportRow[] => {
  const of = { ...common, product, ...(name === undefined ? {} : { productName: name }) };
  if (features.length === 0) return [of];
  return features.map(({ feature, name: featureName, license, seats }) => ({
    ...of,
    feature,
    ...(featureName === undefined ? {} : { featureName }),
    license: license.type,
    ...(license.until === undefined ? {} : { expires: license.until }),
    ...(license.days === undefined ? {} : { days: license.days }),
    ...(license.count === undefined ? {} : { executions: license.count }),
    ...(seats === undefined ? {} : { seats }),
  }));
};

/** What ends first comes first, then what has no date; of those the keys in order. */
const byExpiry = (one: ReportRow, other: ReportRow): number =>
  (one.expires ?? '9').localeCompare(other.expires ?? '9') ||
  one.key.localeCompare(other.key, 'en', { numeric: true }) ||
  (one.product ?? 0) - (other.product ?? 0) ||
  (one.feature ?? 0) - (other.feature ?? 0);

/**
 * The licenses that were issued, by expiry.
 * @throws LicensingError CANNOT_READ_FILE (72) where there is no vendor.
 */
export const reportIssued = async (directory: string, filter: ReportFilter, now: Wall): Promise<readonly ReportRow[]> => {
  await openVendor(directory);
  const within = filter.expiringWithin;
  if (within !== undefined && within * 1_000 > 36_500 * DAY)
    throw new LicensingError(Status.INVALID_PARAMETER, { detail: 'The time is longer than 100 years.' });
  const rows = (await currentOf(directory)).flatMap(rowsOf);
  return rows
    .filter(({ product }) => filter.product === undefined || product === filter.product)
    .filter(({ key }) => filter.key === undefined || key === filter.key)
    .filter(({ expires }) => within === undefined || (expires !== undefined && Date.parse(expires) <= now + within * 1_000))
    .toSorted(byExpiry);
};

const COLUMNS = [
  'key',
  'type',
  'counter',
  'issued',
  'product',
  'productName',
  'feature',
  'featureName',
  'license',
  'expires',
  'days',
  'executions',
  'seats',
  'host',
  'file',
] as const satisfies readonly (keyof ReportRow)[];

/** As RFC 4180 has it, with a line of headings. */
export const reportCsv = (rows: readonly ReportRow[]): string =>
  [COLUMNS.join(','), ...rows.map((row) => COLUMNS.map((column) => csvCell(row[column])).join(','))].map((line) => `${line}\r\n`).join('');
