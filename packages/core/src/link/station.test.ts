import { Buffer } from 'node:buffer';
import { describe, expect, it } from 'vitest';
import { hex, WireError } from '../bytes/index.ts';
import { vectorFile } from '../bytes/vector-file.testing.ts';
import { fill, orRefused, plain, unhex } from '../bytes/wire.testing.ts';
import { type Entropy, exchangePairFrom, signBytes } from '../crypto/index.ts';
import { type Block, decodeBlocks, encodeBlocks } from './blocks.ts';
import { answerLink, callLink } from './handshake.ts';
import { lmIdentityFrom } from './identity.ts';
import { sinceVersion } from './since-version.ts';
import { proveStation } from './station.ts';

// The computer that the LM at the other end of a link runs on, and what it says of the processes there (K34, K35). vectors/link-station.json.

const [near, admin, thief, answerer] = [0x71, 0x75, 0x76, 0x72].map((seed) => lmIdentityFrom(fill(32, seed))) as [
  ReturnType<typeof lmIdentityFrom>,
  ReturnType<typeof lmIdentityFrom>,
  ReturnType<typeof lmIdentityFrom>,
  ReturnType<typeof lmIdentityFrom>,
];
const fixed = (nonce: number, exchange: number): Entropy => ({
  bytes: (length) => fill(length, nonce),
  exchangePair: () => exchangePairFrom(fill(32, exchange)),
});
const VERSIONS = { from: 5, to: 5 } as const;
const link = (self = near, nonce = 0x81) => {
  const calling = callLink(self, 'client', fixed(nonce, 0x82), VERSIONS);
  const answering = answerLink(answerer, 'keys-1', 0x01020304, calling.hello, fixed(0x83, 0x84), VERSIONS);
  const confirmation = calling.confirm(answering.answer);
  return { calling, answering, confirmation, transcript: confirmation.transcript ?? Buffer.alloc(0) };
};

const opening = fill(110, 0xaa);
const blocks: readonly Block[] = [
  { kind: 'open for', channel: 1, key: '2622877015606951895', opening, process: '4711.88', forwarded: false },
  { kind: 'open for', channel: 2, key: '1', opening, process: '1.88@4026532100', forwarded: false },
  { kind: 'open for', channel: 0xffff_ffff, key: '1', opening, process: '?0b0b0b0b0b0b0b0b', forwarded: true },
];
const tail = (process: string, flag: string) => `${'00000001'}${'0000000000000001'}${'00000000'}${process}${flag}`;
const framed = (body: string) => `${(body.length / 2 + 1).toString(16).padStart(8, '0')}29${body}`;
const refusedBlocks = [
  { name: 'neither forwarded nor not', bytes: framed(tail('000131', '02')) },
  { name: 'a process without a name', bytes: framed(tail('0000', '00')) },
  { name: 'a process with a slash in its name', bytes: framed(tail('0003312f32', '00')) },
  { name: 'a name of a process that is too long', bytes: framed(tail(`0051${'61'.repeat(81)}`, '00')) },
  { name: 'something behind', bytes: framed(tail('000131', '0000')) },
];

const { recorded, made } = vectorFile('link-station', () => {
  const { calling, answering, confirmation, transcript } = link();
  const station = proveStation(admin, transcript);
  return {
    about:
      'A link of version 5, by docs/protocol/link.md K34 and K35, with the seeds of link.json and a station whose signing seed is here. Byte strings are hex.',
    stationSeed: hex(fill(32, 0x75)),
    station: admin.guid,
    hello: hex(calling.hello),
    answer: hex(answering.answer),
    transcript: hex(transcript),
    stationSigned: hex(Buffer.concat([Buffer.from('keyhaven link 1 station\0'), transcript])),
    stationSignature: hex(station.signature),
    confirmation: hex(confirmation.withStation(station)),
    confirmationWithout: hex(confirmation.confirmation),
    blocks: blocks.map((block) => ({ block: plain(block), bytes: hex(encodeBlocks([block])) })),
    refusedBlocks,
  };
});

describe('vectors/link-station.json', () => {
  it('is what the code makes today', () => expect(recorded).toEqual(made));

  it('links byte for byte as recorded, with a station and without', () => {
    const { answering } = link();
    expect(answering.confirmed(unhex(recorded.confirmation)).peer).toEqual({ guid: near.guid, hostname: 'client', station: admin.guid });
    expect(answering.confirmed(unhex(recorded.confirmationWithout)).peer).toEqual({ guid: near.guid, hostname: 'client' });
    expect(recorded.confirmation.slice(-128)).toBe(recorded.stationSignature);
  });

  it('has no link where any byte of the confirmation is changed or missing', () => {
    const { answering } = link();
    const bytes = unhex(recorded.confirmation);
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 0x80;
      expect(orRefused(() => answering.confirmed(changed))).toBeUndefined();
      expect(orRefused(() => answering.confirmed(bytes.subarray(0, at)))).toBeUndefined();
    }
  });

  it.each(recorded.blocks)('$block.process: read as written, written as read, refused at every cut', ({ block, bytes }) => {
    const found = decodeBlocks(unhex(bytes));
    expect(plain(found)).toEqual([block]);
    expect(hex(encodeBlocks(found))).toBe(bytes);
    for (let length = 1; length < bytes.length / 2; length += 1)
      expect(orRefused(() => decodeBlocks(unhex(bytes).subarray(0, length)))).toBeUndefined();
  });

  it.each(recorded.refusedBlocks)('refused: $name', ({ bytes }) => {
    expect(() => decodeBlocks(unhex(bytes))).toThrow(WireError);
  });

  it('has blocks of links of version 5', () => expect(blocks.map(({ kind }) => sinceVersion(kind))).toEqual(blocks.map(() => 5)));
});

describe('a station', () => {
  it('is proven for one link: what was signed for another one, or for another caller, is refused', () => {
    const { answering, confirmation, transcript } = link();
    const [later, other] = [link(near, 0x91), link(thief)];
    for (const foreign of [later.transcript, other.transcript, fill(32, 0)])
      expect(() => answering.confirmed(confirmation.withStation(proveStation(admin, foreign)))).toThrow('a station that is not proven');
    expect(answering.confirmed(confirmation.withStation(proveStation(admin, transcript))).peer.station).toBe(admin.guid);
  });

  it('cannot be named without its key: a signature of another key, of other words, or over it by the caller is refused', () => {
    const { answering, confirmation, transcript } = link();
    const { publicKey } = admin;
    const forged = [
      { publicKey, signature: proveStation(thief, transcript).signature },
      { publicKey, signature: signBytes(admin.signingKey, transcript) },
      { publicKey, signature: signBytes(admin.signingKey, Buffer.concat([Buffer.from('keyhaven link 1 confirm\0'), transcript])) },
    ];
    for (const proof of forged) expect(() => answering.confirmed(confirmation.withStation(proof))).toThrow('a station that is not proven');
  });

  it('is not a word of earlier versions: their confirmations stay as they are', () => {
    const calling = callLink(near, 'client', fixed(0x81, 0x82), { from: 1, to: 4 });
    const answering = answerLink(answerer, 'keys-1', 7, calling.hello, fixed(0x83, 0x84));
    const { confirmation, transcript, withStation } = calling.confirm(answering.answer);
    expect([confirmation.length, transcript]).toEqual([68, undefined]);
    expect(hex(withStation(proveStation(admin, fill(32, 1))))).toBe(hex(confirmation));
    expect(answering.confirmed(confirmation).peer).toEqual({ guid: near.guid, hostname: 'client' });
  });
});
