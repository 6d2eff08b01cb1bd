import { Buffer } from 'node:buffer';

/** Bytes from outside do not have the shape that the protocol gives them. Carries no status: the edge decides what it means. */
export class WireError extends Error {
  override readonly name = 'WireError';
}

/**
 * Reads big-endian values in order; every length is checked against what remains before it is used (S6). `bytes` and `rest` are
 * views on the input, not copies.
 */
export class Reader {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Uint8Array, offset = 0) {
    this.#bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = offset;
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  #take(length: number): number {
    const at = this.#at;
    if (length > this.#bytes.length - at) throw new WireError(`needs ${length} bytes, ${this.#bytes.length - at} remain`);
    this.#at = at + length;
    return at;
  }

  u8(): number {
    return this.#bytes.readUInt8(this.#take(1));
  }
  u16(): number {
    return this.#bytes.readUInt16BE(this.#take(2));
  }
  u32(): number {
    return this.#bytes.readUInt32BE(this.#take(4));
  }
  u64(): bigint {
    return this.#bytes.readBigUInt64BE(this.#take(8));
  }
  /** A 64-bit value that must fit into 53 bits: a time in milliseconds, a counter. */
  u53(): number {
    const high = this.u32();
    if (high > 0x1f_ffff) throw new WireError('a number over 53 bits');
    return high * 0x1_0000_0000 + this.u32();
  }
  bytes(length: number): Buffer {
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }
  /** Bytes behind their 32-bit length, of at most `limit`. */
  block(limit: number): Buffer {
    const length = this.u32();
    if (length > limit) throw new WireError(`a block of ${length} bytes where ${limit} are allowed`);
    return this.bytes(length);
  }
  /** UTF-8 text behind its 16-bit length; ill-formed UTF-8 is refused. */
  text(limit = 1_024): string {
    const length = this.u16();
    if (length > limit) throw new WireError(`a text of ${length} bytes where ${limit} are allowed`);
    return utf8(this.bytes(length));
  }
  /** UTF-8 text behind its 32-bit length. */
  longText(limit: number): string {
    return utf8(this.block(limit));
  }
  rest(): Buffer {
    return this.bytes(this.remaining);
  }
  /** Says that nothing may follow: trailing bytes are refused, not ignored. */
  end(): void {
    if (this.remaining !== 0) throw new WireError(`${this.remaining} bytes too many`);
  }
}

const utf8 = (bytes: Buffer): string => {
  const text = bytes.toString('utf8');
  // What is ill-formed becomes U+FFFD; but that character may also be meant.
  if (text.includes('\ufffd') && !Buffer.from(text, 'utf8').equals(bytes)) throw new WireError('a text that is not UTF-8');
  return text;
};
