import { describe, expect, it } from 'vitest';
import { type Mono, mono, SECOND } from '../time/index.ts';
import type { Source } from './answers.ts';
import { decodeDatagram, encodeDatagram } from './datagram.ts';
import { guidText } from './guid.ts';
import type { Output } from './output.ts';
import { createDiscovery, type Discovery } from './search.ts';
import { defaultSettings } from './settings.ts';

// D19: what a person asks by hand, and what another LM's doctor asks on its link.

const me = guidText(new Uint8Array(30).fill(1));
const other = { guid: guidText(new Uint8Array(30).fill(2)), tcpPort: 1947, bootCount: 9 };
const from = (address: string): Source => ({ address, port: 1947, local: '0.0.0.0' });
const drain = (machine: Discovery): Output[] => {
  const outputs: Output[] = [];
  for (let output = machine.poll(); output !== undefined; output = machine.poll()) outputs.push(output);
  return outputs;
};
const at = (ms: number): Mono => mono(1_000 + ms);
const machineOf = (tcpPort = 1947): Discovery => {
  let drawn = 0;
  const entropy = (): number => ((drawn += 0.618) * 7.3) % 1;
  const machine = createDiscovery({ guid: me, tcpPort, bootCount: 1, settings: { ...defaultSettings, broadcastSearch: false }, entropy });
  machine.start(at(0));
  machine.timeout(at(200));
  drain(machine);
  return machine;
};

describe('a question by hand', () => {
  it('has the bytes of an ask and of a search with one cookie, and its answers are told and not followed', () => {
    const machine = machineOf();
    const { cookie, ask, search } = machine.probe(at(0));
    expect([decodeDatagram(ask), decodeDatagram(search)]).toEqual([
      { kind: 'ask', guid: me, tcpPort: 1947, bootCount: 1, cookie },
      { kind: 'search', guid: me, tcpPort: 1947, bootCount: 1, cookie },
    ]);
    const answer = encodeDatagram({ kind: 'answer', ...other, cookie });
    for (const time of [1, 14_999]) {
      expect(machine.datagram(at(time), from('192.0.2.7'), answer)).toBe('probed');
      expect(drain(machine)).toEqual([{ kind: 'probed', cookie, guid: other.guid, address: '192.0.2.7', port: 1947 }]);
    }
    expect(machine.datagram(at(15_001), from('192.0.2.7'), answer)).toBe('not asked');
    expect(machine.datagram(at(1), from('192.0.2.7'), encodeDatagram({ kind: 'answer', ...other, cookie: (cookie + 1) >>> 0 }))).toBe(
      'not asked',
    );
    expect(drain(machine)).toEqual([]);
  });
});

describe('what was heard', () => {
  it('is told by cookie and address, for fifteen seconds', () => {
    const machine = machineOf();
    machine.datagram(at(0), from('192.0.2.7'), encodeDatagram({ kind: 'ask', ...other, cookie: 5 }));
    expect(machine.heard(at(14_000), '192.0.2.7', 5)).toBe(true);
    expect(machine.heard(at(14_000), '192.0.2.8', 5)).toBe(false);
    expect(machine.heard(at(14_000), '192.0.2.7', 6)).toBe(false);
    expect(machine.heard(at(15_001), '192.0.2.7', 5)).toBe(false);
  });

  it('is forgotten under a flood, which costs no more memory (S14)', () => {
    const machine = machineOf();
    const ask = (cookie: number): void =>
      void machine.datagram(at(0), from('192.0.2.7'), encodeDatagram({ kind: 'ask', ...other, cookie }));
    for (let cookie = 0; cookie <= 4_096; cookie += 1) ask(cookie);
    expect([machine.heard(at(1), '192.0.2.7', 0), machine.heard(at(1), '192.0.2.7', 1)]).toEqual([false, true]);
  });
});

describe('a datagram that was asked for on a link', () => {
  const calls = (machine: Discovery, time: number, address: string): boolean => machine.call(at(time), address, 77);

  it('is one answer of 40 bytes with the cookie, to the port of LMs', () => {
    const machine = machineOf();
    expect(calls(machine, 300, '192.0.2.7')).toBe(true);
    const [sent, ...more] = drain(machine);
    expect(more).toEqual([]);
    expect(sent).toMatchObject({ kind: 'send', why: 'answer', to: '192.0.2.7', port: 1947 });
    expect(sent?.kind === 'send' && decodeDatagram(sent.bytes)).toEqual({
      kind: 'answer',
      guid: me,
      tcpPort: 1947,
      bootCount: 1,
      cookie: 77,
    });
  });

  it('goes eight times at once to one address, then once a second, and twenty times a second in all', () => {
    const machine = machineOf();
    const passed = (time: number, address: string, times: number): number =>
      Array.from({ length: times }, () => calls(machine, time, address)).filter(Boolean).length;
    expect(passed(300, '192.0.2.7', 20)).toBe(8);
    expect(passed(300 + SECOND, '192.0.2.7', 20)).toBe(1);
    const all = Array.from({ length: 100 }, (_, index) => calls(machine, 300 + SECOND, `198.51.100.${index}`));
    expect(all.filter(Boolean).length).toBeLessThan(60);
  });

  it('goes to no address that is none, and from nobody who serves nobody', () => {
    for (const address of ['0.0.0.0', '255.255.255.255', '224.0.0.1', 'ff02::1']) expect(calls(machineOf(), 300, address)).toBe(false);
    expect(calls(machineOf(0), 300, '192.0.2.7')).toBe(false);
  });
});
