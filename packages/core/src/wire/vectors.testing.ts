import { Buffer } from 'node:buffer';
import { hex } from '../bytes/index.ts';
import { fill, plain } from '../bytes/wire.testing.ts';
import { encodeFrame, MAX_FRAME } from './frame.ts';
import { encodeToApplication, encodeToLm, type ToApplication, type ToLm } from './local.ts';

// Makes vectors/frames.json and vectors/local.json, for other languages to replay. All byte strings are hex.

const frame = (type: number, body: Uint8Array): Buffer => encodeFrame(type, (out) => out.bytes(body));

export const makeFrameVectors = () => {
  const stream = (name: string, frames: readonly (readonly [number, Uint8Array])[], rest = '') => ({
    name,
    bytes: hex(Buffer.concat(frames.map(([type, body]) => frame(type, body)))) + rest,
    frames: frames.map(([type, body]) => ({ type, body: hex(body) })),
    pending: rest.length / 2,
  });
  return {
    about:
      'Framing of docs/protocol/frames.md. Byte strings are hex. Each stream gives the same frames however it is cut; `pending` bytes of it are the beginning of a frame that is not whole. Each refused stream is refused as soon as its last byte is there.',
    maxFrame: MAX_FRAME,
    streams: [
      stream('nothing', []),
      stream('a frame without a body', [[9, Buffer.alloc(0)]]),
      stream('one frame', [[7, Buffer.from('body')]]),
      stream('three frames', [
        [1, fill(3, 1)],
        [255, fill(1, 2)],
        [0, fill(300, 3)],
      ]),
      stream('a frame, and half of a length', [[7, fill(2, 7)]], '0000'),
      stream('a frame, and half of a body', [[7, fill(2, 7)]], '00000005070a0b'),
      stream('the length of the longest frame', [], '00100000'),
    ],
    refused: [
      { name: 'an empty frame', bytes: '00000000' },
      { name: 'an empty frame behind a good one', bytes: '00000002074100000000' },
      { name: 'a frame that is one byte too long', bytes: '00100001' },
      { name: 'the longest that a length can say', bytes: 'ffffffff' },
      { name: 'HTTP', bytes: hex(Buffer.from('POST')) },
      { name: 'TLS', bytes: '16030100' },
    ],
  };
};

const vendorKey = fill(32, 0xd0);
const key = '2622877015606951895';
const guid = 'AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0e';
const hello = {
  kind: 'hello',
  from: 1,
  to: 1,
  pid: 4_711,
  start: 123_456_789,
  user: 'ann',
  host: 'survey-1',
  application: 'sounder',
} as const;
const find = { kind: 'find', request: 1, vendor: 37_515, vendorKey, feature: 42, scope: '' } as const;
const laterHello = { ...hello, to: 2 } as const;
const attempt = { ...find, kind: 'attempt' } as const;
const foundNothing = { kind: 'found', request: 1, status: 7, detail: 'No key of vendor 37515 was found.', candidates: [] } as const;
const here = { guid, hostname: 'keys-1', address: '192.0.2.7', kind: 'admin' } as const;
const found = { kind: 'found', request: 1, status: 0, detail: '', candidates: [{ key, product: 1, licenseManager: here }] } as const;
const welcome = { kind: 'welcome', version: 1, guid, hostname: 'survey-1', idleMs: 600_000 } as const;
const laterWelcome = { ...welcome, version: 2 } as const;
const again = { ...find, request: 2 } as const;
const foundAgain = { ...foundNothing, request: 2 } as const;
const open = { kind: 'open', channel: 2, key, lm: guid, opening: fill(110, 0xaa) } as const;

const toLm: readonly (readonly [string, ToLm])[] = [
  ['hello', hello],
  [
    'hello of a later application that still speaks version 1, with everything at its greatest',
    {
      ...hello,
      to: 255,
      pid: 0xffff_ffff,
      start: Number.MAX_SAFE_INTEGER,
      user: 'u'.repeat(255),
      host: 'ü'.repeat(127),
      application: '\u{1f511}'.repeat(63),
    },
  ],
  ['hello with empty texts', { ...hello, pid: 0, start: 0, user: '', host: '', application: '' }],
  ['find', find],
  ['find within a scope', { ...find, request: 0xffff_ffff, scope: '<haspscope><license_manager hostname="keys-1"/></haspscope>' }],
  ['open', open],
  ['open with the greatest numbers', { ...open, channel: 0xffff_ffff, key: '18446744073709551615', lm: '', opening: Buffer.alloc(0) }],
  ['record', { kind: 'record', channel: 2, record: fill(40, 0xbb) }],
  ['record without contents', { kind: 'record', channel: 0, record: Buffer.alloc(0) }],
  ['close', { kind: 'close', channel: 2 }],
  ['ask', { kind: 'ask', request: 4, vendor: 37_515, vendorKey, wanted: 0, scope: '' }],
  [
    'ask for sessions and a C2V within a scope, with a bit that only a later version knows',
    { kind: 'ask', request: 5, vendor: 37_515, vendorKey, wanted: 0x83, scope: '<haspscope><hasp id="1"/></haspscope>' },
  ],
  ['update', { kind: 'update', request: 3, document: Buffer.from('-----BEGIN KEYHAVEN V2C-----\n') }],
  [
    'transfer: two seats detached for a network, for an hour',
    {
      kind: 'transfer',
      request: 6,
      vendor: 37_515,
      vendorKey,
      action: 'network_detach',
      seconds: 3_600,
      seats: 2,
      scope: '<haspscope><product id="1"/></haspscope>',
      recipient: '-----BEGIN KEYHAVEN ID-----\n',
    },
  ],
  [
    'transfer: given back',
    { kind: 'transfer', request: 7, vendor: 37_515, vendorKey, action: 'cancel', seconds: 0, seats: 0, scope: '', recipient: '' },
  ],
  ['hello of versions 1 and 2', laterHello],
  ['attempt, of version 2', attempt],
  ['attempt within a scope', { ...attempt, request: 0xffff_ffff, scope: '<haspscope><hasp id="1"/></haspscope>' }],
];
const toApplication: readonly (readonly [string, ToApplication])[] = [
  ['welcome', welcome],
  ['found', found],
  [
    'found nothing',
    { kind: 'found', request: 1, status: 31, detail: 'Feature 42 is in none of the 2 keys of vendor 37515.', candidates: [] },
  ],
  [
    'found several',
    {
      ...found,
      candidates: [found.candidates[0], { key: '1', product: 65_471, licenseManager: { guid: '', hostname: '', address: '', kind: '' } }],
    },
  ],
  ['opened', { kind: 'opened', channel: 2, answer: fill(165, 0xcc) }],
  ['record', { kind: 'record', channel: 2, record: fill(40, 0xdd) }],
  ['lost', { kind: 'lost', channel: 2, status: 40, detail: '192.0.2.7:1947: no answer in time' }],
  ['updated', { kind: 'updated', request: 3, status: 0, detail: '' }],
  ['not updated', { kind: 'updated', request: 3, status: 54, detail: 'The key is at counter 7.' }],
  ['told, with more to come', { kind: 'told', request: 4, status: 0, detail: '', more: true, part: Buffer.from('{"licenseManagers"') }],
  ['told the rest', { kind: 'told', request: 4, status: 0, detail: '', more: false, part: Buffer.from(':[]}') }],
  ['told nothing', { kind: 'told', request: 5, status: 50, detail: 'The scope leaves nothing.', more: false, part: Buffer.alloc(0) }],
  ['refused', { kind: 'refused', status: 42, detail: 'the application speaks version 2 and later' }],
];

export const makeLocalVectors = () => {
  const lm = (name: string, message: ToLm) => ({ name, bytes: hex(encodeToLm(message)), message: plain(message) });
  const app = (name: string, message: ToApplication) => ({ name, bytes: hex(encodeToApplication(message)), message: plain(message) });
  const goodHello = encodeToLm(hello);
  const patched = (at: number, bytes: string): string =>
    hex(Buffer.concat([goodHello.subarray(0, at), Buffer.from(bytes, 'hex'), goodHello.subarray(at + bytes.length / 2)]));
  return {
    about:
      'Messages of docs/protocol/local.md, each as a whole frame. Byte strings are hex. What is refused has the form of a frame but not of a message. A conversation is what one side sends and the other understands, in order.',
    toLm: toLm.map(([name, message]) => lm(name, message)),
    toApplication: toApplication.map(([name, message]) => app(name, message)),
    refused: [
      { to: 'lm', name: 'a hello with another mark', bytes: patched(5, '4b49') },
      { to: 'lm', name: 'a hello whose start is over 53 bits', bytes: patched(13, '00200000') },
      { to: 'lm', name: 'a hello whose user is no UTF-8', bytes: patched(23, 'ff') },
      { to: 'lm', name: 'a hello whose user is longer than the frame', bytes: patched(21, '00ff') },
      { to: 'lm', name: 'a message to the application', bytes: hex(encodeToApplication(welcome)) },
      { to: 'lm', name: 'a type unknown', bytes: '00000001c8' },
      { to: 'lm', name: 'a close with a byte too many', bytes: '00000006090000000200' },
      { to: 'lm', name: 'an unknown transfer', bytes: `000000340f0000000600000001${hex(vendorKey)}05000000000000000000000000` },
      { to: 'application', name: 'a message to the LM', bytes: hex(encodeToLm(find)) },
      { to: 'application', name: 'told with a mark that is neither 0 nor 1', bytes: '0000000e0e00000004000000000200000000' },
      { to: 'application', name: 'a channel lost with status 0', bytes: '00000009080000000200000000' },
      { to: 'application', name: 'refused with status 0', bytes: '000000050a00000000' },
      { to: 'application', name: 'more candidates than there are', bytes: '0000000b0400000001000000000001' },
    ],
    conversations: [
      {
        version: 1,
        name: 'an application finds a key, opens a channel to it, says one record and closes it',
        steps: [
          ...[hello, find].map((message) => ({ from: 'application', bytes: hex(encodeToLm(message)), message: plain(message) })),
          ...[welcome, found].map((message) => ({ from: 'lm', bytes: hex(encodeToApplication(message)), message: plain(message) })),
          { from: 'application', bytes: hex(encodeToLm(open)), message: plain(open) },
          ...([{ kind: 'opened', channel: 2, answer: fill(165, 0xcc) }] as const).map((message) => ({
            from: 'lm',
            bytes: hex(encodeToApplication(message)),
            message: plain(message),
          })),
          ...([{ kind: 'record', channel: 2, record: fill(40, 1) }] as const).map((message) => ({
            from: 'application',
            bytes: hex(encodeToLm(message)),
            message: plain(message),
          })),
          ...([{ kind: 'record', channel: 2, record: fill(40, 2) }] as const).map((message) => ({
            from: 'lm',
            bytes: hex(encodeToApplication(message)),
            message: plain(message),
          })),
          ...([{ kind: 'close', channel: 2 }] as const).map((message) => ({
            from: 'application',
            bytes: hex(encodeToLm(message)),
            message: plain(message),
          })),
        ],
      },
      {
        version: 2,
        name: 'an application asks several license managers: nothing is found here, nor at the others, and its login ends here, as one denial',
        steps: [
          { from: 'application', bytes: hex(encodeToLm(laterHello)), message: plain(laterHello) },
          { from: 'lm', bytes: hex(encodeToApplication(laterWelcome)), message: plain(laterWelcome) },
          { from: 'application', bytes: hex(encodeToLm(attempt)), message: plain(attempt) },
          { from: 'lm', bytes: hex(encodeToApplication(foundNothing)), message: plain(foundNothing) },
          { from: 'application', bytes: hex(encodeToLm(again)), message: plain(again) },
          { from: 'lm', bytes: hex(encodeToApplication(foundAgain)), message: plain(foundAgain) },
        ],
      },
    ],
  };
};
