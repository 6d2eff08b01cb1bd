import { Buffer } from 'node:buffer';
import { type KeyObject, prepareSealing, prepareUnsealing, type Sealing, secretKey, type Unsealing } from '../crypto/index.ts';
import { LicensingError, Status } from '../errors/index.ts';

// The record layer of a channel: AES-256-GCM, one key and one nonce mask per direction, counter nonces as in TLS 1.3 (RFC 8446
// section 5.3). A record is accepted only with exactly the next counter: repeated, reordered, dropped or changed records end the channel
// with SCHAN_ERR (46). docs/protocol/channel.md C7 to C9.

/** Counter before and tag behind the ciphertext. */
export const RECORD_OVERHEAD = 8 + 16;
const MAX_RECORDS = 2 ** 48;

export type Channel = {
  /** Names the channel to people and logs: the beginning of the transcript hash. */
  readonly id: Buffer;
  seal(plain: Uint8Array): Buffer;
  /** @throws LicensingError SCHAN_ERR; the channel then never opens anything again. */
  open(record: Uint8Array): Buffer;
  /** Makes the ciphers of the next record each way; to be called when nobody waits, it takes half of the work out of the way. */
  prepare(): void;
};

/** 32-byte AES key and 12-byte nonce mask of one direction. */
const direction = (secret: Buffer) => ({ key: secretKey(secret.subarray(0, 32)), mask: secret.subarray(32, 44) });
type Direction = { readonly key: KeyObject; readonly mask: Buffer };

const nonceOf = (mask: Buffer, counter: number): Buffer => {
  const nonce = Buffer.from(mask);
  nonce.writeUInt32BE((nonce.readUInt32BE(4) ^ Math.floor(counter / 0x1_0000_0000)) >>> 0, 4);
  nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ (counter % 0x1_0000_0000)) >>> 0, 8);
  return nonce;
};

/** `outgoing` and `incoming` are 44 bytes each; the two ends have them the other way round. */
export const createChannel = (id: Buffer, outgoing: Buffer, incoming: Buffer): Channel => {
  const out: Direction = direction(outgoing);
  const back: Direction = direction(incoming);
  let sent = 0;
  let received = 0;
  let broken = false;

  let sealing: Sealing | undefined;
  let unsealing: Unsealing | undefined;

  const associated = (counter: number): Buffer => {
    const bytes = Buffer.alloc(16);
    id.copy(bytes, 0, 0, 8);
    bytes.writeUInt32BE(Math.floor(counter / 0x1_0000_0000), 8);
    bytes.writeUInt32BE(counter % 0x1_0000_0000, 12);
    return bytes;
  };
  const nextSealing = (): Sealing => {
    const header = associated(sent);
    return prepareSealing(out.key, nonceOf(out.mask, sent), header, header.subarray(8));
  };
  const nextUnsealing = (): Unsealing => prepareUnsealing(back.key, nonceOf(back.mask, received), associated(received));
  const counterOf = (bytes: Buffer): number => bytes.readUInt32BE(0) * 0x1_0000_0000 + bytes.readUInt32BE(4);

  return {
    id,
    seal(plain) {
      if (sent >= MAX_RECORDS) throw new LicensingError(Status.SCHAN_ERR, { detail: 'The channel has carried all the records it may.' });
      // Forgotten before it is used, so that no nonce can serve twice.
      const ready = sealing ?? nextSealing();
      sealing = undefined;
      sent += 1;
      return ready.seal(plain);
    },
    open(record) {
      const bytes = Buffer.from(record.buffer, record.byteOffset, record.byteLength);
      const inOrder = !broken && bytes.length >= RECORD_OVERHEAD && counterOf(bytes) === received;
      const plain = inOrder ? (unsealing ?? nextUnsealing()).open(bytes.subarray(8)) : undefined;
      unsealing = undefined;
      if (plain === undefined) {
        broken = true;
        throw new LicensingError(Status.SCHAN_ERR, { detail: 'A record was changed, repeated, lost or reordered on its way.' });
      }
      received += 1;
      return plain;
    },
    prepare() {
      if (broken || sent >= MAX_RECORDS) return;
      sealing ??= nextSealing();
      unsealing ??= nextUnsealing();
    },
  };
};
