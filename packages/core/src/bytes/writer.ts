import { Buffer } from 'node:buffer';

/**
 * Appends big-endian values; the counterpart of Reader. `done` hands out exactly what was written, never a byte more (S16), and may be
 * called once. Short texts come from Node's pool: that is several times faster than a buffer of their own.
 */
export class Writer {
  #bytes: Buffer;
  #at = 0;

  constructor(capacity = 256) {
    this.#bytes = Buffer.allocUnsafe(capacity);
  }

  get length(): number {
    return this.#at;
  }

  #room(length: number): number {
    const at = this.#at;
    const needed = at + length;
    if (needed > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
      this.#bytes.copy(grown, 0, 0, at);
      this.#bytes = grown;
    }
    this.#at = needed;
    return at;
  }

  u8(value: number): this {
    const at = this.#room(1);
    this.#bytes.writeUInt8(value, at);
    return this;
  }
  u16(value: number): this {
    const at = this.#room(2);
    this.#bytes.writeUInt16BE(value, at);
    return this;
  }
  u32(value: number): this {
    const at = this.#room(4);
    this.#bytes.writeUInt32BE(value, at);
    return this;
  }
  u64(value: bigint): this {
    const at = this.#room(8);
    this.#bytes.writeBigUInt64BE(value, at);
    return this;
  }
  u53(value: number): this {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${value} is no whole number of up to 53 bits`);
    return this.u32(Math.floor(value / 0x1_0000_0000)).u32(value % 0x1_0000_0000);
  }
  bytes(value: Uint8Array): this {
    const at = this.#room(value.length);
    this.#bytes.set(value, at);
    return this;
  }
  block(value: Uint8Array): this {
    return this.u32(value.length).bytes(value);
  }
  text(value: string): this {
    const length = Buffer.byteLength(value, 'utf8');
    this.u16(length);
    const at = this.#room(length);
    this.#bytes.write(value, at, length, 'utf8');
    return this;
  }
  /** Reserves a 32-bit length, to be filled by `fill` with the number of bytes written since. */
  gap(): number {
    return this.#room(4);
  }
  fill(gap: number): this {
    this.#bytes.writeUInt32BE(this.#at - gap - 4, gap);
    return this;
  }
  done(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }
}
