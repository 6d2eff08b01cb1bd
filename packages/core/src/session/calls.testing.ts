import fc from 'fast-check';
import { bytesOf, someBytes, textOf, u16, u32, u53 } from '../bytes/wire.testing.ts';
import { catalogue } from '../errors/index.ts';
import type { Call, CallKind, Grant, LoginCall, Reply } from './calls.ts';

// Every call, grant and reply, with any contents.

const is = <const K extends string>(kind: K) => ({ kind: fc.constant(kind) });
const identity = fc.record({ pid: u32, start: u53, user: textOf(255), host: textOf(255), application: textOf(255) });

const login: fc.Arbitrary<LoginCall> = fc.record(
  {
    ...is('login'),
    nonce: bytesOf(16),
    product: u32,
    feature: u32,
    seats: u16,
    executions: u32,
    dieAtExpiration: fc.boolean(),
    remoteDesktop: fc.constant(true as const),
    tellEnd: fc.constant(true as const),
    application: identity,
  },
  { requiredKeys: ['kind', 'nonce', 'product', 'feature', 'seats', 'executions', 'dieAtExpiration', 'application'] },
);

const wait = fc.record({ ...is('wait'), login, place: u32, ticket: bytesOf(32) });

export const calls: Readonly<Record<CallKind, fc.Arbitrary<Call>>> = {
  login,
  resume: fc.record({ ...is('resume'), session: bytesOf(16), token: bytesOf(32), application: identity }),
  logout: fc.record({ ...is('logout'), handle: u32 }),
  read: fc.record({ ...is('read'), handle: u32, file: u32, offset: u32, length: u32 }),
  write: fc.record({ ...is('write'), handle: u32, file: u32, offset: u32, data: someBytes }),
  encrypt: fc.record({ ...is('encrypt'), handle: u32, data: someBytes }),
  decrypt: fc.record({ ...is('decrypt'), handle: u32, data: someBytes }),
  size: fc.record({ ...is('size'), handle: u32, file: u32 }),
  clock: fc.record({ ...is('clock'), handle: u32 }),
  info: fc.record({ ...is('info'), handle: u32 }),
  consume: fc.record({ ...is('consume'), handle: u32, nonce: bytesOf(16), executions: u32 }),
  wait,
  attempt: fc.record({ ...is('attempt'), denial: fc.constantFrom('never' as const, 'when full' as const), of: fc.oneof(login, wait) }),
  withdraw: fc.record({ ...is('withdraw'), nonce: bytesOf(16) }),
  piece: fc.record({
    ...is('piece'),
    handle: u32,
    file: u32,
    offset: u32,
    piece: fc.record({ repeated: fc.boolean(), continues: fc.boolean(), more: fc.boolean() }),
    data: someBytes,
  }),
};

export const grant: fc.Arbitrary<Grant> = fc.record(
  {
    handle: u32,
    session: bytesOf(16),
    token: bytesOf(32),
    product: u32,
    feature: u32,
    seats: u16,
    end: fc.record({ now: u53, ends: u53, last: u53 }),
  },
  { requiredKeys: ['handle', 'session', 'token', 'product', 'feature', 'seats'] },
);

export const reply: fc.Arbitrary<Reply> = fc.record({
  id: u32,
  status: fc.constantFrom(...catalogue.map(({ status }) => status)),
  body: someBytes,
});
