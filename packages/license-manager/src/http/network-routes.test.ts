import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { NetworkEvent, Noted } from '@keyhaven/core/network';
import { mono, SECOND } from '@keyhaven/core/time';
import { afterEach, describe, expect, it } from 'vitest';
import { createSite } from '../authority/site.testing.ts';
import { createJournal, type NetworkView, type Scheduled } from '../network/index.ts';
import { createSimulatedClock } from '../simulated-clock.testing.ts';
import { facesOf } from './faces.testing.ts';
import { createHttpServer } from './server.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const launch = async () => {
  const clock = createSimulatedClock();
  const journal = createJournal(clock);
  let next: Scheduled[] = [];
  const network: NetworkView = { clock, journal, plan: async () => ({ flows: [], remarks: ['a plan'] }), scheduled: () => next };
  const http = await createHttpServer((await facesOf(await createSite(), { network })).faces);
  const sockets = new Set<Socket>();
  const front = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    http.server.emit('connection', socket);
  }).listen(0, '127.0.0.1');
  await once(front, 'listening');
  closers.push(async () => {
    journal.close();
    await http.close();
    for (const socket of sockets) socket.destroy();
    front.close();
  });
  const { port } = front.address() as AddressInfo;
  const open = async (headers: Record<string, string> = {}, path = '/api/v1/network/events') => {
    const sent = get({ host: '127.0.0.1', port, path, headers: { host: `localhost:${port}`, ...headers }, agent: false });
    closers.push(() => sent.destroy());
    sent.on('error', () => undefined);
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    return response;
  };
  /** The events of a stream as [name, data], until there are so many. */
  const read = async (response: IncomingMessage, wanted: number): Promise<[string, unknown][]> => {
    const events: [string, unknown][] = [];
    let text = '';
    for await (const chunk of response.iterator({ destroyOnReturn: false })) {
      text += String(chunk);
      const parts = text.split('\n\n');
      text = parts.pop() ?? '';
      for (const part of parts) {
        const [, name, data] = /event: (\w+)\ndata: (.*)$/.exec(part) ?? [];
        if (name !== undefined && data !== undefined) events.push([name, JSON.parse(data)]);
      }
      if (events.length >= wanted) break;
    }
    return events;
  };
  const plan = (due: number): void => {
    next = [{ kind: 'search', to: '192.0.2.255', due: mono(due) }];
  };
  return { clock, journal, open, read, plan };
};
const search = (port: number): Noted => ({
  event: 'datagram',
  direction: 'out',
  kind: 'search',
  peer: '192.0.2.255',
  port,
  sent: 40,
  received: 0,
  result: 'sent',
});
const ports = (events: readonly [string, unknown][]): number[] =>
  events.flatMap(([name, data]) => (name === 'traffic' ? [(data as NetworkEvent).port] : []));

describe('the stream of what happens on the network (R10)', () => {
  it('begins with what was, goes on with what is scheduled, and then with what happens', async () => {
    const { journal, open, read, plan, clock } = await launch();
    plan(61_000);
    journal.note(search(1));
    const response = await open();
    expect(response.headers['content-type']).toBe('text/event-stream; charset=utf-8');
    expect(response.headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' });
    expect(response.headers['content-security-policy']).toContain("frame-ancestors 'none'");
    const first = await read(response, 2);
    expect(ports(first)).toEqual([1]);
    expect(first[1]).toEqual(['next', [{ kind: 'search', to: '192.0.2.255', at: new Date(clock.wall() + 60_000).toISOString() }]]);
    journal.note(search(2));
    expect(ports(await read(response, 1))).toEqual([2]);
    plan(99_000);
    clock.advance(SECOND);
    expect((await read(response, 1))[0]?.[0]).toBe('next');
  });

  it('goes on where a reader was who lost his connection', async () => {
    const { journal, open, read } = await launch();
    for (const port of [1, 2, 3]) journal.note(search(port));
    expect(ports(await read(await open({ 'last-event-id': '2' }), 2))).toEqual([3]);
    expect(ports(await read(await open({ 'last-event-id': 'nonsense' }), 4))).toEqual([1, 2, 3]);
  });

  it('is over when the license manager ends', async () => {
    const { journal, open } = await launch();
    const response = await open();
    response.resume();
    journal.close();
    await once(response, 'end');
    expect(response.complete).toBe(true);
  });

  it('lets so many watch and refuses the next; who goes makes room', async () => {
    const { journal, open } = await launch();
    const watching: IncomingMessage[] = [];
    for (let count = 0; count < 32; count += 1) watching.push(await open());
    expect(journal.full).toBe(true);
    expect((await open()).statusCode).toBe(429);
    watching[0]?.destroy();
    await expect.poll(() => journal.full).toBe(false);
    expect((await open()).statusCode).toBe(200);
  });

  it('drops what a reader does not read rather than keep it, and the others hear all', async () => {
    const { journal, open, read } = await launch();
    const lazy = await open();
    const eager = await open();
    lazy.pause();
    const total = 20_000;
    const all = read(eager, total);
    for (let port = 0; port < total; port += 1) {
      journal.note({ ...search(port), result: 'x'.repeat(500) });
      if (port % 100 === 99) await new Promise(setImmediate);
    }
    expect(ports(await all).length).toBeGreaterThanOrEqual(total - 1);
    journal.close();
    expect(ports(await read(lazy, Number.POSITIVE_INFINITY)).length).toBeLessThan(total);
  });
});

describe('the plan of the network', () => {
  it('is told, and what comes next', async () => {
    const { open, plan, clock } = await launch();
    plan(1_000);
    const text = async (path: string): Promise<unknown> => JSON.parse(String(await (await open({}, path)).toArray()));
    expect(await text('/api/v1/network/plan')).toEqual({ flows: [], remarks: ['a plan'] });
    expect(await text('/api/v1/network/upcoming')).toEqual([
      { kind: 'search', to: '192.0.2.255', at: new Date(clock.wall()).toISOString() },
    ]);
  });
});
