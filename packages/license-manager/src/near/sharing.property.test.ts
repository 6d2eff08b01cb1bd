import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createStore, type Store, statusOf, type TestNear } from './near.testing.ts';

// I1 and I2 for near LMs that share a store: whatever they do and whatever is done to them, no more seats are out than the license sells, nobody
// goes on with a seat that somebody else has, and every seat comes back.

const SECOND = 1_000;
const slot = fc.nat({ max: 3 });
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('login' as const), slot }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('rush' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('logout' as const), slot, nth: fc.nat({ max: 5 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('kill' as const), slot, as: fc.constantFrom('external' as const, 'integrated' as const) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('close' as const), slot }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('stop' as const), slot }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('go' as const), slot }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('license' as const), seats: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('pass' as const), seconds: fc.integer({ min: 1, max: 200 }) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
type Session = Awaited<ReturnType<TestNear['login']>>;
type Slot = { near: TestNear; stopped: boolean; sessions: Session[] };

const play = async (store: Store, steps: readonly Step[]): Promise<void> => {
  let seats = 3;
  const fresh = async (as: 'external' | 'integrated' = 'integrated'): Promise<Slot> => ({
    near: await store.open(as),
    stopped: false,
    sessions: [],
  });
  const slots = [await fresh(), await fresh('external'), await fresh(), await fresh('external')];
  const at = (index: number): Slot => slots[index] ?? (Promise.reject(new Error('no slot')) as never);
  const keeper = await store.open();
  await store.license(keeper, seats);
  const login = async (of: Slot): Promise<void> => {
    if (of.stopped) return;
    const session = await of.near.login().catch(() => undefined);
    if (session !== undefined) of.sessions.push(session);
  };

  const run = async (of: Step): Promise<void> => {
    switch (of.kind) {
      case 'login':
        return login(at(of.slot));
      case 'rush':
        await Promise.all(slots.map(login));
        return;
      case 'logout': {
        const { stopped, sessions } = at(of.slot);
        if (!stopped)
          await sessions
            .splice(of.nth, 1)[0]
            ?.logout()
            .catch(() => undefined);
        return;
      }
      case 'kill':
        at(of.slot).near.kill();
        slots[of.slot] = await fresh(of.as);
        return;
      case 'close':
        if (at(of.slot).stopped) return;
        await at(of.slot).near.lm.close();
        slots[of.slot] = await fresh();
        return;
      case 'stop':
        at(of.slot).near.stop();
        at(of.slot).stopped = true;
        return;
      case 'go':
        at(of.slot).near.go();
        at(of.slot).stopped = false;
        return;
      case 'license':
        seats = of.seats;
        return store.license(keeper, seats);
      case 'pass':
        return store.pass(of.seconds * SECOND, 5 * SECOND);
    }
  };
  /** Sessions that their applications can use. */
  const used = async (): Promise<number> => {
    let alive = 0;
    for (const { stopped, sessions } of slots) {
      if (stopped) continue;
      for (const session of [...sessions]) {
        const status = await statusOf(session.info());
        if (status === 0) alive += 1;
        else {
          expect(status).toBe(39);
          sessions.splice(sessions.indexOf(session), 1);
        }
      }
    }
    return alive;
  };

  for (const of of steps) {
    await run(of);
    const alive = await used();
    const stored = await store.look();
    expect(stored.used()).toBeLessThanOrEqual(seats);
    expect(stored.used()).toBe(stored.sessions.size);
    expect(alive).toBeLessThanOrEqual(stored.sessions.size);
  }
  for (const each of slots) {
    each.near.go();
    each.stopped = false;
  }
  await store.pass(270 * SECOND, 5 * SECOND);
  const left = await used();
  const stored = await store.look();
  expect(stored.used()).toBe(left);
  expect(stored.instances).toHaveLength(slots.length + 1);
  for (const { near } of slots) await near.lm.close();
  await keeper.lm.close();
  const empty = await store.look();
  expect([empty.used(), empty.sessions.size, empty.instances.length]).toEqual([0, 0, 0]);
};

it('near LMs that are killed, stopped and licensed anew at random never exceed the seats, and every seat comes back (I1, I2)', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
      const store = await createStore(3);
      try {
        await play(store, steps);
      } finally {
        await store.close();
      }
    }),
    { numRuns: 12 },
  );
}, 60_000);
