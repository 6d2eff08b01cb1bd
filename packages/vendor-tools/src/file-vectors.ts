import { Buffer } from 'node:buffer';
import { hex } from '@keyhaven/core/bytes';
import { exchangePairFrom } from '@keyhaven/core/crypto';
import { createFeatureCipher, sealContext, stateDocument } from '@keyhaven/core/key';
import { armor, openDocument, readV2c, sealTo, unarmor } from '@keyhaven/core/license';
import { parseAction } from './actions.ts';
import { readCatalog } from './catalog.ts';
import { catalogText, fixedEntropy, makeC2v, makeKey, makeVendor, now, seed } from './fixtures.ts';
import { issueLicense } from './issue.ts';
import { updateLicense } from './update.ts';
import { packUpdates } from './v2c.ts';
import { featureSecret, vendorCodeOf } from './vendor.ts';

// Makes vectors/files.json: every format of docs/protocol/files.md from fixed seeds, for other languages to replay.

const memoryCatalog = `
products:
  - id: 1
    name: Survey
    features: [{ id: 42, license: { type: perpetual }, concurrency: { seats: 5 } }]
    memory:
      dynamic:
        - { id: 2, size: 64, access: ro, data: { text: tide tables } }
        - { id: 3, size: 16, access: rwo }
        - { id: 4, size: 2097152, access: rw }
`;
const certificateOf = (v2c: string): Buffer => {
  const { payload } = openDocument('V2C', unarmor(v2c).bytes);
  return Buffer.from(readV2c(payload).certificate, 'base64url');
};

/** All byte strings are hex. */
export const makeFileVectors = () => {
  const vendor = makeVendor(37_515, 0x11);
  const stranger = makeVendor(37_515, 0x31);
  const key = makeKey(vendor, 0x21);
  const c2v = makeC2v(key, 2, [{ product: 2, feature: 50, executions: 9 }]);
  const request = { vendor, catalog: readCatalog(catalogText), now, entropy: fixedEntropy };
  const first = issueLicense({ ...request, c2v: makeC2v(key), products: [1] });
  const third = issueLicense({ ...request, c2v, products: [1, 2] });
  const withFiles = readCatalog(memoryCatalog);
  const filed = issueLicense({ ...request, catalog: withFiles, c2v: makeC2v(key), products: [1], acknowledge: true });
  const change = updateLicense({
    ...request,
    catalog: withFiles,
    c2v: makeC2v(key),
    after: filed.v2c,
    actions: ['add seats 1.42 2', 'cancel file 3', 'cancel updates'].map(parseAction),
  });
  const shown = armor(
    'C2V',
    stateDocument(
      key,
      { counter: 1, host: 'survey-1.example', virtualMachine: false, usage: [], certificate: certificateOf(filed.v2c) },
      now,
    ),
  );
  const document = (name: string, text: string) => {
    const { kind, bytes } = unarmor(text);
    const { signer, payload } = openDocument(kind, bytes);
    return { name, kind, signer: hex(signer), payload: payload.toString('utf8'), document: hex(bytes), text };
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
      document('license with memory files, to be acknowledged', filed.v2c),
      document('state of a key that shows its license', shown),
      document('update computed from it, the last one', change.v2c),
      document('package of both', packUpdates(vendor, [filed.v2c, change.v2c])),
    ],
    updates: [
      { license: 'first license', counter: 0, status: 0 },
      { license: 'first license', counter: 1, status: 65 },
      { license: 'first license', counter: 2, status: 54 },
      { license: 'third license', counter: 1, status: 55 },
      { license: 'third license', counter: 2, status: 0 },
      { license: 'license with memory files, to be acknowledged', counter: 0, status: 0 },
      { license: 'update computed from it, the last one', counter: 1, held: 'license with memory files, to be acknowledged', status: 0 },
      { license: 'update computed from it, the last one', counter: 1, held: 'first license', status: 94 },
      { license: 'update computed from it, the last one', counter: 0, status: 55 },
      { license: 'update computed from it, the last one', counter: 2, held: 'update computed from it, the last one', status: 65 },
      { license: 'third license', counter: 2, held: 'update computed from it, the last one', status: 44 },
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
