import { Buffer } from 'node:buffer';
import { Reader, sameBytes, WireError, Writer } from '../bytes/index.ts';
import {
  agree,
  type Entropy,
  type ExchangePair,
  hkdf,
  type KeyObject,
  publicKeyFrom,
  sha256,
  signBytes,
  verifyBytes,
} from '../crypto/index.ts';
import { LicensingError, Status } from '../errors/index.ts';
import { CERTIFICATE_LIMIT } from '../license/index.ts';
import { chooseVersion, type VersionRange } from '../versions/index.ts';
import { type Channel, createChannel } from './record.ts';

// Opening a channel from an application to a key (K10): the responder signs, then both derive, as in TLS 1.3 and SIGMA with an
// anonymous initiator. The two messages pass any number of LMs, which can drop them and nothing else.
//
//   opening  version range ‖ vendor ‖ key ‖ nonce ‖ X25519 share ‖ digest of a certificate already known
//   answer   version ‖ nonce ‖ X25519 share ‖ digest of the certificate ‖ certificate unless known ‖ signature
//
// The key signs the hash of both messages, so the signature is worth nothing for another nonce, another key, another vendor or
// another version range. docs/protocol/channel.md C1 to C6 and the argument there.

export const CHANNEL_VERSIONS = { from: 1, to: 1 } as const;
const SIGNED = Buffer.from('keyhaven channel 1 answer\0', 'latin1');
const UNKNOWN = Buffer.alloc(32);
/** Whose upgrade a refusal asks for (T6). */
const SPOKEN = {
  protocol: 'channel to a key',
  beginning: 'the Licensing API of the application',
  answering: 'the license manager that holds the key',
} as const;

/** What the application learns: a channel, and what the vendor signed about the key at its other end. */
export type Proven = { readonly channel: Channel; readonly certificate: Uint8Array };

export type Opening = {
  readonly message: Buffer;
  /**
   * @param signingKeyOf verifies the certificate document by the vendor's public key and gives the key's raw public key; throws where
   * the certificate is not the vendor's or is for another key.
   * @throws LicensingError SCHAN_ERR (46)
   */
  complete(answer: Uint8Array, signingKeyOf: (certificate: Uint8Array) => Uint8Array): Proven;
};

const failed = (detail: string): LicensingError => new LicensingError(Status.SCHAN_ERR, { detail });

/** The application's side. `known` are certificate documents of this key seen before, so that it need not be sent again. */
export const openingFor = (
  target: { readonly vendor: number; readonly key: string },
  entropy: Entropy,
  known?: Uint8Array,
  versions: VersionRange = CHANNEL_VERSIONS,
): Opening => {
  const pair = entropy.exchangePair();
  const message = new Writer(160)
    .u8(versions.from)
    .u8(versions.to)
    .u32(target.vendor)
    .u64(BigInt(target.key))
    .bytes(entropy.bytes(32))
    .bytes(pair.publicKey)
    .bytes(known === undefined ? UNKNOWN : sha256(known))
    .done();

  return {
    message,
    complete(answer, signingKeyOf) {
      let share: Buffer;
      let digest: Buffer;
      let sent: Buffer;
      let signature: Buffer;
      let unsigned: Uint8Array;
      try {
        const reader = new Reader(answer);
        const version = reader.u8();
        if (version < versions.from || version > versions.to) throw new WireError(`version ${version}`);
        reader.bytes(32);
        share = reader.bytes(32);
        digest = reader.bytes(32);
        sent = reader.block(CERTIFICATE_LIMIT);
        unsigned = answer.subarray(0, answer.length - reader.remaining);
        signature = reader.bytes(64);
        reader.end();
      } catch {
        throw failed('The answer of the key has not the form of an answer.');
      }
      const certificate = sent.length > 0 ? sent : known;
      if (certificate === undefined || !sameBytes(sha256(certificate), digest))
        throw failed('The certificate is not the one that the answer names.');
      const signer = publicKeyFrom('ed25519', signingKeyOf(certificate));
      const transcript = transcriptOf(message, unsigned);
      if (!verifyBytes(signer, signed(transcript), signature)) throw failed('The signature of the key does not hold.');
      let keys: readonly [Buffer, Buffer];
      try {
        keys = deriveKeys(pair, share, transcript);
      } catch {
        throw failed('The share of the key agrees on nothing.');
      }
      const [toKey, toApplication] = keys;
      return { channel: createChannel(transcript.subarray(0, 8), toKey, toApplication), certificate };
    },
  };
};

export type Answer = { readonly message: Buffer; readonly channel: Channel };

/**
 * The key's side.
 * @throws WireError where the opening has not its form; LicensingError OLD_LM (42) or OLD_DRIVER (11) where no version fits, KEY_NOT_FOUND
 * where it is for another vendor or key.
 */
export const answerOpening = (
  opening: Uint8Array,
  key: {
    readonly id: string;
    readonly vendor: number;
    readonly signingKey: KeyObject;
    readonly certificate: Uint8Array;
    readonly digest: Buffer;
  },
  entropy: Entropy,
  versions: VersionRange = CHANNEL_VERSIONS,
): Answer => {
  const { toSign, sign } = prepareAnswer(opening, key, entropy, versions);
  return sign(signBytes(key.signingKey, toSign));
};

/** The key's side as far as no private key is needed: `sign` takes the Ed25519 signature over `toSign`, wherever it was made (K7). */
export type PreparedAnswer = { readonly toSign: Buffer; sign(signature: Uint8Array): Answer };

/** @throws as `answerOpening` */
export const prepareAnswer = (
  opening: Uint8Array,
  key: { readonly id: string; readonly vendor: number; readonly certificate: Uint8Array; readonly digest: Buffer },
  entropy: Entropy,
  versions: VersionRange = CHANNEL_VERSIONS,
): PreparedAnswer => {
  const reader = new Reader(opening);
  const from = reader.u8();
  const to = reader.u8();
  // Before the rest: in another version that may have another form.
  const version = chooseVersion(versions, { from, to }, SPOKEN);
  const vendor = reader.u32();
  const id = reader.u64();
  reader.bytes(32);
  const share = reader.bytes(32);
  const known = reader.bytes(32);
  reader.end();
  if (vendor !== key.vendor || id.toString() !== key.id) throw new LicensingError(Status.KEY_NOT_FOUND);
  const pair = entropy.exchangePair();
  const certificate = known.equals(key.digest) ? Buffer.alloc(0) : key.certificate;
  const unsigned = new Writer(200 + certificate.length)
    .u8(version)
    .bytes(entropy.bytes(32))
    .bytes(pair.publicKey)
    .bytes(key.digest)
    .block(certificate)
    .done();
  const transcript = transcriptOf(opening, unsigned);
  const [toKey, toApplication] = deriveKeys(pair, share, transcript);
  return {
    toSign: signed(transcript),
    sign: (signature) => ({
      message: Buffer.concat([unsigned, signature]),
      channel: createChannel(transcript.subarray(0, 8), toApplication, toKey),
    }),
  };
};

const transcriptOf = (opening: Uint8Array, unsigned: Uint8Array): Buffer =>
  sha256(new Writer(opening.length + unsigned.length + 8).block(opening).block(unsigned).done());
const signed = (transcript: Buffer): Buffer => Buffer.concat([SIGNED, transcript]);

const deriveKeys = (pair: ExchangePair, share: Uint8Array, transcript: Buffer): readonly [Buffer, Buffer] => {
  const secret = hkdf(agree(pair.privateKey, share), transcript, 'keyhaven channel 1 keys', 88);
  return [secret.subarray(0, 44), secret.subarray(44)];
};
