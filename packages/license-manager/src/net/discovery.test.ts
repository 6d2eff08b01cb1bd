import { type Found, guidText, type Heard } from '@keyhaven/core/discovery';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../machine/index.ts';
import { createSimulatedClock } from '../simulated-clock.testing.ts';
import { type RunningDiscovery, type StartDiscovery, startDiscovery, type Traffic } from './discovery.ts';
import { freePort } from './free-port.testing.ts';

const guidOf = (fill: number): string => guidText(new Uint8Array(30).fill(fill));
const settings = { broadcastSearch: true, intervalMs: 300_000, searchAddresses: [] as readonly string[] };

/** What was told, with a wait for the first that matches. */
const listener = <T>(): { tell(value: T): void; first(match: (value: T) => boolean): Promise<T>; readonly all: T[] } => {
  const all: T[] = [];
  let wake = (): void => {};
  return {
    all,
    tell(value) {
      all.push(value);
      wake();
    },
    async first(match) {
      for (;;) {
        const value = all.find(match);
        if (value !== undefined) return value;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
};

const lms: RunningDiscovery[] = [];
afterEach(async () => {
  await Promise.all(lms.splice(0).map((lm) => lm.stop()));
});

const launch = async (address: string, fill: number, more: Partial<StartDiscovery> & { udpPort: number }) => {
  const found = listener<Found>();
  const heard = listener<Heard>();
  const traffic = listener<Traffic>();
  const clones = listener<string>();
  const problems = listener<unknown>();
  let draws = fill;
  const lm = await startDiscovery({
    clock: systemClock,
    entropy: () => ((draws += 0.137) * 7.13) % 1,
    guid: guidOf(fill),
    bootCount: 1,
    tcpPort: more.udpPort,
    bind: [address],
    settings,
    onFound: found.tell,
    onHeard: heard.tell,
    onClone: clones.tell,
    onTraffic: traffic.tell,
    onProblem: problems.tell,
    ...more,
  });
  lms.push(lm);
  return { lm, found, heard, traffic, clones, problems };
};

describe('two license managers', () => {
  it('whose search parameters name each other find each other, with 40 bytes in each direction (R1, R2, R5)', async () => {
    const udpPort = await freePort();
    const one = await launch('127.0.0.1', 1, { udpPort, settings: { ...settings, searchAddresses: ['127.0.0.2'] } });
    const two = await launch('127.0.0.2', 2, { udpPort, settings: { ...settings, searchAddresses: ['127.0.0.1'] } });
    const [byOne, byTwo] = await Promise.all([one.found.first(() => true), two.found.first(() => true)]);
    expect(byOne).toMatchObject({ guid: guidOf(2), address: '127.0.0.2', port: udpPort, family: 4 });
    expect(byTwo).toMatchObject({ guid: guidOf(1), address: '127.0.0.1', port: udpPort, family: 4 });
    expect(one.lm.addresses).toEqual([{ address: '127.0.0.1', port: udpPort, family: 4 }]);
    for (const { bytes } of [...one.traffic.all, ...two.traffic.all]) expect(bytes.length).toBe(40);
    const words = (direction: string): string[] => one.traffic.all.filter((passed) => passed.direction === direction).map(({ why }) => why);
    expect(words('out')).toEqual(expect.arrayContaining(['search', 'started', 'answer']));
    expect(words('in')).toEqual(expect.arrayContaining(['answered', 'found']));
  });

  it('hear of keys and of the goodbye of each other (R6); the goodbye is on the wire before stop() resolves', async () => {
    const udpPort = await freePort();
    const one = await launch('127.0.0.1', 1, { udpPort, settings: { ...settings, searchAddresses: ['127.0.0.2'] } });
    const two = await launch('127.0.0.2', 2, { udpPort });
    // The start of a stranger is followed by one question, which finds it.
    const start = await two.heard.first(({ notification }) => notification.kind === 'started');
    expect(start).toMatchObject({ guid: guidOf(1), known: false });
    await two.found.first(({ guid }) => guid === guidOf(1));
    one.lm.keysChanged([{ what: 'added', keyId: 0xabcdef0123456789n, version: 3 }]);
    const change = await two.heard.first(({ notification }) => notification.kind === 'changed');
    expect(change).toMatchObject({ known: true, notification: { entries: [{ what: 'added', keyId: 0xabcdef0123456789n, version: 3 }] } });
    two.lm.setPeers(['127.0.0.1']);
    two.lm.keysChanged([{ what: 'removed', keyId: 7n, version: 1 }]);
    await one.heard.first(({ guid }) => guid === guidOf(2));
    await one.lm.stop();
    expect(one.traffic.all.at(-1)).toMatchObject({ direction: 'out', why: 'stopping', problem: undefined });
    await two.heard.first(({ notification }) => notification.kind === 'stopping');
  });

  it('with one GUID on one computer are not taken for a clone', async () => {
    const udpPort = await freePort();
    const two = await launch('127.0.0.2', 1, { udpPort });
    await launch('127.0.0.1', 1, { udpPort, settings: { ...settings, searchAddresses: ['127.0.0.2'] } });
    await two.traffic.first(({ why }) => why === 'own');
    expect(two.clones.all).toEqual([]);
  });
});

describe('search parameters', () => {
  it('that are names are looked up, all their addresses are asked, and a name without one is reported', async () => {
    const udpPort = await freePort();
    const two = await launch('127.0.0.2', 2, { udpPort });
    const one = await launch('127.0.0.1', 1, {
      udpPort,
      settings: { ...settings, searchAddresses: ['license.example', 'nowhere.example'] },
      resolve: async (name) => {
        if (name === 'nowhere.example') throw new Error('ENOTFOUND');
        return ['127.0.0.2', '127.0.0.3'];
      },
    });
    await one.found.first(({ guid }) => guid === guidOf(2));
    const asked = one.traffic.all.filter(({ why }) => why === 'search').map(({ address }) => address);
    expect(new Set(asked)).toEqual(new Set(['127.0.0.2', '127.0.0.3']));
    expect(one.problems.all).toContainEqual({ name: 'nowhere.example', error: new Error('ENOTFOUND') });
    expect(two.problems.all).toEqual([]);
  });

  it('that are names are looked up again shortly before each round, and asked where they are then; one that is nowhere is told once (R2)', async () => {
    const udpPort = await freePort();
    const clock = createSimulatedClock();
    const settle = async (): Promise<void> => {
      for (let turn = 0; turn < 3; turn += 1) await new Promise((done) => setImmediate(done));
    };
    let has = ['127.0.0.2'];
    const lookups: number[] = [];
    const one = await launch('127.0.0.1', 1, {
      udpPort,
      clock,
      settings: { ...settings, searchAddresses: ['license.example', 'nowhere.example'] },
      resolve: async (name) => {
        if (name === 'nowhere.example') throw new Error('ENOTFOUND');
        lookups.push(clock.mono());
        return has;
      },
    });
    const began = clock.mono();
    const asked = (): string[] => one.traffic.all.filter(({ why }) => why === 'search').map(({ address }) => address);
    const pass = async (milliseconds: number): Promise<void> => {
      for (let passed = 0; passed < milliseconds; passed += 1_000) {
        clock.advance(1_000);
        await settle();
      }
    };
    await settle();
    await pass(2_000);
    expect(asked()).toEqual(['127.0.0.2']);
    has = ['127.0.0.3'];
    await pass(5 * 60_000);
    // The old address is nobody's business any more, and the new one was asked as soon as it was known.
    expect(asked()).toEqual(['127.0.0.2', '127.0.0.3']);
    has = ['127.0.0.4', '127.0.0.3'];
    await pass(4 * 60_000);
    expect(asked().slice(2).toSorted()).toEqual(['127.0.0.3', '127.0.0.4']);
    expect(lookups.map((at) => at - began).every((at, index, all) => index === 0 || at - (all[index - 1] ?? 0) >= 60_000)).toBe(true);
    expect(one.problems.all).toEqual([{ name: 'nowhere.example', error: new Error('ENOTFOUND') }]);
  });

  it('that change while running are asked at once', async () => {
    const udpPort = await freePort();
    const one = await launch('127.0.0.1', 1, { udpPort });
    await launch('127.0.0.2', 2, { udpPort });
    one.lm.setSettings({ ...settings, searchAddresses: ['127.0.0.2'] });
    expect(await one.found.first(() => true)).toMatchObject({ guid: guidOf(2) });
    expect(one.lm.nextSearch()).toBeGreaterThan(systemClock.mono() + 299_000);
  });
});

describe('a question that the system refuses to send', () => {
  it('is reported, and asked again in seconds instead of minutes', async () => {
    const udpPort = await freePort();
    const one = await launch('127.0.0.1', 1, { udpPort, settings: { ...settings, searchAddresses: ['192.0.2.1'] } });
    const refused = await one.traffic.first(({ why }) => why === 'search');
    expect(refused).toMatchObject({ direction: 'out', address: '192.0.2.1', problem: 'NO_SOCKET' });
    expect(one.problems.all).toContainEqual({ local: '', to: '192.0.2.1', code: 'NO_SOCKET' });
    expect(one.lm.nextSearch()).toBeLessThan(systemClock.mono() + 3_100);
  });
});

describe('a port in use', () => {
  it('is an error before anything is sent', async () => {
    const udpPort = await freePort();
    await launch('127.0.0.1', 1, { udpPort });
    await expect(launch('127.0.0.1', 2, { udpPort })).rejects.toMatchObject({ name: 'LOCAL_COMM_ERR', status: 33 });
  });
});
