import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hex, WireError } from '../bytes/index.ts';
import { fill, orRefused, unhex } from '../bytes/wire.testing.ts';
import { seededEntropy } from '../channel/world.testing.ts';
import { sha256 } from '../crypto/index.ts';
import { LicensingError } from '../errors/index.ts';
import { decodeBody, encodeBody } from './body.ts';
import { answerLink, callLink, LINK_VERSIONS, type LinkKeys } from './handshake.ts';
import { guidOf, lmIdentityFrom } from './identity.ts';

const caller = lmIdentityFrom(fill(32, 1));
const answerer = lmIdentityFrom(fill(32, 2));
const thief = lmIdentityFrom(fill(32, 3));
const call = (seed = 1) => callLink(caller, 'client', seededEntropy(seed));
const answer = (hello: Uint8Array, seed = 100, self = answerer) => answerLink(self, 'server', 7, hello, seededEntropy(seed));
const changed = (bytes: Uint8Array, at: number): Buffer => {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 0x41;
  return copy;
};
const speak = (from: LinkKeys, to: LinkKeys): string | undefined =>
  orRefused(() => decodeBody(encodeBody(from.id, 1, Buffer.from('said'), from.outgoing), to.incoming).blocks.toString());

describe('the identity of a license manager', () => {
  it('certifies itself: the GUID is the beginning of the hash of its public key (R5)', () => {
    expect(hex(caller.guidBytes)).toBe(hex(sha256(caller.publicKey).subarray(0, 30)));
    expect(caller.guid).toBe(guidOf(caller.publicKey));
    expect(caller.guid).toMatch(/^[A-Za-z0-9_-]{40}$/);
    expect(new Set([caller.guid, answerer.guid, thief.guid]).size).toBe(3);
  });
});

describe('a link', () => {
  it('proves each side to the other and gives both the same keys (K1 to K5)', () => {
    const calling = call();
    const answering = answer(calling.hello);
    const { confirmation, keys } = calling.confirm(answering.answer);
    const theirs = answering.confirmed(confirmation);
    expect(keys.peer).toEqual({ guid: answerer.guid, hostname: 'server' });
    expect(theirs.peer).toEqual({ guid: caller.guid, hostname: 'client' });
    expect([keys.id, theirs.id]).toEqual([7, 7]);
    expect(speak(keys, theirs)).toBe('said');
    expect(speak(theirs, keys)).toBe('said');
  });

  it('has other keys in each direction: nothing that was said comes back as an answer', () => {
    const calling = call();
    const { keys } = calling.confirm(answer(calling.hello).answer);
    expect(speak(keys, keys)).toBeUndefined();
  });

  it('has other keys each time', () => {
    const first = call(1);
    const second = call(2);
    const one = answer(first.hello, 100);
    const other = answer(second.hello, 200);
    const keys = first.confirm(one.answer).keys;
    const theirs = other.confirmed(second.confirm(other.answer).confirmation);
    expect(speak(keys, theirs)).toBeUndefined();
  });

  it('cuts a long host name so that it still is text', () => {
    const calling = callLink(caller, '\u{1f511}'.repeat(90), seededEntropy(1));
    const answering = answer(calling.hello);
    expect(answering.confirmed(calling.confirm(answering.answer).confirmation).peer.hostname).toBe('\u{1f511}'.repeat(40));
  });
});

describe('the calling side takes no answer', () => {
  const calling = call();
  const good = answer(calling.hello).answer;

  it('in which any one byte was changed', () => {
    // A changed link id would be noticed, too: it is in the transcript.
    for (let at = 0; at < good.length; at += 1)
      expect(
        orRefused(() => calling.confirm(changed(good, at))),
        `byte ${at}`,
      ).toBeUndefined();
    expect(orRefused(() => calling.confirm(good))).toBeDefined();
  });

  it('that was cut or made longer', () => {
    for (let length = 0; length < good.length; length += 1)
      expect(orRefused(() => calling.confirm(good.subarray(0, length)))).toBeUndefined();
    expect(orRefused(() => calling.confirm(Buffer.concat([good, Buffer.of(0)])))).toBeUndefined();
  });

  it('to another hello: an answer recorded yesterday proves nothing today', () => {
    expect(orRefused(() => call(2).confirm(good))).toBeUndefined();
  });

  it('to a hello that was changed on its way', () => {
    for (let at = 0; at < calling.hello.length; at += 1) {
      const forged = orRefused(() => answer(changed(calling.hello, at)));
      const believed = forged === undefined ? undefined : orRefused(() => calling.confirm(forged.answer));
      expect(believed, `byte ${at}`).toBeUndefined();
    }
  });

  it('of a thief who shows the public key of another LM', () => {
    const posing = { ...thief, publicKey: answerer.publicKey, guid: answerer.guid };
    expect(orRefused(() => calling.confirm(answer(calling.hello, 100, posing).answer))).toBeUndefined();
  });

  it('but learns the true name of a thief who answers for itself', () => {
    expect(calling.confirm(answer(calling.hello, 100, thief).answer).keys.peer.guid).toBe(thief.guid);
  });
});

describe('the answering side takes no confirmation', () => {
  const calling = call();
  const answering = answer(calling.hello);
  const { confirmation } = calling.confirm(answering.answer);

  it('in which any one byte was changed, that was cut, or longer', () => {
    for (let at = 0; at < confirmation.length; at += 1) {
      expect(
        orRefused(() => answering.confirmed(changed(confirmation, at))),
        `byte ${at}`,
      ).toBeUndefined();
      expect(orRefused(() => answering.confirmed(confirmation.subarray(0, at)))).toBeUndefined();
    }
    expect(orRefused(() => answering.confirmed(Buffer.concat([confirmation, Buffer.of(0)])))).toBeUndefined();
  });

  it('of another link, or of yesterday', () => {
    expect(orRefused(() => answer(calling.hello, 300).confirmed(confirmation))).toBeUndefined();
    expect(orRefused(() => answerLink(answerer, 'server', 8, calling.hello, seededEntropy(100)).confirmed(confirmation))).toBeUndefined();
  });

  it('that is its own signature sent back: the two sides sign different words (reflection)', () => {
    expect(
      orRefused(() => answering.confirmed(Buffer.concat([confirmation.subarray(0, 4), answering.answer.subarray(-64)]))),
    ).toBeUndefined();
  });

  it('that is the answer of an LM that was called with its own name (reflection)', () => {
    const mirror = callLink(answerer, 'server', seededEntropy(6));
    const own = answer(mirror.hello);
    expect(orRefused(() => own.confirmed(Buffer.concat([confirmation.subarray(0, 4), own.answer.subarray(-64)])))).toBeUndefined();
  });

  it('of a thief who called under the GUID of another LM', () => {
    const posing = callLink({ ...thief, publicKey: caller.publicKey, guid: caller.guid }, 'client', seededEntropy(5));
    const asked = answer(posing.hello);
    expect(orRefused(() => asked.confirmed(posing.confirm(asked.answer).confirmation))).toBeUndefined();
  });

  it('that a man in the middle relays between two links of his own (misbinding)', () => {
    // He answers the caller as himself and calls the answerer with the caller's confirmation.
    const toThief = call(9);
    const his = answer(toThief.hello, 100, thief);
    const stolen = toThief.confirm(his.answer).confirmation;
    const onward = answer(toThief.hello, 400);
    expect(orRefused(() => onward.confirmed(stolen))).toBeUndefined();
  });
});

describe('the answering side takes no hello', () => {
  const { hello } = call();

  it('of versions that it does not speak: 42 where it is the old one, 11 where the caller is (T6)', () => {
    const ranged = (from: number, to: number): Buffer => Buffer.concat([Buffer.of(from, to), hello.subarray(2)]);
    const refusalOf = (act: () => unknown): string => {
      try {
        act();
      } catch (error) {
        if (error instanceof LicensingError) return `${error.status} ${error.detail}`;
      }
      throw new Error('not refused');
    };
    expect(refusalOf(() => answer(ranged(7, 8)))).toMatch(/^42 .*: upgrade the license manager of server\.$/);
    expect(refusalOf(() => answer(ranged(0, 0)))).toMatch(/^11 .*: upgrade the license manager that calls\.$/);
    expect(refusalOf(() => answer(Buffer.of(7, 7)))).toMatch(/^42 /);
    expect(() => answer(ranged(3, 2))).toThrow(WireError);
    expect(
      [answer(ranged(1, 9)), answer(ranged(2, 9)), answer(ranged(1, 1)), answer(ranged(0, 1))].map(
        ({ answer: [, , , , chosen] }) => chosen,
      ),
    ).toEqual([6, 6, 1, 1]);
    // Of made-up versions of its own.
    const later = (bytes: Uint8Array) => answerLink(answerer, 'server', 7, bytes, seededEntropy(100), { from: 7, to: 8 });
    expect(refusalOf(() => later(hello))).toMatch(/^11 .*calls speaks versions 1 to 6 and the license manager of server versions 7 to 8:/);
    const calling = callLink(caller, 'client', seededEntropy(1), { from: 1, to: 7 });
    const answering = later(calling.hello);
    expect(answering.answer[4]).toBe(7);
    answering.confirmed(calling.confirm(answering.answer).confirmation);
    // The caller takes no version that it did not offer.
    expect(() => call().confirm(answering.answer)).toThrow('link version 7');
  });

  it('that was cut, longer, or with a share of small order', () => {
    for (let length = 0; length < hello.length; length += 1) expect(orRefused(() => answer(hello.subarray(0, length)))).toBeUndefined();
    expect(orRefused(() => answer(Buffer.concat([hello, Buffer.of(0)])))).toBeUndefined();
    const small = Buffer.concat([hello.subarray(0, 66), unhex('00'.repeat(32)), hello.subarray(98)]);
    expect(orRefused(() => answer(small))).toBeUndefined();
  });

  it('of random bytes, with WireError, or the refusal of a version (S6)', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const versions = bytes[0] === undefined || bytes[1] === undefined ? undefined : { from: bytes[0], to: bytes[1] };
        if (
          versions === undefined ||
          versions.from > versions.to ||
          (versions.from <= LINK_VERSIONS.to && versions.to >= LINK_VERSIONS.from)
        )
          orRefused(() => answer(bytes));
        else expect(() => answer(bytes)).toThrow(LicensingError);
        expect(() => call().confirm(bytes)).toThrow(WireError);
      }),
      { numRuns: 50 },
    );
  });
});
