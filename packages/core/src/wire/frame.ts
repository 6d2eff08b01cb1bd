import { Buffer } from 'node:buffer';
import { WireError, Writer } from '../bytes/index.ts';

// Blocks of varying size (L5): 32-bit length of what follows, one byte of type, body. The same framing serves an application's TCP
// connection and the base64 bodies between LMs. The length stays under 2^24, so the first byte on a connection is always 0x00: that is
// how the port tells this protocol from HTTP and TLS (L6). docs/protocol/frames.md M1 to M6.

/** BOUNDED: no frame is longer, so an unauthenticated connection costs at most this much memory (I5). */
export const MAX_FRAME = 1024 * 1024;

export type Frame = { readonly type: number; readonly body: Buffer };

/** One frame; `write` appends its body. */
export const encodeFrame = (type: number, write?: (out: Writer) => void, capacity = 64): Buffer => {
  const out = new Writer(capacity);
  appendFrame(out, type, write);
  return out.done();
};

export const appendFrame = (out: Writer, type: number, write?: (out: Writer) => void): void => {
  const gap = out.gap();
  out.u8(type);
  write?.(out);
  out.fill(gap);
};

/**
 * Incremental: any cut of the bytes gives the same frames. Keeps less than one frame, and of memory at most twice what has come of
 * it, whatever its length says and in however small pieces it comes. After a WireError it is of no more use.
 */
export class FrameDecoder {
  readonly #limit: number;
  #kept = NOTHING;
  #length = 0;

  constructor(limit = MAX_FRAME) {
    this.#limit = limit;
  }

  /** Bytes kept of a frame that is not complete yet. */
  get pending(): number {
    return this.#length;
  }

  /** Memory held for them. */
  get held(): number {
    return this.#kept.length;
  }

  /**
   * @param firstLimit the longest that the next frame may be, where that is shorter than what the decoder was made for.
   * @throws WireError where a frame says that it is empty or too long; before its body is waited for.
   */
  push(chunk: Uint8Array, firstLimit = this.#limit): Frame[] {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const frames: Frame[] = [];
    let at = 0;
    if (this.#length > 0) {
      at = this.#keep(bytes, 0, 4);
      if (this.#length < 4) return frames;
      const whole = 4 + checkLength(this.#kept.readUInt32BE(0), firstLimit);
      at = this.#keep(bytes, at, whole);
      if (this.#length < whole) return frames;
      frames.push({ type: this.#kept.readUInt8(4), body: this.#kept.subarray(5, whole) });
      this.#kept = NOTHING;
      this.#length = 0;
    }
    while (bytes.length - at >= 4) {
      const length = checkLength(bytes.readUInt32BE(at), frames.length === 0 ? firstLimit : this.#limit);
      if (bytes.length - at - 4 < length) break;
      frames.push({ type: bytes.readUInt8(at + 4), body: bytes.subarray(at + 5, at + 4 + length) });
      at += 4 + length;
    }
    // A copy: the rest must not hold on to a large chunk.
    if (at < bytes.length) this.#keep(bytes, at, bytes.length - at);
    return frames;
  }

  /** Copies of `bytes` from `at` on what is missing until `wanted` bytes are kept; gives the place behind it. */
  #keep(bytes: Buffer, at: number, wanted: number): number {
    const end = at + Math.max(0, Math.min(bytes.length - at, wanted - this.#length));
    const length = this.#length + end - at;
    if (length > this.#kept.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(length, Math.min(wanted, this.#kept.length * 2)));
      this.#kept.copy(grown, 0, 0, this.#length);
      this.#kept = grown;
    }
    bytes.copy(this.#kept, this.#length, at, end);
    this.#length = length;
    return end;
  }
}

const NOTHING = Buffer.alloc(0);

const checkLength = (length: number, limit: number): number => {
  if (length === 0) throw new WireError('an empty frame');
  if (length > limit) throw new WireError(`a frame of ${length} bytes where ${limit} are allowed`);
  return length;
};
