import { describe, expect, it } from 'vitest';
import { hex, WireError } from '../bytes/index.ts';
import { vectorFile } from '../bytes/vector-file.testing.ts';
import { fill, orRefused, plain, unhex } from '../bytes/wire.testing.ts';
import { type Block, decodeBlocks, encodeBlocks } from './blocks.ts';
import { FILE_PART, fileParts, MAX_QUESTION } from './file-blocks.ts';
import { sinceVersion } from './since-version.ts';

// vectors/link-files.json: the blocks of licenses that are lent and given back over a link (K26), beside those of link.json.

const detach = { what: 'detach', key: '2622877015606951895', product: 7, seconds: 86_400, seats: 2 } as const;
const refusal = { kind: 'file', more: false, part: new Uint8Array(0) } as const;
const blocks: readonly Block[] = [
  { kind: 'ask file', number: 1, wish: detach, document: fill(5, 0x1d) },
  { kind: 'ask file', number: 2, wish: { ...detach, seconds: undefined, seats: undefined }, document: fill(5, 0x1d) },
  { kind: 'ask file', number: 0xffff_ffff, wish: { what: 'return' }, document: fill(6, 0x2e) },
  { kind: 'file', number: 1, more: true, status: 0, detail: '', remedy: '', part: fill(4, 0xf1) },
  { kind: 'file', number: 1, more: false, status: 0, detail: '', remedy: '', part: fill(3, 0xf2) },
  { ...refusal, number: 2, status: 38, detail: 'All seats are in use.', remedy: 'Wait – or buy more.' },
];
const refused = [
  { name: 'a wish unknown', bytes: '0000000a24000000010300000000' },
  { name: 'a wish unknown, in the form of another', bytes: `0000001e240000000103${'00'.repeat(7)}07${'00'.repeat(16)}` },
  { name: 'a document shorter than said', bytes: '0000000b2400000001020000000299' },
  { name: 'something behind the document', bytes: '0000000b2400000001020000000099' },
  { name: 'neither yes nor no', bytes: '000000102500000001020000000000000000000000' },
  { name: 'a refusal with a file', bytes: '0000001125000000010000260000000000000001ff' },
  { name: 'a refusal with more to come', bytes: '00000010250000000101002600000000' + '00000000' },
];
const { recorded, made } = vectorFile('link-files', () => ({
  about: 'Blocks 36 and 37 of docs/protocol/link.md (K26). Byte strings are hex; an absent duration or number of seats is not in `wish`.',
  blocks: blocks.map((block) => ({ block: plain(block), bytes: hex(encodeBlocks([block])) })),
  refusedBlocks: refused,
}));

describe('vectors/link-files.json', () => {
  it('is what the code makes today', () => expect(recorded).toEqual(made));

  it.each(recorded.blocks)('$block.kind $block.number: read as written, written as read, refused at every cut', ({ block, bytes }) => {
    const found = decodeBlocks(unhex(bytes));
    expect(plain(found)).toEqual([block]);
    expect(hex(encodeBlocks(found))).toBe(bytes);
    for (let length = 1; length < bytes.length / 2; length += 1)
      expect(orRefused(() => decodeBlocks(unhex(bytes).subarray(0, length)))).toBeUndefined();
  });

  it.each(recorded.refusedBlocks)('refused: $name', ({ bytes }) => {
    expect(() => decodeBlocks(unhex(bytes))).toThrow(WireError);
  });

  it('has no document over 16 KiB in a question, and no part over 512 KiB in an answer', () => {
    const ask = (length: number): Block => ({ kind: 'ask file', number: 1, wish: { what: 'return' }, document: fill(length, 1) });
    const answer = (length: number): Block => ({
      kind: 'file',
      number: 1,
      more: false,
      status: 0,
      detail: '',
      remedy: '',
      part: fill(length, 1),
    });
    for (const fits of [ask(MAX_QUESTION), answer(FILE_PART)]) expect(decodeBlocks(encodeBlocks([fits]))).toHaveLength(1);
    for (const large of [ask(MAX_QUESTION + 1), answer(FILE_PART + 1)])
      expect(() => decodeBlocks(encodeBlocks([large]))).toThrow(WireError);
  });

  it('has a document of any size in parts that follow one another, the last of which says so', () => {
    for (const length of [0, 1, FILE_PART, FILE_PART + 1, 3 * FILE_PART]) {
      const parts = fileParts(9, fill(length, 7));
      expect(parts.map(({ more }) => more)).toEqual(parts.map((_, index) => index < parts.length - 1));
      expect(parts.reduce((sum, { part }) => sum + part.length, 0)).toBe(length);
      expect(decodeBlocks(encodeBlocks(parts))).toEqual(parts.map((part) => ({ ...part, part: Buffer.from(part.part) })));
    }
  });

  it('are of links of version 3', () => expect(blocks.map(({ kind }) => sinceVersion(kind))).toEqual(blocks.map(() => 3)));
});
