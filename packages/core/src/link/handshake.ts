import { Buffer } from 'node:buffer';
import { Reader, WireError, Writer } from '../bytes/index.ts';
import {
  agree,
  type Entropy,
  type ExchangePair,
  hkdf,
  type KeyObject,
  publicKeyFrom,
  secretKey,
  sha256,
  signBytes,
  verifyBytes,
} from '../crypto/index.ts';
import { chooseVersion, type VersionRange } from '../versions/index.ts';
import { guidOf, type LmIdentity } from './identity.ts';
import { provenStation, readStation, type StationProof, writeStation } from './station.ts';

// Two LMs prove their identities to each other, so that nobody can renew, release or read another LM's sessions by claiming its GUID
// (R5, S14). Three messages of the SIGMA shape: share and nonce both ways, then a signature over the whole transcript from each side;
// keys by HKDF over the transcript. Bodies afterwards carry an HMAC and a sequence number (body.ts). docs/protocol/link.md K1 to K5.

/**
 * Version 2 has blocks for the changes of a catalog, version 3 those for files, version 4 those about sessions. In version 5 a confirmation ends with
 * the station of the caller or the word that it has none, and channels are opened with what the caller knows of the process.
 */
export const LINK_VERSIONS = { from: 1, to: 6 } as const;
const WITH_STATION = 5;
/** Whose upgrade a refusal asks for (T6). */
const spoken = (answering: string) => ({
  protocol: 'link between license managers',
  beginning: 'the license manager that calls',
  answering: `the license manager of ${answering}`,
});
const ANSWER = Buffer.from('keyhaven link 1 answer\0', 'latin1');
const CONFIRM = Buffer.from('keyhaven link 1 confirm\0', 'latin1');

/** What the two ends know once they are linked. */
export type LinkKeys = {
  /** Chosen by the answering LM; names the link in every body. */
  readonly id: number;
  /** The version that both speak; decides which blocks may come. */
  readonly version: number;
  readonly peer: {
    readonly guid: string;
    readonly hostname: string;
    /** The computer of the caller, as it has proven: the GUID of an identity that LMs of one computer share; absent = its own GUID. */
    readonly station?: string;
  };
  readonly outgoing: KeyObject;
  readonly incoming: KeyObject;
};

/** Who speaks, and its part of the keys: the same in both directions. */
const write = (identity: LmIdentity, hostname: string, nonce: Uint8Array, pair: ExchangePair): Writer =>
  new Writer(256).bytes(identity.publicKey).bytes(nonce).bytes(pair.publicKey).text(hostname.slice(0, 80));
const read = (reader: Reader) => {
  const publicKey = reader.bytes(32);
  reader.bytes(32);
  return { publicKey, share: reader.bytes(32), hostname: reader.text(255) };
};
const transcriptOf = (hello: Uint8Array, answer: Uint8Array): Buffer => sha256(new Writer(600).block(hello).block(answer).done());

const derive = (pair: ExchangePair, share: Uint8Array, transcript: Buffer) => {
  const secret = hkdf(agree(pair.privateKey, share), transcript, 'keyhaven link 1 keys', 64);
  return { toAnswerer: secretKey(secret.subarray(0, 32)), toCaller: secretKey(secret.subarray(32)) };
};

export type Calling = {
  readonly hello: Buffer;
  /** @throws WireError where the answer proves nothing. */
  confirm(answer: Uint8Array): Confirmation;
};
export type Confirmation = {
  /** Without a station. */
  readonly confirmation: Buffer;
  readonly keys: LinkKeys;
  /** What a station signs for this link; undefined = the link is of a version without stations. */
  readonly transcript: Uint8Array | undefined;
  /** As `confirmation`, with a station. */
  withStation(proof: StationProof): Buffer;
};

export const callLink = (self: LmIdentity, hostname: string, entropy: Entropy, ours: VersionRange = LINK_VERSIONS): Calling => {
  const pair = entropy.exchangePair();
  const versions = new Writer(2).u8(ours.from).u8(ours.to).done();
  const hello = Buffer.concat([versions, write(self, hostname, entropy.bytes(32), pair).done()]);
  return {
    hello,
    confirm(answer) {
      const reader = new Reader(answer);
      const id = reader.u32();
      const version = reader.u8();
      if (version < ours.from || version > ours.to) throw new WireError(`link version ${version}`);
      const peer = read(reader);
      const unsigned = answer.subarray(0, answer.length - reader.remaining);
      const signature = reader.bytes(64);
      reader.end();
      const transcript = transcriptOf(hello, unsigned);
      if (!verifyBytes(publicKeyFrom('ed25519', peer.publicKey), Buffer.concat([ANSWER, transcript]), signature))
        throw new WireError('the LM did not prove its identity');
      const keys = derive(pair, peer.share, transcript);
      const signed = signBytes(self.signingKey, Buffer.concat([CONFIRM, transcript]));
      const confirmation = (proof?: StationProof): Buffer => {
        const out = new Writer(200).u32(id).bytes(signed);
        return (version < WITH_STATION ? out : writeStation(out, proof)).done();
      };
      return {
        confirmation: confirmation(),
        withStation: confirmation,
        transcript: version < WITH_STATION ? undefined : transcript,
        keys: {
          id,
          version,
          peer: { guid: guidOf(peer.publicKey), hostname: peer.hostname },
          outgoing: keys.toAnswerer,
          incoming: keys.toCaller,
        },
      };
    },
  };
};

export type Answering = {
  readonly answer: Buffer;
  /** @throws WireError where the caller did not prove its identity. */
  confirmed(confirmation: Uint8Array): LinkKeys;
};

/** @throws WireError where the hello has not its form; LicensingError OLD_LM (42) or OLD_DRIVER (11) where no version fits. */
export const answerLink = (
  self: LmIdentity,
  hostname: string,
  id: number,
  hello: Uint8Array,
  entropy: Entropy,
  ours: VersionRange = LINK_VERSIONS,
): Answering => {
  const reader = new Reader(hello);
  const [from, to] = [reader.u8(), reader.u8()];
  const version = chooseVersion(ours, { from, to }, spoken(hostname));
  const caller = read(reader);
  reader.end();
  const pair = entropy.exchangePair();
  const unsigned = new Writer(300)
    .u32(id)
    .u8(version)
    .bytes(write(self, hostname, entropy.bytes(32), pair).done())
    .done();
  const transcript = transcriptOf(hello, unsigned);
  const keys = derive(pair, caller.share, transcript);
  return {
    answer: Buffer.concat([unsigned, signBytes(self.signingKey, Buffer.concat([ANSWER, transcript]))]),
    confirmed(confirmation) {
      const body = new Reader(confirmation);
      if (body.u32() !== id) throw new WireError('a confirmation for another link');
      const signature = body.bytes(64);
      const proof = version < WITH_STATION ? undefined : readStation(body);
      body.end();
      if (!verifyBytes(publicKeyFrom('ed25519', caller.publicKey), Buffer.concat([CONFIRM, transcript]), signature))
        throw new WireError('the LM did not prove its identity');
      const station = proof === undefined ? {} : { station: provenStation(proof, transcript) };
      return {
        id,
        version,
        peer: { guid: guidOf(caller.publicKey), hostname: caller.hostname, ...station },
        outgoing: keys.toCaller,
        incoming: keys.toAnswerer,
      };
    },
  };
};
