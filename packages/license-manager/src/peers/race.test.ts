import { describe, expect, it } from 'vitest';
import { createSimulatedClock } from '../simulated-clock.testing.ts';
import { type PeerAddress, PeerRefusal } from './post.ts';
import { race, STAGGER_MS } from './race.ts';

// RFC 8305 section 5, over the addresses that discovery found (R3).

const at = (host: string): PeerAddress => ({ host, port: 1947 });
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn += 1) await new Promise((done) => setImmediate(done));
};

const begin = (hosts: readonly string[]) => {
  const clock = createSimulatedClock();
  let list = hosts.map(at);
  const started: string[] = [];
  const failed: string[] = [];
  const open = new Map<string, PromiseWithResolvers<string>>();
  const won = race(
    clock,
    () => list,
    ({ host }) => {
      started.push(`${clock.mono()} ${host}`);
      const attempt = Promise.withResolvers<string>();
      open.set(host, attempt);
      return attempt.promise;
    },
    ({ host }) => void failed.push(host),
  );
  won.catch(() => undefined);
  const pass = async (milliseconds: number): Promise<void> => {
    clock.advance(milliseconds);
    await settle();
  };
  return { clock, started, failed, open, won, pass, find: (host: string) => void (list = [...list, at(host)]) };
};

describe('attempts at several addresses', () => {
  it('begin a quarter of a second apart, and the first that succeeds wins', async () => {
    const { started, open, won, pass, clock } = begin(['a', 'b', 'c']);
    const zero = clock.mono();
    await pass(STAGGER_MS - 1);
    expect(started).toEqual([`${zero} a`]);
    await pass(1);
    expect(started).toEqual([`${zero} a`, `${zero + STAGGER_MS} b`]);
    open.get('b')?.resolve('proof');
    expect(await won).toEqual({ address: at('b'), value: 'proof' });
    open.get('a')?.resolve('late');
    await pass(10 * STAGGER_MS);
    expect(started).toHaveLength(2);
  });

  it('begin at once when the one before has failed', async () => {
    const { started, failed, open, won, pass, clock } = begin(['a', 'b']);
    const zero = clock.mono();
    await pass(5);
    open.get('a')?.reject(new Error('refused'));
    await settle();
    expect(started).toEqual([`${zero} a`, `${zero + 5} b`]);
    expect(failed).toEqual(['a']);
    open.get('b')?.resolve('proof');
    expect((await won).address.host).toBe('b');
  });

  it('begin at one that is found while the others are under way', async () => {
    const { started, open, won, pass, find } = begin(['a']);
    await pass(STAGGER_MS);
    find('b');
    await pass(STAGGER_MS);
    expect(started).toHaveLength(2);
    open.get('b')?.resolve('proof');
    expect((await won).address.host).toBe('b');
  });

  it('fail when all of them have failed, with what somebody said who answered', async () => {
    const { open, won, pass } = begin(['a', 'b', 'c']);
    open.get('a')?.reject(new Error('no answer in time'));
    await settle();
    open.get('b')?.reject(new PeerRefusal(403, 'denied'));
    await settle();
    await pass(STAGGER_MS);
    open.get('c')?.reject(new Error('refused'));
    await expect(won).rejects.toThrow('denied');
  });

  it('fail where there is no address, and try none twice', async () => {
    await expect(begin([]).won).rejects.toThrow('no address');
    const { started, open, won, pass } = begin(['a', 'a']);
    open.get('a')?.reject(new Error('refused'));
    await pass(STAGGER_MS);
    await expect(won).rejects.toThrow('refused');
    expect(started).toHaveLength(1);
  });
});
