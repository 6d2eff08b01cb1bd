import { Buffer } from 'node:buffer';
import { sameBytes } from '../bytes/index.ts';
import { hmac, type KeyObject, secretKey } from '../crypto/index.ts';

// The identity that a client of the REST licensing API shows (C6): an HMAC over its name, a moment, the path and the body. Method, query and Host are
// not in it and there is no nonce: what follows from that is for whoever checks (docs/decisions/0022).

export const IDENTITY_HEADER = 'x-ldk-identity-ws';
/** How far the moment of a request may be from now. */
export const DATE_WINDOW_MS = 5 * 60_000;

export type SignedRequest = {
  readonly identity: string;
  /** As it was sent, which is what is signed. */
  readonly date: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly signature: Buffer;
};

/** What an identity may be called. */
export const IDENTITY_NAME = /^[A-Za-z0-9_-]{1,40}$/;

/** undefined where it has another form. */
export const signedRequestIn = (header: string): SignedRequest | undefined => {
  const [, identity = '', date = '', signature = ''] =
    /^V1, ?Identity=([A-Za-z0-9_-]{1,40}), ?RequestDate=(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ), ?Signature=([0-9a-fA-F]{64})$/.exec(header) ??
    [];
  const at = Date.parse(date);
  if (identity === '' || !Number.isFinite(at)) return undefined;
  return { identity, date, at, signature: Buffer.from(signature, 'hex') };
};

/** What an identity signs with. @param secret the text of the secret, as it was issued */
export const identityKey = (secret: string): KeyObject =>
  secretKey(hmac(secretKey(Buffer.from(secret, 'ascii')), Buffer.from('X-LDK-Identity-WS-V1', 'ascii')));

/** @param path decoded, without the query. @param body as it came */
export const signatureOf = (
  key: KeyObject,
  request: { readonly identity: string; readonly date: string; readonly path: string; readonly body: Uint8Array },
): Buffer => {
  const { identity, date, path, body } = request;
  return hmac(key, Buffer.concat([Buffer.from(`${identity}${date}${path}^`, 'utf8'), body]));
};

/** Takes the same time for every wrong signature. */
export const isSignedBy = (key: KeyObject, request: SignedRequest, path: string, body: Uint8Array): boolean =>
  sameBytes(signatureOf(key, { ...request, path, body }), request.signature);
