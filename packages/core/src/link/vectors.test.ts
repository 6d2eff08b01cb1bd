import { Buffer } from 'node:buffer';
import { describe, expect, it } from 'vitest';
import { fromBase64, hex, WireError } from '../bytes/index.ts';
import { vectorFile } from '../bytes/vector-file.testing.ts';
import { orRefused, plain, unhex } from '../bytes/wire.testing.ts';
import { type Entropy, exchangePairFrom, secretKey } from '../crypto/index.ts';
import { decodeBlocks, encodeBlocks } from './blocks.ts';
import { decodeBody, encodeBody, linkOf } from './body.ts';
import { type Answering, answerLink, type Calling, callLink } from './handshake.ts';
import { lmIdentityFrom } from './identity.ts';
import { FIRST, makeLinkVectors, SECOND } from './vectors.testing.ts';

const { recorded, made } = vectorFile('link', makeLinkVectors);

type Side = typeof recorded.caller;
const identityOf = ({ signingSeed }: Side) => lmIdentityFrom(unhex(signingSeed));
const entropyOf = ({ nonce, exchangeSeed }: Side): Entropy => ({
  bytes: () => unhex(nonce),
  exchangePair: () => exchangePairFrom(unhex(exchangeSeed)),
});
const call = (): Calling => callLink(identityOf(recorded.caller), recorded.caller.hostname, entropyOf(recorded.caller), FIRST);
const answer = (): Answering =>
  answerLink(identityOf(recorded.answerer), recorded.answerer.hostname, recorded.link, unhex(recorded.hello), entropyOf(recorded.answerer));

describe('vectors/link.json', () => {
  it('is what the code makes today', () => expect(recorded).toEqual(made));

  it.each([recorded.caller, recorded.answerer])('has the identity of $hostname, as it follows from its seed', (side) => {
    const identity = identityOf(side);
    expect([hex(identity.publicKey), identity.guid]).toEqual([side.publicKey, side.guid]);
  });

  it('links byte for byte as recorded, from both ends (K1 to K5)', () => {
    const calling = call();
    const answering = answer();
    expect(hex(calling.hello)).toBe(recorded.hello);
    expect(hex(answering.answer)).toBe(recorded.answer);
    expect(recorded.answer.slice(-128)).toBe(recorded.answerSignature);
    const { confirmation, keys } = calling.confirm(unhex(recorded.answer));
    expect(hex(confirmation)).toBe(recorded.confirmation);
    const theirs = answering.confirmed(unhex(recorded.confirmation));
    expect([keys.id, keys.peer]).toEqual([recorded.link, { guid: recorded.answerer.guid, hostname: recorded.answerer.hostname }]);
    expect([theirs.id, theirs.peer]).toEqual([recorded.link, { guid: recorded.caller.guid, hostname: recorded.caller.hostname }]);
    const secrets = [keys.outgoing, keys.incoming, theirs.incoming, theirs.outgoing].map((key) => hex(key.export()));
    expect(secrets).toEqual([recorded.toAnswerer, recorded.toCaller, recorded.toAnswerer, recorded.toCaller]);
  });

  it('links to nobody when any byte of what was recorded is changed', () => {
    const changed = (text: string, at: number): Buffer => {
      const bytes = unhex(text);
      bytes[at] = (bytes[at] ?? 0) ^ 0x80;
      return bytes;
    };
    for (let at = 0; at < recorded.answer.length / 2; at += 1)
      expect(orRefused(() => call().confirm(changed(recorded.answer, at)))).toBeUndefined();
    for (let at = 0; at < recorded.confirmation.length / 2; at += 1)
      expect(orRefused(() => answer().confirmed(changed(recorded.confirmation, at)))).toBeUndefined();
  });

  it.each(recorded.bodies)(
    'a body of the $from with sequence $sequence: read as written, written as read, refused at every cut (K6 to K8)',
    (body) => {
      const key = secretKey(unhex(body.from === 'caller' ? recorded.toAnswerer : recorded.toCaller));
      const found = decodeBody(body.text, key);
      expect([found.link, found.sequence, hex(found.blocks), linkOf(body.text)]).toEqual([body.link, body.sequence, body.bytes, body.link]);
      expect(plain(decodeBlocks(found.blocks))).toEqual(body.blocks);
      expect(encodeBody(found.link, found.sequence, encodeBlocks(decodeBlocks(found.blocks)), key)).toBe(body.text);
      const bytes = fromBase64(body.text) ?? Buffer.alloc(0);
      expect(hex(bytes.subarray(12, 44))).toBe(body.mac);
      for (let length = 0; length < bytes.length; length += 1)
        expect(orRefused(() => decodeBody(bytes.subarray(0, length).toString('base64'), key))).toBeUndefined();
    },
  );

  it('begins with a higher version in the hello where both have one, and signs that', () => {
    const { version2, caller, answerer, link } = recorded;
    const calling = callLink(identityOf(caller), caller.hostname, entropyOf(caller), SECOND);
    expect(hex(calling.hello)).toBe(version2.hello);
    const answering = answerLink(identityOf(answerer), answerer.hostname, link, unhex(version2.hello), entropyOf(answerer), SECOND);
    expect(hex(answering.answer)).toBe(version2.answer);
    const { confirmation, keys } = calling.confirm(unhex(version2.answer));
    expect([keys.version, answering.confirmed(confirmation).version]).toEqual([2, 2]);
  });

  it.each([...recorded.blocks, ...recorded.version2.blocks])(
    'the block $block.kind: read as written, written as read, refused at every cut',
    ({ block, bytes }) => {
      const found = decodeBlocks(unhex(bytes));
      expect(plain(found)).toEqual([block]);
      expect(hex(encodeBlocks(found))).toBe(bytes);
      for (let length = 1; length < bytes.length / 2; length += 1)
        expect(orRefused(() => decodeBlocks(unhex(bytes).subarray(0, length)))).toBeUndefined();
    },
  );

  it.each([...recorded.refusedBlocks, ...recorded.version2.refusedBlocks])('blocks with $name are refused', ({ bytes }) => {
    expect(() => decodeBlocks(unhex(bytes))).toThrow(WireError);
  });

  it.each(recorded.refusedBodies)('a body of $name is refused', ({ text }) => {
    expect(() => decodeBody(text, secretKey(unhex(recorded.toAnswerer)))).toThrow(WireError);
  });
});
