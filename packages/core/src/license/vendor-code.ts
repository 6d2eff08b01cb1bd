import { fromBase64, Reader, sameBytes, toBase64, WireError, Writer } from '../bytes/index.ts';
import { sha256 } from '../crypto/index.ts';
import { LicensingError, Status } from '../errors/index.ts';

/** What an application carries to name its vendor, and the key by which it believes what that vendor signed (K10). */
export type VendorCode = { readonly vendor: number; readonly publicKey: Uint8Array };

const MAGIC = 0x4b56; // "KV"
const VERSION = 1;

/** Text form: base64url of mark, version, vendor id, public key and the first four bytes of the SHA-256 of all that. */
export const formatVendorCode = (code: VendorCode): string => {
  const body = new Writer(64).u16(MAGIC).u8(VERSION).u32(code.vendor).bytes(code.publicKey).done();
  return toBase64(new Writer(64).bytes(body).bytes(sha256(body).subarray(0, 4)).done());
};

/** @throws LicensingError INV_VCODE (22) */
export const parseVendorCode = (text: string): VendorCode => {
  const bytes = text.length > 200 ? undefined : fromBase64(text.trim());
  try {
    const reader = new Reader(bytes ?? new Uint8Array());
    if (reader.u16() !== MAGIC) throw new WireError('no mark');
    const version = reader.u8();
    if (version !== VERSION) throw new WireError('another version');
    const code = { vendor: reader.u32(), publicKey: reader.bytes(32) };
    const checksum = reader.bytes(4);
    reader.end();
    if (code.vendor === 0) throw new WireError('vendor 0');
    if (bytes === undefined || !sameBytes(checksum, sha256(bytes.subarray(0, -4)).subarray(0, 4))) throw new WireError('checksum');
    return code;
  } catch {
    throw new LicensingError(Status.INV_VCODE);
  }
};
