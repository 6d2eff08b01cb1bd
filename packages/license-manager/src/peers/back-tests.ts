import { connect } from 'node:net';
import { createBoundedTable, createLimiter } from '@keyhaven/core/discovery';
import type { BackState } from '@keyhaven/core/link';
import { type Clock, SECOND } from '@keyhaven/core/time';

// One TCP connection for another LM whose doctor wants to know whether its computer lets them in (R10, K36). It goes to the address that the LM's request came
// from, over a link that has proven its identity, and to port 1947: nobody can have other computers or other ports tried. Nothing is sent on it, so that
// a request costs its sender more bytes than it makes.

export type BackTests = { test(address: string, number: number): BackState };
/** What became of a connection. */
export type Connect = (address: string, done: (state: 'connected' | 'refused' | 'silent') => void) => void;

/** Connections that are opened for others: to one address, and in total. */
const RATE = { total: { perSecond: 5, burst: 20 }, perSource: { perSecond: 0.5, burst: 8 }, sources: 1_024 };
/** BOUNDED: tests whose outcome is known or awaited; the oldest is forgotten. */
const TESTS = 1_024;
const PORT = 1947;
const CONNECT_MS = 2 * SECOND;

const connectBack: Connect = (address, done) => {
  const socket = connect({ host: address, port: PORT });
  const over = (state: Parameters<typeof done>[0]): void => {
    socket.destroy();
    done(state);
  };
  socket.setTimeout(CONNECT_MS, () => over('silent'));
  socket.once('connect', () => over('connected'));
  socket.once('error', ({ code }: NodeJS.ErrnoException) => over(code === 'ETIMEDOUT' ? 'silent' : 'refused'));
};

export const createBackTests = (clock: Pick<Clock, 'mono'>, open: Connect = connectBack): BackTests => {
  const states = createBoundedTable<string, BackState>(TESTS);
  const limiter = createLimiter(RATE);
  return {
    test(address, number) {
      const name = `${address} ${number}`;
      const known = states.get(name);
      if (known !== undefined) return known;
      if (!limiter.allow(clock.mono(), address)) return 'not tried';
      states.set(name, 'pending');
      open(address, (state) => states.set(name, state));
      return states.get(name) ?? 'pending';
    },
  };
};
