import { Buffer } from 'node:buffer';
import { fromBase64, Reader, sameBytes, WireError, Writer } from '../bytes/index.ts';
import { hmac, type KeyObject } from '../crypto/index.ts';

// One HTTP body between two linked LMs (R7): base64 of link id ‖ sequence ‖ HMAC-SHA256 ‖ blocks. A request must have a higher
// sequence than every one before it, and an answer carries the sequence of its request, so that nothing old can be played again.
// docs/protocol/link.md K6 to K8.

/** BOUNDED: bytes of one body before base64. */
export const MAX_BODY = 4 * 1024 * 1024;
const HEADER = 4 + 8 + 32;

export type LinkBody = { readonly link: number; readonly sequence: number; readonly blocks: Buffer };

export const encodeBody = (link: number, sequence: number, blocks: Uint8Array, key: KeyObject): string => {
  const numbered = new Writer(12 + blocks.length).u32(link).u53(sequence).bytes(blocks).done();
  return Buffer.concat([numbered.subarray(0, 12), hmac(key, numbered), blocks]).toString('base64');
};

/** Which link a body claims to be of, before anything is checked. */
export const linkOf = (text: string): number | undefined => {
  const bytes = fromBase64(text.slice(0, 8));
  return bytes === undefined || bytes.length < 4 ? undefined : bytes.readUInt32BE(0);
};

/** @throws WireError where it is not what the holder of `key` wrote. */
export const decodeBody = (text: string, key: KeyObject): LinkBody => {
  if (text.length > MAX_BODY * 1.4) throw new WireError('a body that is too long');
  const bytes = fromBase64(text);
  if (bytes === undefined || bytes.length < HEADER) throw new WireError('a body that is not base64 of a link body');
  const reader = new Reader(bytes);
  const [link, sequence, mac, blocks] = [reader.u32(), reader.u53(), reader.bytes(32), reader.rest()];
  if (!sameBytes(mac, hmac(key, Buffer.concat([bytes.subarray(0, 12), blocks])))) throw new WireError('a body that does not authenticate');
  return { link, sequence, blocks };
};
