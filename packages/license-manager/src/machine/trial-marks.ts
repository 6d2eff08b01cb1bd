import { Buffer } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toBase64 } from '@keyhaven/core/bytes';
import { type Entropy, hmac, sha256 } from '@keyhaven/core/crypto';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { integer, object, parseJson } from '@keyhaven/core/parse';
import { type Wall, wall } from '@keyhaven/core/time';
import { createMachineSeal } from './binding.ts';
import { ensureStateDirectory, writeFileAtomically } from './files.ts';

// What a computer remembers of the trial licenses that it has begun (K8), beside the state directory, so that a new state directory does not
// begin them again. One small file for each, named and sealed by the marks of the computer: it says nothing on another one. Whoever may write
// the directory can delete it; nothing in software alone prevents that, and docs/guide/vendor.md says so.

export type TrialMark = {
  readonly start: Wall;
  /** The latest time at which it was used. */
  readonly seen: Wall;
};
export type TrialMarks = {
  /** @throws LicensingError STORAGE_CORRUPT (47) where the mark was changed, SYS_ERR (13) where the system does not give it. */
  read(trial: string): Promise<TrialMark | undefined>;
  write(trial: string, mark: TrialMark): Promise<void>;
};

const SALT = sha256(Buffer.from('keyhaven trial marks 1', 'latin1'));
const time = integer(0, Number.MAX_SAFE_INTEGER);
const mark = object({ start: time, seen: time });

export const createTrialMarks = (directory: string, machineMarks: readonly string[], entropy: Entropy): TrialMarks => {
  const seal = createMachineSeal(machineMarks, SALT, entropy);
  const names = seal.key('trial names');
  const nameOf = (trial: string): string => `mark-${toBase64(hmac(names, Buffer.from(trial, 'utf8')).subarray(0, 18))}`;
  return {
    async read(trial) {
      const path = join(directory, nameOf(trial));
      let text: string;
      try {
        text = await readFile(path, 'latin1');
      } catch (cause) {
        if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
        throw new LicensingError(Status.SYS_ERR, { detail: `The mark of the trial license cannot be read: ${path}.`, cause });
      }
      const plain = seal.open(`trial ${trial}`, text.trim());
      if (plain === undefined)
        throw new LicensingError(Status.STORAGE_CORRUPT, { detail: `The mark of the trial license was changed: ${path}.` });
      const { start, seen } = parseJson(mark, plain.toString('utf8'), 'mark');
      return { start: wall(start), seen: wall(seen) };
    },
    async write(trial, { start, seen }) {
      await ensureStateDirectory(directory);
      const sealed = seal.seal(`trial ${trial}`, Buffer.from(JSON.stringify({ start, seen }), 'utf8'));
      await writeFileAtomically(directory, nameOf(trial), `${sealed}\n`);
    },
  };
};
