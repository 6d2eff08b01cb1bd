import { LicensingError } from '@keyhaven/core/errors';
import type { HostKind } from '@keyhaven/core/hosts';
import type { Asking } from './asking.ts';
import type { Limit } from './limits.ts';
import type { LmLink } from './lm-link.ts';

// Several license managers, or several keys, within the limit of one call: each gets its share of the time that is left, so that a silent one leaves
// some for the next.

/** None of many gets too little to answer at all. */
const LEAST_SHARE = 1 / 5;

const inPart = async <T>(limit: Limit, milliseconds: number, work: (part: Limit) => Promise<T>): Promise<T> => {
  const part = limit.part(milliseconds);
  try {
    return await work(part);
  } finally {
    part.end();
  }
};

/** @param left how many are to be tried, with this one */
export const inShare = <T>(limit: Limit, left: number, work: (part: Limit) => Promise<T>): Promise<T> =>
  inPart(limit, left <= 1 ? limit.leftMs() : Math.max(limit.leftMs() / left, limit.ms * LEAST_SHARE), work);

/**
 * One that this application starts is not silent before it runs: on a busy computer a process or a thread needs seconds to begin. For that there is all
 * the time but the least that the others need.
 */
const startedWithin = (limit: Limit, left: number, link: LmLink): Promise<void> =>
  inPart(limit, limit.leftMs() - (left - 1) * limit.ms * LEAST_SHARE, (part) => link.using(part, async () => undefined));

const askOne = async <T>(link: LmLink, limit: Limit, left: number, work: (link: LmLink, part: Limit) => Promise<T>): Promise<T> => {
  if (link.starting && left > 1) await startedWithin(limit, left, link);
  return inShare(limit, left, (part) => work(link, part));
};

/** Asks one after the other until one does it. What `goesOn` says no to is the answer. @throws LicensingError with `selection` */
export const inTurn = async <T>(
  asking: Asking,
  limit: Limit,
  linkTo: (kind: HostKind) => LmLink,
  work: (link: LmLink, part: Limit) => Promise<T>,
  goesOn: (error: LicensingError) => boolean,
): Promise<T> => {
  for (const [index, kind] of asking.ask.entries()) {
    try {
      return await askOne(linkTo(kind), limit, asking.ask.length - index, work);
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
  linkTo: (kind: HostKind) => LmLink,
  work: (link: LmLink, part: Limit) => Promise<T>,
): Promise<readonly T[]> => {
  const answers: T[] = []; // BOUNDED by the kinds of license managers
  for (const [index, kind] of asking.ask.entries()) {
    try {
      answers.push(await askOne(linkTo(kind), limit, asking.ask.length - index, work));
    } catch (error) {
      if (!(error instanceof LicensingError)) throw error;
      asking.failed(kind, error);
    }
  }
  if (answers.length === 0) throw asking.refusal();
  return answers;
};
