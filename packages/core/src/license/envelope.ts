import { Buffer } from 'node:buffer';
import { fromBase64, Reader, sameBytes, WireError, Writer } from '../bytes/index.ts';
import { type KeyObject, publicBytes, publicKeyFrom, signBytes, verifyBytes } from '../crypto/index.ts';
import { LicensingError, Status } from '../errors/index.ts';

// Signed documents: certificates, C2V, V2C. The signature is checked over the raw payload bytes before anything of them is parsed
// (S1), by a key that the caller's trust store names, not the file (S12). What is signed carries the kind of document, so that no
// document passes for another. Text form: base64 between BEGIN and END lines, which survives mail. docs/protocol/files.md F1 to F6.

export const documentKinds = {
  certificate: 1,
  C2V: 2,
  V2C: 3,
  V2CP: 4,
  ID: 16,
  delegation: 17,
  H2R: 18,
  R2H: 19,
  H2H: 20,
  trial: 24,
  trialkey: 25,
  legacy: 26,
  legacykey: 27,
  legacyterms: 28,
} as const;
export type DocumentKind = keyof typeof documentKinds;

/** BOUNDED: no document is larger, so that a stranger's file costs bounded memory. */
export const DOCUMENT_LIMIT = 8 * 1024 * 1024;

const MAGIC = 0x4b484431; // "KHD1"
const HEADER = 4 + 1 + 32 + 64;
const CONTEXT = Buffer.from('keyhaven signed document 1\0', 'latin1');

const signedBytes = (kind: DocumentKind, signer: Uint8Array, payload: Uint8Array): Buffer =>
  new Writer(CONTEXT.length + 41 + payload.length)
    .bytes(CONTEXT)
    .u8(documentKinds[kind])
    .bytes(signer)
    .u53(payload.length)
    .bytes(payload)
    .done();

export const signDocument = (kind: DocumentKind, payload: Uint8Array, signingKey: KeyObject): Buffer => {
  const signer = publicBytes(signingKey);
  const signature = signBytes(signingKey, signedBytes(kind, signer, payload));
  return new Writer(HEADER + payload.length).u32(MAGIC).u8(documentKinds[kind]).bytes(signer).bytes(signature).bytes(payload).done();
};

/** The same, signed by whoever holds the private key and does not give it: a device. Rejects as it does. */
export const signDocumentBy = async (
  kind: DocumentKind,
  payload: Uint8Array,
  signer: Uint8Array,
  sign: (bytes: Uint8Array) => Promise<Uint8Array>,
): Promise<Buffer> => {
  const signature = await sign(signedBytes(kind, signer, payload));
  return new Writer(HEADER + payload.length).u32(MAGIC).u8(documentKinds[kind]).bytes(signer).bytes(signature).bytes(payload).done();
};

export type SignedDocument = { readonly signer: Buffer; readonly payload: Buffer };

/**
 * The payload of a document whose signature holds.
 * @param signer the raw public key that must have signed; without it the one inside counts, which proves possession only.
 * @throws LicensingError INV_UPDATE_OBJ (17) where it is no such document, INV_SIG (30) where the signature does not hold.
 */
export const openDocument = (kind: DocumentKind, bytes: Uint8Array, signer?: Uint8Array): SignedDocument => {
  if (bytes.length > DOCUMENT_LIMIT) throw new LicensingError(Status.INV_UPDATE_OBJ, { detail: 'The document is larger than 8 MiB.' });
  const reader = new Reader(bytes);
  let found: SignedDocument & { signature: Buffer };
  try {
    if (reader.u32() !== MAGIC) throw new WireError('no mark');
    if (reader.u8() !== documentKinds[kind]) throw new WireError('another kind');
    found = { signer: reader.bytes(32), signature: reader.bytes(64), payload: reader.rest() };
  } catch {
    throw new LicensingError(Status.INV_UPDATE_OBJ, { detail: `The document is no Keyhaven ${kind} document.` });
  }
  const trusted = signer === undefined || sameBytes(signer, found.signer);
  if (!trusted || !verifyBytes(publicKeyFrom('ed25519', found.signer), signedBytes(kind, found.signer, found.payload), found.signature)) {
    throw new LicensingError(Status.INV_SIG, {
      detail: trusted
        ? `The signature of the ${kind} does not hold: the document was changed or cut.`
        : `The ${kind} is signed by somebody else.`,
    });
  }
  return { signer: found.signer, payload: found.payload };
};

/** Text form of a document. */
export const armor = (kind: DocumentKind, bytes: Uint8Array): string => {
  const lines =
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,76}/g) ?? [];
  return `-----BEGIN KEYHAVEN ${kind}-----\n${lines.join('\n')}\n-----END KEYHAVEN ${kind}-----\n`;
};

/**
 * Kind and bytes of a document's text form, or of the XML that an application got for `updateinfo`; white space around the lines does not
 * matter.
 * @throws LicensingError INV_FORMAT (15)
 */
export const unarmor = (text: string): { readonly kind: DocumentKind; readonly bytes: Buffer } => {
  if (text.length > DOCUMENT_LIMIT * 1.5)
    throw new LicensingError(Status.INV_FORMAT, { detail: 'The file is larger than a license file can be.' });
  const whole = unwrapped(text.trim());
  const [begin = '', kind = ''] = /^-----BEGIN KEYHAVEN ([A-Za-z0-9]{2,11})-----\s/.exec(whole) ?? [];
  const end = `-----END KEYHAVEN ${kind}-----`;
  const framed = isDocumentKind(kind) && whole.endsWith(end) && whole.length >= begin.length + end.length;
  const bytes = framed ? fromBase64(withoutSpace(whole.slice(begin.length, -end.length))) : undefined;
  if (!isDocumentKind(kind) || bytes === undefined) {
    throw new LicensingError(Status.INV_FORMAT, { detail: 'The file is no Keyhaven document, or a part of it is missing.' });
  }
  return { kind, bytes };
};

/** In one pass: a file may be millions of lines of one character, and everybody waits meanwhile. What is not ASCII stays, and is no base64. */
const withoutSpace = (text: string): string => {
  const bytes = Buffer.from(text, 'utf8');
  let length = 0;
  // By index: several times as fast as by iterator.
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte === 0x20 || (byte >= 0x09 && byte <= 0x0d)) continue;
    bytes[length] = byte;
    length += 1;
  }
  return bytes.toString('utf8', 0, length);
};

const unwrapped = (text: string): string =>
  text.startsWith('<')
    ? (/^(?:<\?xml[^<>]{0,100}\?>\s*)?<hasp_info>\s*<c2v>([^<&]*)<\/c2v>\s*<\/hasp_info>$/.exec(text)?.[1]?.trim() ?? text)
    : text;

const isDocumentKind = (text: string): text is DocumentKind => Object.hasOwn(documentKinds, text);
