import type { DynamicFile, MemoryAccess, MemorySizes } from '../license/index.ts';

// Where the memory files of a key lie (K3): in rows of at most BLOCK bytes, so that a small write to a big file costs its own blocks and not
// the file. Bytes that no row holds are zeros.

/** Memory files that every key has (field-facts 1.2). */
export const READ_WRITE_FILE = 0xfff4;
export const READ_ONLY_FILE = 0xfff5;

/** Bytes of a row. Measured: a write of 16 bytes to a file of 2 MiB costs one row of 5.5 KB, as one to the fixed memory does. */
export const BLOCK = 4_096;

/** `data`: base64url. */
export type BlockRow = { readonly data: string };
/**
 * Of a file that can be written once: it has been, or a write of several pieces is under way. An application that never comes back to finish
 * it holds nobody up: the file is not written until the last piece is, and whoever begins anew begins.
 */
export type OnceRow =
  | { readonly state: 'written' }
  | { readonly state: 'writing'; readonly session: string; readonly from: number; readonly to: number };

type RowKey = `${string}/${string}/${string}`;
/** The fixed files are smaller than a block. */
export const blockRowKey = (key: string, file: number, block: number): RowKey =>
  file >= READ_WRITE_FILE ? `${key}/memory/${file}` : `${key}/memory/${file}.${block}`;
export const onceRowKey = (key: string, file: number): RowKey => `${key}/memory/${file}.once`;

/** File and block that the last part of a row's key names; block undefined for a row that holds no contents. */
export const placeOf = (name: string): { readonly file: number; readonly block: number | undefined } => {
  const [file = '', block = '0'] = name.split('.');
  return { file: Number(file), block: block === 'once' ? undefined : Number(block) };
};

export type MemoryFile = { readonly size: number; readonly access: MemoryAccess };

/** undefined where the key has no such file. */
export const fileIn = (memory: MemorySizes, file: number): MemoryFile | undefined => {
  switch (file) {
    case READ_WRITE_FILE:
      return { size: memory.readWrite, access: 'rw' };
    case READ_ONLY_FILE:
      return { size: memory.readOnly, access: 'ro' };
    default:
      return memory.dynamic?.find(({ id }) => id === file);
  }
};

export const dynamicOf = (memory: MemorySizes | undefined): ReadonlyMap<number, DynamicFile> =>
  new Map((memory?.dynamic ?? []).map((file) => [file.id, file]));

/** Numbers of the blocks that hold these bytes. */
export const blocksOf = (offset: number, length: number): readonly number[] => {
  if (length === 0) return [];
  const first = Math.floor(offset / BLOCK);
  return Array.from({ length: Math.floor((offset + length - 1) / BLOCK) - first + 1 }, (_, index) => first + index);
};
