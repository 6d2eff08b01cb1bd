import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hex } from '../bytes/index.ts';
import { DATAGRAM_BYTES, DATAGRAM_LIMIT, type Datagram, decodeDatagram, ENTRIES_LIMIT, encodeDatagram } from './datagram.ts';
import { guidText, parseGuid } from './guid.ts';

type Vectors = {
  valid: { name: string; bytes: string; datagram: Record<string, unknown> }[];
  refused: { name: string; bytes: string }[];
};
const vectors: Vectors = JSON.parse(readFileSync(new URL('../../../../vectors/discovery.json', import.meta.url), 'utf8'));
const unhex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));

/** A datagram as vectors write it: key ids as decimal text, since JSON numbers end at 53 bits. */
const plain = (datagram: Datagram): unknown =>
  JSON.parse(JSON.stringify(datagram, (_name, value: unknown) => (typeof value === 'bigint' ? value.toString() : value)));

const guid = fc.uint8Array({ minLength: 30, maxLength: 30 }).map(guidText);
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const sender = { guid, tcpPort: fc.integer({ min: 1, max: 0xffff }), bootCount: u16 };
const entry = fc.record({ what: fc.constantFrom('added', 'removed', 'changed'), keyId: fc.bigInt(0n, 2n ** 64n - 1n), version: u32 });
const datagrams: fc.Arbitrary<Datagram> = fc.oneof(
  fc.record({ kind: fc.constantFrom('ask', 'search'), ...sender, tcpPort: u16, cookie: u32 }),
  fc.record({ kind: fc.constant('answer'), ...sender, cookie: u32 }),
  fc.record({ kind: fc.constantFrom('started', 'stopping'), ...sender, sequence: u32 }),
  fc.record({ kind: fc.constant('changed'), ...sender, sequence: u32, entries: fc.array(entry, { maxLength: ENTRIES_LIMIT }) }),
);

describe('the vectors of vectors/discovery.json', () => {
  it.each(vectors.valid)('$name: read as written, written as read', ({ bytes, datagram }) => {
    const decoded = decodeDatagram(unhex(bytes));
    expect(decoded).toBeDefined();
    if (decoded === undefined) return;
    expect(plain(decoded)).toEqual(datagram);
    expect(hex(encodeDatagram(decoded))).toBe(bytes);
  });

  it.each(vectors.valid)('$name: every truncation and every longer one is refused', ({ bytes }) => {
    const whole = unhex(bytes);
    for (let length = 0; length < whole.length; length += 1) expect(decodeDatagram(whole.subarray(0, length))).toBeUndefined();
    expect(decodeDatagram(Uint8Array.of(...whole, 0))).toBeUndefined();
  });

  it.each(vectors.refused)('$name: refused', ({ bytes }) => {
    expect(decodeDatagram(unhex(bytes))).toBeUndefined();
  });
});

describe('datagrams', () => {
  it('come back as they went, and asks, answers, started and stopping have exactly 40 bytes (R5, D1)', () => {
    fc.assert(
      fc.property(datagrams, (datagram) => {
        const bytes = encodeDatagram(datagram);
        expect(decodeDatagram(bytes)).toEqual(datagram);
        const size = datagram.kind === 'changed' ? 41 + 13 * datagram.entries.length : DATAGRAM_BYTES;
        expect(bytes.length).toBe(size);
        expect(size).toBeLessThanOrEqual(DATAGRAM_LIMIT);
      }),
    );
  });

  it('of random bytes never throw, and what is read is written with the same bytes (S6)', () => {
    const random = fc.oneof(
      fc.uint8Array({ maxLength: 1_300 }),
      fc.tuple(datagrams, fc.nat(), fc.integer({ min: 0, max: 255 })).map(([datagram, at, value]) => {
        const bytes = Uint8Array.from(encodeDatagram(datagram));
        bytes[at % bytes.length] = value;
        return bytes;
      }),
    );
    fc.assert(
      fc.property(random, (bytes) => {
        const datagram = decodeDatagram(bytes);
        expect(datagram === undefined || hex(encodeDatagram(datagram)) === hex(bytes)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  it('that no datagram can carry are the mistake of the caller', () => {
    const fine = { kind: 'started', guid: guidText(new Uint8Array(30)), tcpPort: 1947, bootCount: 1, sequence: 1 } as const;
    const entries = Array.from({ length: ENTRIES_LIMIT + 1 }, () => ({ what: 'added', keyId: 1n, version: 1 }) as const);
    expect(() => encodeDatagram({ ...fine, guid: 'short' })).toThrow(RangeError);
    expect(() => encodeDatagram({ ...fine, tcpPort: 0 })).toThrow(RangeError);
    expect(() => encodeDatagram({ ...fine, kind: 'changed', entries })).toThrow(RangeError);
  });
});

describe('the text of a GUID', () => {
  it('has 40 characters and comes back as it went', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 30, maxLength: 30 }), (bytes) => {
        const text = guidText(bytes);
        expect(text).toMatch(/^[A-Za-z0-9_-]{40}$/);
        expect(parseGuid(text)).toEqual(Buffer.from(bytes));
      }),
    );
  });

  it('is refused in any other length or alphabet', () => {
    for (const text of ['', 'A'.repeat(39), 'A'.repeat(41), `${'A'.repeat(39)}*`, `${'A'.repeat(39)}=`])
      expect(parseGuid(text)).toBeUndefined();
    expect(() => guidText(new Uint8Array(29))).toThrow(RangeError);
  });
});
