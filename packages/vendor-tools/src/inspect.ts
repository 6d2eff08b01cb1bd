import { Buffer } from 'node:buffer';
import { fromBase64, sameBytes, toBase64 } from '@keyhaven/core/bytes';
import { LicensingError, Status } from '@keyhaven/core/errors';
import type { Fingerprint } from '@keyhaven/core/fingerprint';
import { speaksForItself } from '@keyhaven/core/key';
import {
  type C2v,
  type Certificate,
  type Delegation,
  type DocumentKind,
  type LegacyTerms,
  openDelegation,
  openDocument,
  openLegacy,
  openStanding,
  openTrial,
  readC2v,
  readCertificate,
  readPackage,
  readV2c,
  type Trial,
  unarmor,
  type V2c,
} from '@keyhaven/core/license';
import { type H2h, type H2r, openRecipient, type R2h, type Recipient, readH2h, readH2r, readR2h } from '@keyhaven/core/transfer';
import { readFingerprint } from './fingerprint-file.ts';
import { formatContents } from './format-contents.ts';

// What a license file says. Of a file whose signature does not hold nothing is shown but that: its contents are not even parsed (S1).

/** `signer` is the raw public key in base64url. */
export type Signature =
  | { readonly holds: true; readonly signer: string }
  /** `unsigned`: files of this kind are signed by nobody. */
  | { readonly holds: false; readonly reason: string; readonly unsigned?: true };
export type Contents =
  /** `certificate`: what the key has, where its C2V shows it and its vendor signed it. */
  | { readonly kind: 'C2V'; readonly c2v: C2v; readonly certificate?: Certificate }
  | { readonly kind: 'V2C'; readonly v2c: Omit<V2c, 'certificate' | 'sealed'>; readonly certificate: Certificate }
  | {
      readonly kind: 'V2CP';
      readonly updates: readonly { readonly v2c: Omit<V2c, 'certificate' | 'sealed'>; readonly certificate: Certificate }[];
    }
  | { readonly kind: 'certificate'; readonly certificate: Certificate }
  | { readonly kind: 'trial'; readonly trial: Trial }
  | { readonly kind: 'trialkey' }
  /** `key`: the id that its key has on every computer. */
  | { readonly kind: 'legacy'; readonly terms: LegacyTerms; readonly key: string }
  | { readonly kind: 'legacyterms' }
  | { readonly kind: 'legacykey' }
  | { readonly kind: 'ID'; readonly recipient: Recipient }
  | { readonly kind: 'delegation'; readonly delegation: Delegation }
  | { readonly kind: 'H2R'; readonly h2r: Omit<H2r, 'certificate' | 'sealed'>; readonly certificate: Certificate }
  | { readonly kind: 'R2H'; readonly r2h: Omit<R2h, 'delegation'>; readonly delegation: Delegation }
  | { readonly kind: 'fingerprint'; readonly vendor: string; readonly type: string; readonly fingerprint: Fingerprint }
  | { readonly kind: 'H2H'; readonly h2h: Omit<H2h, 'certificate' | 'sealed'>; readonly certificate: Certificate };
export type Inspection = {
  readonly kind: DocumentKind | 'fingerprint';
  readonly bytes: number;
  readonly signature: Signature;
  /** Absent where the signature does not hold. */
  readonly contents?: Contents;
  /** The same for a person to read. */
  readonly text: string;
};

/**
 * @throws LicensingError INV_FORMAT (15) where the text is no Keyhaven document, INV_UPDATE_DATA (19) or INV_FORMAT where it is signed
 * but not understood.
 */
export const inspectFile = (text: string): Inspection => {
  if (/^\s*</.test(text)) return inspectFingerprint(text);
  const { kind, bytes } = unarmor(text);
  let found: Omit<Inspection, 'kind' | 'bytes' | 'text'>;
  try {
    const { signer, payload } = openDocument(kind, bytes);
    found = { signature: { holds: true, signer: toBase64(signer) }, contents: understand(kind, payload, signer, bytes) };
  } catch (error) {
    if (!(error instanceof LicensingError) || (error.status !== Status.INV_SIG && error.status !== Status.INV_UPDATE_OBJ)) throw error;
    found = { signature: { holds: false, reason: error.detail ?? error.message } };
  }
  const report = { kind, bytes: bytes.length, ...found };
  return { ...report, text: describe(report) };
};

const inspectFingerprint = (text: string): Inspection => {
  const contents = { kind: 'fingerprint', ...readFingerprint(text) } as const;
  const signature = { holds: false, reason: 'A fingerprint file is signed by nobody.', unsigned: true } as const;
  const report = { kind: contents.kind, bytes: Buffer.byteLength(text), signature, contents };
  return { ...report, text: describe(report) };
};

const decoded = (text: string): Uint8Array => fromBase64(text) ?? new Uint8Array();
const foreign = (): LicensingError =>
  new LicensingError(Status.INV_SIG, { detail: 'What is inside is signed by somebody else, or for another key.' });

const insideV2c = (payload: Uint8Array, signer: Uint8Array) => {
  const { certificate, sealed: _, ...v2c } = readV2c(payload);
  const inner = openDocument('certificate', decoded(certificate));
  if (!sameBytes(inner.signer, signer))
    throw new LicensingError(Status.INV_SIG, { detail: 'The certificate inside is signed by somebody else.' });
  return { v2c, certificate: readCertificate(inner.payload) };
};

/** What a C2V shows of the key's license; undefined where another vendor signed it than the key was made for. */
const ownCertificate = ({ certificate, vendorKey, key }: C2v): Certificate | undefined => {
  if (certificate === undefined) return undefined;
  try {
    const found = readCertificate(openDocument('certificate', decoded(certificate), decoded(vendorKey)).payload);
    return found.key === key ? found : undefined;
  } catch (error) {
    if (error instanceof LicensingError) return undefined;
    throw error;
  }
};

const understand = (kind: DocumentKind, payload: Uint8Array, signer: Uint8Array, document: Uint8Array): Contents => {
  switch (kind) {
    case 'C2V': {
      const c2v = readC2v(payload);
      if (!speaksForItself(c2v, signer))
        throw new LicensingError(Status.INV_SIG, { detail: 'The C2V speaks of another key than the one that signed it.' });
      const certificate = ownCertificate(c2v);
      return certificate === undefined ? { kind, c2v } : { kind, c2v, certificate };
    }
    case 'V2C':
      return { kind, ...insideV2c(payload, signer) };
    case 'V2CP':
      return {
        kind,
        updates: readPackage(payload).updates.map((update) => insideV2c(openDocument('V2C', decoded(update), signer).payload, signer)),
      };
    case 'certificate':
      return { kind, certificate: readCertificate(payload) };
    case 'trial':
      return { kind, trial: openTrial(document) };
    case 'trialkey':
    case 'legacyterms':
    case 'legacykey':
      return { kind };
    case 'legacy': {
      const { terms, key } = openLegacy(document);
      return { kind, terms, key };
    }
    case 'ID':
      return { kind, recipient: openRecipient(document) };
    case 'delegation':
      return { kind, delegation: openDelegation(document, signer) };
    case 'H2R': {
      const { certificate, sealed: _, ...h2r } = readH2r(payload);
      const standing = openStanding(decoded(certificate), decoded(h2r.vendorKey));
      if (!sameBytes(standing.signer, signer)) throw foreign();
      return { kind, h2r, certificate: standing.certificate };
    }
    case 'R2H': {
      const { delegation, ...r2h } = readR2h(payload);
      // Who signed the delegation is the lending key's to judge; here it has only to be one document with the R2H.
      const inner = openDelegation(decoded(delegation), openDocument('delegation', decoded(delegation)).signer);
      if (inner.key !== r2h.key || !sameBytes(decoded(inner.signingKey), signer)) throw foreign();
      return { kind, r2h, delegation: inner };
    }
    case 'H2H': {
      const { certificate, sealed: _, ...h2h } = readH2h(payload);
      const inner = readCertificate(openDocument('certificate', decoded(certificate), decoded(h2h.vendorKey)).payload);
      if (inner.key !== h2h.key || !sameBytes(decoded(inner.signingKey), signer)) throw foreign();
      return { kind, h2h, certificate: inner };
    }
  }
};

const describe = (report: Omit<Inspection, 'text'>): string => {
  const { kind, signature, contents } = report;
  const head = [`${kind}, ${report.bytes} bytes`];
  if (!signature.holds && signature.unsigned !== true)
    return [...head, `The signature does not hold: ${signature.reason}`].map(printable).join('\n');
  if (signature.holds && kind !== 'fingerprint') head.push(`The signature holds; signed by ${signature.signer}${signers[kind]}`);
  else if (!signature.holds) head.push(signature.reason);
  return [...head, ...(contents === undefined ? [] : formatContents(contents))].map(printable).join('\n');
};

const signers: Readonly<Record<DocumentKind, string>> = {
  certificate: ' (the vendor, if this is its public key)',
  V2C: ' (the vendor, if this is its public key)',
  V2CP: ' (the vendor, if this is its public key)',
  C2V: ' (the key itself)',
  ID: ' (the key of the recipient)',
  delegation: ' (the key of the owner)',
  H2R: ' (the key of the owner)',
  R2H: ' (the key of the recipient)',
  H2H: ' (the key that moves)',
  trial: ' (the vendor, if this is its public key)',
  trialkey: ' (the key itself)',
  legacy: ' (the vendor, if this is its public key)',
  legacyterms: ' (the vendor, if this is its public key)',
  legacykey: ' (the key itself)',
};

/** Names come from outside: their control and direction characters must not move the cursor or forge lines (S8). */
const printable = (line: string): string => line.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '\ufffd');
