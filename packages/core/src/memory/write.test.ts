import { Buffer } from 'node:buffer';
import { describe, expect, it } from 'vitest';
import type { MemoryAccess } from '../license/index.ts';
import { BLOCK, decideWrite, faultOfAccess, type Piece, WHOLE, type Write, writeRows } from './index.ts';

type Name = `${string}/${string}/${string}`;
const LICENSE = '7/key/license';

const textIn = (row: object | undefined): string => (row !== undefined && 'data' in row ? String(row.data) : '');

const createFile = (access: MemoryAccess, size = 100) => {
  const rows = new Map<Name, object>([[LICENSE, { counter: 3 }]]);
  return {
    rows,
    write(offset: number, text: string | Buffer, piece: Partial<Piece> = {}, session = 'one', counter = 3): number | 'stale' {
      const write: Write = {
        key: '7',
        file: 5,
        of: { size, access },
        offset,
        data: Buffer.from(text),
        piece: { ...WHOLE, ...piece },
        session,
        license: { row: LICENSE, counter },
      };
      const named = writeRows(write);
      const { changes, reply } = decideWrite(
        { get: <R extends object>(key: Name) => (named.includes(key) ? (rows.get(key) as R | undefined) : expect.unreachable(key)) },
        write,
      );
      for (const { key, row } of changes) rows.set(key, row ?? {});
      return reply.kind === 'refused' ? reply.status : reply.kind === 'stale' ? 'stale' : 0;
    },
    text: (block = 0) =>
      Buffer.from(textIn(rows.get(`7/memory/5.${block}`)), 'base64url')
        .toString('latin1')
        .replaceAll('\0', '.'),
  };
};

describe('a write to key memory (K3)', () => {
  it.each([
    ['ro', 0, 'abc', 5],
    ['rw', 0, 'abc', 0],
    ['rw', 97, 'abc', 0],
    ['rw', 98, 'abc', 1],
    ['rw', 100, '', 0],
    ['rw', 101, '', 1],
    ['rw', 4_294_967_295, 'abc', 1],
    ['rwo', 0, 'abc', 0],
  ] as const)('of access %s at %d of %j answers %d', (access, offset, text, status) => {
    expect(createFile(access).write(offset, text)).toBe(status);
  });

  it('to a file that is not there is 10, before anything else is looked at', () => {
    expect(faultOfAccess(undefined, 0, 0)).toMatchObject({ status: 10 });
  });

  it('touches its own blocks only', () => {
    const file = createFile('rw', 10 * BLOCK);
    file.write(4 * BLOCK - 1, 'xy');
    expect([...file.rows.keys()]).toEqual([LICENSE, '7/memory/5.3', '7/memory/5.4']);
    expect(file.text(4).slice(0, 3)).toBe('y..');
  });

  it('is looked up again where the license changed meanwhile', () => {
    expect(createFile('rw').write(0, 'abc', {}, 'one', 2)).toBe('stale');
  });
});

describe('a file that is written once (K3)', () => {
  it('takes one write, and refuses every later one, of anybody and anywhere in it', () => {
    const file = createFile('rwo');
    expect(file.write(0, 'first')).toBe(0);
    expect(file.write(0, 'other')).toBe(5);
    expect(file.write(50, 'other')).toBe(5);
    expect(file.write(0, 'first')).toBe(5);
    expect(file.write(0, 'first', {}, 'two')).toBe(5);
    expect(file.text().slice(0, 6)).toBe('first.');
  });

  it('answers a write that is repeated because its answer was lost, and only the same one', () => {
    const file = createFile('rwo');
    file.write(0, 'first');
    expect(file.write(0, 'first', { repeated: true })).toBe(0);
    expect(file.write(0, 'other', { repeated: true })).toBe(5);
    expect(createFile('rwo').write(0, 'first', { repeated: true })).toBe(0);
  });

  it('takes the pieces of one write, and nothing after the last of them', () => {
    const file = createFile('rwo');
    expect(file.write(0, 'abc', { more: true })).toBe(0);
    expect(file.write(3, 'def', { continues: true, more: true })).toBe(0);
    expect(file.write(3, 'def', { continues: true, more: true, repeated: true })).toBe(0);
    expect(file.write(6, 'ghi', { continues: true })).toBe(0);
    expect(file.write(6, 'ghi', { continues: true, repeated: true })).toBe(0);
    expect(file.write(9, 'jkl', { continues: true })).toBe(5);
    expect(file.text().slice(0, 10)).toBe('abcdefghi.');
  });

  it('refuses a piece that leaves a gap, or that belongs to the write of somebody else', () => {
    const file = createFile('rwo');
    file.write(0, 'abc', { more: true });
    expect(file.write(4, 'x', { continues: true })).toBe(5);
    expect(file.write(3, 'x', { continues: true }, 'two')).toBe(5);
    expect(createFile('rwo').write(3, 'x', { continues: true })).toBe(5);
  });

  it('is not used up by a write that nobody finishes: whoever begins anew begins', () => {
    const file = createFile('rwo');
    file.write(0, 'abc', { more: true });
    expect(file.write(0, 'XY', {}, 'two')).toBe(0);
    expect(file.write(3, 'def', { continues: true })).toBe(5);
  });
});
