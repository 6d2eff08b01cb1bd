import { Buffer } from 'node:buffer';
import { createCipheriv, diffieHellman, hkdfSync } from 'node:crypto';
import { hex } from '../bytes/index.ts';
import { fill } from '../bytes/wire.testing.ts';
import { type Entropy, type ExchangePair, exchangePairFrom, publicKeyFrom, sha256, signBytes } from '../crypto/index.ts';
import { formatVendorCode } from '../license/index.ts';
import { answerOpening, openingFor } from './handshake.ts';
import { certificate, certificateOf, documentOf, holderOf, key, keyOf, vendor, vendorOf } from './world.testing.ts';

// Makes vectors/channel.json, for other languages to replay. Every value between the seeds and the records is computed here once more,
// from the words of docs/protocol/channel.md and not by the code that is tested. All byte strings are hex.

const fixed = (nonce: Uint8Array, pair: ExchangePair): Entropy => ({ bytes: () => nonce, exchangePair: () => pair });
const lengthOf = (bytes: Uint8Array): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return length;
};
const counterBytes = (counter: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(counter));
  return bytes;
};

/** C7, C8: the record of this counter. */
const recordOf = (secret: Buffer, id: Buffer, counter: number, text: Uint8Array) => {
  const nonce = Buffer.from(secret.subarray(32, 44));
  for (const [at, byte] of counterBytes(counter).entries()) nonce[4 + at] = (nonce[4 + at] ?? 0) ^ byte;
  const associated = Buffer.concat([id, counterBytes(counter)]);
  const cipher = createCipheriv('aes-256-gcm', secret.subarray(0, 32), nonce);
  cipher.setAAD(associated);
  const body = Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]);
  return {
    counter,
    nonce: hex(nonce),
    associated: hex(associated),
    plain: hex(text),
    record: hex(Buffer.concat([counterBytes(counter), body])),
  };
};

const channelOf = (name: string, seeds: { nonce: number; exchange: number; keyNonce: number; keyExchange: number }, knows: boolean) => {
  const [pair, keyPair] = [exchangePairFrom(fill(32, seeds.exchange)), exchangePairFrom(fill(32, seeds.keyExchange))];
  const opening = openingFor({ vendor: vendor.vendor, key: key.id }, fixed(fill(32, seeds.nonce), pair), knows ? certificate : undefined);
  const { message } = answerOpening(opening.message, holderOf(key, certificate), fixed(fill(32, seeds.keyNonce), keyPair));
  const unsigned = message.subarray(0, -64);
  const transcript = sha256(Buffer.concat([lengthOf(opening.message), opening.message, lengthOf(unsigned), unsigned]));
  const signed = Buffer.concat([Buffer.from('keyhaven channel 1 answer'), Buffer.of(0), transcript]);
  const shared = diffieHellman({ privateKey: pair.privateKey, publicKey: publicKeyFrom('x25519', keyPair.publicKey) });
  const material = Buffer.from(hkdfSync('sha256', shared, transcript, 'keyhaven channel 1 keys', 88));
  const id = transcript.subarray(0, 8);
  const texts = [Buffer.from('first'), Buffer.alloc(0), Buffer.from('a third record that is longer than one block of AES')];
  return {
    name,
    knowsCertificate: knows,
    application: { nonce: hex(fill(32, seeds.nonce)), exchangeSeed: hex(fill(32, seeds.exchange)), share: hex(pair.publicKey) },
    key: { nonce: hex(fill(32, seeds.keyNonce)), exchangeSeed: hex(fill(32, seeds.keyExchange)), share: hex(keyPair.publicKey) },
    opening: hex(opening.message),
    answer: hex(message),
    transcript: hex(transcript),
    signed: hex(signed),
    signature: hex(signBytes(key.signingKey, signed)),
    sharedSecret: hex(shared),
    keyMaterial: hex(material),
    toKey: { key: hex(material.subarray(0, 32)), mask: hex(material.subarray(32, 44)) },
    toApplication: { key: hex(material.subarray(44, 76)), mask: hex(material.subarray(76, 88)) },
    channel: hex(id),
    recordsToKey: texts.map((text, counter) => recordOf(material.subarray(0, 44), id, counter, text)),
    recordsToApplication: texts.map((text, counter) => recordOf(material.subarray(44), id, counter, text)),
  };
};

export const makeChannelVectors = () => {
  const seeds = { nonce: 0xa1, exchange: 0xa2, keyNonce: 0xb1, keyExchange: 0xb2 };
  const first = channelOf('the application has not seen the certificate', seeds, false);
  const second = channelOf(
    'the application knows the certificate',
    { nonce: 0xa3, exchange: 0xa4, keyNonce: 0xb3, keyExchange: 0xb4 },
    true,
  );
  const opening = Buffer.from(first.opening, 'hex');
  const keyEntropy = fixed(fill(32, 0xb1), exchangePairFrom(fill(32, 0xb2)));
  const other = keyOf(vendor, 0x41);
  const answerBy = (holder: ReturnType<typeof holderOf>): string =>
    hex(answerOpening(opening, { ...holder, id: key.id, vendor: vendor.vendor }, keyEntropy).message);
  const patched = (bytes: Buffer, at: number, by: Uint8Array): string =>
    hex(Buffer.concat([bytes.subarray(0, at), by, bytes.subarray(at + by.length)]));
  const answer = Buffer.from(first.answer, 'hex');
  const small = Buffer.alloc(32);
  const smallPair = { privateKey: exchangePairFrom(fill(32, 0xb2)).privateKey, publicKey: small };
  return {
    about:
      'Channels of docs/protocol/channel.md from fixed seeds. Byte strings are hex. Refused openings are answered with their status (0: they have not the form of an opening); every refused answer is an answer to the opening of the first channel and ends in 46, as does any record or answer with any bit changed.',
    vendor: { id: vendor.vendor, signingSeed: hex(fill(32, 0x11)), publicKey: hex(vendor.publicKey), code: formatVendorCode(vendor) },
    keyHolder: {
      id: key.id,
      signingSeed: hex(fill(32, 0x21)),
      publicKey: hex(key.signingPublic),
      certificate: hex(certificate),
      digest: hex(sha256(certificate)),
    },
    channels: [first, second],
    refusedOpenings: [
      { name: 'versions 2 to 3', opening: patched(opening, 0, Buffer.of(2, 3)), status: 42 },
      { name: 'version 0 only', opening: patched(opening, 0, Buffer.of(0, 0)), status: 11 },
      { name: 'another vendor', opening: patched(opening, 2, fill(4, 1)), status: 7 },
      { name: 'another key', opening: patched(opening, 6, fill(8, 1)), status: 7 },
      { name: 'a share of small order', opening: patched(opening, 46, small), status: 0 },
      { name: 'a byte too many', opening: `${first.opening}00`, status: 0 },
      { name: 'a byte too few', opening: first.opening.slice(0, -2), status: 0 },
    ],
    refusedAnswers: [
      { name: 'the answer of the second channel', answer: second.answer },
      { name: 'another version', answer: patched(answer, 0, Buffer.of(2)) },
      { name: 'another key of the same vendor', answer: answerBy(holderOf(other, documentOf(certificateOf(other), vendor))) },
      { name: 'the true certificate with the signature of another key', answer: answerBy(holderOf(other, certificate)) },
      {
        name: 'a certificate of another vendor with the same id',
        answer: answerBy(holderOf(key, documentOf(certificateOf(key), vendorOf(vendor.vendor, 0x31)))),
      },
      { name: 'a certificate that is not the one it names', answer: answerBy({ ...holderOf(key, certificate), digest: fill(32, 9) }) },
      {
        name: 'a share of small order, signed by the key',
        answer: hex(answerOpening(opening, holderOf(key, certificate), fixed(fill(32, 0xb1), smallPair)).message),
      },
      { name: 'the opening sent back', answer: first.opening },
      { name: 'a byte too many', answer: `${first.answer}00` },
      { name: 'a byte too few', answer: first.answer.slice(0, -2) },
    ],
  };
};
