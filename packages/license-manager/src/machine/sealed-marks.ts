import { Buffer } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toBase64 } from '@keyhaven/core/bytes';
import { type Entropy, hmac, sha256 } from '@keyhaven/core/crypto';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { type Decoder, parseJson } from '@keyhaven/core/parse';
import { createMachineSeal } from './binding.ts';
import { ensureStateDirectory, writeFileAtomically } from './files.ts';

// What a computer remembers of licenses outside of the state directory, so that a new state directory does not begin them again. One small file for
// each, named and sealed by the marks of the computer: it says nothing on another one. Whoever may write the directory can delete it; nothing in
// software alone prevents that, and docs/guide/vendor.md says so.

export type SealedMarks<T> = {
  /** @throws LicensingError STORAGE_CORRUPT (47) where the mark was changed, SYS_ERR (13) where the system does not give it. */
  read(name: string): Promise<T | undefined>;
  write(name: string, mark: T): Promise<void>;
};

const SALT = sha256(Buffer.from('keyhaven trial marks 1', 'latin1'));

/** @param of what the marks are about, as in "trial": it is part of their names and of how they are sealed. */
export const createSealedMarks = <T>(
  of: string,
  decoder: Decoder<T>,
  directory: string,
  machineMarks: readonly string[],
  entropy: Entropy,
): SealedMarks<T> => {
  const seal = createMachineSeal(machineMarks, SALT, entropy);
  const names = seal.key(`${of} names`);
  const fileOf = (name: string): string => `mark-${toBase64(hmac(names, Buffer.from(name, 'utf8')).subarray(0, 18))}`;
  return {
    async read(name) {
      const path = join(directory, fileOf(name));
      let text: string;
      try {
        text = await readFile(path, 'latin1');
      } catch (cause) {
        if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
        throw new LicensingError(Status.SYS_ERR, { detail: `The mark of the ${of} license cannot be read: ${path}.`, cause });
      }
      const plain = seal.open(`${of} ${name}`, text.trim());
      if (plain === undefined)
        throw new LicensingError(Status.STORAGE_CORRUPT, { detail: `The mark of the ${of} license was changed: ${path}.` });
      return parseJson(decoder, plain.toString('utf8'), 'mark');
    },
    async write(name, mark) {
      await ensureStateDirectory(directory);
      const sealed = seal.seal(`${of} ${name}`, Buffer.from(JSON.stringify(mark), 'utf8'));
      await writeFileAtomically(directory, fileOf(name), `${sealed}\n`);
    },
  };
};
