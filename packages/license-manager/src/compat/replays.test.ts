import { Buffer } from 'node:buffer';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { wall } from '@keyhaven/core/time';
import { describe, expect, it } from 'vitest';
import { createReplays, type OnceRequest } from './replays.ts';

// Equal requests (C6): each is done by itself, a retry gets the result of the request that it repeats, and later nothing is done.

type State = ReturnType<OnceRequest['delivery']['state']>;
const signed = { identity: 'a', date: 'D', at: 0, signature: Buffer.alloc(32) };
const requestOf = (state: () => State, more: Partial<OnceRequest> = {}): OnceRequest => ({
  signed,
  target: 'POST /sessions',
  sealed: true,
  client: 'one',
  delivery: { state },
  ...more,
});

const start = () => {
  const replays = createReplays();
  const ended = new Set<number>();
  const send = (state: () => State, more: Partial<OnceRequest> = {}, at = 0, shared = true) =>
    replays
      .once(requestOf(state, more), wall(at), { shared, run: async (ordinal) => ordinal, holds: (result) => !ended.has(result) })
      .catch((error: unknown) => (error instanceof LicensingError ? `status ${error.status}` : error));
  return { replays, ended, send };
};
const delivered = (): State => 'delivered';
const lost = (): State => 'lost';
const pending = (): State => 'pending';
const REPLAYED = `status ${Status.IDENTITY_UNAUTHENTICATED}`;
const TOO_MANY = `status ${Status.IDENTITY_RATE_LIMIT_EXCEEDED}`;

describe('an equal request', () => {
  it('is one of its own while the first is on the way, and when it has its answer', async () => {
    const { send } = start();
    expect(await Promise.all([send(pending), send(pending), send(delivered), send(delivered)])).toEqual([0, 1, 2, 3]);
  });

  it('is a retry where the connection of the first one ended before its answer: each result is for one retry', async () => {
    const { send } = start();
    expect(await send(lost)).toBe(0);
    expect(await send(lost)).toBe(0);
    expect(await send(delivered)).toBe(0);
    expect(await send(delivered)).toBe(1);
  });

  it('is a retry, too, where the end of the first connection is read after it', async () => {
    const { send } = start();
    let state: State = 'pending';
    expect(await send(() => state)).toBe(0);
    const again = send(delivered);
    state = 'lost';
    expect(await again).toBe(0);
  });

  it('of two retries at once, one gets the result', async () => {
    const { send } = start();
    await send(lost);
    expect(await Promise.all([send(pending), send(pending)])).toEqual([0, 1]);
  });

  it('gets no result that has ended, or that was refused', async () => {
    const { send, ended, replays } = start();
    expect(await send(lost)).toBe(0);
    ended.add(0);
    expect(await send(delivered)).toBe(1);
    const work = (run: () => Promise<number>) => ({ shared: true, run, holds: () => true });
    const refused = replays.once(
      requestOf(lost, { client: 'two' }),
      wall(0),
      work(() => Promise.reject(new Error('full'))),
    );
    await expect(refused).rejects.toThrow('full');
    expect(
      await replays.once(
        requestOf(delivered, { client: 'two' }),
        wall(0),
        work(async () => 7),
      ),
    ).toBe(7);
  });

  it('of another client is never a retry; where the request is for one client only, it is refused', async () => {
    const { send } = start();
    await send(lost);
    expect(await send(delivered, { client: 'two' })).toBe(1);
    const other = start();
    expect(await other.send(lost, {}, 0, false)).toBe(0);
    expect(await other.send(delivered, { client: 'two' }, 0, false)).toBe(REPLAYED);
    expect(await other.send(delivered, {}, 0, false)).toBe(0);
  });

  it('for another target, in the clear where the first was by TLS, and later is a replay', async () => {
    const { send } = start();
    await send(lost);
    expect(await send(delivered, { target: 'POST /sessions?' })).toBe(REPLAYED);
    expect(await send(delivered, { sealed: false })).toBe(REPLAYED);
    expect(await send(delivered, {}, 2_001)).toBe(REPLAYED);
    expect(await send(delivered, {}, 299_000)).toBe(REPLAYED);
  });

  it('is done no more often than an attacker who reads the network may do harm', async () => {
    const { send } = start();
    const results = await Promise.all(
      Array.from({ length: 100 }, (_, index) => send(delivered, { sealed: false, client: `${index % 3}` })),
    );
    expect(results.filter((each) => each === TOO_MANY)).toHaveLength(36);
    expect(new Set(results).size).toBe(65);
  });
});

it('a result that nobody asked for again is told once, when nobody can any more', async () => {
  const { replays, send } = start();
  let state: State = 'pending';
  await send(lost);
  await send(delivered, { client: 'two' });
  await send(() => state, { client: 'three' });
  expect(replays.unclaimed(wall(1_000))).toEqual({ results: [], later: true });
  const first = replays.unclaimed(wall(2_001));
  expect([await Promise.all(first.results), first.later]).toEqual([[0], true]);
  state = 'lost';
  const second = replays.unclaimed(wall(9_000));
  expect([await Promise.all(second.results), second.later]).toEqual([[2], false]);
});
