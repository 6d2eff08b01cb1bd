import { Buffer } from 'node:buffer';
import { fromBase64 } from '../bytes/index.ts';
import type { DynamicFile, MemorySizes, Secrets } from '../license/index.ts';
import {
  BLOCK,
  type BlockRow,
  blockRowKey,
  blocksOf,
  dynamicOf,
  type OnceRow,
  onceRowKey,
  READ_ONLY_FILE,
  READ_WRITE_FILE,
} from './layout.ts';
import type { MemoryChange, MemoryRows } from './write.ts';

// What an update does to the memory of a key (K3, K4), pure. Files that it does not name are removed, new ones begin with its contents or zeros,
// others keep theirs: cut where they become smaller, followed by zeros where they grow. Contents that it brings replace those of files that
// only the vendor writes; what applications may write is theirs, and begins with them only when the file is made.

type RowKey = `${string}/${string}/${string}`;
export type Contents = Pick<Secrets, 'readOnly' | 'readWrite' | 'dynamic'>;

const decoded = (data: string): Buffer => fromBase64(data) ?? Buffer.alloc(0);
const allBlocks = ({ size }: { readonly size: number }): readonly number[] => blocksOf(0, size);

/** Rows for these contents of a file that has none. */
export const contentsRows = (key: string, file: number, data: Uint8Array): MemoryChange[] => {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  if (file >= READ_WRITE_FILE) return [{ key: blockRowKey(key, file, 0), row: { data: bytes.toString('base64url') } satisfies BlockRow }];
  return blocksOf(0, bytes.length).map((block) => ({
    key: blockRowKey(key, file, block),
    row: { data: bytes.subarray(block * BLOCK, (block + 1) * BLOCK).toString('base64url') } satisfies BlockRow,
  }));
};
export const onceRows = (key: string, file: number, written: boolean): MemoryChange[] =>
  written ? [{ key: onceRowKey(key, file), row: { state: 'written' } satisfies OnceRow }] : [];

/** Every row that the memory of a key may have. */
export const memoryRowKeys = (key: string, memory: MemorySizes | undefined): RowKey[] => [
  blockRowKey(key, READ_ONLY_FILE, 0),
  blockRowKey(key, READ_WRITE_FILE, 0),
  ...(memory?.dynamic ?? []).flatMap((file) => [
    onceRowKey(key, file.id),
    ...allBlocks(file).map((block) => blockRowKey(key, file.id, block)),
  ]),
];

/** The last block that a file keeps in part when it is cut; undefined where it is not. */
const cutBlock = (before: DynamicFile, after: DynamicFile): number | undefined =>
  after.size < before.size && after.size % BLOCK !== 0 ? Math.floor(after.size / BLOCK) : undefined;
const isReplaced = (after: DynamicFile, data: Buffer | undefined): data is Buffer => after.access === 'ro' && data !== undefined;

/** The rows that `decideInstall` reads. */
export const installRows = (key: string, before: MemorySizes | undefined, after: MemorySizes): RowKey[] => {
  const next = dynamicOf(after);
  return [...dynamicOf(before).values()].flatMap((file) => {
    const kept = next.get(file.id);
    const cut = kept === undefined ? undefined : cutBlock(file, kept);
    return cut === undefined ? [] : [blockRowKey(key, file.id, cut)];
  });
};

export const decideInstall = (
  rows: MemoryRows,
  key: string,
  before: MemorySizes | undefined,
  after: MemorySizes,
  contents: Contents,
): MemoryChange[] => {
  const changes: MemoryChange[] = [];
  if (contents.readOnly !== undefined) changes.push(...contentsRows(key, READ_ONLY_FILE, decoded(contents.readOnly)));
  if (contents.readWrite !== undefined) changes.push(...contentsRows(key, READ_WRITE_FILE, decoded(contents.readWrite)));
  const [old, next] = [dynamicOf(before), dynamicOf(after)];
  const given = new Map((contents.dynamic ?? []).map(({ id, data }) => [id, decoded(data)]));
  const gone = (file: number, blocks: readonly number[]): void => {
    for (const block of blocks) changes.push({ key: blockRowKey(key, file, block), row: undefined });
  };
  for (const file of old.values()) {
    const kept = next.get(file.id);
    const data = given.get(file.id);
    if (file.access === 'rwo' && kept?.access !== 'rwo') changes.push({ key: onceRowKey(key, file.id), row: undefined });
    if (kept === undefined) gone(file.id, allBlocks(file));
    else if (isReplaced(kept, data)) {
      gone(
        file.id,
        allBlocks(file).filter((block) => block * BLOCK >= data.length),
      );
      changes.push(...contentsRows(key, file.id, data));
    } else if (kept.size < file.size) {
      gone(
        file.id,
        allBlocks(file).filter((block) => block * BLOCK >= kept.size),
      );
      const cut = cutBlock(file, kept);
      const row = cut === undefined ? undefined : rows.get<BlockRow>(blockRowKey(key, file.id, cut));
      if (cut === undefined || row === undefined) continue;
      const left = decoded(row.data).subarray(0, kept.size - cut * BLOCK);
      changes.push({ key: blockRowKey(key, file.id, cut), row: { data: left.toString('base64url') } satisfies BlockRow });
    }
  }
  for (const file of next.values()) {
    const data = given.get(file.id);
    if (!old.has(file.id) && data !== undefined) changes.push(...contentsRows(key, file.id, data));
  }
  return changes;
};

/** The same to contents in memory: files that do not change keep their buffers. */
export const memoryAfter = (
  memory: ReadonlyMap<number, Buffer>,
  before: MemorySizes | undefined,
  after: MemorySizes,
  contents: Contents,
): Map<number, Buffer> => {
  const result = new Map([...memory].filter(([file]) => file >= READ_WRITE_FILE));
  if (contents.readOnly !== undefined) result.set(READ_ONLY_FILE, decoded(contents.readOnly));
  if (contents.readWrite !== undefined) result.set(READ_WRITE_FILE, decoded(contents.readWrite));
  const old = dynamicOf(before);
  const given = new Map((contents.dynamic ?? []).map(({ id, data }) => [id, decoded(data)]));
  for (const file of dynamicOf(after).values()) {
    const data = given.get(file.id);
    const was = old.has(file.id) ? memory.get(file.id) : undefined;
    if ((!old.has(file.id) && data !== undefined) || isReplaced(file, data))
      result.set(file.id, padded(data ?? Buffer.alloc(0), file.size));
    else if (was !== undefined) result.set(file.id, was.length === file.size ? was : padded(was, file.size));
  }
  return result;
};

const padded = (bytes: Buffer, size: number): Buffer => {
  const whole = Buffer.alloc(size);
  bytes.copy(whole);
  return whole;
};
