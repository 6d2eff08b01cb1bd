import { Buffer } from 'node:buffer';
import { Status, type StatusCode } from '../errors/index.ts';
import { BLOCK, type BlockRow, blockRowKey, blocksOf, type MemoryFile, type OnceRow, onceRowKey } from './layout.ts';

// Writes to memory files (K3), pure: from the rows that a write touches to the rows afterwards. Promised:
// - one call is written whole or not at all;
// - a file of access `rwo` is written once: pieces of one write follow each other without a gap, and after the last one nothing is written;
// - a write repeated because its answer was lost changes nothing and is answered as the first one.

type RowKey = `${string}/${string}/${string}`;
export type MemoryRows = { get<R extends object>(key: RowKey): R | undefined };
export type MemoryChange = { readonly key: RowKey; readonly row: object | undefined };

/** Which part of one write of an application a call is; a write that fits into one call is neither continued nor followed. */
export type Piece = {
  /** The application does not know whether this was written already. */
  readonly repeated: boolean;
  /** Follows the piece before it. */
  readonly continues: boolean;
  /** Another piece follows. */
  readonly more: boolean;
};
export const WHOLE: Piece = { repeated: false, continues: false, more: false };

export type Write = {
  readonly key: string;
  readonly file: number;
  readonly of: MemoryFile;
  readonly offset: number;
  readonly data: Uint8Array;
  readonly piece: Piece;
  readonly session: string;
  /** The row of the key's license and the update counter by which `of` was looked up. */
  readonly license: { readonly row: RowKey; readonly counter: number };
};
export type WriteReply =
  | { readonly kind: 'written' }
  | { readonly kind: 'refused'; readonly status: StatusCode; readonly detail: string }
  /** The license changed meanwhile: look the file up again. */
  | { readonly kind: 'stale' };
export type WriteDecision = { readonly changes: readonly MemoryChange[]; readonly audit: readonly never[]; readonly reply: WriteReply };

/** Why a call cannot be, whatever the file holds; undefined where it can. */
export const faultOfAccess = (
  of: MemoryFile | undefined,
  offset: number,
  length: number,
): { readonly status: StatusCode; readonly detail: string } | undefined => {
  if (of === undefined) return { status: Status.INV_FILEID, detail: 'The key has no such memory file.' };
  if (offset + length > of.size) return { status: Status.MEM_RANGE, detail: `The file has ${of.size} bytes.` };
  return undefined;
};

export const writeRows = ({ key, file, of, offset, data, license }: Write): RowKey[] => [
  license.row,
  ...(of.access === 'rwo' ? [onceRowKey(key, file)] : []),
  ...blocksOf(offset, data.length).map((block) => blockRowKey(key, file, block)),
];

export const decideWrite = (rows: MemoryRows, write: Write): WriteDecision => {
  const { key, file, of, offset, data, license } = write;
  const answer = (reply: WriteReply, changes: readonly MemoryChange[] = []): WriteDecision => ({ changes, audit: [], reply });
  if ((rows.get<{ readonly counter: number }>(license.row)?.counter ?? 0) !== license.counter) return answer({ kind: 'stale' });
  const fault = faultOfAccess(of, offset, data.length);
  if (fault !== undefined) return answer({ kind: 'refused', ...fault });
  if (of.access === 'ro') return answer({ kind: 'refused', status: Status.ACCESS_DENIED, detail: 'This memory file can only be read.' });

  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const blocks = blocksOf(offset, bytes.length).map((block) => {
    const start = block * BLOCK;
    const before = Buffer.alloc(Math.min(BLOCK, of.size - start));
    Buffer.from(rows.get<BlockRow>(blockRowKey(key, file, block))?.data ?? '', 'base64url').copy(before);
    const after = Buffer.from(before);
    bytes.subarray(Math.max(0, start - offset)).copy(after, Math.max(0, offset - start));
    return { block, before, after };
  });
  const contents = (): MemoryChange[] =>
    blocks.map(({ block, after }) => ({
      key: blockRowKey(key, file, block),
      row: { data: after.toString('base64url') } satisfies BlockRow,
    }));
  if (of.access === 'rw') return answer({ kind: 'written' }, contents());

  const once = rows.get<OnceRow>(onceRowKey(key, file));
  const held = once?.state === 'writing' && once.session === write.session ? once : undefined;
  const { repeated, continues, more } = write.piece;
  const end = offset + bytes.length;
  const same = blocks.every(({ before, after }) => before.equals(after));
  if (repeated && same && (once?.state === 'written' || (held !== undefined && offset >= held.from && end <= held.to)))
    return answer({ kind: 'written' });
  if (once?.state === 'written')
    return answer({ kind: 'refused', status: Status.ACCESS_DENIED, detail: 'This memory file can be written once, and it has been.' });
  if (continues && held?.to !== offset)
    return answer({ kind: 'refused', status: Status.ACCESS_DENIED, detail: 'Somebody else has begun to write this memory file.' });
  const next: OnceRow = more
    ? { state: 'writing', session: write.session, from: continues && held !== undefined ? held.from : offset, to: end }
    : { state: 'written' };
  return answer({ kind: 'written' }, [...contents(), { key: onceRowKey(key, file), row: next }]);
};
