import { describe, expect, it } from 'vitest';
import { hex, WireError } from '../bytes/index.ts';
import { vectorFile } from '../bytes/vector-file.testing.ts';
import { fill, plain, unhex } from '../bytes/wire.testing.ts';
import { type Block, decodeBlocks, encodeBlocks, MAX_PADDING } from './blocks.ts';

// vectors/link-probe.json: the blocks of the doctor (K20), beside those of link.json.

const NONE = new Uint8Array(0);
const blocks: readonly Block[] = [
  { kind: 'probe', what: 'call', number: 0xc00c1e01, padding: NONE },
  { kind: 'probed', what: 'call', number: 0xc00c1e01, yes: true, padding: NONE },
  { kind: 'probe', what: 'heard', number: 7, padding: NONE },
  { kind: 'probed', what: 'heard', number: 7, yes: false, padding: NONE },
  { kind: 'probe', what: 'size', number: 16, padding: fill(3, 0xaa) },
  { kind: 'probed', what: 'size', number: 16, yes: true, padding: fill(16, 0) },
];
const refused = [
  { name: 'no kind of probe', bytes: '0000000a20000000000000000000' },
  { name: 'a kind unknown', bytes: '0000000a20040000000000000000' },
  { name: 'neither yes nor no', bytes: '0000000b2101000000000200000000' },
  { name: 'padding shorter than said', bytes: '0000000b20030000000000000002aa' },
];
const { recorded, made } = vectorFile('link-probe', () => ({
  about: 'Blocks 32 and 33 of docs/protocol/link.md (K20). Byte strings are hex.',
  blocks: blocks.map((block) => ({ block: plain(block), bytes: hex(encodeBlocks([block])) })),
  refusedBlocks: refused,
}));

describe('vectors/link-probe.json', () => {
  it('is what the code makes today', () => expect(recorded).toEqual(made));

  it.each(recorded.blocks)('$block.kind $block.what: read as written, written as read', ({ block, bytes }) => {
    const found = decodeBlocks(unhex(bytes));
    expect(plain(found)).toEqual([block]);
    expect(hex(encodeBlocks(found))).toBe(bytes);
  });

  it.each(recorded.refusedBlocks)('refused: $name', ({ bytes }) => {
    expect(() => decodeBlocks(unhex(bytes))).toThrow(WireError);
  });

  it('has no padding over 8,192 bytes', () => {
    const probe = (length: number): Block => ({ kind: 'probe', what: 'size', number: 0, padding: fill(length, 1) });
    expect(decodeBlocks(encodeBlocks([probe(MAX_PADDING)]))).toHaveLength(1);
    expect(() => decodeBlocks(encodeBlocks([probe(MAX_PADDING + 1)]))).toThrow(WireError);
  });
});
