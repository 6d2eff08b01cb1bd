import { Buffer } from 'node:buffer';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { z } from 'zod';
import { limited } from './shapes.ts';

// Pages of long lists (C4): one pass over the rows for each page and no copy of them, so that it stays fast at 100,000 rows. A page goes on behind the
// last row of the one before by its value and id, so that rows which come and go meanwhile neither repeat nor hide others.

/** BOUNDED: rows of a page. */
const MAX_PAGE = 1_000;
type Value = string | number;

export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(100),
  cursor: limited(4_096).optional().meta({ description: '`next` of the page before.' }),
  order: z.enum(['asc', 'desc']).default('asc'),
  q: limited(200).optional().meta({ description: 'Text that is somewhere in the row; upper and lower case are one.' }),
} as const;
export type PageQuery = {
  readonly limit: number;
  readonly cursor?: string | undefined;
  readonly order: 'asc' | 'desc';
  readonly q?: string | undefined;
};

export const page = <S extends z.ZodType>(item: S) =>
  z.strictObject({
    items: z.array(item),
    next: z.string().nullable().meta({ description: 'The cursor of the next page; null where there is none.' }),
    total: z.int().min(0).meta({ description: 'Rows that match, on all pages.' }),
  });
export type Page<T> = { readonly items: readonly T[]; readonly next: string | null; readonly total: number };

type Listing<T> = {
  readonly matches: (row: T) => boolean;
  /** What the list is in the order of. */
  readonly valueOf: (row: T) => Value;
  /** Tells rows of the same value apart. */
  readonly idOf: (row: T) => string;
  /** Texts that `q` looks for in. */
  readonly texts: (row: T) => readonly Value[];
};
type Mark = readonly [value: Value, id: string];

const mark = z.tuple([z.union([z.string(), z.number()]), z.string()]);
const markIn = (cursor: string): Mark => {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    return mark.parse(value);
  } catch {
    throw new LicensingError(Status.INVALID_PARAMETER, {
      detail: 'The cursor is none of this list.',
      remedy: 'Begin again without a cursor, or give the `next` of the page before as it is.',
    });
  }
};
const compare = ([a, x]: Mark, [b, y]: Mark): number => {
  const [left, right] = typeof a === typeof b ? [a, b] : [String(a), String(b)];
  if (left !== right) return left < right ? -1 : 1;
  return x === y ? 0 : x < y ? -1 : 1;
};

/** @throws LicensingError 501 for a cursor that is none */
export const pageOf = <T>(rows: Iterable<T>, query: PageQuery, { matches, valueOf, idOf, texts }: Listing<T>): Page<T> => {
  const after = query.cursor === undefined ? undefined : markIn(query.cursor);
  const sign = query.order === 'asc' ? 1 : -1;
  const wanted = query.q?.toLowerCase() ?? '';
  const found: { readonly mark: Mark; readonly row: T }[] = []; // BOUNDED by the limit of the page, and one more
  let total = 0;
  for (const row of rows) {
    if (!matches(row)) continue;
    if (wanted !== '' && !texts(row).some((text) => String(text).toLowerCase().includes(wanted))) continue;
    total += 1;
    const at: Mark = [valueOf(row), idOf(row)];
    if (after !== undefined && sign * compare(at, after) <= 0) continue;
    const last = found.at(-1);
    if (found.length > query.limit && last !== undefined && sign * compare(at, last.mark) >= 0) continue;
    let [low, high] = [0, found.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const there = found[middle];
      if (there !== undefined && sign * compare(there.mark, at) < 0) low = middle + 1;
      else high = middle;
    }
    found.splice(low, 0, { mark: at, row });
    if (found.length > query.limit + 1) found.pop();
  }
  const items = found.slice(0, query.limit);
  const end = found.length > query.limit ? items.at(-1)?.mark : undefined;
  return {
    items: items.map(({ row }) => row),
    next: end === undefined ? null : Buffer.from(JSON.stringify(end)).toString('base64url'),
    total,
  };
};
