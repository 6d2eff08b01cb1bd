import { describe, expect, it } from 'vitest';
import { hex, WireError } from '../bytes/index.ts';
import { vectorFile } from '../bytes/vector-file.testing.ts';
import { fill, orRefused, plain, unhex } from '../bytes/wire.testing.ts';
import { type Block, decodeBlocks, encodeBlocks } from './blocks.ts';
import { MAX_ASKED_SESSIONS } from './session-blocks.ts';
import { sinceVersion } from './since-version.ts';

// vectors/link-sessions.json: the blocks about sessions (K31 to K33), beside those of link.json.

const session = fill(16, 0x0b);
const blocks: readonly Block[] = [
  { kind: 'session', session, key: '2622877015606951895', product: 1, feature: 42, seats: 2, since: 1_767_225_600_000 },
  { kind: 'session', session, key: '18446744073709551615', product: 0xffff_ffff, feature: 0, seats: 0xffff, since: 8.64e15 },
  { kind: 'ask sessions', sessions: [session, fill(16, 0x08)] },
  { kind: 'ask sessions', sessions: [] },
  { kind: 'end', session },
];
const refused = [
  { name: 'a moment that does not exist', bytes: `0000002b26${'0b'.repeat(16)}${'00'.repeat(18)}001eb208c2dc0001` },
  { name: 'a list that is shorter than said', bytes: `00000015270000000200${'08'.repeat(15)}` },
  { name: 'a list that is longer than said', bytes: `000000252700000001${'08'.repeat(32)}` },
  { name: 'something behind the session', bytes: `0000001228${'0b'.repeat(17)}` },
];
const { recorded, made } = vectorFile('link-sessions', () => ({
  about: 'Blocks 38, 39 and 40 of docs/protocol/link.md (K31 to K33). Byte strings are hex.',
  blocks: blocks.map((block) => ({ block: plain(block), bytes: hex(encodeBlocks([block])) })),
  refusedBlocks: refused,
}));

describe('vectors/link-sessions.json', () => {
  it('is what the code makes today', () => expect(recorded).toEqual(made));

  it.each(recorded.blocks)('$block.kind: read as written, written as read, refused at every cut', ({ block, bytes }) => {
    const found = decodeBlocks(unhex(bytes));
    expect(plain(found)).toEqual([block]);
    expect(hex(encodeBlocks(found))).toBe(bytes);
    for (let length = 1; length < bytes.length / 2; length += 1)
      expect(orRefused(() => decodeBlocks(unhex(bytes).subarray(0, length)))).toBeUndefined();
  });

  it.each(recorded.refusedBlocks)('refused: $name', ({ bytes }) => {
    expect(() => decodeBlocks(unhex(bytes))).toThrow(WireError);
  });

  it('asks for at most 4,096 sessions in one block', () => {
    const ask = (count: number): Block => ({ kind: 'ask sessions', sessions: Array.from({ length: count }, () => session) });
    expect(decodeBlocks(encodeBlocks([ask(MAX_ASKED_SESSIONS)]))).toHaveLength(1);
    expect(() => decodeBlocks(encodeBlocks([ask(MAX_ASKED_SESSIONS + 1)]))).toThrow(WireError);
  });

  it('are of links of version 4', () => expect(blocks.map(({ kind }) => sinceVersion(kind))).toEqual(blocks.map(() => 4)));
});
