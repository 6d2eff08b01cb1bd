import { Buffer } from 'node:buffer';
import { hex } from '@keyhaven/core/bytes';
import { exchangePairFrom } from '@keyhaven/core/crypto';
import { createFeatureCipher, sealContext } from '@keyhaven/core/key';
import { armor, openDocument, readV2c, sealTo, unarmor } from '@keyhaven/core/license';
import { readCatalog } from './catalog.ts';
import { catalogText, fixedEntropy, makeC2v, makeKey, makeVendor, now, seed } from './fixtures.ts';
import { issueLicense } from './issue.ts';
import { featureSecret, vendorCodeOf } from './vendor.ts';

// Makes vectors/files.json: every format of docs/protocol/files.md from fixed seeds, for other languages to replay.

/** All byte strings are hex. */
export const makeFileVectors = () => {
  const vendor = makeVendor(37_515, 0x11);
  const stranger = makeVendor(37_515, 0x31);
  const key = makeKey(vendor, 0x21);
  const c2v = makeC2v(key, 2, [{ product: 2, feature: 50, executions: 9 }]);
  const request = { vendor, catalog: readCatalog(catalogText), now, entropy: fixedEntropy };
  const first = issueLicense({ ...request, c2v: makeC2v(key), products: [1] });
  const third = issueLicense({ ...request, c2v, products: [1, 2] });
  const document = (name: string, text: string) => {
    const { kind, bytes } = unarmor(text);
    const { signer, payload } = openDocument(kind, bytes);
    return { name, kind, signer: hex(signer), payload: payload.toString('utf8'), document: hex(bytes), text };
  };
  const certificateOf = (v2c: string): Buffer => {
    const { payload } = openDocument('V2C', unarmor(v2c).bytes);
    return Buffer.from(readV2c(payload).certificate, 'base64url');
  };
  const certificate = certificateOf(first.v2c);
  const secrets = Buffer.from('{"features":[]}');
  const cipher = createFeatureCipher(featureSecret(vendor, 42), Buffer.alloc(16, 0x55));
  const plains = [Buffer.from('sixteen bytes it'), Buffer.from('the second message under the same salt'), Buffer.alloc(64)];
  return {
    about:
      'Formats of docs/protocol/files.md from fixed seeds. Byte strings are hex. Every document opens as it is, and is refused when it ' +
      'is cut at any byte or any of its bits is flipped.',
    vendor: {
      id: vendor.id,
      signingSeed: hex(seed(0x11)),
      masterSecret: hex(seed(0x12)),
      publicKey: hex(vendor.publicKey),
      code: vendorCodeOf(vendor),
      featureSecrets: [0, 42, 43, 50, 65_471].map((feature) => ({ feature, secret: hex(featureSecret(vendor, feature)) })),
    },
    otherVendor: { id: stranger.id, publicKey: hex(stranger.publicKey), code: vendorCodeOf(stranger) },
    key: { id: key.id, signingSeed: hex(seed(0x21)), exchangeSeed: hex(seed(0x22)), publicKey: hex(key.signingPublic) },
    documents: [
      document('state of a new key', makeC2v(key)),
      document('state of a used key', c2v),
      document('first license', first.v2c),
      document('third license', third.v2c),
      document('certificate inside the first license', armor('certificate', certificate)),
    ],
    updates: [
      { license: 'first license', counter: 0, status: 0 },
      { license: 'first license', counter: 1, status: 65 },
      { license: 'first license', counter: 2, status: 54 },
      { license: 'third license', counter: 1, status: 55 },
      { license: 'third license', counter: 2, status: 0 },
    ],
    sealed: {
      ephemeralSeed: hex(seed(0x66)),
      context: hex(sealContext(key.id, 1)),
      plain: hex(secrets),
      sealed: hex(sealTo(key.exchange.publicKey, exchangePairFrom(seed(0x66)), secrets, sealContext(key.id, 1))),
    },
    cipher: {
      secret: hex(featureSecret(vendor, 42)),
      salt: hex(Buffer.alloc(16, 0x55)),
      messages: plains.map((plain) => ({ plain: hex(plain), sealed: hex(cipher.encrypt(plain)) })),
    },
  };
};
