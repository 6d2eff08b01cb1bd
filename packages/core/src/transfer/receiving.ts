import { Status, type StatusCode } from '../errors/index.ts';
import { MINUTE, type Wall } from '../time/index.ts';
import { DETACH_MARGIN_MS, type GoneRow } from './rows.ts';

// The recipient's side of a detachment: whether it takes a file.

export type Receive = {
  readonly child: string;
  readonly parent: string;
  readonly sequence: number;
  /** When it was made, by the owner's clock. */
  readonly from: Wall;
  readonly until: Wall;
  /** What the child has now; undefined before its first file. */
  readonly held: { readonly parent: string; readonly sequence: number } | undefined;
};

/**
 * Whether a recipient takes an H2R; undefined = yes. Any file later than the one in force may be the next: what came between is lost or
 * late, and gave less.
 */
export const faultOfReceiving = (
  { parent, sequence, from, until, held }: Receive,
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
  // Its license clock would be ahead by as much from then on, and nobody could set it back.
  if (from > now + DETACH_MARGIN_MS)
    return {
      status: Status.TIME_ERR,
      detail: `The license was detached at ${new Date(from).toISOString()} by the clock of its owner, which is ${Math.round((from - now) / MINUTE)} minutes ahead of the license time here. Set the clock that is wrong, and apply the file again.`,
    };
  return undefined;
};
