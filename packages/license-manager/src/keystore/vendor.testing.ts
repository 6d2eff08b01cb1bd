import { Buffer } from 'node:buffer';
import { fromBase64, toBase64 } from '@keyhaven/core/bytes';
import { hkdf, privateKeyFrom, publicBytes, secretKey } from '@keyhaven/core/crypto';
import { sealContext } from '@keyhaven/core/key';
import {
  type C2v,
  type Certificate,
  type Feature,
  formatVendorCode,
  openDocument,
  readC2v,
  type Secrets,
  sealTo,
  signDocument,
  type VendorCode,
  writeCertificate,
  writeSecrets,
  writeV2c,
} from '@keyhaven/core/license';
import { systemEntropy } from '../machine/index.ts';

export type SoldFeature = Partial<Omit<Feature, 'concurrency'>> & { readonly id: number } & Partial<Feature['concurrency']>;

const soldFeature = ({
  id,
  name = `Feature ${id}`,
  license = { type: 'perpetual' },
  detachable = false,
  ...rest
}: SoldFeature): Feature => ({
  id,
  name,
  license,
  concurrency: { seats: 2, count: 'login', network: true, remoteDesktop: true, virtualMachine: true, ...rest },
  detachable,
});

export type LicenseWish = {
  readonly features: readonly SoldFeature[];
  readonly counter?: number;
  readonly readWrite?: Uint8Array;
  readonly readOnly?: Uint8Array;
  /** What to change of the certificate before it is signed. */
  readonly certificate?: Partial<Certificate>;
};

export type TestVendor = {
  readonly code: VendorCode;
  readonly codeText: string;
  /** The V2C for the key of a C2V document. */
  license(state: Uint8Array, wish: LicenseWish): Buffer;
};

/** A vendor that signs with core alone, from fixed seeds. */
export const createTestVendor = (vendor = 37_515, fill = 1): TestVendor => {
  const signingKey = privateKeyFrom('ed25519', Buffer.alloc(32, fill));
  const master = secretKey(Buffer.alloc(32, fill + 1));
  const code = { vendor, publicKey: publicBytes(signingKey) };
  return {
    code,
    codeText: formatVendorCode(code),
    license(state, { features, readWrite, readOnly, certificate: changed, counter }) {
      const c2v: C2v = readC2v(openDocument('C2V', state).payload);
      const next = counter ?? c2v.counter + 1;
      const certificate: Certificate = {
        format: 1,
        vendor,
        key: c2v.key,
        type: c2v.type,
        signingKey: c2v.signingKey,
        counter: next,
        issued: '2026-11-24T03:00:00.000Z',
        products: [{ id: 1, name: 'Survey', features: features.map(soldFeature) }],
        memory: { readWrite: 64, readOnly: 32 },
        ...changed,
      };
      const secrets: Secrets = {
        features: [0, ...features.map(({ id }) => id)].map((id) => ({
          id,
          secret: toBase64(hkdf(master, new Uint8Array(), `test feature ${id}`, 32)),
        })),
        ...(readOnly === undefined ? {} : { readOnly: toBase64(readOnly) }),
        ...(readWrite === undefined ? {} : { readWrite: toBase64(readWrite) }),
      };
      const document = signDocument('certificate', writeCertificate(certificate), signingKey);
      const exchange = fromBase64(c2v.exchangeKey) ?? Buffer.alloc(0);
      const sealed = sealTo(exchange, systemEntropy.exchangePair(), writeSecrets(secrets), sealContext(c2v.key, next));
      const payload = {
        format: 1,
        vendor,
        key: c2v.key,
        counter: next,
        certificate: toBase64(document),
        sealed: toBase64(sealed),
      } as const;
      return signDocument('V2C', writeV2c(payload), signingKey);
    },
  };
};
