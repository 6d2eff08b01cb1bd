import { fromBase64, sameBytes, toBase64 } from '@keyhaven/core/bytes';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { speaksForItself } from '@keyhaven/core/key';
import {
  type C2v,
  type Certificate,
  type Delegation,
  type DocumentKind,
  type DynamicFile,
  type Feature,
  type LegacyTerms,
  openDelegation,
  openDocument,
  openLegacy,
  openStanding,
  openTrial,
  type Product,
  readC2v,
  readCertificate,
  readPackage,
  readV2c,
  type Trial,
  unarmor,
  type V2c,
} from '@keyhaven/core/license';
import { type H2h, type H2r, openRecipient, type R2h, type Recipient, readH2h, readH2r, readR2h } from '@keyhaven/core/transfer';
import { sayLegacy, sayLicense, sayTrial } from './say-license.ts';

// What a license file says. Of a file whose signature does not hold nothing is shown but that: its contents are not even parsed (S1).

/** `signer` is the raw public key in base64url. */
export type Signature = { readonly holds: true; readonly signer: string } | { readonly holds: false; readonly reason: string };
export type Contents =
  | { readonly kind: 'C2V'; readonly c2v: C2v }
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
  | { readonly kind: 'H2H'; readonly h2h: Omit<H2h, 'certificate' | 'sealed'>; readonly certificate: Certificate };
export type Inspection = {
  readonly kind: DocumentKind;
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

const understand = (kind: DocumentKind, payload: Uint8Array, signer: Uint8Array, document: Uint8Array): Contents => {
  switch (kind) {
    case 'C2V': {
      const c2v = readC2v(payload);
      if (!speaksForItself(c2v, signer))
        throw new LicensingError(Status.INV_SIG, { detail: 'The C2V speaks of another key than the one that signed it.' });
      return { kind, c2v };
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
  if (!signature.holds) return [...head, `The signature does not hold: ${signature.reason}`].map(printable).join('\n');
  head.push(`The signature holds; signed by ${signature.signer}${signers[kind]}`);
  return [...head, ...(contents === undefined ? [] : sayContents(contents))].map(printable).join('\n');
};

const signers: Readonly<Record<DocumentKind, string>> = {
  certificate: ' (the vendor, if this is its public key)',
  V2C: ' (the vendor, if this is its public key)',
  V2CP: ' (the vendor, if this is its public key)',
  C2V: ' (the key itself)',
  ID: ' (the key of the recipient)',
  delegation: ' (the key that lends)',
  H2R: ' (the key that lends)',
  R2H: ' (the key that gives back)',
  H2H: ' (the key that moves)',
  trial: ' (the vendor, if this is its public key)',
  trialkey: ' (the key itself)',
  legacy: ' (the vendor, if this is its public key)',
  legacyterms: ' (the vendor, if this is its public key)',
  legacykey: ' (the key itself)',
};

const sayContents = (contents: Contents): string[] => {
  switch (contents.kind) {
    case 'C2V':
      return sayState(contents.c2v);
    case 'V2C':
      return [...sayCertificate(contents.certificate), ...sayUpdate(contents.v2c)];
    case 'V2CP':
      return contents.updates.flatMap(({ v2c, certificate }, index) => [
        `Update ${index + 1} of ${contents.updates.length}`,
        ...sayCertificate(certificate),
        ...sayUpdate(v2c),
      ]);
    case 'certificate':
      return sayCertificate(contents.certificate);
    case 'trial':
      return [...sayTrial(contents.trial), ...sayProduct(contents.trial.product)];
    case 'trialkey':
      return ['Says that a key belongs to a trial license'];
    case 'legacy':
      return [...sayLegacy(contents.key, contents.terms), ...contents.terms.products.flatMap(sayProduct)];
    case 'legacyterms':
      return ['What a legacy license lets its computer do'];
    case 'legacykey':
      return ['Says that a key belongs to a legacy license'];
    case 'ID': {
      const { key, type, host, guid, created, virtualMachine } = contents.recipient;
      return [
        `Recipient ${key} (${type}) on ${host || 'an unnamed computer'}${virtualMachine ? ', a virtual machine' : ''}`,
        `License manager ${guid}, made ${created}`,
      ];
    }
    case 'delegation':
      return sayDelegation(contents.delegation);
    case 'H2R':
      return [`Detached from key ${contents.h2r.parent}`, ...sayCertificate(contents.certificate)];
    case 'R2H':
      return [`Gives back to key ${contents.r2h.parent}, made ${contents.r2h.returned}`, ...sayDelegation(contents.delegation)];
    case 'H2H':
      return [
        `Move ${contents.h2h.rehosts} of key ${contents.h2h.key}, to recipient ${contents.h2h.recipient}, made ${contents.h2h.moved}`,
        ...sayCertificate(contents.certificate),
      ];
  }
};

const sayDelegation = ({ parent, key, product, seats, network, from, until, sequence }: Delegation): string[] => [
  `Key ${parent} lends product ${product} to key ${key}: ${seats} ${seats === 1 ? 'seat' : 'seats'}${network ? ' for a network' : ''}`,
  `From ${from} until ${until}, number ${sequence}`,
];

const sayState = (c2v: C2v): string[] => [
  `Key ${c2v.key} (${c2v.type}) of vendor ${c2v.vendor}, update counter ${c2v.counter}`,
  `Made ${c2v.created} on ${c2v.host || 'an unnamed computer'}${c2v.virtualMachine ? ', a virtual machine' : ''}`,
  ...c2v.usage.map(
    ({ product, feature, executions, firstUse }) =>
      `  Product ${product}, feature ${feature}: ${executions} executions used${firstUse === undefined ? '' : `, first used ${firstUse}`}`,
  ),
];

const sayUpdate = ({ base, acknowledge }: Omit<V2c, 'certificate' | 'sealed'>): string[] => [
  ...(base === undefined ? [] : ['Computed from what the key has; a key in another state refuses it']),
  ...(acknowledge === true ? ['Asks for an acknowledgement'] : []),
];
const sayFile = ({ id, size, access }: DynamicFile): string => `Memory file ${id}: ${size} bytes, ${access}`;

const sayCertificate = (certificate: Certificate): string[] => [
  `For key ${certificate.key} (${certificate.type}) of vendor ${certificate.vendor}, update counter ${certificate.counter}`,
  `Issued ${certificate.issued}; memory ${certificate.memory.readWrite} bytes read-write, ${certificate.memory.readOnly} bytes read-only`,
  ...(certificate.final === true ? ['The last update of this key: no other is applied after it'] : []),
  ...(certificate.memory.dynamic ?? []).map(sayFile),
  ...certificate.products.flatMap(sayProduct),
];
const sayProduct = (product: Product): string[] => [`Product ${product.id} ${product.name}`, ...product.features.map(sayFeature)];

const sayFeature = ({ id, name, license, concurrency, detachable, detachDays }: Feature): string => {
  const seats = concurrency.seats === 'unlimited' ? 'unlimited seats' : `${concurrency.seats} seats per ${concurrency.count}`;
  const parts = [
    sayLicense(license),
    seats,
    concurrency.network ? 'over the network' : 'local only',
    concurrency.remoteDesktop ? 'remote desktop allowed' : 'no remote desktop',
    concurrency.virtualMachine ? 'virtual machines allowed' : 'no virtual machines',
    ...(detachable ? [detachDays === undefined ? 'detachable' : `detachable for ${detachDays} days at a time`] : []),
  ];
  return `  Feature ${id} ${name}: ${parts.join(', ')}`;
};

/** Names come from outside: their control and direction characters must not move the cursor or forge lines (S8). */
const printable = (line: string): string => line.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '\ufffd');
