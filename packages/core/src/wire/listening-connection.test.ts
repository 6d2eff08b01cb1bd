import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cutInto, fill, plain } from '../bytes/wire.testing.ts';
import { Status } from '../errors/index.ts';
import { MINUTE, mono, SECOND } from '../time/index.ts';
import { encodeFrame, FrameDecoder, MAX_FRAME } from './frame.ts';
import {
  type ConnectionEvent,
  createListeningConnection,
  DEFAULT_IDLE_MS,
  type ListeningConnection,
  MAX_CHANNELS,
  MIN_IDLE_MS,
} from './listening-connection.ts';
import { decodeToApplication, encodeToLm, type ToLm } from './local.ts';
import { toApplication, toLm } from './messages.testing.ts';

const START = 1_000;
const self = { guid: 'G'.repeat(40), hostname: 'survey-1', idleMs: DEFAULT_IDLE_MS };
const connection = (idleMs = DEFAULT_IDLE_MS): ListeningConnection => createListeningConnection(mono(START), { ...self, idleMs });
const hello: ToLm = { kind: 'hello', from: 1, to: 1, pid: 7, start: 8, user: 'ann', host: 'survey-1', application: 'sounder' };
const helloOf = (from: number, to: number): Buffer => encodeToLm({ ...hello, from, to });
const open = (channel: number): Buffer => encodeToLm({ kind: 'open', channel, key: '5', lm: '', opening: fill(110, 1) });
const find = encodeToLm({ kind: 'find', request: 1, vendor: 2, vendorKey: fill(32, 3), feature: 4, scope: '' });
const greeted = (idleMs?: number): ListeningConnection => {
  const machine = connection(idleMs);
  machine.receive(mono(START), encodeToLm(hello));
  return machine;
};
const kinds = (events: readonly ConnectionEvent[]): string[] => events.map(({ kind }) => kind);
const farewellOf = (machine: ListeningConnection): unknown => {
  const [frame] = machine.farewell === undefined ? [] : new FrameDecoder().push(machine.farewell);
  return frame === undefined ? undefined : decodeToApplication(frame);
};
/** Closed cleanly: nothing is taken, sent or waited for any more. */
const expectClosed = (machine: ListeningConnection): void => {
  expect(machine.nextTimeout()).toBeUndefined();
  expect(machine.receive(mono(START), encodeToLm(hello))).toEqual([]);
  expect(machine.timeout(mono(START + 1e9))).toEqual([]);
  expect(machine.send(mono(START), { kind: 'updated', request: 1, status: 0, detail: '' })).toBeUndefined();
};

describe('the hello', () => {
  it('comes first, and with it the version that both speak', () => {
    expect(connection().receive(mono(START), encodeToLm(hello))).toEqual([{ ...hello, version: 1 }]);
  });

  it('may share a chunk with what follows', () => {
    expect(kinds(connection().receive(mono(START), Buffer.concat([encodeToLm(hello), find, open(1)])))).toEqual(['hello', 'find', 'open']);
  });

  it.each([
    ['every other message', find],
    ['a record', encodeToLm({ kind: 'record', channel: 1, record: fill(40, 1) })],
    ['a frame of an unknown type', encodeFrame(99)],
  ])('is not %s: the connection closes with status 33', (_, bytes) => {
    const machine = connection();
    expect(kinds(machine.receive(mono(START), bytes))).toEqual(['closed']);
    expect(farewellOf(machine)).toMatchObject({ kind: 'refused', status: Status.LOCAL_COMM_ERR });
    expectClosed(machine);
  });

  it('comes once', () => {
    const machine = greeted();
    expect(machine.receive(mono(START), encodeToLm(hello))).toEqual([{ kind: 'closed', reason: 'broken protocol: a second hello' }]);
    expect(farewellOf(machine)).toMatchObject({ status: Status.LOCAL_COMM_ERR });
    expectClosed(machine);
  });

  it('must come within ten seconds, however its bytes drip (S14)', () => {
    const machine = connection();
    expect(machine.nextTimeout()).toBe(START + 10 * SECOND);
    for (const [second, byte] of cutInto(encodeToLm(hello), [1]).slice(0, 9).entries())
      expect(machine.receive(mono(START + second * SECOND), byte)).toEqual([]);
    expect(machine.timeout(mono(START + 10 * SECOND - 1))).toEqual([]);
    expect(machine.timeout(mono(START + 10 * SECOND))).toEqual([{ kind: 'closed', reason: 'no hello in time' }]);
    expect(machine.farewell).toBeUndefined();
    expectClosed(machine);
  });

  it('has at most 4 KiB, and more is refused by its length alone (I5)', () => {
    const machine = connection();
    expect(kinds(machine.receive(mono(START), Buffer.of(0, 0, 0x10, 0x01)))).toEqual(['closed']);
    expectClosed(machine);
    expect(kinds(greeted().receive(mono(START), Buffer.of(0, 0, 0x10, 0x01)))).toEqual([]);
  });
});

describe('the versions in the hello (T6)', () => {
  it.each([
    [1, 1, 1],
    [0, 1, 1],
    [1, 2, 2],
    [2, 2, 2],
    [1, 9, 2],
    [0, 255, 2],
  ])('%d to %d meets ours in version %d', (from, to, version) => {
    expect(connection().receive(mono(START), helloOf(from, to))).toMatchObject([{ kind: 'hello', version, from, to }]);
  });

  it('meet those of an application and of a license manager that know version 1 only', () => {
    const released = createListeningConnection(mono(START), self, { from: 1, to: 1 });
    expect(released.receive(mono(START), helloOf(1, 2))).toMatchObject([{ kind: 'hello', version: 1 }]);
  });

  it.each([
    ['too new', 3, 9, Status.OLD_LM],
    ['too old', 0, 0, Status.OLD_DRIVER],
    ['empty', 3, 1, Status.LOCAL_COMM_ERR],
  ])('that are %s end the connection with a refusal that says so', (_, from, to, status) => {
    const machine = connection();
    expect(kinds(machine.receive(mono(START), Buffer.concat([helloOf(from, to), find])))).toEqual(['closed']);
    expect(farewellOf(machine)).toMatchObject({ kind: 'refused', status });
    expectClosed(machine);
  });

  it('that are not ours are refused before the rest is read, which may have any form; the refusal says which side to upgrade', () => {
    const refusedAs = (frame: Uint8Array, versions?: { from: number; to: number }): unknown => {
      const machine = createListeningConnection(mono(START), self, versions);
      machine.receive(mono(START), frame);
      return farewellOf(machine);
    };
    const other = encodeFrame(1, (out) => out.u16(0x4b48).u8(3).u8(4).text('of another form'));
    expect(refusedAs(other)).toEqual({
      kind: 'refused',
      status: Status.OLD_LM,
      detail:
        'In the local protocol, the Licensing API of the application speaks versions 3 to 4 and the license manager of this computer versions 1 to 2: upgrade the license manager of this computer.',
    });
    expect(refusedAs(helloOf(1, 1), { from: 2, to: 3 })).toEqual({
      kind: 'refused',
      status: Status.OLD_DRIVER,
      detail:
        'In the local protocol, the Licensing API of the application speaks version 1 and the license manager of this computer versions 2 to 3: upgrade the Licensing API of the application.',
    });
    expect(refusedAs(helloOf(4, 5), { from: 2, to: 3 })).toMatchObject({ status: Status.OLD_LM });
    const machine = createListeningConnection(mono(START), self, { from: 2, to: 7 });
    expect(machine.receive(mono(START), helloOf(1, 5))).toMatchObject([{ kind: 'hello', version: 5 }]);
  });
});

describe('an attempt (W25)', () => {
  const attempt = encodeToLm({ kind: 'attempt', request: 1, vendor: 2, vendorKey: fill(32, 3), feature: 4, scope: '' });

  it('is of version 2', () => {
    expect(kinds(connection().receive(mono(START), Buffer.concat([helloOf(1, 2), attempt])))).toEqual(['hello', 'attempt']);
  });

  it('breaks the protocol in version 1, in which nothing is ignored (V3)', () => {
    const machine = greeted();
    expect(kinds(machine.receive(mono(START), attempt))).toEqual(['closed']);
    expect(farewellOf(machine)).toMatchObject({ kind: 'refused', status: Status.LOCAL_COMM_ERR });
    expectClosed(machine);
  });
});

describe('a connection that is not used (L4)', () => {
  it('closes after ten minutes, without a word to the application', () => {
    const machine = greeted();
    expect(machine.nextTimeout()).toBe(START + 10 * MINUTE);
    expect(machine.timeout(mono(START + 10 * MINUTE - 1))).toEqual([]);
    expect(machine.timeout(mono(START + 10 * MINUTE))).toEqual([{ kind: 'closed', reason: 'unused for too long' }]);
    expect(machine.farewell).toBeUndefined();
    expectClosed(machine);
  });

  it('never closes under seven minutes, whatever is set', () => {
    for (const set of [0, 1, MIN_IDLE_MS - 1, Number.NEGATIVE_INFINITY]) {
      expect(greeted(set).nextTimeout()).toBe(START + 7 * MINUTE);
      expect(greeted(set).idleMs).toBe(7 * MINUTE);
    }
    expect(greeted(8 * MINUTE).nextTimeout()).toBe(START + 8 * MINUTE);
  });

  it('counts from the last byte in either direction', () => {
    const machine = greeted();
    machine.receive(mono(START + 60), find);
    expect(machine.nextTimeout()).toBe(START + 60 + 10 * MINUTE);
    machine.send(mono(START + 9 * MINUTE), { kind: 'found', request: 1, status: 0, detail: '', candidates: [] });
    expect(machine.nextTimeout()).toBe(START + 19 * MINUTE);
  });

  it('does not live longer by what is sent before its hello', () => {
    const machine = connection();
    machine.send(mono(START + 9 * SECOND), { kind: 'updated', request: 1, status: 0, detail: '' });
    expect(machine.nextTimeout()).toBe(START + 10 * SECOND);
  });
});

describe('channels', () => {
  it('are at most 1024 in one connection (I5)', () => {
    const machine = greeted();
    for (let channel = 0; channel < MAX_CHANNELS; channel += 1)
      expect(kinds(machine.receive(mono(START), open(channel)))).toEqual(['open']);
    expect(kinds(machine.receive(mono(START), open(MAX_CHANNELS)))).toEqual(['closed']);
    expect(farewellOf(machine)).toMatchObject({ status: Status.TMOF });
    expectClosed(machine);
  });

  it('that were closed or lost make room, and their numbers may be used again', () => {
    const machine = greeted();
    for (let turn = 0; turn < 3 * MAX_CHANNELS; turn += 1) {
      expect(kinds(machine.receive(mono(START), open(7)))).toEqual(['open']);
      if (turn % 2 === 0) machine.receive(mono(START), encodeToLm({ kind: 'close', channel: 7 }));
      else machine.send(mono(START), { kind: 'lost', channel: 7, status: Status.REMOTE_COMM_ERR, detail: '' });
    }
  });

  it('are not opened twice under one number', () => {
    const machine = greeted();
    expect(kinds(machine.receive(mono(START), Buffer.concat([open(1), open(1)])))).toEqual(['open', 'closed']);
    expectClosed(machine);
  });
});

describe('any sequence of inputs', () => {
  const message = fc.oneof(...Object.values(toLm)).map(encodeToLm);
  const some = fc.constantFrom(encodeToLm(hello), find, open(1), open(2), encodeToLm({ kind: 'close', channel: 1 }));
  type Step =
    | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
    | { readonly kind: 'wait'; readonly ms: number }
    | { readonly kind: 'send'; readonly message: Parameters<ListeningConnection['send']>[1] };
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 6, arbitrary: some.map((bytes): Step => ({ kind: 'bytes', bytes })) },
    { weight: 2, arbitrary: message.map((bytes): Step => ({ kind: 'bytes', bytes })) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 12 }).map((bytes): Step => ({ kind: 'bytes', bytes })) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 4 * MINUTE }).map((ms): Step => ({ kind: 'wait', ms })) },
    { weight: 1, arbitrary: fc.oneof(...Object.values(toApplication)).map((each): Step => ({ kind: 'send', message: each })) },
  );

  it('throws nothing, begins with a hello, and ends at most once and for good (S6, S14)', () => {
    let opened = 0;
    fc.assert(
      fc.property(fc.boolean(), fc.array(step, { maxLength: 25 }), (greet, steps) => {
        const machine = connection();
        let now = START;
        const seen = greet ? machine.receive(mono(now), encodeToLm(hello)) : [];
        for (const each of steps) {
          if (each.kind === 'wait') now += each.ms;
          const events = each.kind === 'bytes' ? machine.receive(mono(now), each.bytes) : machine.timeout(mono(now));
          seen.push(...events);
          const closed = seen.some(({ kind }) => kind === 'closed');
          const sent = each.kind === 'send' ? machine.send(mono(now), each.message) : undefined;
          expect(sent !== undefined).toBe(each.kind === 'send' && !closed);
          const next = machine.nextTimeout();
          expect(next === undefined ? closed : next >= now).toBe(true);
        }
        const order = kinds(seen);
        opened += order.includes('open') ? 1 : 0;
        expect(order.slice(1)).not.toContain('hello');
        expect([undefined, 'hello', 'closed']).toContain(order[0]);
        const end = order.indexOf('closed');
        expect(end === -1 || end === order.length - 1).toBe(true);
        if (end !== -1) expectClosed(machine);
      }),
      { numRuns: 300 },
    );
    expect(opened).toBeGreaterThan(20);
  });

  it('is the same however the bytes are cut', () => {
    const valid = fc.array(
      fc.oneof(
        ...Object.entries(toLm)
          .filter(([kind]) => kind !== 'hello' && kind !== 'open')
          .map(([, values]) => values),
      ),
      { maxLength: 5 },
    );
    fc.assert(
      fc.property(valid, fc.array(fc.integer({ min: 1, max: 60 })), (messages, sizes) => {
        const bytes = Buffer.concat([helloOf(1, 2), open(1), ...messages.map(encodeToLm)]);
        const whole = connection().receive(mono(START), bytes);
        const machine = connection();
        const cut = cutInto(bytes, sizes).flatMap((piece) => machine.receive(mono(START), piece));
        expect(plain(cut)).toEqual(plain(whole));
        expect(whole.length).toBe(2 + messages.length);
      }),
      { numRuns: 100 },
    );
  });

  it('takes a frame of the greatest length once it was greeted', () => {
    const machine = greeted();
    const bytes = encodeToLm({ kind: 'record', channel: 1, record: fill(MAX_FRAME - 5, 1) });
    expect(cutInto(bytes, [65_536]).flatMap((piece) => kinds(machine.receive(mono(START), piece)))).toEqual(['record']);
  });
});
