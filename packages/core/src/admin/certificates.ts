import { fromBase64 } from '../bytes/index.ts';
import { sha256 } from '../crypto/index.ts';
import { LicensingError, Status } from '../errors/index.ts';
import {
  armor,
  type Certificate,
  type CountBy,
  chainWith,
  isLegacy,
  isTrial,
  type KeyType,
  type License,
  linksOf,
  openStanding,
  type Product,
  type Standing,
} from '../license/index.ts';

// What a key shows as its certificate, link by link, for people and programs (field-facts 2.1 "Certificates"; transfer.md T10 to T14, files.md F20, F103,
// F113). Promised: what a link says is told only where its signature holds and it gives no more than its signer has; what comes behind a link
// that does not is not looked at. Not promised: that the first public key is that of the vendor one means; people compare its fingerprint.

export type CertifiedFeature = {
  readonly feature: number;
  readonly name: string;
  readonly license: License;
  /** null = any number. */
  readonly seats: number | null;
  readonly count: CountBy;
  readonly network: boolean;
  readonly remoteDesktop: boolean;
  readonly virtualMachine: boolean;
  readonly detachable: boolean;
};
export type CertifiedProduct = {
  readonly product: number;
  readonly name: string;
  /** For one computer, which is recognised by its parts (K6). */
  readonly bound: boolean;
  readonly features: readonly CertifiedFeature[];
};
/** Of a public key: SHA-256, the first 16 bytes of it in hex, in groups of four digits. */
export type KeyFingerprint = string;
export type CertificateLink = {
  /** `key`: by which the key of a trial or legacy license says that it belongs to it. */
  readonly kind: 'vendor' | 'delegation' | 'trial' | 'legacy' | 'key';
  /** A vendor, or a key by its id; the fingerprint is that of the public key by which the signature was checked. */
  readonly signer: { readonly vendor?: number; readonly key?: string; readonly fingerprint: KeyFingerprint };
  /** Whether it does, by that key. */
  readonly signatureHolds: boolean;
  /** Why the link counts for nothing; null where it counts. */
  readonly fault: string | null;
  /** What is certified: absent of a trial or legacy license, which is for a key made later, and where the link counts for nothing, as all that follows. */
  readonly key?: string;
  readonly type?: KeyType;
  readonly fingerprint?: KeyFingerprint;
  readonly issued?: string;
  /** Of a delegation: the last moment at which it is good. */
  readonly until?: string;
  /** The update counter of a vendor's certificate, the sequence of a delegation. */
  readonly counter?: number;
  /** As the signer leaves them to the key: of a delegation no more than it may pass on. */
  readonly products: readonly CertifiedProduct[];
  /** The key may move to another computer without its vendor. */
  readonly rehost?: true;
  /** The vendor's last word: no update is applied any more. */
  readonly final?: true;
  /** The signed document in its text form. */
  readonly document: string;
};

export const fingerprintOfKey = (publicKey: Uint8Array): KeyFingerprint =>
  (sha256(publicKey).toString('hex').slice(0, 32).match(/.{4}/g) ?? []).join(' ');

const productOf = ({ id, name, features, protection }: Product): CertifiedProduct => ({
  product: id,
  name,
  bound: protection !== undefined,
  features: features.map((feature) => ({
    feature: feature.id,
    name: feature.name,
    license: feature.license,
    seats: feature.concurrency.seats === 'unlimited' ? null : feature.concurrency.seats,
    count: feature.concurrency.count,
    network: feature.concurrency.network,
    remoteDesktop: feature.concurrency.remoteDesktop,
    virtualMachine: feature.concurrency.virtualMachine,
    detachable: feature.detachable,
  })),
});

const bytesOf = (base64: string): Uint8Array => fromBase64(base64) ?? new Uint8Array();
const sealOf = ({ key, type, signingKey }: Certificate) => ({ key, type, fingerprint: fingerprintOfKey(bytesOf(signingKey)) });
const holds = { signatureHolds: true, fault: null } as const;

const linkOf = ({ certificate, delegation }: Pick<Standing, 'certificate' | 'delegation'>) => ({
  ...holds,
  ...sealOf(certificate),
  issued: certificate.issued,
  ...(delegation === undefined ? {} : { until: delegation.until }),
  counter: certificate.counter,
  products: certificate.products.map(productOf),
  ...(certificate.rehost === undefined ? {} : { rehost: certificate.rehost }),
  ...(certificate.final === undefined ? {} : { final: certificate.final }),
});

/** Of a link that does not hold, and by whom it should have been signed. */
const refused = (error: unknown) => {
  if (!(error instanceof LicensingError)) throw error;
  return { signatureHolds: error.status === Status.INV_UPDATE_DATA, fault: error.detail ?? error.message, products: [] };
};

/** A trial or legacy license, and the document by which a key says that it belongs to it. */
const licenseAndKey = (first: Uint8Array, own: Uint8Array | undefined, open: () => Standing, by: CertificateLink['signer']) => {
  const kind = isTrial(first) ? 'trial' : 'legacy';
  const document = armor(kind === 'trial' ? 'trial' : 'legacyterms', first);
  try {
    const { certificate } = open();
    const { issued, counter, products } = linkOf({ certificate, delegation: undefined });
    const license: CertificateLink = {
      kind,
      signer: by,
      ...holds,
      issued,
      ...(kind === 'trial' ? {} : { counter }),
      products,
      document,
    };
    const seal = sealOf(certificate);
    const signer = { key: seal.key, fingerprint: seal.fingerprint };
    const shown = armor(kind === 'trial' ? 'trialkey' : 'legacykey', own ?? new Uint8Array());
    return [license, { kind: 'key', signer, ...holds, ...seal, products: [], document: shown }] as const;
  } catch (error) {
    return [{ kind, signer: by, ...refused(error), document }] as const;
  }
};

/**
 * The links of what a key shows, from its vendor down.
 * @param vendor the id of the vendor of that public key.
 * @throws LicensingError INV_UPDATE_OBJ (17) where it is neither a document nor a chain of documents.
 */
export const certificatesOf = (shown: Uint8Array, vendorKey: Uint8Array, vendor: number): readonly CertificateLink[] => {
  const links = linksOf(shown);
  const ofVendor = { vendor, fingerprint: fingerprintOfKey(vendorKey) };
  const [first, second] = links;
  if (isTrial(first) || isLegacy(first)) return licenseAndKey(first, second, () => openStanding(shown, vendorKey), ofVendor);
  const found: CertificateLink[] = []; // BOUNDED by MAX_LINKS
  let soFar: Uint8Array | undefined;
  let parent: Certificate | undefined;
  for (const link of links) {
    soFar = soFar === undefined ? link : chainWith(soFar, link);
    const kind = parent === undefined ? 'vendor' : 'delegation';
    const signer = parent === undefined ? ofVendor : { key: parent.key, fingerprint: sealOf(parent).fingerprint };
    const document = armor(parent === undefined ? 'certificate' : 'delegation', link);
    try {
      const standing = openStanding(soFar, vendorKey);
      found.push({ kind, signer, ...linkOf(standing), document });
      parent = standing.certificate;
    } catch (error) {
      found.push({ kind, signer, ...refused(error), document });
      return found;
    }
  }
  return found;
};
