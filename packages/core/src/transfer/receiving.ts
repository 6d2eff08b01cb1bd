import { Status, type StatusCode } from '../errors/index.ts';
import type { Wall } from '../time/index.ts';
import type { GoneRow } from './rows.ts';

// The recipient's side of a detachment: whether it takes a file.

export type Receive = {
  readonly child: string;
  readonly parent: string;
  readonly sequence: number;
  readonly until: Wall;
  /** What the child has now; undefined before its first file. */
  readonly held: { readonly parent: string; readonly sequence: number } | undefined;
};

/**
 * Whether a recipient takes an H2R; undefined = yes. Any file later than the one in force may be the next: what came between is lost or
 * late, and gave less.
 */
export const faultOfReceiving = (
  { parent, sequence, until, held }: Receive,
  gone: GoneRow | undefined,
  now: Wall,
): { readonly status: StatusCode; readonly detail: string } | undefined => {
  if (gone !== undefined) {
    return sequence <= gone.number
      ? { status: Status.UPDATE_ALREADY_ADDED, detail: 'The license was applied here, and given back since.' }
      : { status: Status.UNKNOWN_RECIPIENT, detail: 'The recipient gave its license back, and its ID counts no more.' };
  }
  if (held !== undefined && held.parent !== parent)
    return { status: Status.UNKNOWN_RECIPIENT, detail: 'This ID has a license of another key already.' };
  if (held !== undefined && sequence === held.sequence)
    return { status: Status.UPDATE_ALREADY_ADDED, detail: 'This file was applied here before.' };
  if (held !== undefined && sequence < held.sequence)
    return { status: Status.UPDATE_TOO_OLD, detail: 'A later file of this detached license was applied here before.' };
  if (now > until) return { status: Status.FEATURE_EXPIRED, detail: `The detached license ended at ${new Date(until).toISOString()}.` };
  return undefined;
};
