import { Buffer } from 'node:buffer';
import { hex, Writer } from '../bytes/index.ts';
import { fill, plain } from '../bytes/wire.testing.ts';
import { certificateOf, key } from '../channel/world.testing.ts';
import { writeCertificate } from '../license/index.ts';
import { type Call, encodeGrant, type Grant, type LoginCall, MAX_CALL_BYTES, type Reply, writeCall, writeReply } from './calls.ts';
import { encodeWaitAnswer } from './wait-answer.ts';

// Makes vectors/session.json, for other languages to replay. All byte strings are hex.

const application = { pid: 4_711, start: 123_456_789, user: 'ann', host: 'survey-1', application: 'sounder' };
const waiting: LoginCall = {
  kind: 'login',
  nonce: fill(16, 0x0a),
  product: 1,
  feature: 42,
  seats: 2,
  executions: 0,
  dieAtExpiration: false,
  application,
};
const calls: readonly (readonly [string, Call])[] = [
  [
    'login',
    { kind: 'login', nonce: fill(16, 0x0a), product: 1, feature: 42, seats: 1, executions: 0, dieAtExpiration: false, application },
  ],
  [
    'login with everything at its greatest',
    {
      kind: 'login',
      nonce: fill(16, 0xff),
      product: 0xffff_ffff,
      feature: 0xffff_ffff,
      seats: 0xffff,
      executions: 0xffff_ffff,
      dieAtExpiration: true,
      application: { pid: 0xffff_ffff, start: Number.MAX_SAFE_INTEGER, user: 'u'.repeat(255), host: 'ü'.repeat(127), application: '' },
    },
  ],
  ['resume', { kind: 'resume', session: fill(16, 0x0b), token: fill(32, 0x0c), application }],
  ['logout', { kind: 'logout', handle: 1 }],
  ['read', { kind: 'read', handle: 1, file: 65_524, offset: 16, length: 16 }],
  ['write', { kind: 'write', handle: 1, file: 65_524, offset: 16, data: Buffer.from('sixteen bytes it') }],
  ['write nothing', { kind: 'write', handle: 1, file: 65_524, offset: 0, data: Buffer.alloc(0) }],
  ['encrypt', { kind: 'encrypt', handle: 1, data: Buffer.from('sixteen bytes it') }],
  ['decrypt', { kind: 'decrypt', handle: 1, data: fill(57, 0x0d) }],
  ['size', { kind: 'size', handle: 1, file: 65_525 }],
  ['clock', { kind: 'clock', handle: 1 }],
  ['info', { kind: 'info', handle: 0xffff_ffff }],
  [
    'login from a remote desktop session, with its end asked for',
    {
      kind: 'login',
      nonce: fill(16, 0x0a),
      product: 1,
      feature: 42,
      seats: 1,
      executions: 0,
      dieAtExpiration: true,
      remoteDesktop: true,
      tellEnd: true,
      application,
    },
  ],
  ['consume', { kind: 'consume', handle: 1, nonce: fill(16, 0x0e), executions: 5 }],
  ['wait for the first time', { kind: 'wait', login: waiting, place: 0, ticket: Buffer.alloc(32) }],
  ['wait further, third in line', { kind: 'wait', login: waiting, place: 3, ticket: fill(32, 0x0f) }],
  ['withdraw', { kind: 'withdraw', nonce: fill(16, 0x0a) }],
  [
    'the last piece of a write, repeated',
    {
      kind: 'piece',
      handle: 1,
      file: 3,
      offset: 262_144,
      piece: { repeated: true, continues: true, more: false },
      data: Buffer.from('sixteen bytes it'),
    },
  ],
  ['a login that is no denial where it is refused', { kind: 'attempt', denial: 'never', of: waiting }],
  [
    'a wait that is a denial only where no seat is free',
    { kind: 'attempt', denial: 'when full', of: { kind: 'wait', login: waiting, place: 3, ticket: fill(32, 0x0f) } },
  ],
];
const grant: Grant = { handle: 1, session: fill(16, 0x0b), token: fill(32, 0x0c), product: 1, feature: 42, seats: 1 };
const end = { now: 1_795_489_200_000, ends: 1_798_081_200_000, last: 1_798_686_000_000 };
const endingGrant: Grant = { ...grant, end };
const replies: readonly (readonly [string, Reply])[] = [
  ['a grant', { id: 1, status: 0, body: encodeGrant(grant) }],
  ['a refusal with its cause', { id: 2, status: 38, body: Buffer.from('5 of 5 seats are taken.') }],
  ['nothing but success', { id: 3, status: 0, body: Buffer.alloc(0) }],
  ['a size', { id: 4, status: 0, body: Buffer.from('00000fc0', 'hex') }],
  ['a time', { id: 0xffff_ffff, status: 0, body: Buffer.from('0000019ab3c4d5e6', 'hex') }],
  ['a grant that says when the license ends', { id: 3, status: 0, body: encodeGrant(endingGrant) }],
  ['how many executions are left', { id: 4, status: 0, body: Buffer.from('0000005f', 'hex') }],
  ['a place in line', { id: 5, status: 0, body: encodeWaitAnswer({ kind: 'waiting', place: 3, ticket: fill(32, 0x0f) }) }],
  ['a seat after waiting', { id: 6, status: 0, body: encodeWaitAnswer({ kind: 'granted', grant }) }],
];

const written = (write: (out: Writer) => void): string => {
  const out = new Writer();
  write(out);
  return hex(out.done());
};

export const makeSessionVectors = () => {
  const asked = { product: 1, feature: 42, seats: 1 };
  const check = (name: string, changes: Partial<Grant>, wish: Partial<typeof asked>, status: number) => {
    const wanted = { ...asked, ...wish };
    return { name, asked: wanted, grant: hex(encodeGrant({ ...grant, ...wanted, ...changes })), status };
  };
  return {
    about:
      'What passes inside a channel, by docs/protocol/session.md: plain texts of records. Byte strings are hex. `checks` are grants with what was asked for, against the certificate; status 0: believed, 46: refused.',
    calls: calls.map(([name, call], index) => ({
      name,
      id: index + 1,
      call: plain(call),
      bytes: written((out) => writeCall(out, index + 1, call)),
    })),
    replies: replies.map(([name, reply]) => ({ name, reply: plain(reply), bytes: written((out) => writeReply(out, reply)) })),
    grant: { grant: plain(grant), bytes: hex(encodeGrant(grant)) },
    endingGrant: { grant: plain(endingGrant), bytes: hex(encodeGrant(endingGrant)) },
    records: {
      calls: written((out) => {
        for (const [index, [, call]] of calls.entries()) writeCall(out, index + 1, call);
      }),
      replies: written((out) => {
        for (const [, reply] of replies) writeReply(out, reply);
      }),
    },
    laterVersions: [
      { name: 'a call of a kind unknown is named and skipped', what: 'calls', bytes: '0000000ac8000000070102030405', found: [{ id: 7 }] },
      {
        name: 'a reply with a status unknown is a failure',
        what: 'replies',
        bytes: '00000006000000079c40',
        found: [{ id: 7, status: 699, body: '' }],
      },
    ],
    refused: [
      { name: 'a call without a number', what: 'calls', bytes: '0000000409000000' },
      { name: 'a call that is longer than it says', what: 'calls', bytes: '0000000a09000000010000000100' },
      { name: 'a call that is shorter than it says', what: 'calls', bytes: '0000000a090000000100000001' },
      { name: 'a call over the limit', what: 'calls', bytes: written((out) => out.u32(MAX_CALL_BYTES + 65)) },
      {
        name: 'a login with a flag unknown',
        what: 'calls',
        bytes: written((out) => out.block(Buffer.concat([Buffer.of(1, 0, 0, 0, 1), fill(16, 1), fill(14, 0), Buffer.of(8), fill(18, 0)]))),
      },
      { name: 'a reply without a status', what: 'replies', bytes: '0000000400000001' },
      { name: 'half of a reply', what: 'replies', bytes: '0000000800000001000000' },
      { name: 'a grant with a byte too many', what: 'grant', bytes: `${hex(encodeGrant(grant))}00` },
      { name: 'a grant that says half of when the license ends', what: 'grant', bytes: hex(encodeGrant(endingGrant)).slice(0, -16) },
      { name: 'a grant with a byte too few', what: 'grant', bytes: hex(encodeGrant(grant)).slice(0, -2) },
    ],
    certificatePayload: writeCertificate(certificateOf(key)).toString('utf8'),
    checks: [
      check('what was asked for and sold', {}, {}, 0),
      check('all the seats that were sold', {}, { seats: 5 }, 0),
      check('any number of seats where they are unlimited', {}, { feature: 43, seats: 32_752 }, 0),
      check('feature 0', {}, { product: 0, feature: 0 }, 0),
      check('another feature, that was sold too', { feature: 43 }, {}, 46),
      check('feature 0 instead', { product: 0, feature: 0 }, {}, 46),
      check('another product with that feature', { product: 2 }, {}, 46),
      check('more seats than asked for', { seats: 2 }, {}, 46),
      check('fewer seats than asked for', { seats: 1 }, { seats: 2 }, 46),
      check('more seats than sold', {}, { seats: 6 }, 46),
      check('a feature that was not sold', {}, { feature: 44 }, 46),
      check('a product that was not sold', {}, { product: 3 }, 46),
      check('feature 0 of a product', {}, { feature: 0 }, 46),
    ],
  };
};
