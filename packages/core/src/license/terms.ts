import { type Protection, protection } from '../fingerprint/index.ts';
import { boolean, type Decoder, either, integer, list, literal, object, optional, tagged, text } from '../parse/index.ts';
import { type Wall, wall } from '../time/index.ts';

// What a vendor may sell of a feature (K1). Limits: reference field-facts 4.1.

export const MAX_ID = 65_471;
export const MAX_SEATS = 32_752;
export const MAX_EXECUTIONS = 16_777_215;
/** BOUNDED: dynamic memory of a key; all of it together still fits into one document, so that the key can move (K5). */
export const MAX_DYNAMIC_FILE = 2 * 1024 * 1024;
export const MAX_DYNAMIC_FILES = 1_024;
export const MAX_DYNAMIC_TOTAL = 3 * 1024 * 1024;
export const MAX_PERIOD_DAYS = 3_650;
export const MAX_GRACE_DAYS = 365;
export const MAX_DETACH_DAYS = 3_650;

/** `from`: not usable before this moment (109). `graceDays`: usable so long after the end, and the application is told (K8). */
export type License =
  | { readonly type: 'perpetual'; readonly from?: string }
  /** Usable up to and including this moment. */
  | { readonly type: 'expiration'; readonly until: string; readonly from?: string; readonly graceDays?: number }
  /** So long from the first granted login on. `trial`: on any computer, by a trial license. */
  | { readonly type: 'period'; readonly days: number; readonly from?: string; readonly graceDays?: number; readonly trial?: true }
  | { readonly type: 'executions'; readonly count: number; readonly from?: string };

export type CountBy = 'login' | 'process' | 'station';
export type Concurrency = {
  readonly seats: number | 'unlimited';
  readonly count: CountBy;
  readonly network: boolean;
  readonly remoteDesktop: boolean;
  readonly virtualMachine: boolean;
};
export type Feature = {
  readonly id: number;
  readonly name: string;
  readonly license: License;
  readonly concurrency: Concurrency;
  readonly detachable: boolean;
  /** Days for which it may be detached at a time, whatever its owner's settings and clocks say (K5); absent = as the owner's settings say. */
  readonly detachDays?: number;
};
export type Product = {
  readonly id: number;
  readonly name: string;
  readonly features: readonly Feature[];
  /** How its computer is recognised (K6); absent = not at all. */
  readonly protection?: Protection;
};
/** `ro` only its vendor writes, `rw` applications too, `rwo` applications once (K3). */
export type MemoryAccess = 'ro' | 'rw' | 'rwo';
export type DynamicFile = { readonly id: number; readonly size: number; readonly access: MemoryAccess };
/** Sizes in bytes; `dynamic`: files besides the two that every key has. */
export type MemorySizes = { readonly readWrite: number; readonly readOnly: number; readonly dynamic?: readonly DynamicFile[] };

/** A moment in UTC that exists: no 30th of February, no 24th hour. */
export const moment: Decoder<string> = (value, place, faults) => {
  const wanted = 'a moment in UTC such as 2027-12-31T23:59:59Z';
  const date = text(30, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z$/, wanted)(value, place, faults);
  if (date === undefined) return undefined;
  const at = Date.parse(date);
  if (!Number.isNaN(at) && new Date(at).toISOString().startsWith(date.slice(0, 19))) return date;
  faults.push(`${place}: must be ${wanted}`);
  return undefined;
};
const date: Decoder<string> = (value, place, faults) => {
  const date = moment(value, place, faults);
  if (date === undefined) return undefined;
  const at = Date.parse(date);
  if (!(at >= Date.UTC(1980, 0, 1) && at < Date.UTC(2092, 0, 1))) faults.push(`${place}: must be a date from 1980-01-01 to 2091-12-31`);
  return date;
};

const from = optional(date);
const graceDays = optional(integer(1, MAX_GRACE_DAYS));
const anyLicense: Decoder<License> = tagged<License>('type', {
  perpetual: object({ type: literal('perpetual'), from }),
  expiration: object({ type: literal('expiration'), until: date, from, graceDays }),
  period: object({ type: literal('period'), days: integer(1, MAX_PERIOD_DAYS), from, graceDays, trial: optional(literal(true)) }),
  executions: object({ type: literal('executions'), count: integer(1, MAX_EXECUTIONS), from }),
});
export const license: Decoder<License> = (value, place, faults) => {
  const terms = anyLicense(value, place, faults);
  if (terms?.type === 'expiration' && terms.from !== undefined && Date.parse(terms.from) > Date.parse(terms.until))
    faults.push(`${place}.from: must not be after until`);
  return terms;
};

export const concurrency: Decoder<Concurrency> = object({
  seats: either<number | 'unlimited'>(`a number from 1 to ${MAX_SEATS}, or "unlimited"`, integer(1, MAX_SEATS), literal('unlimited')),
  count: literal('login', 'process', 'station'),
  network: boolean,
  remoteDesktop: boolean,
  virtualMachine: boolean,
});

const name: Decoder<string> = text(50);

/** A list in which no id comes twice. */
export const distinct =
  <T extends { readonly id: number }>(decoder: Decoder<readonly T[]>): Decoder<readonly T[]> =>
  (value, place, faults) => {
    const items = decoder(value, place, faults);
    const seen = new Set<number>();
    for (const item of items ?? []) {
      if (seen.has(item.id)) faults.push(`${place}: the id ${item.id} is there twice`);
      seen.add(item.id);
    }
    return items;
  };

export const feature: Decoder<Feature> = object({
  id: integer(1, MAX_ID),
  name,
  license,
  concurrency,
  detachable: boolean,
  detachDays: optional(integer(1, MAX_DETACH_DAYS)),
});
export const product: Decoder<Product> = object({
  id: integer(0, MAX_ID),
  name,
  features: distinct(list(feature, 4_096)),
  protection: optional(protection),
});
export const products: Decoder<readonly Product[]> = distinct(list(product, 1_024));
const dynamicFile: Decoder<DynamicFile> = object({
  id: integer(1, MAX_ID),
  size: integer(1, MAX_DYNAMIC_FILE),
  access: literal('ro', 'rw', 'rwo'),
});
const dynamicFiles: Decoder<readonly DynamicFile[]> = (value, place, faults) => {
  const files = distinct(list(dynamicFile, MAX_DYNAMIC_FILES))(value, place, faults);
  const total = (files ?? []).reduce((sum, { size }) => sum + size, 0);
  if (total > MAX_DYNAMIC_TOTAL) faults.push(`${place}: has ${total} bytes in all, at most ${MAX_DYNAMIC_TOTAL} are possible`);
  return files;
};
/** Limits of software keys (field-facts 1.2). */
export const memorySizes: Decoder<MemorySizes> = object({
  readWrite: integer(0, 4_032),
  readOnly: integer(0, 2_048),
  dynamic: optional(dynamicFiles),
});

/** The moment after which a license no longer counts; undefined where time does not end it. */
export const expiryOf = (terms: License): Wall | undefined => (terms.type === 'expiration' ? wall(Date.parse(terms.until)) : undefined);

/** Feature 0 is in every key and costs nothing: a login to it says that the key is there (field-facts 1.2). */
export const DEFAULT_FEATURE: Feature = {
  id: 0,
  name: '',
  license: { type: 'perpetual' },
  concurrency: { seats: 'unlimited', count: 'login', network: true, remoteDesktop: true, virtualMachine: true },
  detachable: false,
};
