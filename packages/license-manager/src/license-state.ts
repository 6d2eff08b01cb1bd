import type { CatalogPool, LicenseState } from '@keyhaven/core/admin';
import { type PoolRow, type SeatTerms, spanOf, storedUse } from '@keyhaven/core/seats';

// How far a license is used, for lists and for other LMs.

export const poolEnds = (terms: SeatTerms, row: PoolRow): Pick<CatalogPool, 'firstUse' | 'ends' | 'graceEnds'> => {
  const firstUse = storedUse(terms, row);
  const span = spanOf(terms, row);
  return {
    ...(firstUse === undefined ? {} : { firstUse }),
    ...(span === undefined ? {} : { ends: span.ends }),
    ...(span === undefined || span.last === span.ends ? {} : { graceEnds: span.last }),
  };
};

/** A moment that another LM tells may be none that exists. */
const moment = (at: number): string | undefined => (at > 8.64e15 ? undefined : new Date(at).toISOString());

export const licenseState = ({ license, executions, firstUse, ends, graceEnds }: CatalogPool): LicenseState => {
  const at = (name: 'firstUse' | 'ends' | 'graceEnds', value: number | undefined): LicenseState => {
    const text = value === undefined ? undefined : moment(value);
    return text === undefined ? {} : { [name]: text };
  };
  return {
    ...(license.type === 'executions' ? { used: executions } : {}),
    ...at('firstUse', firstUse),
    ...at('ends', ends),
    ...at('graceEnds', graceEnds),
  };
};
