import { Buffer } from 'node:buffer';
import { WireError, Writer } from '../bytes/index.ts';

// Blocks of varying size (L5): 32-bit length of what follows, one byte of type, body. The same framing serves an application's TCP
// connection and the base64 bodies between LMs. The length stays under 2^24, so the first byte on a connection is always 0x00: that is
// how the port tells this protocol from HTTP and TLS (L6). docs/protocol/frames.md.

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
 * Incremental: any cut of the bytes gives the same frames. Keeps less than one frame. After a WireError it is of no more use.
 */
export class FrameDecoder {
  readonly #limit: number;
  #kept: Buffer[] = [];
  #length = 0;

  constructor(limit = MAX_FRAME) {
    this.#limit = limit;
  }

  /** Bytes kept of a frame that is not complete yet. */
  get pending(): number {
    return this.#length;
  }

  /**
   * @param firstLimit the longest that the next frame may be, where that is shorter than what the decoder was made for.
   * @throws WireError where a frame says that it is empty or too long; before its body is waited for.
   */
  push(chunk: Uint8Array, firstLimit = this.#limit): Frame[] {
    let bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (this.#length > 0) {
      this.#kept.push(bytes);
      this.#length += bytes.length;
      const needed = this.#needed(firstLimit);
      if (needed === undefined || this.#length < needed) return [];
      bytes = Buffer.concat(this.#kept, this.#length);
      this.#kept = [];
      this.#length = 0;
    }
    const frames: Frame[] = [];
    let at = 0;
    while (bytes.length - at >= 4) {
      const length = checkLength(bytes.readUInt32BE(at), frames.length === 0 ? firstLimit : this.#limit);
      if (bytes.length - at - 4 < length) break;
      frames.push({ type: bytes.readUInt8(at + 4), body: bytes.subarray(at + 5, at + 4 + length) });
      at += 4 + length;
    }
    if (at < bytes.length) {
      // A copy: the rest must not hold on to a large chunk.
      const rest = Buffer.from(bytes.subarray(at));
      this.#kept = [rest];
      this.#length = rest.length;
    }
    return frames;
  }

  /** Length of the frame whose beginning is kept; undefined where even its length is not complete. */
  #needed(limit: number): number | undefined {
    if (this.#length < 4) return undefined;
    let first = this.#kept[0];
    if (first === undefined) return undefined;
    if (first.length < 4) {
      first = Buffer.concat(this.#kept, this.#length);
      this.#kept = [first];
    }
    return 4 + checkLength(first.readUInt32BE(0), limit);
  }
}

const checkLength = (length: number, limit: number): number => {
  if (length === 0) throw new WireError('an empty frame');
  if (length > limit) throw new WireError(`a frame of ${length} bytes where ${limit} are allowed`);
  return length;
};
