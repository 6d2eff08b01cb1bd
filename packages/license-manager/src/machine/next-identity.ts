import { readFileSync } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Entropy } from '@keyhaven/core/crypto';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { type LmIdentity, lmIdentityFrom } from '@keyhaven/core/link';
import type { MachineSeal } from './binding.ts';
import { writeFileAtomically } from './files.ts';

// A new identity of a license manager beside the one that it has ("Create new LM id"). Salt and seal stay, so all that is sealed to this computer
// opens as before. It lies ready in a file of its own until a start takes it.

const FILE = 'identity';
const NEXT = 'identity.next';
const FORM = 'keyhaven-next-identity-1';

export type NextIdentity = {
  readonly seed: Uint8Array;
  readonly identity: LmIdentity;
  /** It is taken at the next start, whatever sessions there are. */
  readonly now: boolean;
};

const contextOf = (now: boolean): string => (now ? 'next lm identity now' : 'next lm identity');

/** What lies ready; undefined where nothing does, and where it was made on another computer. */
export const readNextIdentity = (directory: string, seal: MachineSeal): NextIdentity | undefined => {
  let text: string;
  try {
    text = readFileSync(join(directory, NEXT), 'latin1');
  } catch {
    return undefined;
  }
  const [form, sealed = ''] = text.trim().split(' ');
  if (form !== FORM) return undefined;
  for (const now of [false, true]) {
    const seed = seal.open(contextOf(now), sealed);
    if (seed?.length === 32) return { seed, identity: lmIdentityFrom(seed), now };
  }
  return undefined;
};

/** Makes one ready, or takes the one that is: durable when it returns. */
export const prepareIdentity = async (directory: string, seal: MachineSeal, entropy: Entropy, now: boolean): Promise<NextIdentity> => {
  const ready = readNextIdentity(directory, seal);
  if (ready !== undefined && (ready.now || !now)) return ready;
  const seed = ready?.seed ?? entropy.bytes(32);
  await writeFileAtomically(directory, NEXT, `${FORM} ${seal.seal(contextOf(now), seed)}\n`);
  return { seed, identity: lmIdentityFrom(seed), now };
};

export const dropNextIdentity = async (directory: string): Promise<void> => unlink(join(directory, NEXT)).catch(() => undefined);

/** From now on this is the identity of the directory. A crash in between leaves the one or the other, whole. */
export const adoptIdentity = async (directory: string, seal: MachineSeal, next: NextIdentity): Promise<void> => {
  const [version, salt] = readFileSync(join(directory, FILE), 'latin1').trim().split(' ');
  if (version === undefined || salt === undefined) throw new LicensingError(Status.STORAGE_CORRUPT);
  await writeFileAtomically(directory, FILE, `${version} ${salt} ${seal.seal('lm identity', next.seed)}\n`);
  await dropNextIdentity(directory);
};
