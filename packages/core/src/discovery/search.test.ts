import { describe, expect, it } from 'vitest';
import { MINUTE, type Mono, mono, SECOND } from '../time/index.ts';
import type { Interface } from './address.ts';
import type { Source } from './answers.ts';
import { type Datagram, decodeDatagram, encodeDatagram } from './datagram.ts';
import { guidText } from './guid.ts';
import type { Output, Send } from './output.ts';
import { createDiscovery, type Discovery } from './search.ts';
import { defaultSettings, type Settings } from './settings.ts';

const me = guidText(new Uint8Array(30).fill(1));
const other = guidText(new Uint8Array(30).fill(2));
const eth0: Interface = { name: 'eth0', address: '10.0.0.1', family: 4, broadcast: '10.0.0.255' };
const eth0v6: Interface = { name: 'eth0', address: 'fe80::1', family: 6, broadcast: 'ff02::1%eth0', scopeId: 2 };
const wlan0: Interface = { name: 'wlan0', address: '10.0.1.1', family: 4, broadcast: '10.0.1.255' };
const lo: Interface = { name: 'lo', address: '127.0.0.1', family: 4 };
const from = (address: string, port = 1947): Source => ({ address, port, local: '0.0.0.0' });
const byOther = { guid: other, tcpPort: 1947, bootCount: 9 };

const drain = (machine: Discovery): Output[] => {
  const outputs: Output[] = [];
  for (let output = machine.poll(); output !== undefined; output = machine.poll()) outputs.push(output);
  return outputs;
};
const sends = (outputs: Output[]): Send[] => outputs.filter((output) => output.kind === 'send');
const told = (outputs: Output[]): string[] => sends(outputs).map(({ why, to }) => `${why} ${to}`);

/** Lets time pass until `until`, and returns what came out with the time of each. */
const run = (machine: Discovery, now: Mono, until: number): { at: Mono; output: Output }[] => {
  const log: { at: Mono; output: Output }[] = [];
  let time = now;
  for (let next = machine.nextTimeout(time); next !== undefined && next <= until; next = machine.nextTimeout(time)) {
    time = mono(Math.max(time, next));
    machine.timeout(time);
    for (const output of drain(machine)) log.push({ at: time, output });
  }
  return log;
};

const started = (settings: Partial<Settings> = {}, links: Interface[] = [lo, eth0, eth0v6], tcpPort = 1947): Discovery => {
  const machine = createDiscovery({ guid: me, tcpPort, bootCount: 5, settings: { ...defaultSettings, ...settings }, entropy: () => 0.5 });
  machine.interfaces(mono(0), links);
  machine.start(mono(0));
  return machine;
};
const running = (...args: Parameters<typeof started>): Discovery => {
  const machine = started(...args);
  run(machine, mono(0), 1_000);
  return machine;
};
const cookieOf = (outputs: Output[]): number => {
  const datagram = decodeDatagram(sends(outputs)[0]?.bytes ?? new Uint8Array());
  return datagram?.kind === 'ask' || datagram?.kind === 'search' ? datagram.cookie : Number.NaN;
};

describe('a search', () => {
  it('of a subnet is a search, of a single address an ask: only the former may go unanswered (D18)', () => {
    const log = run(started({ searchAddresses: ['192.0.2.7', '192.0.2.255'] }), mono(0), 1_000);
    const kinds = sends(log.map(({ output }) => output)).map(({ to, bytes }) => `${decodeDatagram(bytes)?.kind} ${to}`);
    expect(kinds.slice(0, 4)).toEqual(['search 10.0.0.255', 'search ff02::1%eth0', 'ask 192.0.2.7', 'search 192.0.2.255']);
  });

  it('asks every subnet by directed broadcast and link-local multicast after a jitter, never loopback, and says started (R1, R6)', () => {
    const log = run(started(), mono(0), 1_000);
    expect(log.map(({ at }) => at)).toEqual([50, 50, 50, 50]);
    expect(told(log.map(({ output }) => output))).toEqual([
      'search 10.0.0.255',
      'search ff02::1%eth0',
      'started 10.0.0.255',
      'started ff02::1%eth0',
    ]);
    for (const { via, bytes, port } of sends(log.map(({ output }) => output)))
      expect([via, bytes.length, port]).toEqual(['eth0', 40, 1947]);
  });

  it('asks configured addresses by UDP, single and broadcast ones (R2), each destination once', () => {
    const log = run(started({ searchAddresses: ['192.0.2.7', '10.0.0.255', 'fe80::9%eth0', '192.0.2.7'] }, [eth0]), mono(0), 1_000);
    expect(told(log.map(({ output }) => output)).filter((line) => line.startsWith('search'))).toEqual([
      'search 10.0.0.255',
      'search 192.0.2.7',
      'search fe80::9%eth0',
    ]);
  });

  it('broadcasts nothing at all when "Broadcast Search for Remote Licenses" is off', () => {
    const machine = running({ broadcastSearch: false, searchAddresses: ['192.0.2.7'] });
    machine.keysChanged(mono(2_000), [{ what: 'added', keyId: 1n, version: 1 }]);
    machine.interfaces(mono(2_000), [lo, eth0, wlan0]);
    const log = run(machine, mono(2_000), 20 * MINUTE);
    expect(new Set(sends(log.map(({ output }) => output)).map(({ to }) => to))).toEqual(new Set(['192.0.2.7']));
  });

  it('repeats after five minutes and a random part of one minute more, also when a shorter interval is set (R4)', () => {
    const log = run(started({ intervalMs: 1_000 }, [eth0]), mono(0), 12 * MINUTE);
    const asks = log.filter(({ output }) => output.kind === 'send' && output.why === 'search').map(({ at }) => at);
    expect(asks).toEqual([50, 50 + 5.5 * MINUTE, 50 + 11 * MINUTE]);
  });

  it('asks a new interface on that interface only, and tells it that this license manager runs', () => {
    const machine = running({}, [eth0]);
    machine.interfaces(mono(MINUTE), [eth0, wlan0]);
    const log = run(machine, mono(MINUTE), 2 * MINUTE);
    expect(told(log.map(({ output }) => output))).toEqual(['search 10.0.1.255', 'started 10.0.1.255']);
  });

  it('does not ask an interface again that goes and comes back within five minutes (R4)', () => {
    const machine = running({}, [eth0]);
    for (let now = 2_000; now < 4 * MINUTE; now += 10 * SECOND) machine.interfaces(mono(now), now % 20_000 === 2_000 ? [] : [eth0]);
    machine.interfaces(mono(4 * MINUTE), [eth0]);
    const log = run(machine, mono(4 * MINUTE), 6 * MINUTE);
    expect(log.map(({ at }) => at)).toEqual([50 + 5 * MINUTE, 50 + 5 * MINUTE]);
  });
});

describe('a question that could not be sent', () => {
  it('does not count: it is sent after three seconds, then six, and is the first one still', () => {
    const machine = started({}, [eth0]);
    const log: string[] = [];
    let now = mono(0);
    for (let round = 0; round < 4; round += 1) {
      now = machine.nextTimeout(now) ?? now;
      machine.timeout(now);
      for (const line of told(drain(machine))) log.push(`${now} ${line}`);
      if (round < 2) machine.unsent(now, '10.0.0.255');
    }
    expect(log.filter((line) => line.includes('search'))).toEqual([
      '50 search 10.0.0.255',
      '3050 search 10.0.0.255',
      '9050 search 10.0.0.255',
      `${9_050 + 5.5 * MINUTE} search 10.0.0.255`,
    ]);
    expect(log.filter((line) => line.includes('started'))).toHaveLength(3);
    machine.unsent(now, '10.0.0.255');
    expect(machine.nextSearch()).toBe(now + 3_000);
  });

  it('comes again ever more rarely, until that is every five minutes', () => {
    const machine = started({}, [eth0]);
    let now = mono(0);
    const gaps: number[] = [];
    for (let round = 0; round < 12; round += 1) {
      const next = machine.nextTimeout(now) ?? now;
      gaps.push(next - now);
      now = next;
      machine.timeout(now);
      drain(machine);
      machine.unsent(now, '10.0.0.255');
    }
    expect(gaps.slice(1, 5)).toEqual([3_000, 6_000, 12_000, 24_000]);
    expect(gaps.at(-1)).toBe(5 * MINUTE);
  });
});

describe('in a crowd', () => {
  const guidOf = (index: number): string => {
    const bytes = new Uint8Array(30).fill(7);
    new DataView(bytes.buffer).setUint32(0, index * 2_654_435_761);
    return guidText(bytes);
  };
  const addressOf = (index: number): string => `10.1.${index >> 8}.${index & 0xff}`;
  const search = (index: number, kind: 'ask' | 'search', cookie = index): Uint8Array =>
    encodeDatagram({ kind, guid: guidOf(index), tcpPort: 1947, bootCount: 1, cookie });
  /** A thousand have been heard; then each asks again. */
  const answersOf = (kind: 'ask' | 'search', serving: boolean): number => {
    let draw = 0;
    const entropy = (): number => {
      draw = (draw + 0.618_033_988_749_895) % 1;
      return draw;
    };
    const machine = createDiscovery({ guid: me, tcpPort: 1947, bootCount: 5, settings: defaultSettings, entropy });
    machine.start(mono(0));
    machine.serving(serving);
    run(machine, mono(0), 1_000);
    for (let index = 0; index < 1_000; index += 1)
      machine.datagram(mono(2_000 + index * 2), from(addressOf(index)), search(index, 'search'));
    run(machine, mono(4_000), 5_000);
    let answers = 0;
    for (let index = 0; index < 1_000; index += 1) {
      const now = mono(10_000 + index * 50);
      machine.datagram(now, from(addressOf(index)), search(index, kind, index + 1));
      answers += run(machine, now, now + 30).length;
    }
    return answers;
  };

  it('an LM with keys answers every search; of those without, some do; a question to one is always answered (P7, D18)', () => {
    expect(answersOf('search', true)).toBe(1_000);
    expect(answersOf('ask', false)).toBe(1_000);
    expect(answersOf('search', false)).toBeLessThan(10);
  });

  it('a stranger that tells of keys is always worth a question, one that has started seldom (D16)', () => {
    const machine = running();
    for (let index = 0; index < 1_000; index += 1) machine.datagram(mono(2_000), from(addressOf(index)), search(index, 'search'));
    const sender = { guid: guidOf(2_000), tcpPort: 1947, bootCount: 1 };
    const has = from('10.9.9.9');
    expect(machine.datagram(mono(3_000), has, encodeDatagram({ kind: 'started', ...sender, sequence: 1 }))).toBe('one of many');
    expect(machine.datagram(mono(3_000), has, encodeDatagram({ kind: 'changed', ...sender, sequence: 2, entries: [] }))).toBe('heard');
  });

  it('an LM with keys tells of them when it starts', () => {
    const machine = started({}, [eth0]);
    machine.serving(true);
    expect(told(run(machine, mono(0), 1_000).map(({ output }) => output))).toEqual([
      'search 10.0.0.255',
      'started 10.0.0.255',
      'changed 10.0.0.255',
    ]);
  });
});

describe('answers', () => {
  it('go to the source of an ask, as large as it, from the socket that heard it, within 20 ms (R5)', () => {
    const machine = running();
    const ask = encodeDatagram({ kind: 'ask', ...byOther, cookie: 77 });
    expect(machine.datagram(mono(2_000), { address: 'fe80::2%eth0', port: 40_000, local: '::' }, ask)).toBe('answered');
    const [reply, ...rest] = run(machine, mono(2_000), 3_000);
    expect(rest).toEqual([]);
    expect(reply).toMatchObject({ at: 2_010, output: { why: 'answer', to: 'fe80::2%eth0', port: 40_000, local: '::' } });
    const bytes = reply?.output.kind === 'send' ? reply.output.bytes : new Uint8Array();
    expect(decodeDatagram(bytes)).toEqual({ kind: 'answer', guid: me, tcpPort: 1947, bootCount: 5, cookie: 77 });
  });

  it('are not given by a license manager that serves nobody, nor does it notify', () => {
    const machine = started({}, [eth0], 0);
    expect(told(run(machine, mono(0), 1_000).map(({ output }) => output))).toEqual(['search 10.0.0.255']);
    const ask = encodeDatagram({ kind: 'ask', ...byOther, cookie: 77 });
    expect(machine.datagram(mono(2_000), from('10.0.0.2'), ask)).toBe('nothing to offer');
    machine.stop(mono(3_000));
    expect(drain(machine)).toEqual([]);
  });

  it('are believed with the cookie of a running search only, for ten seconds', () => {
    const machine = started();
    const cookie = cookieOf(run(machine, mono(0), 1_000).map(({ output }) => output));
    const answer = (value: number): Uint8Array => encodeDatagram({ kind: 'answer', ...byOther, tcpPort: 1948, cookie: value });
    expect(machine.datagram(mono(1_000), from('10.0.0.2'), answer((cookie + 9) >>> 0))).toBe('not asked');
    expect(drain(machine)).toEqual([]);
    expect(machine.datagram(mono(1_000), from('fe80::2%eth0'), answer(cookie))).toBe('found');
    expect(drain(machine)).toEqual([{ kind: 'found', guid: other, address: 'fe80::2%eth0', port: 1948, family: 6, scopeId: 'eth0' }]);
    expect(machine.datagram(mono(10_050), from('10.0.0.2'), answer(cookie))).toBe('not asked');
  });
});

describe('notifications', () => {
  it('of keys added together are one datagram to subnets, configured addresses and peers (R6)', () => {
    const machine = running({ searchAddresses: ['192.0.2.7'] }, [eth0]);
    machine.peers(mono(2_000), ['192.0.2.7', '192.0.2.8']);
    for (let key = 0n; key < 10n; key += 1n) machine.keysChanged(mono(2_000), [{ what: 'added', keyId: key, version: 1 }]);
    const log = run(machine, mono(2_000), 3_000);
    expect(log.map(({ at }) => at)).toEqual([2_020, 2_020, 2_020]);
    expect(told(log.map(({ output }) => output))).toEqual(['changed 10.0.0.255', 'changed 192.0.2.7', 'changed 192.0.2.8']);
    const datagram = decodeDatagram(sends(log.map(({ output }) => output))[0]?.bytes ?? new Uint8Array());
    expect(datagram).toMatchObject({ kind: 'changed', sequence: 2 });
    expect(datagram?.kind === 'changed' && datagram.entries).toHaveLength(10);
  });

  it('go to whoever connected to this one, too; what such a one says is that of a stranger (R6, D13)', () => {
    const machine = running({}, [eth0]);
    machine.peers(mono(2_000), ['192.0.2.8'], ['192.0.2.8', '198.51.100.9']);
    machine.keysChanged(mono(2_000), [{ what: 'added', keyId: 1n, version: 1 }]);
    const log = run(machine, mono(2_000), 3_000).map(({ output }) => output);
    expect(told(log)).toEqual(['changed 10.0.0.255', 'changed 192.0.2.8', 'changed 198.51.100.9']);
    const changed = encodeDatagram({ kind: 'changed', ...byOther, sequence: 1, entries: [] });
    for (const [address, known] of [
      ['192.0.2.8', true],
      ['198.51.100.9', false],
    ] as const) {
      expect(machine.datagram(mono(20_000 * (known ? 1 : 2)), from(address), changed)).toBe('heard');
      expect(drain(machine)).toMatchObject([{ kind: 'heard', address, known }]);
    }
  });

  it('of stopping go to whom started was said; afterwards nothing is sent or heard', () => {
    const machine = running({}, [eth0]);
    machine.stop(mono(2_000));
    expect(told(drain(machine))).toEqual(['stopping 10.0.0.255']);
    machine.stop(mono(2_001));
    machine.start(mono(2_002));
    machine.interfaces(mono(2_003), [wlan0]);
    expect(machine.datagram(mono(2_004), from('10.0.0.2'), encodeDatagram({ kind: 'ask', ...byOther, cookie: 1 }))).toBe('inactive');
    expect([drain(machine), machine.nextTimeout(mono(2_005))]).toEqual([[], undefined]);
  });

  it('need no goodbye when nothing was said yet', () => {
    const machine = started();
    machine.stop(mono(10));
    expect(drain(machine)).toEqual([]);
  });

  it('heard twice count once; those of strangers are a reason to ask, their stopping is not', () => {
    const machine = running({}, [eth0]);
    const say = (kind: 'started' | 'stopping', sequence: number): Uint8Array => encodeDatagram({ kind, ...byOther, sequence });
    expect(machine.datagram(mono(2_000), from('10.0.0.2'), say('started', 1))).toBe('heard');
    expect(machine.datagram(mono(2_001), from('fe80::2%eth0'), say('started', 1))).toBe('repeated');
    expect(drain(machine)).toMatchObject([{ kind: 'heard', guid: other, address: '10.0.0.2', known: false }]);
    machine.datagram(mono(2_002), from('10.0.0.2'), say('stopping', 2));
    expect(drain(machine)).toEqual([]);
    machine.peers(mono(2_003), ['10.0.0.2']);
    machine.datagram(mono(2_004), from('10.0.0.2'), say('stopping', 3));
    expect(drain(machine)).toMatchObject([{ kind: 'heard', known: true, notification: { kind: 'stopping' } }]);
  });
});

describe('a question for a hint', () => {
  it('goes to one address, once in five minutes, and its answer is believed', () => {
    const machine = running({}, [eth0]);
    expect(machine.ask(mono(2_000), '10.0.0.2')).toBe(true);
    expect(machine.ask(mono(2_001), '10.0.0.2')).toBe(false);
    const log = run(machine, mono(2_001), 4 * MINUTE).map(({ output }) => output);
    expect(told(log)).toEqual(['hint 10.0.0.2']);
    expect(machine.ask(mono(4 * MINUTE), '10.0.0.2')).toBe(false);
    const answer = encodeDatagram({ kind: 'answer', ...byOther, cookie: cookieOf(log) });
    expect(machine.datagram(mono(2_100), from('10.0.0.2'), answer)).toBe('found');
  });
});

describe('a hint during the first jitter', () => {
  it('is followed as well: computers are switched on together', () => {
    const machine = started({}, [eth0]);
    expect(machine.ask(mono(10), '10.0.0.2')).toBe(true);
    expect(told(run(machine, mono(10), 1_000).map(({ output }) => output))).toContain('hint 10.0.0.2');
  });
});

describe('the own GUID', () => {
  const own = (datagram: { kind: 'ask'; cookie: number } | { kind: 'started'; sequence: number }): Datagram => ({
    guid: me,
    tcpPort: 1947,
    bootCount: 77,
    ...datagram,
  });

  it('from an own address is the own broadcast heard again', () => {
    const machine = running();
    for (const address of ['10.0.0.1', '127.0.0.1', 'fe80::1%eth0']) {
      expect(machine.datagram(mono(2_000), from(address), encodeDatagram(own({ kind: 'ask', cookie: 1 })))).toBe('own');
    }
    expect(drain(machine)).toEqual([]);
  });

  it('from another address with words of our own is an address that is not in the list yet', () => {
    const machine = started();
    const log = run(machine, mono(0), 1_000).map(({ output }) => output);
    for (const { bytes } of sends(log)) expect(machine.datagram(mono(1_000), from('10.0.0.50'), bytes)).toBe('own');
    expect(drain(machine)).toEqual([]);
  });

  it('from another computer is a clone, told once a minute per address (K9), and never answered', () => {
    const machine = running();
    for (let now = 2_000; now < 50_000; now += 1_000) {
      expect(machine.datagram(mono(now), from('10.0.0.66'), encodeDatagram(own({ kind: 'ask', cookie: now })))).toBe('clone');
      expect(machine.datagram(mono(now), from('10.0.0.66'), encodeDatagram(own({ kind: 'started', sequence: 1 })))).toBe('clone');
    }
    expect(drain(machine)).toEqual([{ kind: 'clone', address: '10.0.0.66' }]);
    expect(run(machine, mono(50_000), 60_000)).toEqual([]);
  });
});

describe('forged sources', () => {
  it('that would turn an answer into a broadcast get none', () => {
    const machine = running();
    const ask = encodeDatagram({ kind: 'ask', ...byOther, cookie: 1 });
    for (const address of ['10.0.0.255', '255.255.255.255', 'ff02::1%eth0']) {
      expect(machine.datagram(mono(2_000), from(address), ask)).toBe('impossible source');
    }
    expect(run(machine, mono(2_000), 3_000)).toEqual([]);
  });
});
