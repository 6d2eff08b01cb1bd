import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { decodeDatagram, encodeDatagram } from '@keyhaven/core/discovery';
import { DEFAULT_NEAR_SETTINGS, type NearSettings } from '@keyhaven/core/near-settings';
import { MINUTE, SECOND } from '@keyhaven/core/time';
import { describe, expect, it } from 'vitest';
import { systemEntropy } from '../machine/index.ts';
import type { PeerAddress } from '../peers/index.ts';
import { createSimulatedClock } from '../simulated-clock.testing.ts';
import { adminPeers, type KnownPeer, peersInAnswer } from './admin-peers.ts';
import { type RemoteSearchOptions, startRemoteSearch } from './remote-search.ts';

const GUID = 'N'.repeat(40);
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((done) => setImmediate(done));
};

const search = (settings: Partial<NearSettings>, more: Partial<RemoteSearchOptions> & { readonly known?: readonly KnownPeer[] } = {}) => {
  const clock = createSimulatedClock();
  const asked: { readonly at: number; readonly to: string }[] = [];
  const events: string[] = [];
  const note = (to: string): void => void asked.push({ at: clock.mono() - begun, to });
  const begun = clock.mono();
  const { known = [], ...rest } = more;
  const running = startRemoteSearch({
    clock,
    entropy: systemEntropy,
    settings: { ...DEFAULT_NEAR_SETTINGS, ...settings },
    guid: GUID,
    peers: {
      found: (guid, { host, port }) => note(`found ${guid[0]} ${host}:${port}`),
      async look({ host, port }) {
        note(`look ${host}:${port}`);
        return undefined;
      },
      settled: async () => undefined,
    },
    async askAdmin({ host, port }) {
      note(`admin ${host}:${port}`);
      return known;
    },
    onEvent: ({ event }) => void events.push(event),
    ...rest,
  });
  let firstOver = false;
  void running.first.then(() => {
    firstOver = true;
  });
  return {
    clock,
    events,
    running,
    asked,
    said: () => asked.splice(0).map(({ to }) => to),
    firstOver: () => firstOver,
    async pass(milliseconds: number, step = milliseconds): Promise<void> {
      for (let left = milliseconds; left > 0; left -= step) {
        clock.advance(Math.min(step, left));
        await settle();
      }
    },
  };
};

describe('the search of an External or Integrated LM (R2)', () => {
  it('says once that the Admin LM of the computer does not tell whom it knows', async () => {
    const refuse = async (): Promise<readonly KnownPeer[]> => Promise.reject(new Error('it asks for a password'));
    const { events, pass, running } = search({}, { adminAddress: { host: '127.0.0.1', port: 1947 }, askAdmin: refuse });
    await settle();
    await pass(20 * MINUTE, MINUTE);
    expect(events.filter((event) => event.includes('Admin LM knows'))).toHaveLength(1);
    await running.close();
  });

  it('asks nobody when nothing is set and no Admin LM is named', async () => {
    const { running, said, firstOver, clock } = search({});
    await settle();
    expect([said(), firstOver(), running.nextSearch(), clock.waiting]).toEqual([[], true, undefined, 0]);
    await running.close();
  });

  it('asks single addresses and all addresses of a name by TCP at once, and each again after five to six minutes (R4)', async () => {
    const names: string[][] = [['192.0.2.8'], ['192.0.2.9', '2001:db8::9']];
    const { said, asked, pass, running } = search(
      { addresses: ['192.0.2.7', 'licenses.example.org'] },
      { resolve: async () => names.shift() ?? [] },
    );
    await settle();
    expect(said().toSorted()).toEqual(['look 192.0.2.7:1947', 'look 192.0.2.8:1947']);
    await pass(5 * MINUTE - 1);
    expect(said()).toEqual([]);
    await pass(MINUTE + 2, SECOND);
    const times = asked.map(({ at }) => at);
    expect(Math.min(...times)).toBeGreaterThanOrEqual(5 * MINUTE);
    expect(said().toSorted(), 'the name has moved meanwhile').toEqual([
      'look 192.0.2.7:1947',
      'look 192.0.2.9:1947',
      'look 2001:db8::9:1947',
    ]);
    await running.close();
    await pass(20 * MINUTE, MINUTE);
    expect(said()).toEqual([]);
  });

  it('never asks one address twice within five minutes, and not at the same moments as others (R4)', async () => {
    const rounds = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const { asked, pass, running } = search({ addresses: ['192.0.2.7'], searchMinutes: 5 });
        await pass(30 * MINUTE, SECOND);
        await running.close();
        return asked.map(({ at }) => at);
      }),
    );
    for (const times of rounds) {
      expect(times.length).toBeGreaterThanOrEqual(5);
      for (const [index, at] of times.entries()) if (index > 0) expect(at - (times[index - 1] ?? 0)).toBeGreaterThanOrEqual(5 * MINUTE);
    }
    expect(new Set(rounds.map(([, second]) => second)).size, 'jitter').toBeGreaterThan(1);
  });

  it('takes over whom the Admin LM of this computer knows, at every round', async () => {
    const known = [{ guid: 'A'.repeat(40), address: { host: '192.0.2.30', port: 1947 } }];
    const { said, pass, running, firstOver } = search({}, { adminAddress: { host: '127.0.0.1', port: 1947 }, known });
    await settle();
    expect(said()).toEqual(['admin 127.0.0.1:1947', 'found A 192.0.2.30:1947']);
    expect(firstOver()).toBe(true);
    await pass(7 * MINUTE, SECOND);
    expect(said()).toEqual(['admin 127.0.0.1:1947', 'found A 192.0.2.30:1947']);
    await running.close();
  });

  it('asks nobody at all where remote licenses are off', async () => {
    const { said, running } = search(
      { remoteLicenses: false, addresses: ['192.0.2.7', '192.0.2.255'], broadcast: true },
      { adminAddress: { host: '127.0.0.1', port: 1947 } },
    );
    await settle();
    expect([said(), running.nextSearch()]).toEqual([[], undefined]);
    await running.close();
  });

  it('tells of a name without an address and goes on; a name that is a broadcast address is not asked by TCP', async () => {
    const { said, events, running } = search(
      { addresses: ['gone.example', 'all.example', '192.0.2.7'] },
      {
        async resolve(name) {
          if (name === 'gone.example') throw new Error('ENOTFOUND');
          return ['192.0.2.255'];
        },
      },
    );
    await settle();
    expect(said()).toEqual(['look 192.0.2.7:1947']);
    expect(events).toContain('a name of the search has no address');
    await running.close();
  });

  it('lets an application wait for 1.5 seconds at most, whoever does not answer', async () => {
    const never = new Promise<never>(() => undefined);
    const { firstOver, pass, running } = search(
      { addresses: ['192.0.2.7'] },
      { peers: { found: () => undefined, look: () => never, settled: async () => undefined } },
    );
    await pass(1_499);
    expect(firstOver()).toBe(false);
    await pass(1);
    expect(firstOver()).toBe(true);
    await running.close();
  });

  it('asks many addresses, all of them, 32 at a time', async () => {
    let together = 0;
    let most = 0;
    const seen = new Set<string>();
    const { running } = search(
      { addresses: Array.from({ length: 500 }, (_, index) => `198.51.${Math.floor(index / 200)}.${index % 200}`) },
      {
        peers: {
          found: () => undefined,
          async look({ host }) {
            most = Math.max(most, (together += 1));
            await new Promise((done) => setImmediate(done));
            together -= 1;
            seen.add(host);
            return undefined;
          },
          settled: async () => undefined,
        },
      },
    );
    await running.first;
    expect([seen.size, most]).toEqual([500, 32]);
    await running.close();
  });

  it('broadcasts to a broadcast address, from a port that the system picked, and listens at no other one', async () => {
    const others = createSocket({ type: 'udp4', reuseAddr: false });
    others.bind(0, '0.0.0.0');
    await once(others, 'listening');
    const { port } = others.address();
    const found: [string, PeerAddress][] = [];
    const { clock, said, running } = search(
      { addresses: ['127.255.255.255'] },
      { port, peers: { found: (guid, at) => void found.push([guid, at]), look: async () => undefined, settled: async () => undefined } },
    );
    await new Promise((done) => setImmediate(done));
    const heard = once(others, 'message');
    for (let turn = 0; turn < 50; turn += 1) {
      clock.advance(20);
      await new Promise((done) => setImmediate(done));
    }
    const [bytes, from] = (await heard) as [Buffer, AddressInfo];
    const ask = decodeDatagram(bytes);
    expect([bytes.length, ask]).toEqual([40, expect.objectContaining({ guid: GUID, tcpPort: 0 })]);
    expect(from.port).not.toBe(port);
    // An answer of this computer is left alone: its Admin LM is the application's to ask.
    if (ask === undefined || !('cookie' in ask)) throw new Error('no question');
    others.send(
      encodeDatagram({ kind: 'answer', guid: 'A'.repeat(40), tcpPort: 1947, bootCount: 1, cookie: ask.cookie }),
      from.port,
      '127.0.0.1',
    );
    await new Promise((done) => setTimeout(done, 50));
    expect([found, said()]).toEqual([[], []]);
    await running.close();
    others.close();
    await once(others, 'close');
  });
});

describe('what the Admin LM of this computer says of others', () => {
  const linked = { guid: 'A'.repeat(40), hostname: 'b', address: '192.0.2.30:1947', state: 'linked', keys: 1 };

  it('is taken as far as it makes sense, and never throws', () => {
    expect(peersInAnswer(JSON.stringify([linked, { ...linked, address: 'fe80::1%eth0:1947', more: 1 }]))).toEqual([
      { guid: linked.guid, address: { host: '192.0.2.30', port: 1947 } },
      { guid: linked.guid, address: { host: 'fe80::1%eth0', port: 1947 } },
    ]);
    for (const bad of [
      { ...linked, state: 'lost' },
      { ...linked, keys: 0 },
      { ...linked, guid: 'x' },
      { ...linked, address: '192.0.2.30' },
      { ...linked, address: 'a:70000' },
      null,
      7,
    ])
      expect(peersInAnswer(JSON.stringify([bad]))).toEqual([]);
    for (const text of ['', '{}', 'null', '[', '7']) expect(peersInAnswer(text)).toEqual([]);
    expect(peersInAnswer(JSON.stringify(Array.from({ length: 5_000 }, () => linked)))).toHaveLength(1_024);
  });

  it('is asked by HTTP; nobody, a refusal and an endless answer are no peers', async () => {
    let answer = { code: 200, text: JSON.stringify([linked]) };
    let old: number | undefined;
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      const isOld = request.url === '/lm/v1/known' && old !== undefined;
      response.statusCode = isOld ? 404 : (old ?? answer.code);
      response.end(isOld ? '' : answer.text);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const at = { host: '127.0.0.1', port: address.port };
    expect(await adminPeers(at)).toHaveLength(1);
    expect(asked.splice(0)).toEqual(['GET /lm/v1/known']);
    old = 200;
    expect(await adminPeers(at), 'of a version before that').toHaveLength(1);
    expect(asked).toEqual(['GET /lm/v1/known', 'GET /api/v1/peers']);
    old = 401;
    await expect(adminPeers(at)).rejects.toThrow(/asks for the password .* Upgrade the Admin LM .*serveraddr/);
    old = 404;
    await expect(adminPeers(at)).rejects.toThrow(/administration has a port of its own/);
    old = undefined;
    answer = { code: 403, text: JSON.stringify([linked]) };
    expect(await adminPeers(at)).toEqual([]);
    answer = { code: 200, text: `[${' '.repeat(5 * 1024 * 1024)}]` };
    expect(await adminPeers(at)).toEqual([]);
    server.close();
    await once(server, 'close');
    expect(await adminPeers(at)).toEqual([]);
  });
});
