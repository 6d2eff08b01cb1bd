import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';
import { fromBase64, hex } from '@keyhaven/core/bytes';
import { fingerprintOf, type Observation } from '@keyhaven/core/fingerprint';
import { renderInfo } from '@keyhaven/core/format';
import { keyFromSeeds } from '@keyhaven/core/key';
import { armor, chainWith, type LegacyTerms, openDocument, openLegacy, openStanding, signLegacyKey, unarmor } from '@keyhaven/core/license';
import { readCatalog } from './catalog.ts';
import { readFingerprintFile } from './fingerprint-file.ts';
import { fixedEntropy, makeVendor, now, seed } from './fixtures.ts';
import { issueLegacy } from './legacy.ts';

// Makes vectors/legacy.json: a fingerprint file, a legacy license for it and the one that takes its place, and the chain that its key shows.

const catalog = `
products:
  - id: 1
    name: Survey
    protection: { physical: PMType2 }
    features:
      - { id: 42, name: Echo sounder, license: { type: perpetual }, concurrency: { seats: 2, network: true } }
    memory: { readWrite: 16, readOnly: 16, readOnlyData: { text: hello }, readWriteData: { hex: "0001" } }
  - { id: 2, name: Charts, features: [{ id: 50, license: { type: executions, count: 100 } }], memory: { readWrite: 0, readOnly: 0 } }
`;
export const tower: Observation = {
  host: 'physical',
  values: {
    board: ['board 1'],
    disk: ['disk 1', 'disk 2'],
    cpu: ['cpu 1'],
    ethernet_address: ['02:00:00:00:00:01'],
    fqdn: ['tower.example'],
  },
};

/** The file as a customer's computer makes it. */
export const fingerprintFile = (observed: Observation, vendor: { readonly id: number; readonly publicKey: Uint8Array }): string => {
  const bytes = Buffer.from(JSON.stringify(fingerprintOf(observed, vendor.publicKey)), 'utf8');
  const of = { type: 'SL-AdminMode', crc: String(crc32(bytes)), vendor: String(vendor.id), base64: bytes.toString('base64') } as const;
  return renderInfo(
    { kind: 'predefined', name: 'host_fingerprint' },
    { licenseManagers: [{ id: 'lm', hostFingerprints: [of], vendors: [] }] },
  );
};

/** All byte strings are hex. */
export const makeLegacyVectors = () => {
  const vendor = makeVendor(37_515, 0x11);
  const stranger = makeVendor(37_515, 0x31);
  const file = fingerprintFile(tower, vendor);
  const request = { vendor, catalog: readCatalog(catalog), fingerprint: readFingerprintFile(file, vendor), now, entropy: fixedEntropy };
  const first = issueLegacy({ ...request, products: [1] });
  const second = issueLegacy({ ...request, products: [1, 2], after: first.text });
  const { signingKey } = keyFromSeeds({ type: 'sl-legacy', vendor: vendor.id, vendorKey: vendor.publicKey }, seed(0x21), seed(0x22));
  const opened = openLegacy(unarmor(first.text).bytes);
  const keyDocument = signLegacyKey(opened.termsDocument, opened.terms, signingKey);
  const chain = chainWith(opened.termsDocument, keyDocument);
  const document = (name: string, text: string) => {
    const { kind, bytes } = unarmor(text);
    const { signer, payload } = openDocument(kind, bytes);
    return { name, kind, signer: hex(signer), payload: payload.toString('utf8'), document: hex(bytes), text };
  };
  const version = ({ license, counter }: LegacyTerms) => ({ license: hex(fromBase64(license) ?? Buffer.alloc(0)), counter });
  return {
    about:
      'SL Legacy by docs/protocol/files.md F110 to F119, from fixed seeds. Byte strings are hex. `standing` is what an application may believe of ' +
      'the chain. Every document opens as it is, and is refused when it is cut at any byte or any of its bits is flipped.',
    vendor: { id: vendor.id, publicKey: hex(vendor.publicKey) },
    otherVendor: { publicKey: hex(stranger.publicKey) },
    key: { id: first.key, signingSeed: hex(seed(0x21)) },
    fingerprintFile: file,
    versions: [version(first.terms), version(second.terms)],
    documents: [
      document('legacy license', first.text),
      document('legacy license that takes its place', second.text),
      document('terms inside the legacy license', armor('legacyterms', opened.termsDocument)),
      document('key of the legacy license', armor('legacykey', keyDocument)),
    ],
    chain: hex(chain),
    standing: JSON.stringify(openStanding(chain, vendor.publicKey).certificate),
    secrets: opened.secrets.features.map(({ id, secret }) => ({ id, secret: hex(fromBase64(secret) ?? Buffer.alloc(0)) })),
  };
};
