import fc from 'fast-check';
import { bytesOf, someBytes, textOf, u8, u16, u32, u53, u64Text } from '../bytes/wire.testing.ts';
import { type ToApplication, type ToLm, transferActions } from './local.ts';

// Every message of the local protocol, with any contents.

const is = <const K extends string>(kind: K) => ({ kind: fc.constant(kind) });
const failure = { status: fc.integer({ min: 1, max: 0xffff }), detail: textOf(400) };
const outcome = { status: u16, detail: textOf(400) };
const hello = {
  ...is('hello'),
  from: u8,
  to: u8,
  pid: u32,
  start: u53,
  user: textOf(255),
  host: textOf(255),
  application: textOf(255),
};
const search = { request: u32, vendor: u32, vendorKey: bytesOf(32), feature: u32, scope: textOf(2_000) };
const candidate = fc.record({
  key: u64Text,
  product: u32,
  licenseManager: fc.record({ guid: textOf(64), hostname: textOf(255), address: textOf(100), kind: textOf(16) }),
});

export const toLm: Readonly<Record<ToLm['kind'], fc.Arbitrary<ToLm>>> = {
  hello: fc.record(hello),
  find: fc.record({ ...is('find'), ...search }),
  attempt: fc.record({ ...is('attempt'), ...search }),
  ask: fc.record({ ...is('ask'), request: u32, vendor: u32, vendorKey: bytesOf(32), wanted: u8, scope: textOf(2_000) }),
  transfer: fc.record({
    ...is('transfer'),
    request: u32,
    vendor: u32,
    vendorKey: bytesOf(32),
    action: fc.constantFrom(...transferActions),
    seconds: u32,
    seats: u16,
    scope: textOf(2_000),
    recipient: textOf(2_000),
  }),
  open: fc.record({ ...is('open'), channel: u32, key: u64Text, lm: textOf(64), opening: someBytes }),
  record: fc.record({ ...is('record'), channel: u32, record: someBytes }),
  close: fc.record({ ...is('close'), channel: u32 }),
  update: fc.record({ ...is('update'), request: u32, document: someBytes }),
};

export const toApplication: Readonly<Record<ToApplication['kind'], fc.Arbitrary<ToApplication>>> = {
  welcome: fc.record({ ...is('welcome'), version: u8, guid: textOf(64), hostname: textOf(255), idleMs: u32 }),
  found: fc.record({ ...is('found'), request: u32, ...outcome, candidates: fc.array(candidate, { maxLength: 4 }) }),
  told: fc.record({ ...is('told'), request: u32, ...outcome, more: fc.boolean(), part: someBytes }),
  opened: fc.record({ ...is('opened'), channel: u32, answer: someBytes }),
  record: fc.record({ ...is('record'), channel: u32, record: someBytes }),
  lost: fc.record({ ...is('lost'), channel: u32, ...failure }),
  updated: fc.record({ ...is('updated'), request: u32, ...outcome }),
  refused: fc.record({ ...is('refused'), ...failure }),
};
