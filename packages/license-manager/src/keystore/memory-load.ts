import { Buffer } from 'node:buffer';
import { fromBase64 } from '@keyhaven/core/bytes';
import { BLOCK, placeOf } from '@keyhaven/core/memory';

// Contents of memory files in memory: one buffer per file, as long as what was written to it; what is behind its end is zeros.

/** One stored row, at start-up. */
export const putBlock = (files: Map<number, Buffer>, name: string, data: string | undefined): void => {
  const { file, block } = placeOf(name);
  const bytes = fromBase64(data ?? '');
  if (block === undefined || bytes === undefined) return;
  const start = block * BLOCK;
  putBytes(files, file, start + bytes.length, start, bytes);
};

/** Writes in place; the buffer becomes at least `size` long where it is too short. */
export const putBytes = (files: Map<number, Buffer>, file: number, size: number, offset: number, data: Uint8Array): void => {
  const before = files.get(file);
  let bytes = before;
  if (bytes === undefined || bytes.length < offset + data.length) {
    bytes = Buffer.alloc(Math.max(size, offset + data.length, before === undefined ? 0 : before.length));
    before?.copy(bytes);
    files.set(file, bytes);
  }
  bytes.set(data, offset);
};
