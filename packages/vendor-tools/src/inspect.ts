import { fromBase64, sameBytes, toBase64 } from '@keyhaven/core/bytes';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { speaksForItself } from '@keyhaven/core/key';
import {
  type C2v,
  type Certificate,
  type DocumentKind,
  type Feature,
  openDocument,
  readC2v,
  readCertificate,
  readV2c,
  unarmor,
  type V2c,
} from '@keyhaven/core/license';

// What a license file says. Of a file whose signature does not hold nothing is shown but that: its contents are not even parsed (S1).

/** `signer` is the raw public key in base64url. */
export type Signature = { readonly holds: true; readonly signer: string } | { readonly holds: false; readonly reason: string };
export type Contents =
  | { readonly kind: 'C2V'; readonly c2v: C2v }
  | { readonly kind: 'V2C'; readonly v2c: Omit<V2c, 'certificate' | 'sealed'>; readonly certificate: Certificate }
  | { readonly kind: 'certificate'; readonly certificate: Certificate };
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
    found = { signature: { holds: true, signer: toBase64(signer) }, contents: understand(kind, payload, signer) };
  } catch (error) {
    if (!(error instanceof LicensingError) || (error.status !== Status.INV_SIG && error.status !== Status.INV_UPDATE_OBJ)) throw error;
    found = { signature: { holds: false, reason: error.detail ?? error.message } };
  }
  const report = { kind, bytes: bytes.length, ...found };
  return { ...report, text: describe(report) };
};

const understand = (kind: DocumentKind, payload: Uint8Array, signer: Uint8Array): Contents => {
  switch (kind) {
    case 'C2V': {
      const c2v = readC2v(payload);
      if (!speaksForItself(c2v, signer))
        throw new LicensingError(Status.INV_SIG, { detail: 'The C2V speaks of another key than the one that signed it.' });
      return { kind, c2v };
    }
    case 'V2C': {
      const { certificate, sealed: _, ...v2c } = readV2c(payload);
      const inner = openDocument('certificate', fromBase64(certificate) ?? new Uint8Array());
      if (!sameBytes(inner.signer, signer))
        throw new LicensingError(Status.INV_SIG, { detail: 'The certificate inside is signed by somebody else.' });
      return { kind, v2c, certificate: readCertificate(inner.payload) };
    }
    case 'certificate':
      return { kind, certificate: readCertificate(payload) };
  }
};

const describe = (report: Omit<Inspection, 'text'>): string => {
  const { kind, signature, contents } = report;
  const head = [`${kind}, ${report.bytes} bytes`];
  if (!signature.holds) return [...head, `The signature does not hold: ${signature.reason}`].map(printable).join('\n');
  head.push(
    `The signature holds; signed by ${signature.signer}${kind === 'C2V' ? ' (the key itself)' : ' (the vendor, if this is its public key)'}`,
  );
  return [...head, ...(contents === undefined ? [] : sayContents(contents))].map(printable).join('\n');
};

const sayContents = (contents: Contents): string[] => {
  if (contents.kind !== 'C2V') return sayCertificate(contents.certificate);
  const { c2v } = contents;
  return [
    `Key ${c2v.key} (${c2v.type}) of vendor ${c2v.vendor}, update counter ${c2v.counter}`,
    `Made ${c2v.created} on ${c2v.host || 'an unnamed computer'}${c2v.virtualMachine ? ', a virtual machine' : ''}`,
    ...c2v.usage.map(({ product, feature, executions }) => `  Product ${product}, feature ${feature}: ${executions} executions used`),
  ];
};

const sayCertificate = (certificate: Certificate): string[] => [
  `For key ${certificate.key} (${certificate.type}) of vendor ${certificate.vendor}, update counter ${certificate.counter}`,
  `Issued ${certificate.issued}; memory ${certificate.memory.readWrite} bytes read-write, ${certificate.memory.readOnly} bytes read-only`,
  ...certificate.products.flatMap((product) => [`Product ${product.id} ${product.name}`, ...product.features.map(sayFeature)]),
];

const sayFeature = ({ id, name, license, concurrency, detachable }: Feature): string => {
  const seats = concurrency.seats === 'unlimited' ? 'unlimited seats' : `${concurrency.seats} seats per ${concurrency.count}`;
  const parts = [
    license.type === 'expiration' ? `until ${license.until}` : license.type === 'executions' ? `${license.count} executions` : 'perpetual',
    seats,
    concurrency.network ? 'over the network' : 'local only',
    concurrency.remoteDesktop ? 'remote desktop allowed' : 'no remote desktop',
    concurrency.virtualMachine ? 'virtual machines allowed' : 'no virtual machines',
    ...(detachable ? ['detachable'] : []),
  ];
  return `  Feature ${id} ${name}: ${parts.join(', ')}`;
};

/** Names come from outside: their control and direction characters must not move the cursor or forge lines (S8). */
const printable = (line: string): string => line.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '\ufffd');
