import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toBase64 } from '../bytes/index.ts';
import type { MemoryAccess, MemorySizes } from '../license/index.ts';
import {
  BLOCK,
  type BlockRow,
  blockRowKey,
  contentsRows,
  decideInstall,
  decideWrite,
  fileIn,
  installRows,
  type MemoryChange,
  memoryAfter,
  memoryRowKeys,
  type OnceRow,
  placeOf,
  READ_ONLY_FILE,
  READ_WRITE_FILE,
  type Write,
  writeRows,
} from './index.ts';

// Any sequence of updates and writes against a model that keeps whole files: rows, contents in memory and model always say the same (K3).

const KEY = '77';
const LICENSE = `${KEY}/key/license` as const;
type Row = BlockRow | OnceRow | { readonly counter: number };
type Name = `${string}/${string}/${string}`;

type Model = { readonly size: number; readonly access: MemoryAccess; readonly bytes: Buffer; written: boolean };

const createKey = () => {
  const rows = new Map<Name, Row>();
  const model = new Map<number, Model>();
  let sizes: MemorySizes = { readWrite: 64, readOnly: 32 };
  let memory = new Map<number, Buffer>();
  let counter = 1;
  rows.set(LICENSE, { counter });
  model.set(READ_WRITE_FILE, { size: 64, access: 'rw', bytes: Buffer.alloc(64), written: false });
  model.set(READ_ONLY_FILE, { size: 32, access: 'ro', bytes: Buffer.alloc(32), written: false });

  const reader = (named: readonly string[]) => ({
    get<R extends object>(name: Name): R | undefined {
      if (!named.includes(name)) throw new TypeError(`${name} is read and was not named`);
      return rows.get(name) as R | undefined;
    },
  });
  const commit = (changes: readonly MemoryChange[]): void => {
    for (const { key, row } of changes) {
      if (row === undefined) rows.delete(key);
      else rows.set(key, row as Row);
    }
  };
  /** Whole contents as the rows say. */
  const stored = (file: number): Buffer => {
    const of = fileIn(sizes, file);
    const bytes = Buffer.alloc(of?.size ?? 0);
    for (const [name, row] of rows) {
      const [, kind, id = ''] = name.split('/');
      const place = placeOf(id);
      if (kind === 'memory' && place.file === file && place.block !== undefined && 'data' in row)
        Buffer.from(row.data, 'base64url').copy(bytes, place.block * BLOCK);
    }
    return bytes;
  };
  const inMemory = (file: number): Buffer => {
    const bytes = Buffer.alloc(fileIn(sizes, file)?.size ?? 0);
    memory.get(file)?.copy(bytes);
    return bytes;
  };

  return {
    rows,
    model,
    stored,
    inMemory,
    install(dynamic: readonly { id: number; size: number; access: MemoryAccess; data: Buffer | undefined }[]) {
      const after: MemorySizes = {
        ...sizes,
        dynamic: dynamic.map(({ id, size, access }) => ({ id, size, access })),
      };
      const contents = { dynamic: dynamic.flatMap(({ id, data }) => (data === undefined ? [] : [{ id, data: toBase64(data) }])) };
      commit(decideInstall(reader(installRows(KEY, sizes, after)), KEY, sizes, after, contents));
      memory = memoryAfter(memory, sizes, after, contents);
      sizes = after;
      counter += 1;
      rows.set(LICENSE, { counter });
      for (const id of [...model.keys()]) if (id < READ_WRITE_FILE && !dynamic.some((file) => file.id === id)) model.delete(id);
      for (const { id, size, access, data } of dynamic) {
        const before = model.get(id);
        const bytes = Buffer.alloc(size);
        if (data !== undefined && (before === undefined || access === 'ro')) data.copy(bytes);
        else before?.bytes.copy(bytes, 0, 0, Math.min(size, before.size));
        model.set(id, { size, access, bytes, written: access === 'rwo' && before?.access === 'rwo' && before.written });
      }
    },
    write(file: number, offset: number, data: Buffer): number {
      const of = fileIn(sizes, file);
      if (of === undefined) return 10;
      const piece = { repeated: false, continues: false, more: false };
      const write: Write = { key: KEY, file, of, offset, data, piece, session: 's', license: { row: LICENSE, counter } };
      const decision = decideWrite(reader(writeRows(write)), write);
      commit(decision.changes);
      if (decision.reply.kind === 'written') {
        const bytes = inMemory(file);
        data.copy(bytes, offset);
        memory.set(file, bytes);
      }
      return decision.reply.kind === 'refused' ? decision.reply.status : 0;
    },
    expected(file: number, offset: number, data: Buffer): number {
      const of = model.get(file);
      if (of === undefined) return 10;
      if (offset + data.length > of.size) return 1;
      if (of.access === 'ro' || of.written) return 5;
      data.copy(of.bytes, offset);
      of.written = of.access === 'rwo';
      return 0;
    },
  };
};

const size = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 3 * BLOCK + 7));
const file = fc
  .record({
    size,
    access: fc.constantFrom<MemoryAccess>('ro', 'rw', 'rwo'),
    fill: fc.option(fc.integer({ min: 1, max: 255 })),
    part: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .map(({ size: bytes, access, fill, part }) => ({
    size: bytes,
    access,
    data: fill === null ? undefined : Buffer.alloc(Math.floor(bytes * part), fill),
  }));
const step = fc.oneof(
  fc.record({
    kind: fc.constant('install' as const),
    files: fc.uniqueArray(fc.tuple(fc.integer({ min: 1, max: 4 }), file), { selector: ([id]) => id, maxLength: 4 }),
  }),
  fc.record({
    kind: fc.constant('write' as const),
    file: fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 1, max: 4 }) }, fc.constantFrom(READ_WRITE_FILE, READ_ONLY_FILE, 9)),
    offset: fc.oneof(fc.integer({ min: 0, max: 50 }), fc.integer({ min: BLOCK - 10, max: 3 * BLOCK + 10 })),
    length: fc.oneof(fc.integer({ min: 0, max: 30 }), fc.constant(BLOCK + 5)),
    fill: fc.integer({ min: 1, max: 255 }),
  }),
);

describe('memory of a key under any updates and writes (K3)', () => {
  it('holds what was written last, and zeros where nothing was; every row belongs to a file', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        const key = createKey();
        let sizes: MemorySizes | undefined;
        for (const each of steps) {
          if (each.kind === 'install') {
            const files = each.files.map(([id, of]) => ({ id, ...of }));
            key.install(files);
            sizes = { readWrite: 64, readOnly: 32, dynamic: files };
          } else {
            const data = Buffer.alloc(each.length, each.fill);
            expect(key.write(each.file, each.offset, data)).toBe(key.expected(each.file, each.offset, data));
          }
          for (const [id, { bytes }] of key.model) {
            expect(key.stored(id).equals(bytes), `rows of file ${id}`).toBe(true);
            expect(key.inMemory(id).equals(bytes), `contents of file ${id}`).toBe(true);
          }
        }
        const allowed: ReadonlySet<string> = new Set([LICENSE, ...memoryRowKeys(KEY, sizes)]);
        expect([...key.rows.keys()].filter((name) => !allowed.has(name))).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });
});

describe('rows of contents', () => {
  it('are blocks, and one row for the files that every key has', () => {
    expect(contentsRows(KEY, 3, Buffer.alloc(BLOCK + 1)).map(({ key }) => key)).toEqual([blockRowKey(KEY, 3, 0), blockRowKey(KEY, 3, 1)]);
    expect(contentsRows(KEY, READ_WRITE_FILE, Buffer.alloc(4_032)).map(({ key }) => key)).toEqual([`${KEY}/memory/65524`]);
  });
});
