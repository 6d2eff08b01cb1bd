import { Buffer } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { fromBase64, toBase64 } from '@keyhaven/core/bytes';
import { aeadOpen, aeadSeal, type Entropy, hkdf, type KeyObject, secretKey } from '@keyhaven/core/crypto';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { type LmIdentity, lmIdentityFrom } from '@keyhaven/core/link';
import { ensureStateDirectory, writeFileAtomically } from './files.ts';

// Binds a state directory to its computer: what is secret in it is sealed under a key made of the computer's own marks and a salt in the
// directory. A copy of the directory on another computer opens nothing. Whoever is root on this computer can compute the key; software
// alone cannot prevent that. Schemes with tolerance come with clone protection (K6).

/** Marks of this computer, the strongest that can be read; all of them go into the key. */
export const machineMarks = async (): Promise<string[]> => {
  const read = async (path: string): Promise<string | undefined> => {
    try {
      return (await readFile(path, 'utf8')).trim() || undefined;
    } catch {
      return undefined;
    }
  };
  const id = (await read('/etc/machine-id')) ?? (await read('/var/lib/dbus/machine-id')) ?? (await read('/sys/class/dmi/id/product_uuid'));
  if (id !== undefined) return [`id:${id}`];
  const macs = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const mac = macs.map((each) => each.mac).filter((each) => each !== '00:00:00:00:00:00');
  return [`host:${hostname()}`, ...new Set(mac)].sort();
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

/**
 * Opens a state directory, or makes it.
 * @throws LicensingError HARDWARE_MODIFIED (52) where it was made on another computer, STORAGE_CORRUPT (47) where its identity file is damaged.
 */
export const openBinding = async (directory: string, entropy: Entropy, marks?: readonly string[]): Promise<Binding> => {
  await ensureStateDirectory(directory);
  const own = marks ?? (await machineMarks());
  let text: string | undefined;
  try {
    text = await readFile(join(directory, FILE), 'utf8');
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
  return { seal, identity: lmIdentityFrom(seed) };
};

const FILE = 'identity';

const createIdentity = async (directory: string, marks: readonly string[], entropy: Entropy): Promise<Binding> => {
  const salt = entropy.bytes(32);
  const seed = entropy.bytes(32);
  const seal = createMachineSeal(marks, salt, entropy);
  await writeFileAtomically(directory, FILE, `keyhaven-identity-1 ${toBase64(salt)} ${seal.seal('lm identity', seed)}\n`);
  return { seal, identity: lmIdentityFrom(seed) };
};

const corrupt = (directory: string, cause?: unknown): LicensingError =>
  new LicensingError(Status.STORAGE_CORRUPT, {
    detail: `The file ${join(directory, FILE)} is damaged.`,
    remedy: 'Put the state directory back from a backup of this computer, or move it away to start with an empty one.',
    cause,
  });
