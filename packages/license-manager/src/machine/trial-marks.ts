import type { Entropy } from '@keyhaven/core/crypto';
import { type Decoder, integer, object } from '@keyhaven/core/parse';
import { type Wall, wall } from '@keyhaven/core/time';
import { createSealedMarks, type SealedMarks } from './sealed-marks.ts';

// What a computer remembers of the trial licenses that it has begun (K8).

export type TrialMark = {
  readonly start: Wall;
  /** The latest time at which it was used. */
  readonly seen: Wall;
};
export type TrialMarks = SealedMarks<TrialMark>;

const number = integer(0, Number.MAX_SAFE_INTEGER);
const time: Decoder<Wall> = (value, place, faults) => {
  const at = number(value, place, faults);
  return at === undefined ? undefined : wall(at);
};
const mark: Decoder<TrialMark> = object({ start: time, seen: time });

export const createTrialMarks = (directory: string, machineMarks: readonly string[], entropy: Entropy): TrialMarks =>
  createSealedMarks('trial', mark, directory, machineMarks, entropy);
