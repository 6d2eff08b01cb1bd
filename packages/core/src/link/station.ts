import { Buffer } from 'node:buffer';
import { type Reader, WireError, type Writer } from '../bytes/index.ts';
import { publicKeyFrom, signBytes, verifyBytes } from '../crypto/index.ts';
import { guidOf, type LmIdentity } from './identity.ts';

// One computer has several LMs: its Admin LM, and an embedded LM for each application. Each has an identity of its own, and licenses count
// stations. The station of a link is an identity that all LMs of one computer can prove: that of the computer's Admin LM, or, without one, a key
// of the user. It signs the transcript of this one link, which holds the public key of the caller and fresh nonces of both sides, so the
// signature is worth nothing on another link or for another caller. docs/protocol/link.md K34, decision 0028.

const WORDS = Buffer.from('keyhaven link 1 station\0', 'latin1');
/** Bytes of a transcript. */
export const TRANSCRIPT_BYTES = 32;

export type StationProof = { readonly publicKey: Uint8Array; readonly signature: Uint8Array };

/** @param transcript of the link whose caller runs on the computer of `station` */
export const proveStation = (station: LmIdentity, transcript: Uint8Array): StationProof => ({
  publicKey: station.publicKey,
  signature: signBytes(station.signingKey, Buffer.concat([WORDS, transcript])),
});

/**
 * The GUID of the station.
 * @throws WireError where the signature is not one of this transcript
 */
export const provenStation = ({ publicKey, signature }: StationProof, transcript: Uint8Array): string => {
  if (!verifyBytes(publicKeyFrom('ed25519', publicKey), Buffer.concat([WORDS, transcript]), signature))
    throw new WireError('a station that is not proven');
  return guidOf(publicKey);
};

export const writeStation = (out: Writer, proof: StationProof | undefined): Writer =>
  proof === undefined ? out.u8(0) : out.u8(1).bytes(proof.publicKey).bytes(proof.signature);

export const readStation = (reader: Reader): StationProof | undefined => {
  const present = reader.u8();
  if (present > 1) throw new WireError('neither a station nor none');
  return present === 0 ? undefined : { publicKey: reader.bytes(32), signature: reader.bytes(64) };
};
