import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { bytesOf, someBytes, textOf, u16, u32, u53, u64Text } from '../bytes/wire.testing.ts';
import { backStates } from './back-blocks.ts';
import type { Block } from './blocks.ts';

// Every block, with any contents.

const is = <const K extends string>(kind: K) => ({ kind: fc.constant(kind) });
const session = bytesOf(16);
const what = fc.constantFrom('call' as const, 'heard' as const, 'size' as const);
const orNone = fc.option(
  u32.filter((value) => value > 0),
  { nil: undefined },
);
const sessions = fc.array(session, { maxLength: 5 });

export const blocks: Readonly<Record<Block['kind'], fc.Arbitrary<Block>>> = {
  open: fc.record({ ...is('open'), channel: u32, key: u64Text, opening: someBytes }),
  'open for': fc.record({
    ...is('open for'),
    channel: u32,
    key: u64Text,
    opening: someBytes,
    process: fc.stringMatching(/^[0-9a-f.@?]{1,80}$/),
    forwarded: fc.boolean(),
  }),
  'test back': fc.record({ ...is('test back'), number: u32 }),
  'tested back': fc.record({ ...is('tested back'), number: u32, state: fc.constantFrom(...backStates) }),
  opened: fc.record({ ...is('opened'), channel: u32, answer: someBytes }),
  record: fc.record({ ...is('record'), channel: u32, record: someBytes }),
  lost: fc.record({ ...is('lost'), channel: u32, status: u16.filter((status) => status > 0), detail: textOf(400) }),
  close: fc.record({ ...is('close'), channel: u32 }),
  attached: fc.record({ ...is('attached'), channel: u32, session }),
  detached: fc.record({ ...is('detached'), session }),
  release: fc.record({ ...is('release'), session }),
  renew: fc.record({ ...is('renew'), count: u32, digest: session }),
  renewed: fc.record({ ...is('renewed'), agreed: fc.boolean() }),
  renewing: fc.record({ ...is('renewing'), sessions }),
  gone: fc.record({ ...is('gone'), sessions }),
  'ask catalog': fc.record({ ...is('ask catalog'), version: u53 }),
  catalog: fc.record({ ...is('catalog'), version: u53, json: textOf(2_000) }),
  'catalog part': fc.record({ ...is('catalog part'), version: u53, json: textOf(2_000) }),
  more: fc.record(is('more')),
  listen: fc.record(is('listen')),
  probe: fc.record({ ...is('probe'), what, number: u32, padding: someBytes }),
  'ask changes': fc.record({ ...is('ask changes'), version: u53, fresh: fc.boolean(), hears: fc.boolean() }),
  changes: fc.record({
    ...is('changes'),
    since: u53,
    version: u53,
    more: fc.boolean(),
    removed: fc.array(u64Text, { maxLength: 5 }),
    json: textOf(2_000),
  }),
  'ask file': fc.record({
    ...is('ask file'),
    number: u32,
    wish: fc.oneof(
      fc.record({ what: fc.constant('detach' as const), key: u64Text, product: u32, seconds: orNone, seats: orNone }),
      fc.record({ what: fc.constant('return' as const) }),
    ),
    document: someBytes,
  }),
  file: fc.oneof(
    fc.record({
      ...is('file'),
      number: u32,
      more: fc.boolean(),
      status: fc.constant(0),
      detail: textOf(400),
      remedy: textOf(400),
      part: someBytes,
    }),
    fc.record({
      ...is('file'),
      number: u32,
      more: fc.constant(false),
      status: u16.filter((status) => status > 0),
      detail: textOf(400),
      remedy: textOf(400),
      part: fc.constant(Buffer.alloc(0)),
    }),
  ),
  session: fc.record({
    ...is('session'),
    session,
    key: u64Text,
    product: u32,
    feature: u32,
    seats: u16,
    since: fc.integer({ min: 0, max: 8.64e15 }),
  }),
  'ask sessions': fc.record({ ...is('ask sessions'), sessions }),
  end: fc.record({ ...is('end'), session }),
  probed: fc.record({ ...is('probed'), what, number: u32, yes: fc.boolean(), padding: someBytes }),
};
