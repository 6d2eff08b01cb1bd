import { LicensingError } from '@keyhaven/core/errors';
import type { HostKind } from '@keyhaven/core/hosts';
import type { Asking } from './asking.ts';
import type { Limit } from './limits.ts';

// Several license managers, or several keys, within the limit of one call: each gets its share of the time that is left, so that a silent one leaves
// some for the next.

/** None of many gets too little to answer at all. */
const LEAST_SHARE = 1 / 5;

/** @param left how many are to be tried, with this one */
export const inShare = async <T>(limit: Limit, left: number, work: (part: Limit) => Promise<T>): Promise<T> => {
  const part = limit.part(left <= 1 ? limit.leftMs() : Math.max(limit.leftMs() / left, limit.ms * LEAST_SHARE));
  try {
    return await work(part);
  } finally {
    part.end();
  }
};

/** Asks one after the other until one does it. What `goesOn` says no to is the answer. @throws LicensingError with `selection` */
export const inTurn = async <T>(
  asking: Asking,
  limit: Limit,
  work: (kind: HostKind, part: Limit) => Promise<T>,
  goesOn: (error: LicensingError) => boolean,
): Promise<T> => {
  for (const [index, kind] of asking.ask.entries()) {
    try {
      return await inShare(limit, asking.ask.length - index, (part) => work(kind, part));
    } catch (error) {
      if (!(error instanceof LicensingError)) throw error;
      asking.failed(kind, error);
      if (!goesOn(error)) break;
    }
  }
  throw asking.refusal();
};

/** What all of them say together. @throws LicensingError where none says anything */
export const fromAll = async <T>(
  asking: Asking,
  limit: Limit,
  work: (kind: HostKind, part: Limit) => Promise<T>,
): Promise<readonly T[]> => {
  const answers: T[] = []; // BOUNDED by the kinds of license managers
  for (const [index, kind] of asking.ask.entries()) {
    try {
      answers.push(await inShare(limit, asking.ask.length - index, (part) => work(kind, part)));
    } catch (error) {
      if (!(error instanceof LicensingError)) throw error;
      asking.failed(kind, error);
    }
  }
  if (answers.length === 0) throw asking.refusal();
  return answers;
};
