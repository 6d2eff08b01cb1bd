import { Buffer } from 'node:buffer';
import { describe, expect, it } from 'vitest';
import { hex, WireError } from '../bytes/index.ts';
import { vectorFile } from '../bytes/vector-file.testing.ts';
import { unhex } from '../bytes/wire.testing.ts';
import { type Entropy, exchangePairFrom, privateKeyFrom, publicBytes, sha256 } from '../crypto/index.ts';
import { LicensingError, Status } from '../errors/index.ts';
import { parseVendorCode } from '../license/index.ts';
import { signingKeyIn, trustCertificate } from '../session/index.ts';
import { type Answer, answerOpening, type Opening, openingFor } from './handshake.ts';
import { type Channel, createChannel } from './record.ts';
import { makeChannelVectors } from './vectors.testing.ts';

const { recorded, made } = vectorFile('channel', makeChannelVectors);
const { vendor, keyHolder } = recorded;
const trust = parseVendorCode(vendor.code);
const certificate = unhex(keyHolder.certificate);
const holder = {
  id: keyHolder.id,
  vendor: vendor.id,
  signingKey: privateKeyFrom('ed25519', unhex(keyHolder.signingSeed)),
  certificate,
  digest: unhex(keyHolder.digest),
};
const trusting = (document: Uint8Array): Uint8Array => signingKeyIn(trustCertificate(document, trust, keyHolder.id));

type Recorded = (typeof recorded.channels)[number];
const entropyOf = ({ nonce, exchangeSeed }: Recorded['key']): Entropy => ({
  bytes: () => unhex(nonce),
  exchangePair: () => exchangePairFrom(unhex(exchangeSeed)),
});
const begin = ({ application, knowsCertificate }: Recorded): Opening =>
  openingFor({ vendor: vendor.id, key: keyHolder.id }, entropyOf(application), knowsCertificate ? certificate : undefined);
const answer = (of: Recorded): Answer => answerOpening(unhex(of.opening), holder, entropyOf(of.key));
const expect46 = (act: () => unknown): void =>
  expect(act).toThrow(expect.objectContaining({ constructor: LicensingError, status: Status.SCHAN_ERR }));

describe('vectors/channel.json', () => {
  it('is what the code makes today', () => expect(recorded).toEqual(made));

  it('has a vendor and a key whose public halves follow from their seeds', () => {
    expect(hex(publicBytes(privateKeyFrom('ed25519', unhex(vendor.signingSeed))))).toBe(vendor.publicKey);
    expect(hex(publicBytes(holder.signingKey))).toBe(keyHolder.publicKey);
    expect(hex(sha256(certificate))).toBe(keyHolder.digest);
    expect([hex(trust.publicKey), hex(trusting(certificate))]).toEqual([vendor.publicKey, keyHolder.publicKey]);
  });
});

describe.each(recorded.channels)('the channel where $name', (of) => {
  it('opens byte for byte as recorded, from both ends (C1 to C6)', () => {
    const opening = begin(of);
    expect(hex(opening.message)).toBe(of.opening);
    const { message, channel } = answer(of);
    expect(hex(message)).toBe(of.answer);
    expect(of.answer.slice(-128)).toBe(of.signature);
    const proven = opening.complete(unhex(of.answer), trusting);
    expect([hex(proven.channel.id), hex(channel.id), of.transcript.slice(0, 16)]).toEqual([of.channel, of.channel, of.channel]);
    expect(hex(proven.certificate)).toBe(keyHolder.certificate);
  });

  const ends = (): readonly [application: Channel, key: Channel] => [
    begin(of).complete(unhex(of.answer), trusting).channel,
    answer(of).channel,
  ];

  it('carries the recorded records both ways (C7 to C9)', () => {
    const [application, key] = ends();
    for (const { plain, record } of of.recordsToKey) {
      expect(hex(application.seal(unhex(plain)))).toBe(record);
      expect(hex(key.open(unhex(record)))).toBe(plain);
    }
    for (const { plain, record } of of.recordsToApplication) {
      expect(hex(key.seal(unhex(plain)))).toBe(record);
      expect(hex(application.open(unhex(record)))).toBe(plain);
    }
  });

  it('follows from its keys alone, too', () => {
    const [toKey, toApplication] = [of.toKey, of.toApplication].map(({ key, mask }) => unhex(key + mask));
    if (toKey === undefined || toApplication === undefined) return;
    expect(hex(Buffer.concat([toKey, toApplication]))).toBe(of.keyMaterial);
    const application = createChannel(unhex(of.channel), toKey, toApplication);
    expect(of.recordsToKey.map(({ plain }) => hex(application.seal(unhex(plain))))).toEqual(of.recordsToKey.map(({ record }) => record));
  });

  it('ends with 46 when any byte of a recorded record was changed', () => {
    for (const { record } of of.recordsToKey.slice(0, 1)) {
      for (let at = 0; at < record.length / 2; at += 1) {
        const changed = unhex(record);
        changed[at] = (changed[at] ?? 0) ^ 0x80;
        expect46(() => ends()[1].open(changed));
      }
    }
  });
});

describe('what the vectors refuse', () => {
  const [first] = recorded.channels;
  if (first === undefined) throw new Error('no channel is recorded');

  it.each(recorded.refusedOpenings)('an opening with $name', ({ opening, status }) => {
    const attempt = (): unknown => answerOpening(unhex(opening), holder, entropyOf(first.key));
    expect(attempt).toThrow(expect.objectContaining(status === 0 ? { constructor: WireError } : { constructor: LicensingError, status }));
  });

  it.each(recorded.refusedAnswers)('as an answer, $name', ({ answer: bytes }) => {
    expect46(() => begin(first).complete(unhex(bytes), trusting));
  });
});
