import { type PoolRow, type SeatTerms, spanOf } from '@keyhaven/core/seats';
import type { GrantEnd } from '@keyhaven/core/session';
import type { Wall } from '@keyhaven/core/time';

/** When a license ends, as a grant and a session's info tell it (K8); nothing where time does not end it. */
export const endOf = (terms: SeatTerms | undefined, row: PoolRow, now: Wall): { readonly end?: GrantEnd } => {
  const span = terms === undefined ? undefined : spanOf(terms, row);
  return span === undefined ? {} : { end: { now, ...span } };
};
