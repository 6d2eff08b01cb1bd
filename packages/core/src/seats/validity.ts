import { Status, type StatusCode } from '../errors/index.ts';
import { type Wall, wall } from '../time/index.ts';
import type { Login, PoolRow, SeatTerms } from './rows.ts';

// When and where a license may be used (K1, K8), pure. The first use of a license that counts its days from there is fixed by the first
// login that is granted, and is never later afterwards: neither the clock, nor another login, nor applying the license again moves it. So
// its end moves only when the vendor signs another number of days.

/** The end of a license, and the last moment of its grace; the same where it has none. */
export type Span = { readonly ends: Wall; readonly last: Wall };

/** undefined where time does not end it, or where nobody has used it yet. */
export const spanOf = (terms: SeatTerms, row: PoolRow): Span | undefined => spanFrom(terms, storedUse(terms, row));

/** The first use that a pool's row has of a license. */
export const storedUse = (terms: SeatTerms, row: PoolRow): Wall | undefined =>
  terms.periodMs === undefined ? undefined : terms.trial ? row.trialUse : row.firstUse;

const spanFrom = (terms: SeatTerms, firstUse: Wall | undefined): Span | undefined => {
  const byPeriod = terms.periodMs === undefined || firstUse === undefined ? undefined : firstUse + terms.periodMs;
  const ends = terms.until ?? byPeriod;
  return ends === undefined ? undefined : { ends: wall(ends), last: wall(ends + (terms.graceMs ?? 0)) };
};

/** Past its grace, too. */
export const isOver = (terms: SeatTerms, row: PoolRow, now: Wall): boolean => {
  const span = spanOf(terms, row);
  return span !== undefined && now > span.last;
};

/** What a login that is granted now has as its first use; undefined where nothing counts from there. */
export const firstUseOf = (terms: SeatTerms, row: PoolRow, elsewhere: Wall | undefined, now: Wall): Wall | undefined =>
  terms.periodMs === undefined ? undefined : wall(Math.min(storedUse(terms, row) ?? now, elsewhere ?? now));

const day = (at: Wall): string => new Date(at).toISOString();

/** Why a login is refused whatever seats and executions are left; undefined where it is not. */
export const faultOfUse = (
  terms: SeatTerms,
  { remoteDesktop, virtualMachine }: Pick<Login, 'remoteDesktop' | 'virtualMachine'>,
  firstUse: Wall | undefined,
  now: Wall,
): { readonly status: StatusCode; readonly detail: string } | undefined => {
  if (terms.remoteDesktop === false && remoteDesktop === true)
    return { status: Status.TS_DETECTED, detail: 'The license does not allow use in a remote desktop session.' };
  if (terms.virtualMachine === false && virtualMachine === true)
    return { status: Status.VM_DETECTED, detail: 'The license does not allow a key in a virtual machine.' };
  if (terms.from !== undefined && now < terms.from)
    return { status: Status.FEATURE_START_DATE_NOT_REACHED, detail: `The license begins at ${day(terms.from)}.` };
  const span = spanFrom(terms, firstUse);
  if (span === undefined || now <= span.last) return undefined;
  const grace = span.last > span.ends ? `, and its days of grace at ${day(span.last)}` : '';
  const first = firstUse === undefined ? '' : `; it was first used at ${day(firstUse)}`;
  return { status: Status.FEATURE_EXPIRED, detail: `The license ended at ${day(span.ends)}${grace}${first}.` };
};
