import { Buffer } from 'node:buffer';
import { createHmac, diffieHellman, hkdfSync } from 'node:crypto';
import { hex } from '../bytes/index.ts';
import { fill, plain } from '../bytes/wire.testing.ts';
import { type Entropy, exchangePairFrom, publicKeyFrom, sha256, signBytes } from '../crypto/index.ts';
import { type Block, encodeBlocks } from './blocks.ts';
import { answerLink, callLink } from './handshake.ts';
import { lmIdentityFrom } from './identity.ts';

// Makes vectors/link.json, for other languages to replay. Every value between the seeds and the bodies is computed here once more, from
// the words of docs/protocol/link.md and not by the code that is tested. All byte strings are hex.

const LINK = 0x01020304;
const fixed = (nonce: number, exchange: number): Entropy => ({
  bytes: (length) => fill(length, nonce),
  exchangePair: () => exchangePairFrom(fill(32, exchange)),
});
const numberBytes = (value: number, length: 4 | 8): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes.subarray(8 - length);
};
const session = fill(16, 0x0b);

const blocks: readonly Block[] = [
  { kind: 'open', channel: 1, key: '2622877015606951895', opening: fill(110, 0xaa) },
  { kind: 'opened', channel: 1, answer: fill(165, 0xcc) },
  { kind: 'record', channel: 1, record: fill(40, 0xbb) },
  { kind: 'lost', channel: 1, status: 7, detail: 'No such key is here.' },
  { kind: 'close', channel: 0xffff_ffff },
  { kind: 'attached', channel: 1, session },
  { kind: 'detached', session },
  { kind: 'release', session },
  { kind: 'renew', count: 2, digest: fill(16, 0x03) },
  { kind: 'renewed', agreed: true },
  { kind: 'renewed', agreed: false },
  { kind: 'renewing', sessions: [session, fill(16, 0x08)] },
  { kind: 'renewing', sessions: [] },
  { kind: 'gone', sessions: [fill(16, 0x08)] },
  { kind: 'ask catalog', version: 0 },
  { kind: 'catalog', version: Number.MAX_SAFE_INTEGER, json: '[]' },
  { kind: 'catalog', version: 7, json: '' },
  { kind: 'catalog part', version: 7, json: '[]' },
  { kind: 'more' },
  { kind: 'listen' },
];

/** Blocks that links of version 2 have besides. */
const laterBlocks: readonly Block[] = [
  { kind: 'ask changes', version: 0, fresh: false, hears: true },
  { kind: 'ask changes', version: 0x700_000, fresh: false, hears: false },
  { kind: 'ask changes', version: Number.MAX_SAFE_INTEGER, fresh: true, hears: true },
  { kind: 'changes', since: 0, version: 0x700_000, more: true, removed: [], json: '[]' },
  { kind: 'changes', since: 0x700_000, version: 0x700_001, more: false, removed: ['2622877015606951895', '1'], json: '[]' },
];

/** As the first release said it. */
export const FIRST = { from: 1, to: 1 } as const;
export const SECOND = { from: 1, to: 2 } as const;

export const makeLinkVectors = () => {
  const [caller, answerer] = [lmIdentityFrom(fill(32, 0x71)), lmIdentityFrom(fill(32, 0x72))];
  const [callerPair, answererPair] = [exchangePairFrom(fill(32, 0x82)), exchangePairFrom(fill(32, 0x84))];
  const calling = callLink(caller, 'client', fixed(0x81, 0x82), FIRST);
  const later = callLink(caller, 'client', fixed(0x81, 0x82), SECOND);
  const { answer } = answerLink(answerer, 'keys-1', LINK, calling.hello, fixed(0x83, 0x84));
  const unsigned = answer.subarray(0, -64);
  const transcript = sha256(
    Buffer.concat([numberBytes(calling.hello.length, 4), calling.hello, numberBytes(unsigned.length, 4), unsigned]),
  );
  const words = (text: string): Buffer => Buffer.concat([Buffer.from(text), Buffer.of(0), transcript]);
  const answerSigned = words('keyhaven link 1 answer');
  const confirmSigned = words('keyhaven link 1 confirm');
  const shared = diffieHellman({ privateKey: callerPair.privateKey, publicKey: publicKeyFrom('x25519', answererPair.publicKey) });
  const material = Buffer.from(hkdfSync('sha256', shared, transcript, 'keyhaven link 1 keys', 64));

  const body = (from: 'caller' | 'answerer', sequence: number, said: readonly Block[]) => {
    const bytes = encodeBlocks(said);
    const header = Buffer.concat([numberBytes(LINK, 4), numberBytes(sequence, 8)]);
    const mac = createHmac('sha256', from === 'caller' ? material.subarray(0, 32) : material.subarray(32))
      .update(header)
      .update(bytes)
      .digest();
    return {
      from,
      link: LINK,
      sequence,
      blocks: said.map(plain),
      bytes: hex(bytes),
      mac: hex(mac),
      text: Buffer.concat([header, mac, bytes]).toString('base64'),
    };
  };
  const bodies = [
    body('caller', 1, [{ kind: 'ask catalog', version: 0 }, ...blocks.slice(0, 1)]),
    body('answerer', 1, [{ kind: 'catalog', version: 1, json: '[]' }, ...blocks.slice(1, 3)]),
    body('caller', 2, []),
    body('answerer', Number.MAX_SAFE_INTEGER, [{ kind: 'more' }]),
  ];
  const lm = (identity: typeof caller, seed: number) => ({
    signingSeed: hex(fill(32, seed)),
    publicKey: hex(identity.publicKey),
    guid: identity.guid,
  });
  const [firstBody] = bodies;
  return {
    about:
      'The link between two license managers, by docs/protocol/link.md, from fixed seeds. Byte strings are hex, texts of bodies are base64. Hello, answer, confirmation and body are refused with any bit of them changed.',
    caller: {
      ...lm(caller, 0x71),
      hostname: 'client',
      nonce: hex(fill(32, 0x81)),
      exchangeSeed: hex(fill(32, 0x82)),
      share: hex(callerPair.publicKey),
    },
    answerer: {
      ...lm(answerer, 0x72),
      hostname: 'keys-1',
      nonce: hex(fill(32, 0x83)),
      exchangeSeed: hex(fill(32, 0x84)),
      share: hex(answererPair.publicKey),
    },
    link: LINK,
    hello: hex(calling.hello),
    answer: hex(answer),
    transcript: hex(transcript),
    answerSigned: hex(answerSigned),
    answerSignature: hex(signBytes(answerer.signingKey, answerSigned)),
    confirmSigned: hex(confirmSigned),
    confirmation: hex(Buffer.concat([numberBytes(LINK, 4), signBytes(caller.signingKey, confirmSigned)])),
    sharedSecret: hex(shared),
    toAnswerer: hex(material.subarray(0, 32)),
    toCaller: hex(material.subarray(32)),
    blocks: blocks.map((block) => ({ block: plain(block), bytes: hex(encodeBlocks([block])) })),
    bodies,
    refusedBlocks: [
      { name: 'a type unknown', bytes: '00000001c8' },
      { name: 'an empty frame', bytes: '00000000' },
      { name: 'half of a block', bytes: '000000050900' },
      { name: 'a byte too many', bytes: '000000021d00' },
      { name: 'neither agreed nor not', bytes: '000000021802' },
      { name: 'a channel lost with status 0', bytes: '00000009080000000100000000' },
      { name: 'fewer sessions than counted', bytes: '000000051a00000001' },
      { name: 'a catalog that is no UTF-8', bytes: '0000000e1c000000000000000100000001ff' },
    ],
    refusedBodies: [
      { name: 'nothing', text: '' },
      { name: 'no base64', text: '****' },
      { name: 'a header only in part', text: Buffer.alloc(43).toString('base64') },
      {
        name: 'without its last byte',
        text: Buffer.from(firstBody?.text ?? '', 'base64')
          .subarray(0, -1)
          .toString('base64'),
      },
    ],
    version2: {
      about: 'The same two, who both speak versions 1 and 2. The words that are signed, and the names of the keys, stay as they are.',
      hello: hex(later.hello),
      answer: hex(answerLink(answerer, 'keys-1', LINK, later.hello, fixed(0x83, 0x84), SECOND).answer),
      blocks: laterBlocks.map((block) => ({ block: plain(block), bytes: hex(encodeBlocks([block])) })),
      refusedBlocks: [
        { name: 'an unknown wish', bytes: '0000000a22000000000000000104' },
        { name: 'more keys gone than one block may name', bytes: `00000016230000000000000000000000000000000100${'00001001'}` },
        { name: 'fewer keys gone than counted', bytes: `0000001a23${'0000000000000000'}${'0000000000000001'}00${'00000001'}${'00000000'}` },
      ],
    },
  };
};
