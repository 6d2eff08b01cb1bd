import { describe, expect, it } from 'vitest';
import { hex, WireError } from '../bytes/index.ts';
import { vectorFile } from '../bytes/vector-file.testing.ts';
import { plain, unhex } from '../bytes/wire.testing.ts';
import { backStates } from './back-blocks.ts';
import { type Block, decodeBlocks, encodeBlocks } from './blocks.ts';
import { sinceVersion } from './since-version.ts';

// vectors/link-back.json: the blocks that test the way back by TCP (K36), beside those of link.json.

const blocks: readonly Block[] = [
  { kind: 'test back', number: 0xc00c1e01 },
  ...backStates.map((state): Block => ({ kind: 'tested back', number: 0xc00c1e01, state })),
];
const refused = [
  { name: 'no number', bytes: '000000032a0000' },
  { name: 'more than a number', bytes: '000000062a0000000000' },
  { name: 'no outcome', bytes: '000000062b0000000000' },
  { name: 'an outcome unknown', bytes: '000000062b0000000006' },
];
const { recorded, made } = vectorFile('link-back', () => ({
  about: 'Blocks 42 and 43 of docs/protocol/link.md (K36), from version 6 of the link on. Byte strings are hex.',
  blocks: blocks.map((block) => ({ block: plain(block), bytes: hex(encodeBlocks([block])) })),
  refusedBlocks: refused,
}));

describe('vectors/link-back.json', () => {
  it('is what the code makes today', () => expect(recorded).toEqual(made));

  it.each(recorded.blocks)('$block.kind $block.state: read as written, written as read', ({ block, bytes }) => {
    const found = decodeBlocks(unhex(bytes));
    expect(plain(found)).toEqual([block]);
    expect(hex(encodeBlocks(found))).toBe(bytes);
  });

  it.each(recorded.refusedBlocks)('refused: $name', ({ bytes }) => {
    expect(() => decodeBlocks(unhex(bytes))).toThrow(WireError);
  });

  it('needs version 6 of the link', () => expect(blocks.map(({ kind }) => sinceVersion(kind))).toEqual(blocks.map(() => 6)));
});
