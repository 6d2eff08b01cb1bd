import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hex } from '../bytes/index.ts';
import { MINUTE, type Mono, mono } from '../time/index.ts';
import type { Interface } from './address.ts';
import { createAnswers } from './answers.ts';
import { createCookies } from './cookies.ts';
import { decodeDatagram, encodeDatagram } from './datagram.ts';
import { guidText } from './guid.ts';
import type { Output } from './output.ts';
import { createSchedule } from './schedule.ts';
import { createDiscovery, type Discovery } from './search.ts';
import { defaultSettings, SEARCH_FLOOR } from './settings.ts';

// Any inputs in any order, as a network of strangers and an operator in a hurry would give them.

const me = guidText(new Uint8Array(30).fill(1));
const seeded = (seed: number) => {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
};

const links: Interface[] = [
  { name: 'lo', address: '127.0.0.1', family: 4 },
  { name: 'eth0', address: '10.0.0.1', family: 4, broadcast: '10.0.0.255' },
  { name: 'eth0', address: 'fe80::1', family: 6, broadcast: 'ff02::1%eth0' },
  { name: 'wlan0', address: '10.0.1.1', family: 4, broadcast: '10.0.1.255' },
];
const addresses = ['10.0.0.2', '10.0.0.1', '10.0.1.255', '192.0.2.7', 'fe80::2%eth0', '127.0.0.2'];
const guid = fc.constantFrom(me, guidText(new Uint8Array(30).fill(2)), guidText(new Uint8Array(30).fill(3)));
const sender = { guid, tcpPort: fc.constantFrom(1947, 1), bootCount: fc.constantFrom(0, 5) };
const small = fc.integer({ min: 0, max: 3 });
const entry = fc.record({ what: fc.constantFrom('added', 'removed', 'changed'), keyId: fc.bigInt(0n, 9n), version: small });
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 60 }),
  fc.record({ kind: fc.constantFrom('ask', 'search'), ...sender, cookie: small }).map(encodeDatagram),
  fc.record({ kind: fc.constant('answer'), ...sender, cookie: small }).map(encodeDatagram),
  fc.record({ kind: fc.constantFrom('started', 'stopping'), ...sender, sequence: small }).map(encodeDatagram),
  fc.record({ kind: fc.constant('changed'), ...sender, sequence: small, entries: fc.array(entry, { maxLength: 3 }) }).map(encodeDatagram),
);
const hostile = fc.record({
  input: fc.constant('datagram'),
  address: fc.constantFrom(...addresses),
  port: fc.constantFrom(0, 1947, 4_000),
  bytes,
});
const local = fc.oneof(
  fc.record({ input: fc.constant('interfaces'), list: fc.subarray(links) }),
  fc.record({
    input: fc.constant('settings'),
    broadcastSearch: fc.boolean(),
    searchAddresses: fc.subarray(addresses),
    intervalMs: fc.constantFrom(0, -1, Number.NaN, 1_000, 300_000, 400_000),
  }),
  fc.record({ input: fc.constant('keys'), entries: fc.array(entry, { maxLength: 3 }) }),
  fc.record({ input: fc.constant('peers'), list: fc.subarray(addresses) }),
  fc.record({ input: fc.constant('ask'), address: fc.constantFrom(...addresses) }),
  fc.constant({ input: 'start' as const }),
);
type Step = { readonly gap: number; readonly step: typeof local | typeof hostile extends fc.Arbitrary<infer S> ? S : never };
const gap = fc.oneof(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 4 * MINUTE }));
const steps = (step: fc.Arbitrary<Step['step']>): fc.Arbitrary<Step[]> => fc.array(fc.record({ gap, step }), { maxLength: 60 });

const feed = (machine: Discovery, now: Mono, { step }: Step): void => {
  switch (step.input) {
    case 'datagram':
      machine.datagram(now, { address: step.address, port: step.port, local: '0.0.0.0' }, step.bytes);
      return;
    case 'interfaces':
      return machine.interfaces(now, step.list);
    case 'settings':
      return machine.settings(now, { ...defaultSettings, ...step });
    case 'keys':
      return machine.keysChanged(now, step.entries);
    case 'peers':
      return machine.peers(now, step.list);
    case 'ask':
      machine.ask(now, step.address);
      return;
    case 'start':
      return machine.start(now);
  }
};

/** The whole story of a machine: what it was given, what it gave, when. */
const play = (seed: number, script: readonly Step[], settled = false): { at: Mono; output: Output }[] => {
  const machine = createDiscovery({ guid: me, tcpPort: 1947, bootCount: 5, settings: defaultSettings, entropy: seeded(seed) });
  const log: { at: Mono; output: Output }[] = [];
  let now = mono(0);
  const drain = (): void => {
    for (let output = machine.poll(); output !== undefined; output = machine.poll()) log.push({ at: now, output });
  };
  const pass = (until: number): void => {
    for (let next = machine.nextTimeout(now); next !== undefined && next <= until; next = machine.nextTimeout(now)) {
      expect(next).toBeGreaterThanOrEqual(now);
      now = next;
      machine.timeout(now);
      drain();
    }
    now = mono(until);
  };
  machine.interfaces(now, links);
  if (settled) {
    machine.start(now);
    pass(1_000);
    log.length = 0;
  }
  for (const step of script) {
    pass(now + step.gap);
    feed(machine, now, step);
    drain();
  }
  pass(now + (settled ? 1_000 : 20 * MINUTE));
  machine.stop(now);
  if (!settled) drain();
  return log;
};

describe('whatever the inputs', () => {
  it('no destination, so no interface, is asked twice within five minutes (R4)', () => {
    fc.assert(
      fc.property(fc.nat(), steps(fc.oneof(local, hostile)), (seed, script) => {
        const last = new Map<string, number>();
        for (const { at, output } of play(seed, script)) {
          if (output.kind !== 'send' || (output.why !== 'search' && output.why !== 'hint')) continue;
          expect(at - (last.get(output.to) ?? Number.NEGATIVE_INFINITY)).toBeGreaterThanOrEqual(SEARCH_FLOOR);
          last.set(output.to, at);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('every ask and answer has exactly 40 bytes, and all that is sent can be read (R5)', () => {
    fc.assert(
      fc.property(fc.nat(), steps(fc.oneof(local, hostile)), (seed, script) => {
        for (const { output } of play(seed, script)) {
          if (output.kind !== 'send') continue;
          const kind = decodeDatagram(output.bytes)?.kind;
          const group = output.via !== undefined || output.to.endsWith('.255');
          expect(kind).toBe(output.why === 'search' || output.why === 'hint' ? (group ? 'search' : 'ask') : output.why);
          expect(kind === 'changed' || output.bytes.length === 40).toBe(true);
        }
      }),
    );
  });

  it('the same seed and inputs give the same run (I7)', () => {
    const text = (log: unknown): string =>
      JSON.stringify(log, (_name, value: unknown) =>
        typeof value === 'bigint' ? `${value}` : value instanceof Uint8Array ? hex(value) : value,
      );
    fc.assert(
      fc.property(fc.nat(), steps(fc.oneof(local, hostile)), (seed, script) => {
        expect(text(play(seed, script))).toBe(text(play(seed, script)));
      }),
    );
  });
});

describe('hostile datagrams', () => {
  it('never throw, and draw nothing but answers: at most one for each ask, to its source, not larger (S14, D8)', () => {
    const short = fc.array(fc.record({ gap: fc.integer({ min: 0, max: 100 }), step: hostile }), { maxLength: 60 });
    fc.assert(
      fc.property(fc.nat(), short, (seed, script) => {
        const questions = new Map<string, number>();
        for (const { step } of script) {
          const datagram = decodeDatagram(step.bytes);
          if ((datagram?.kind !== 'ask' && datagram?.kind !== 'search') || datagram.guid === me) continue;
          const source = `${step.address} ${step.port} ${datagram.cookie}`;
          questions.set(source, (questions.get(source) ?? 0) + 1);
        }
        for (const { output } of play(seed, script, true)) {
          if (output.kind !== 'send') continue;
          const datagram = decodeDatagram(output.bytes);
          expect([output.why, datagram?.kind, datagram?.guid, output.bytes.length]).toEqual(['answer', 'answer', me, 40]);
          const source = `${output.to} ${output.port} ${datagram?.kind === 'answer' ? datagram.cookie : ''}`;
          const left = (questions.get(source) ?? 0) - 1;
          expect(left).toBeGreaterThanOrEqual(0);
          questions.set(source, left);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('a flood', () => {
  const at = (index: number): string => `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`;

  it('of asks from invented addresses is answered at the stated rate, with bounded tables (S14)', () => {
    const answers = createAnswers(seeded(1));
    let answered = 0;
    for (let index = 0; index < 50_000; index += 1) {
      const now = mono(index / 50);
      const from = { address: at(index), port: 1947, local: '' };
      answers.add(now, { kind: 'ask', guid: me, tcpPort: 1947, bootCount: 0, cookie: index }, from);
      expect(answers.size).toBeLessThanOrEqual(20_480);
      answered += answers.take(now).length;
    }
    answered += answers.take(mono(2_000)).length;
    expect(answered).toBeLessThanOrEqual(25_000);
    expect(answered).toBeGreaterThan(24_900);
  });

  it('of asks from one address leaves the others their answers', () => {
    const answers = createAnswers(seeded(1));
    const ask = { kind: 'ask', guid: me, tcpPort: 1947, bootCount: 0, cookie: 1 } as const;
    const loud = Array.from({ length: 5_000 }, () => answers.add(mono(0), ask, { address: '10.0.0.66', port: 1, local: '' }));
    expect(loud.filter(Boolean)).toHaveLength(40);
    expect(answers.add(mono(0), ask, { address: '10.0.0.7', port: 1947, local: '' })).toBe(true);
  });

  it('of hints asks a few addresses and remembers a bounded number', () => {
    const schedule = createSchedule();
    let asked = 0;
    for (let index = 0; index < 10_000; index += 1) if (schedule.once(mono(index), at(index), mono(index))) asked += 1;
    expect([asked, schedule.size]).toEqual([1_024, 1_024]);
    const machine = createDiscovery({ guid: me, tcpPort: 1947, bootCount: 0, settings: defaultSettings, entropy: seeded(2) });
    machine.start(mono(0));
    machine.timeout(mono(200));
    const accepted = Array.from({ length: 1_000 }, (_, index) => machine.ask(mono(300 + index), at(index))).filter(Boolean).length;
    expect(accepted).toBeGreaterThan(32);
    expect(accepted).toBeLessThanOrEqual(42);
    machine.timeout(mono(2_000));
    let sent = 0;
    for (let output = machine.poll(); output !== undefined; output = machine.poll())
      if (output.kind === 'send' && output.why === 'hint') sent += 1;
    expect(sent).toBe(accepted);
  });

  it('of interfaces and addresses is searched up to a bound, and nobody is asked twice for it', () => {
    const schedule = createSchedule();
    const asked = new Map<string, number>();
    for (let round = 0; round < 20; round += 1) {
      const now = mono(round * 10_000);
      schedule.want(
        now,
        Array.from({ length: 2_000 }, (_, index) => ({ to: at((round % 3) * 2_000 + index), via: undefined })),
        now,
      );
      for (const { to } of schedule.take(now, () => SEARCH_FLOOR)) {
        expect(now - (asked.get(to) ?? -SEARCH_FLOOR)).toBeGreaterThanOrEqual(SEARCH_FLOOR);
        asked.set(to, now);
      }
      expect(schedule.size).toBeLessThanOrEqual(2_560);
    }
  });

  it('of searches and answers keeps a bounded number of cookies, and each is worth a bounded number of answers', () => {
    const cookies = createCookies(() => 0);
    const open = Array.from({ length: 6_000 }, () => cookies.open(mono(0)));
    expect(cookies.size).toBe(4_096);
    const cookie = open.at(-1) ?? 0;
    const believed = Array.from({ length: 20_000 }, () => cookies.claim(mono(1), cookie)).filter(Boolean).length;
    expect(believed).toBe(16_384);
    expect(cookies.knows(mono(10_000), cookie)).toBe(false);
  });
});
