import { Buffer } from 'node:buffer';
import { type Argon2Parameters, argon2 } from 'node:crypto';
import { promisify } from 'node:util';
import { fromBase64, toBase64 } from '@keyhaven/core/bytes';
import { aeadOpen, aeadSeal, type Entropy, secretKey } from '@keyhaven/core/crypto';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { z } from 'zod';

// `vendor.key`: 32 bytes of Ed25519 seed and 32 bytes of master secret under a passphrase. Argon2id makes the key, AES-256-GCM the
// box; the vendor's public part is associated data, so a key file moved to another vendor does not open. The cost of argon2id stands
// in the file and is bounded when read: a planted file cannot ask for all memory, nor for a cost so low that guessing is cheap.

export type VendorSecrets = { readonly signingSeed: Uint8Array; readonly masterSecret: Uint8Array };

const SECRET_BYTES = 32;
/** OWASP's and RFC 9106's order of size: 64 MiB, three passes. */
const cost = { memoryKiB: 65_536, passes: 3, lanes: 1 } as const;

const base64 = (min: number, max: number) =>
  z
    .string()
    .max(max * 2)
    .transform((text, context): Buffer => {
      const bytes = fromBase64(text);
      if (bytes !== undefined && bytes.length >= min && bytes.length <= max) return bytes;
      context.addIssue('must be base64url');
      return z.NEVER;
    });
const keyFile = z.strictObject({
  format: z.literal(1),
  kdf: z.strictObject({
    name: z.literal('argon2id'),
    memoryKiB: z.int().min(19_456).max(1_048_576),
    passes: z.int().min(1).max(16),
    lanes: z.int().min(1).max(8),
    salt: base64(16, 64),
  }),
  nonce: base64(12, 12),
  sealed: base64(2 * SECRET_BYTES + 16, 2 * SECRET_BYTES + 16),
});
type Kdf = z.infer<typeof keyFile>['kdf'];

const argon2id = promisify<'argon2id', Argon2Parameters, Buffer>(argon2);
const deriveKey = async (passphrase: string, kdf: Kdf) =>
  secretKey(
    await argon2id('argon2id', {
      // The same passphrase, however the keyboard composes its accents.
      message: Buffer.from(passphrase.normalize('NFC'), 'utf8'),
      nonce: kdf.salt,
      memory: kdf.memoryKiB,
      passes: kdf.passes,
      parallelism: kdf.lanes,
      tagLength: 32,
    }),
  );

const associated = (identity: string): Buffer => Buffer.from(`keyhaven vendor key 1\0${identity}`, 'utf8');

/** Text of a key file. `identity` names the vendor and must be the same when it is opened. */
export const sealKeyFile = async (secrets: VendorSecrets, passphrase: string, identity: string, entropy: Entropy): Promise<string> => {
  const kdf = { name: 'argon2id', ...cost, salt: Buffer.from(entropy.bytes(16)) } as const;
  const nonce = entropy.bytes(12);
  const plain = Buffer.concat([secrets.signingSeed, secrets.masterSecret]);
  const sealed = aeadSeal(await deriveKey(passphrase, kdf), nonce, plain, associated(identity));
  plain.fill(0);
  const file = { format: 1, kdf: { ...kdf, salt: toBase64(kdf.salt) }, nonce: toBase64(nonce), sealed: toBase64(sealed) };
  return `${JSON.stringify(file, undefined, 2)}\n`;
};

/**
 * @throws LicensingError STORAGE_CORRUPT (47) where it is no key file, IDENTITY_UNAUTHENTICATED (88) where the passphrase does not
 * open it.
 */
export const openKeyFile = async (text: string, passphrase: string, identity: string): Promise<VendorSecrets> => {
  const file = parseKeyFile(text);
  const plain = aeadOpen(await deriveKey(passphrase, file.kdf), file.nonce, file.sealed, associated(identity));
  if (plain === undefined) {
    throw new LicensingError(Status.IDENTITY_UNAUTHENTICATED, {
      detail: 'The passphrase does not open vendor.key, or the file was changed.',
      remedy: 'Give the passphrase that the vendor was created with; if it is right, put the backup of vendor.json and vendor.key back.',
    });
  }
  return { signingSeed: plain.subarray(0, SECRET_BYTES), masterSecret: plain.subarray(SECRET_BYTES) };
};

const parseKeyFile = (text: string): z.infer<typeof keyFile> => {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  const parsed = keyFile.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new LicensingError(Status.STORAGE_CORRUPT, {
    detail: 'The file vendor.key is damaged, or its key derivation is outside the bounds.',
    remedy: 'Put the backup of vendor.key back.',
  });
};
