import type { Entropy } from '@keyhaven/core/crypto';
import { type Decoder, integer, object, text } from '@keyhaven/core/parse';
import { createSealedMarks, type SealedMarks } from './sealed-marks.ts';

// What a computer remembers of the SL Legacy licenses that were installed on it: where, so that a second state directory does not take them, too.

export type InstallMark = {
  /** GUID of the license manager that has it. */
  readonly lm: string;
  readonly counter: number;
};
export type InstallMarks = SealedMarks<InstallMark>;

const mark: Decoder<InstallMark> = object({ lm: text(64), counter: integer(1, 0xffff_ffff) });

export const createInstallMarks = (directory: string, machineMarks: readonly string[], entropy: Entropy): InstallMarks =>
  createSealedMarks('legacy', mark, directory, machineMarks, entropy);
