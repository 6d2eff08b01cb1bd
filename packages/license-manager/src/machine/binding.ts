import { Buffer } from 'node:buffer';
import { readFileSync, realpathSync } from 'node:fs';
import { hostname, networkInterfaces, userInfo } from 'node:os';
import { join } from 'node:path';
import { fromBase64, hex, toBase64 } from '@keyhaven/core/bytes';
import { aeadOpen, aeadSeal, type Entropy, hkdf, type KeyObject, secretKey } from '@keyhaven/core/crypto';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { type LmIdentity, lmIdentityFrom } from '@keyhaven/core/link';
import { createFileAtomically, ensureStateDirectory } from './files.ts';

// Binds a state directory to its computer: what is secret in it is sealed under a key made of the computer's own marks and a salt in the
// directory. A copy of the directory on another computer opens nothing. Whoever is root on this computer can compute the key; software
// alone cannot prevent that. Schemes with tolerance come with clone protection (K6). Read at a start, without the detour through other threads (P6).

/** Marks of this computer, the strongest that can be read; all of them go into the key. */
export const machineMarks = async (): Promise<string[]> => {
  const read = (path: string): string | undefined => {
    try {
      return readFileSync(path, 'utf8').trim() || undefined;
    } catch {
      return undefined;
    }
  };
  const id = read('/etc/machine-id') ?? read('/var/lib/dbus/machine-id') ?? read('/sys/class/dmi/id/product_uuid');
  if (id !== undefined) return [`id:${id}`];
  const macs = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const mac = macs.map((each) => each.mac).filter((each) => each !== '00:00:00:00:00:00');
  return [`host:${hostname()}`, ...new Set(mac)].sort();
};

/**
 * Marks of a store that belongs to one user at one place (SL UserMode keys): those of the computer, the user, and where it really is. A copy
 * beside it opens nothing, nor does one of another user. The directory is made where it is missing.
 */
export const userStoreMarks = async (directory: string): Promise<string[]> => {
  await ensureStateDirectory(directory);
  const uid = process.getuid?.();
  const user = uid === undefined ? `user:${userInfo().username}` : `uid:${uid}`;
  return [...(await machineMarks()), user, `place:${realpathSync.native(directory)}`];
};

const NONCE_BYTES = 12;

/** Seals small secrets of the state directory; `context` says what they are, so that one cannot stand in for another. */
export type MachineSeal = {
  seal(context: string, plain: Uint8Array): string;
  /** undefined where it was not sealed on this computer for this directory. */
  open(context: string, sealed: string): Buffer | undefined;
  /** A further key for one purpose. */
  key(purpose: string): KeyObject;
};

export const createMachineSeal = (marks: readonly string[], salt: Uint8Array, entropy: Entropy): MachineSeal => {
  const root = secretKey(hkdf(Buffer.from(marks.join('\n'), 'utf8'), salt, 'keyhaven machine binding 1', 32));
  const key = (purpose: string): KeyObject => secretKey(hkdf(root, salt, `keyhaven machine ${purpose}`, 32));
  const sealing = key('seal');
  return {
    key,
    seal(context, plain) {
      const nonce = entropy.bytes(NONCE_BYTES);
      return toBase64(Buffer.concat([nonce, aeadSeal(sealing, nonce, plain, Buffer.from(context, 'utf8'))]));
    },
    open(context, sealed) {
      const bytes = fromBase64(sealed);
      if (bytes === undefined || bytes.length < NONCE_BYTES) return undefined;
      return aeadOpen(sealing, bytes.subarray(0, NONCE_BYTES), bytes.subarray(NONCE_BYTES), Buffer.from(context, 'utf8'));
    },
  };
};

export type Binding = { readonly seal: MachineSeal; readonly identity: LmIdentity };

/** Not everybody who opens a store needs its identity, which takes as long to make as the rest. */
const bindingOf = (seal: MachineSeal, seed: Uint8Array): Binding => {
  let identity: LmIdentity | undefined;
  return {
    seal,
    get identity() {
      identity ??= lmIdentityFrom(seed);
      return identity;
    },
  };
};

/**
 * Opens a state directory, or makes it.
 * @throws LicensingError HARDWARE_MODIFIED (52) where it was made on another computer, STORAGE_CORRUPT (47) where its identity file is damaged.
 */
export const openBinding = async (directory: string, entropy: Entropy, marks?: readonly string[]): Promise<Binding> => {
  await ensureStateDirectory(directory);
  const own = marks ?? (await machineMarks());
  let text: string | undefined;
  try {
    text = readFileSync(join(directory, FILE), 'utf8');
  } catch (cause) {
    const missing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
    if (!missing) throw corrupt(directory, cause);
  }
  if (text === undefined) return createIdentity(directory, own, entropy);
  const [version, salt, sealed] = text.trim().split(' ');
  const saltBytes = fromBase64(salt ?? '');
  if (version !== 'keyhaven-identity-1' || saltBytes?.length !== 32 || sealed === undefined) throw corrupt(directory);
  const seal = createMachineSeal(own, saltBytes, entropy);
  const seed = seal.open('lm identity', sealed);
  if (seed?.length !== 32) {
    throw new LicensingError(Status.HARDWARE_MODIFIED, {
      detail: `The state directory ${directory} was made on another computer, or its file ${FILE} was changed.`,
      remedy: 'Start with the state directory of this computer, or with an empty one; keys cannot be moved by copying files.',
    });
  }
  return bindingOf(seal, seed);
};

const FILE = 'identity';

const createIdentity = async (directory: string, marks: readonly string[], entropy: Entropy): Promise<Binding> => {
  const salt = entropy.bytes(32);
  const seed = entropy.bytes(32);
  const seal = createMachineSeal(marks, salt, entropy);
  const text = `keyhaven-identity-1 ${toBase64(salt)} ${seal.seal('lm identity', seed)}\n`;
  // Several processes may begin with the same empty store at once: what the first one made counts.
  const made = await createFileAtomically(directory, FILE, text, hex(entropy.bytes(8))).catch((cause: unknown) => {
    throw new LicensingError(Status.SYS_ERR, {
      detail: `The state directory ${directory} cannot be written: ${cause instanceof Error ? cause.message : ''}`,
      remedy: 'See that this user may write there, and that the disk has free space.',
      cause,
    });
  });
  return made ? bindingOf(seal, seed) : openBinding(directory, entropy, marks);
};

const corrupt = (directory: string, cause?: unknown): LicensingError =>
  new LicensingError(Status.STORAGE_CORRUPT, {
    detail: `The file ${join(directory, FILE)} is damaged.`,
    remedy: 'Put the state directory back from a backup of this computer, or move it away to start with an empty one.',
    cause,
  });
