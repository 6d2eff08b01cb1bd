import { fromBase64, toBase64 } from '../bytes/index.ts';
import { type ExchangePair, exchangePairFrom, type KeyObject, privateKeyFrom, publicBytes } from '../crypto/index.ts';
import type { Fingerprint } from '../fingerprint/index.ts';
import { type C2v, type KeyType, keyIdOf, signDocument, signDocumentBy, writeC2v } from '../license/index.ts';
import type { Wall } from '../time/index.ts';

/** What everybody may know of a protection key. The vendor is pinned when the key is made: only that vendor can ever license it (S12). */
export type PublicIdentity = {
  /** `keyIdOf` its signing key; of an SL Legacy key, what its license says. */
  readonly id: string;
  readonly type: KeyType;
  readonly vendor: number;
  /** The vendor's raw public key. */
  readonly vendorKey: Uint8Array;
  readonly signingPublic: Uint8Array;
};

/** A protection key of software as its owner holds it. */
export type KeyIdentity = PublicIdentity & { readonly signingKey: KeyObject; readonly exchange: ExchangePair };

export { keyIdOf };

/** A key from its two 32-byte seeds; they are all that has to stay secret. */
export const keyFromSeeds = (
  of: { readonly type: KeyType; readonly vendor: number; readonly vendorKey: Uint8Array },
  signingSeed: Uint8Array,
  exchangeSeed: Uint8Array,
): KeyIdentity => {
  const signingKey = privateKeyFrom('ed25519', signingSeed);
  const signingPublic = publicBytes(signingKey);
  return { ...of, id: keyIdOf(signingPublic), signingKey, signingPublic, exchange: exchangePairFrom(exchangeSeed) };
};

export type Usage = C2v['usage'];

export type KeyState = {
  readonly counter: number;
  readonly host: string;
  readonly virtualMachine: boolean;
  readonly usage: Usage;
  readonly fingerprint?: Fingerprint | undefined;
  /** The signed certificate of the key. */
  readonly certificate?: Uint8Array | undefined;
};
const statePayload = (key: PublicIdentity, exchangePublic: Uint8Array, state: KeyState, now: Wall): Uint8Array =>
  writeC2v({
    format: 1,
    vendor: key.vendor,
    vendorKey: toBase64(key.vendorKey),
    key: key.id,
    type: key.type,
    signingKey: toBase64(key.signingPublic),
    exchangeKey: toBase64(exchangePublic),
    counter: state.counter,
    created: new Date(now).toISOString(),
    host: state.host,
    virtualMachine: state.virtualMachine,
    usage: state.usage,
    ...(state.fingerprint === undefined ? {} : { fingerprint: state.fingerprint }),
    ...(state.certificate === undefined ? {} : { certificate: toBase64(state.certificate) }),
  });

/** The C2V of a key: its state, signed by itself. */
export const stateDocument = (key: KeyIdentity, state: KeyState, now: Wall): Uint8Array =>
  signDocument('C2V', statePayload(key, key.exchange.publicKey, state, now), key.signingKey);

/** Likewise of a key in hardware, which signs it. Rejects as the device does. */
export const deviceStateDocument = (
  {
    identity,
    exchangePublic,
    sign,
  }: {
    readonly identity: PublicIdentity;
    readonly exchangePublic: Uint8Array;
    readonly sign: (bytes: Uint8Array) => Promise<Uint8Array>;
  },
  state: KeyState,
  now: Wall,
): Promise<Uint8Array> => signDocumentBy('C2V', statePayload(identity, exchangePublic, state, now), identity.signingPublic, sign);

/** True where a C2V speaks of the key that signed it. */
export const speaksForItself = (c2v: C2v, signer: Uint8Array): boolean => {
  const named = fromBase64(c2v.signingKey);
  return named !== undefined && toBase64(named) === toBase64(signer) && keyIdOf(signer) === c2v.key;
};
