import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WireError, Writer } from '../bytes/index.ts';
import { expectOneSpelling, expectStrict, fill, orRefused, plain, u32 } from '../bytes/wire.testing.ts';
import { RECORD_OVERHEAD } from '../channel/index.ts';
import { Status } from '../errors/index.ts';
import { MAX_FRAME } from '../wire/index.ts';
import { calls, grant, reply } from './calls.testing.ts';
import {
  type Call,
  decodeGrant,
  encodeGrant,
  FULL_RECORD,
  MAX_CALL_BYTES,
  type Reply,
  readCalls,
  readReplies,
  writeCall,
  writeReply,
} from './calls.ts';

const ID = 0x01020304;
const write = (call: Call): Buffer => {
  const out = new Writer();
  writeCall(out, ID, call);
  return out.done();
};
const only = <T>(items: readonly T[]): T => {
  const [item] = items;
  if (item === undefined || items.length > 1) throw new WireError(`${items.length} where one is wanted`);
  return item;
};
const read = (bytes: Uint8Array): Call => {
  const { id, call } = only(readCalls(bytes));
  if (call === undefined || id !== ID) throw new WireError('another call');
  return call;
};
const writeOne = (each: Reply): Buffer => {
  const out = new Writer();
  writeReply(out, each);
  return out.done();
};
/** The body of a call or reply behind its length, with that length. */
const framed = (body: Uint8Array): Buffer => new Writer().block(body).done();

describe.each(Object.entries(calls))('the call "%s"', (kind, values) => {
  const openEnded = kind === 'write' || kind === 'piece' || kind === 'encrypt' || kind === 'decrypt';

  it('comes back as it went; every truncation and every byte too many is refused', () => {
    fc.assert(
      fc.property(values, (call) => {
        expectStrict(call, write, read);
        // And where the length in front says the same as the bytes that are there.
        expectStrict(
          call,
          (each) => write(each).subarray(4),
          (bytes) => read(framed(bytes)),
          openEnded,
        );
      }),
      { numRuns: 20 },
    );
  });

  it('has one spelling (S6)', () => expectOneSpelling(values, write, read));
});

describe('a record', () => {
  it('holds any number of calls, in their order, each with its number', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(u32, fc.oneof(...Object.values(calls))), { maxLength: 6 }), (numbered) => {
        const out = new Writer();
        for (const [id, call] of numbered) writeCall(out, id, call);
        expect(plain(readCalls(out.done()))).toEqual(plain(numbered.map(([id, call]) => ({ id, call }))));
      }),
    );
  });

  it('with a call of a later version names it, so that it alone is answered with 16 (T6)', () => {
    const clock = write({ kind: 'clock', handle: 9 });
    const unknown = framed(Buffer.concat([Buffer.of(200, 0, 0, 0, 5), Buffer.from('whatever')]));
    expect(readCalls(Buffer.concat([unknown, clock]))).toEqual([
      { id: 5, call: undefined },
      { id: ID, call: { kind: 'clock', handle: 9 } },
    ]);
  });

  it('with an unknown flag in a login is refused', () => {
    const login = fc.sample(calls.login, { seed: 1, numRuns: 1 })[0];
    if (login === undefined) return;
    const bytes = write(login);
    bytes[4 + 5 + 16 + 14] = 8;
    expect(() => readCalls(bytes)).toThrow('unknown login flags');
  });

  it('holds no call over its limit, by its length alone (I5)', () => {
    expect(() => readCalls(new Writer().u32(MAX_CALL_BYTES + 65).done())).toThrow(`a block of ${MAX_CALL_BYTES + 65} bytes`);
    expect(orRefused(() => read(write({ kind: 'write', handle: 1, file: 2, offset: 3, data: fill(MAX_CALL_BYTES, 1) })))).toBeDefined();
    expect(orRefused(() => readReplies(writeOne({ id: 1, status: 0, body: fill(MAX_CALL_BYTES + 41, 1) })))).toBeDefined();
  });

  it('that is sealed when it is full, and its longest call with it, fits into a frame', () => {
    expect(FULL_RECORD - 1 + (4 + 64 + MAX_CALL_BYTES) + RECORD_OVERHEAD + 5).toBeLessThanOrEqual(MAX_FRAME);
  });

  it('of random bytes is read, or refused with WireError (S6)', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
        orRefused(() => readCalls(bytes));
        orRefused(() => readReplies(bytes));
      }),
      { numRuns: 500 },
    );
  });
});

describe('replies', () => {
  it('come back as they went, any number in a record', () => {
    fc.assert(
      fc.property(fc.array(reply, { maxLength: 6 }), (replies) => {
        const out = new Writer();
        for (const each of replies) writeReply(out, each);
        expect(plain(readReplies(out.done()))).toEqual(plain(replies));
      }),
    );
  });

  it('are refused cut or longer', () => {
    fc.assert(
      fc.property(reply, (each) => expectStrict(each, writeOne, (bytes) => only(readReplies(bytes)))),
      { numRuns: 30 },
    );
  });

  it('with a status that this version does not know are failures, never successes (T6)', () => {
    const bytes = new Writer().u32(6).u32(1).u16(9_999).done();
    expect(readReplies(bytes)).toEqual([{ id: 1, status: Status.INT_ERR, body: Buffer.alloc(0) }]);
  });
});

describe('a grant', () => {
  it('comes back as it went in exactly 62 bytes, or 86 with its end; everything else is refused', () => {
    fc.assert(
      fc.property(grant, (each) => {
        // Cut before its end, it is the grant that says nothing of it; a record is never cut (channel.md).
        expectStrict(each, encodeGrant, decodeGrant, true);
        expect(encodeGrant(each).length).toBe(each.end === undefined ? 62 : 86);
      }),
      { numRuns: 30 },
    );
    expectOneSpelling(grant, encodeGrant, decodeGrant);
  });
});
