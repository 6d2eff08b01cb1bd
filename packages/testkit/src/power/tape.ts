import type { Buffer } from 'node:buffer';

// What recorder.c wrote down, read again.

export type Recorded = {
  readonly kind: 'open' | 'write' | 'truncate' | 'sync begins' | 'synced' | 'rename' | 'link' | 'remove' | 'make directory';
  readonly inode: bigint;
  /** Offset, size, flags, or the number of a sync. */
  readonly number: bigint;
  readonly name: string;
  readonly payload: Buffer;
};

const KINDS: Readonly<Record<string, Recorded['kind']>> = {
  O: 'open',
  W: 'write',
  X: 'truncate',
  B: 'sync begins',
  S: 'synced',
  R: 'rename',
  L: 'link',
  U: 'remove',
  M: 'make directory',
};
export const MADE = 1n;
export const EMPTIED = 2n;
export const DIRECTORY = 4n;

/** A process that was killed may have left half of a record at the end. */
export const readTape = (bytes: Buffer): Recorded[] => {
  const found: Recorded[] = [];
  for (let at = 0; at + 4 <= bytes.length; ) {
    const end = at + 4 + bytes.readUInt32LE(at);
    if (end > bytes.length) break;
    const kind = KINDS[String.fromCharCode(bytes[at + 4] ?? 0)];
    if (kind === undefined) throw new Error(`the tape has something unknown at byte ${at}`);
    const named = bytes.readUInt16LE(at + 21);
    found.push({
      kind,
      inode: bytes.readBigUInt64LE(at + 5),
      number: bytes.readBigUInt64LE(at + 13),
      name: bytes.toString('utf8', at + 23, at + 23 + named),
      payload: bytes.subarray(at + 23 + named, end),
    });
    at = end;
  }
  return found;
};
