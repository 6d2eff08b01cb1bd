import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hex, WireError } from '../bytes/index.ts';
import { fill, u8, unhex } from '../bytes/wire.testing.ts';
import { exchangePairFrom, sha256, signBytes } from '../crypto/index.ts';
import { LicensingError, Status, type StatusCode } from '../errors/index.ts';
import { signingKeyIn, trustCertificate } from '../session/index.ts';
import type { VersionRange } from '../versions/index.ts';
import { type Answer, answerOpening, type Opening, openingFor } from './handshake.ts';
import { certificate, certificateOf, documentOf, holderOf, key, keyOf, seededEntropy, vendor, vendorOf } from './world.testing.ts';

const target = { vendor: vendor.vendor, key: key.id };
const trusting = (document: Uint8Array): Uint8Array => signingKeyIn(trustCertificate(document, vendor, key.id));
const begin = (seed = 1, known?: Uint8Array): Opening => openingFor(target, seededEntropy(seed), known);
const answer = (opening: Uint8Array, seed = 100, holder = holderOf(key, certificate)): Answer =>
  answerOpening(opening, holder, seededEntropy(seed));
const statusOf = (act: () => unknown): StatusCode | undefined => {
  try {
    act();
  } catch (error) {
    if (error instanceof LicensingError) return error.status;
    throw error;
  }
  return undefined;
};
const changed = (bytes: Uint8Array, at: number, mask: number): Buffer => {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ mask;
  return copy;
};

describe('opening a channel (K10)', () => {
  it('gives both ends the same channel, and the application what the vendor signed (C1 to C6)', () => {
    const opening = begin();
    const { message, channel } = answer(opening.message);
    const proven = opening.complete(message, trusting);
    expect(Buffer.from(proven.certificate).equals(certificate)).toBe(true);
    expect(hex(proven.channel.id)).toBe(hex(channel.id));
    expect(channel.open(proven.channel.seal(Buffer.from('question'))).toString()).toBe('question');
    expect(proven.channel.open(channel.seal(Buffer.from('answer'))).toString()).toBe('answer');
  });

  it('has other keys in each direction: no record comes back as an answer (C6)', () => {
    const opening = begin();
    const { message, channel } = answer(opening.message);
    const application = opening.complete(message, trusting).channel;
    const [question, reply] = [application.seal(fill(20, 0)), channel.seal(fill(20, 0))];
    expect(hex(question)).not.toBe(hex(reply));
    expect(statusOf(() => application.open(question))).toBe(Status.SCHAN_ERR);
    expect(statusOf(() => channel.open(reply))).toBe(Status.SCHAN_ERR);
  });

  it('has openings of exactly 110 bytes', () => {
    expect(begin().message.length).toBe(110);
    expect(begin(1, certificate).message.length).toBe(110);
  });

  it('does not send a certificate that the application knows, and sends another one', () => {
    const opening = begin(1, certificate);
    const short = answer(opening.message);
    expect(short.message.length).toBe(165);
    expect(Buffer.from(opening.complete(short.message, trusting).certificate).equals(certificate)).toBe(true);
    const updated = documentOf(certificateOf(key, 2), vendor);
    const again = begin(2, certificate);
    const long = answer(again.message, 101, holderOf(key, updated));
    expect(long.message.length).toBe(165 + updated.length);
    expect(Buffer.from(again.complete(long.message, trusting).certificate).equals(updated)).toBe(true);
  });

  it('derives other keys for every channel', () => {
    const records = [1, 2, 3].map((seed) => {
      const opening = begin(seed);
      return hex(opening.complete(answer(opening.message, 100 + seed).message, trusting).channel.seal(fill(20, 0)));
    });
    const sameApplication = begin(1);
    records.push(hex(sameApplication.complete(answer(sameApplication.message, 200).message, trusting).channel.seal(fill(20, 0))));
    expect(new Set(records).size).toBe(4);
  });
});

describe('the application takes no answer (46)', () => {
  it('in which any one byte was changed', () => {
    const opening = begin();
    const { message } = answer(opening.message);
    for (let at = 0; at < message.length; at += 1)
      expect(
        statusOf(() => opening.complete(changed(message, at, 1 + (at % 255)), trusting)),
        `byte ${at}`,
      ).toBe(Status.SCHAN_ERR);
    expect(statusOf(() => opening.complete(message, trusting))).toBeUndefined();
  });

  it('that was cut or made longer', () => {
    const opening = begin();
    const { message } = answer(opening.message);
    for (let length = 0; length < message.length; length += 1)
      expect(statusOf(() => opening.complete(message.subarray(0, length), trusting))).toBe(Status.SCHAN_ERR);
    expect(statusOf(() => opening.complete(Buffer.concat([message, Buffer.of(0)]), trusting))).toBe(Status.SCHAN_ERR);
  });

  it('to an opening in which any one byte was changed on its way', () => {
    const opening = begin();
    let answered = 0;
    for (let at = 0; at < opening.message.length; at += 1) {
      for (const mask of [1, 0x80]) {
        const outcome = ((): StatusCode | undefined => {
          try {
            const { message } = answer(changed(opening.message, at, mask));
            answered += 1;
            return statusOf(() => opening.complete(message, trusting));
          } catch (error) {
            if (error instanceof WireError) return Status.SCHAN_ERR;
            if (error instanceof LicensingError) return error.status;
            throw error;
          }
        })();
        expect([Status.SCHAN_ERR, Status.OLD_LM, Status.KEY_NOT_FOUND], `byte ${at}`).toContain(outcome);
      }
    }
    expect(answered).toBeGreaterThan(180);
  });

  it('of another channel, of yesterday, or its own opening sent back', () => {
    const opening = begin(1);
    const yesterday = answer(begin(2).message).message;
    expect(statusOf(() => opening.complete(yesterday, trusting))).toBe(Status.SCHAN_ERR);
    expect(statusOf(() => opening.complete(opening.message, trusting))).toBe(Status.SCHAN_ERR);
  });

  it('with a certificate that its vendor did not sign', () => {
    const stranger = vendorOf(vendor.vendor, 0x31);
    const opening = begin();
    const forged = documentOf(certificateOf(key), stranger);
    expect(statusOf(() => opening.complete(answer(opening.message, 100, holderOf(key, forged)).message, trusting))).toBe(Status.SCHAN_ERR);
  });

  it('of another key of the same vendor', () => {
    const other = keyOf(vendor, 0x41);
    const opening = begin();
    const holder = { ...holderOf(other, documentOf(certificateOf(other), vendor)), id: key.id };
    expect(statusOf(() => opening.complete(answer(opening.message, 100, holder).message, trusting))).toBe(Status.SCHAN_ERR);
  });

  it('of whoever shows the true certificate, which is public, without its private key', () => {
    const thief = keyOf(vendor, 0x51);
    const opening = begin();
    const holder = { ...holderOf(thief, certificate), id: key.id };
    expect(statusOf(() => opening.complete(answer(opening.message, 100, holder).message, trusting))).toBe(Status.SCHAN_ERR);
  });

  it('whose certificate is not the one that it names, sent or known', () => {
    const updated = documentOf(certificateOf(key, 2), vendor);
    const mixed = { ...holderOf(key, updated), digest: sha256(certificate) };
    const opening = begin();
    expect(statusOf(() => opening.complete(answer(opening.message, 100, mixed).message, trusting))).toBe(Status.SCHAN_ERR);
    const unknown = answer(begin(1, certificate).message);
    expect(statusOf(() => begin(1).complete(unknown.message, trusting))).toBe(Status.SCHAN_ERR);
  });

  it('that names another version, however well it is signed', () => {
    const opening = begin();
    const { message } = answer(opening.message);
    const unsigned = Buffer.concat([Buffer.of(2), message.subarray(1, -64)]);
    const forged = Buffer.concat([unsigned, signBytes(key.signingKey, unsigned)]);
    expect(statusOf(() => opening.complete(forged, trusting))).toBe(Status.SCHAN_ERR);
  });

  it('of random bytes', () => {
    const opening = begin();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), u8, (bytes, version) => {
        expect(statusOf(() => opening.complete(bytes, trusting))).toBe(Status.SCHAN_ERR);
        expect(statusOf(() => opening.complete(Buffer.concat([Buffer.of(version & 1), fill(96, 1), fill(4, 0), bytes]), trusting))).toBe(
          Status.SCHAN_ERR,
        );
      }),
    );
  });
});

describe('the key answers no opening', () => {
  it('of versions that it does not speak: 42 where it is the old one, 11 where the application is (T6)', () => {
    const message = Buffer.from(begin().message);
    const ranged = (from: number, to: number): Buffer => Buffer.concat([Buffer.of(from, to), message.subarray(2)]);
    expect(statusOf(() => answer(ranged(2, 3)))).toBe(Status.OLD_LM);
    expect(() => answer(ranged(2, 3))).toThrow('upgrade the license manager that holds the key.');
    // What another version has behind its range may have any form.
    expect(() => answer(Buffer.of(2, 3, 9))).toThrow('upgrade the license manager that holds the key.');
    expect(statusOf(() => answer(ranged(0, 0)))).toBe(Status.OLD_DRIVER);
    expect(() => answer(ranged(0, 0))).toThrow('upgrade the Licensing API of the application.');
    expect(() => answer(ranged(1, 0))).toThrow(WireError);
    for (const [from, to] of [
      [1, 9],
      [0, 255],
    ] as const)
      expect(answer(ranged(from, to)).message[0]).toBe(1);
  });

  it('of an application whose versions are made up, nor of one of ours where its own are (T6)', () => {
    const answerAs = (opening: Opening, versions: VersionRange): Answer =>
      answerOpening(opening.message, holderOf(key, certificate), seededEntropy(100), versions);
    const beginAs = (versions: VersionRange): Opening => openingFor(target, seededEntropy(1), undefined, versions);
    expect(statusOf(() => answerAs(begin(), { from: 2, to: 3 }))).toBe(Status.OLD_DRIVER);
    expect(statusOf(() => answerAs(beginAs({ from: 4, to: 5 }), { from: 2, to: 3 }))).toBe(Status.OLD_LM);
    // Two later releases, of which one still speaks ours: each end learns which version it is, and both have the channel.
    const opening = beginAs({ from: 1, to: 3 });
    const { message, channel } = answerAs(opening, { from: 2, to: 9 });
    expect(message[0]).toBe(3);
    expect(channel.open(opening.complete(message, trusting).channel.seal(Buffer.from('hi'))).toString()).toBe('hi');
    // An answer in a version that nobody offered is no answer.
    expect(statusOf(() => begin().complete(message, trusting))).toBe(Status.SCHAN_ERR);
  });

  it('for another vendor or key (7)', () => {
    for (const other of [
      { ...target, vendor: 1 },
      { ...target, key: '1' },
    ]) {
      expect(statusOf(() => answer(openingFor(other, seededEntropy(1)).message))).toBe(Status.KEY_NOT_FOUND);
    }
  });

  it('that was cut or made longer', () => {
    const { message } = begin();
    for (let length = 0; length < message.length; length += 1) expect(() => answer(message.subarray(0, length))).toThrow(WireError);
    expect(() => answer(Buffer.concat([message, Buffer.of(0)]))).toThrow(WireError);
  });

  it.each(['00'.repeat(32), `01${'00'.repeat(31)}`, 'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800'])(
    'with the share %s of small order, nor does the application take one',
    (share) => {
      const { message } = begin();
      const small = Buffer.concat([message.subarray(0, 46), unhex(share), message.subarray(78)]);
      expect(() => answer(small)).toThrow(WireError);
      const opening = begin();
      const entropy = {
        bytes: (length: number) => fill(length, 7),
        exchangePair: () => ({ ...exchangePairFrom(fill(32, 7)), publicKey: unhex(share) }),
      };
      const hostile = answerOpening(opening.message, holderOf(key, certificate), entropy);
      expect(statusOf(() => opening.complete(hostile.message, trusting))).toBe(Status.SCHAN_ERR);
    },
  );
});
