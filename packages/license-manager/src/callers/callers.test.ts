import { connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { isRunning, processStart, systemClock, systemEntropy } from '../machine/index.ts';
import { createSimulatedClock } from '../simulated-clock.testing.ts';
import { asked, isConnection, known, ownSpace, systemOwners, unitOf } from './callers.ts';
import type { FindOwner } from './types.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A connection of this process to itself, as the accepting end sees it. */
const connected = async (): Promise<Socket> => {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  closers.push(() => new Promise((done) => server.close(done)));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const accepted = new Promise<Socket>((done) => server.once('connection', done));
  const client = connect(address.port, '127.0.0.1');
  const socket = await accepted;
  closers.push(() => client.destroy());
  closers.push(() => socket.destroy());
  return socket;
};
const own = { pid: process.pid, start: processStart(process.pid) ?? 0 };

describe('who is at the other end of a connection', () => {
  it.runIf(process.platform === 'linux')('is asked of this system: this process, and not another one that exists', async () => {
    const callerOf = asked(systemOwners(), systemClock, systemEntropy, ownSpace());
    const socket = await connected();
    expect(await callerOf(socket, own).seen()).toEqual({ unit: unitOf(own, ownSpace()), forwarded: false, process: own });
    const parent = { pid: process.ppid, start: processStart(process.ppid) ?? 0 };
    const other = await callerOf(socket, parent).seen();
    expect([isConnection(other.unit), other.forwarded, other.process?.pid]).toEqual([true, true, parent.pid]);
    // The parent runs, and is not the one whose end is waited for.
    expect([isRunning(parent), isRunning(other.process ?? parent)]).toEqual([true, false]);
  });

  it('is asked once for a connection, which is one caller; two connections that are not seen are two', async () => {
    let questions = 0;
    const unseen: FindOwner = async () => {
      questions += 1;
      return { kind: 'unseen' };
    };
    const callerOf = asked(unseen, systemClock, systemEntropy, '');
    const [one, other] = [callerOf(await connected(), own), callerOf(await connected(), own)];
    const first = await one.seen();
    expect(await Promise.all([one.seen(), one.seen()])).toEqual([first, first]);
    expect(await other.seen()).not.toEqual(first);
    expect([first.forwarded, isConnection(first.unit), questions]).toEqual([false, true, 2]);
  });

  it('is not seen where the system does not reply in time, or the connection has ended', async () => {
    const clock = createSimulatedClock();
    const never: FindOwner = () => new Promise(() => undefined);
    const callerOf = asked(never, clock, systemEntropy, '');
    const socket = await connected();
    const seen = callerOf(socket, own).seen();
    clock.advance(5_000);
    expect(await seen).toMatchObject({ forwarded: false });
    socket.destroy();
    expect(callerOf(socket, own).seen()).toMatchObject({ forwarded: false });
  });

  it('is known for an embedded license manager, whatever the application says', async () => {
    const { seen } = known({ pid: 7, start: 8 }, '4026532100')(await connected(), { pid: 1, start: 0 });
    expect(seen()).toEqual({ unit: '7.8@4026532100', forwarded: false });
  });
});
