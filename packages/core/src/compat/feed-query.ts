// What a feed is asked for: every parameter is optional, 0 (of features -1) means all, and what is not understood is passed over: clients send
// timestamps, and a `?` behind the last value.

export type FeedQuery = {
  readonly key: string | undefined;
  readonly vendor: number | undefined;
  readonly product: number | undefined;
  readonly feature: number | undefined;
  /** A window of rows, from 1. */
  readonly from: number;
  readonly to: number;
};

const numberIn = (value: unknown): number | undefined => {
  const [digits] = typeof value === 'string' ? (/^-?\d{1,10}/.exec(value) ?? []) : [];
  return digits === undefined ? undefined : Number(digits);
};
const idIn = (value: unknown): string | undefined => {
  const [digits = '0'] = typeof value === 'string' ? (/^\d{1,20}/.exec(value) ?? []) : [];
  const id = digits.replace(/^0+/, '');
  return id === '' ? undefined : id;
};
const unlessAll = (value: number | undefined, all: number): number | undefined => (value === all ? undefined : value);

export const feedQueryOf = (query: Readonly<Record<string, unknown>>): FeedQuery => {
  const feature = numberIn(query['featureid']);
  return {
    key: idIn(query['haspid']),
    vendor: unlessAll(numberIn(query['vendorid']), 0),
    product: unlessAll(numberIn(query['productid']), 0),
    feature: feature === undefined || feature < 0 ? undefined : feature,
    from: Math.max(1, numberIn(query['filterfrom']) ?? 1),
    to: numberIn(query['filterto']) ?? Number.MAX_SAFE_INTEGER,
  };
};

export type Filtered = {
  readonly key: string;
  readonly vendor?: number;
  /** null = not known, which is none of those that are asked for. */
  readonly product?: number | null;
  readonly feature?: number | null;
};

const agrees = <T>(wanted: T | undefined, has: T | undefined): boolean => wanted === undefined || has === undefined || wanted === has;

/** The rows of the window, with their numbers from 1 among all that the rest of the query leaves. */
export function* chosen<T extends Filtered>(rows: Iterable<T>, query: FeedQuery): Generator<{ readonly row: T; readonly index: number }> {
  let index = 0;
  for (const row of rows) {
    if (!agrees(query.key, row.key) || !agrees(query.vendor, row.vendor)) continue;
    if (!agrees(query.product, row.product) || !agrees(query.feature, row.feature)) continue;
    index += 1;
    if (index > query.to) return;
    if (index >= query.from) yield { row, index };
  }
}
