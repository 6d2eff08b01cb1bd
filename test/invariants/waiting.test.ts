import { LicensingError } from '@keyhaven/core/errors';
import { MINUTE, SECOND } from '@keyhaven/core/time';
import type { Session } from '@keyhaven/licensing-api';
import { type Application, type Computer, createWorld, makeVendor, type World } from '@keyhaven/testkit/world';
import { describe, expect, it } from 'vitest';

// A4 in the simulated world: the real API, LMs and links, and I1, I2, I3 and I6 after every event.

const catalog = (seats: number): string => `
products:
  - id: 1
    features:
      - { id: 42, license: { type: perpetual }, concurrency: { seats: ${seats}, network: true } }
      - { id: 43, license: { type: executions, count: 3 }, concurrency: { seats: ${seats}, network: true } }
`;

const site = async (computers: number, owners = 1, seats = 1) => {
  const world = await createWorld({ seed: 'waiting', computers });
  const vendor = makeVendor(world.random, 7);
  let vendorCode = '';
  for (let number = 0; number < owners; number++) ({ vendorCode } = await world.makeKey(world.computer(number), vendor, catalog(seats)));
  world.introduce();
  await world.timeline.run(5 * SECOND);
  return { world, vendor, vendorCode };
};
const pass = (world: World, milliseconds: number): Promise<void> => world.timeline.run(world.timeline.now + milliseconds);

/** An application that waits, and what it heard. */
const waiter = (
  world: World,
  computer: Computer,
  vendorCode: string,
  options: { timeoutMs?: number; feature?: number; seats?: number } = {},
) => {
  const application = world.application(computer);
  const controller = new AbortController();
  const places: number[] = [];
  let got: Session | number | 'aborted' | undefined;
  const { timeoutMs = Number.POSITIVE_INFINITY, feature = 42, seats = 1 } = options;
  application.licensing
    .login({ vendorCode, feature, seats, wait: { timeoutMs }, signal: controller.signal, onWaiting: (place) => places.push(place) })
    .then(
      (session) => {
        got = session;
      },
      (error: unknown) => {
        got = error instanceof LicensingError ? error.status : 'aborted';
      },
    );
  return {
    application,
    places,
    get got() {
      return got;
    },
    get session(): Session {
      if (got === undefined || typeof got !== 'object') throw new Error(`no session but ${String(got)}`);
      return got;
    },
    abort: () => controller.abort(),
  };
};
const login = (world: World, application: Application, vendorCode: string): Promise<Session> =>
  world.settle(application.licensing.login({ vendorCode, feature: 42 }));
const logout = async (world: World, session: Session): Promise<void> => {
  world.watch.mayEnd(session.id, 'logout');
  await world.settle(session.logout());
};
const usedAt = (world: World, number: number): { used: number; waiting: number; sessions: number } => {
  const { lm } = world.computer(number);
  const [key] = world.computer(number).keystore?.keys() ?? [];
  if (lm === undefined || key === undefined) throw new Error('no license manager');
  const pool = { key: key.identity.id, product: 1, feature: 42 };
  return { used: lm.authority.used(pool), waiting: lm.authority.waiting(pool), sessions: lm.authority.sessionCount };
};

describe('A4 waiting across computers', () => {
  it('gives a seat to local and remote applications in the order in which they asked, and tells each its place', async () => {
    const { world, vendorCode } = await site(3);
    const holder = await login(world, world.application(world.computer(1)), vendorCode);
    const all = [];
    for (const number of [2, 0, 1]) {
      all.push(waiter(world, world.computer(number), vendorCode));
      await pass(world, SECOND);
    }
    expect(all.map(({ places }) => places)).toEqual([[1], [2], [3]]);
    expect(usedAt(world, 0)).toEqual({ used: 1, waiting: 3, sessions: 1 });
    await logout(world, holder);
    await pass(world, 100);
    expect(all.map(({ got }) => typeof got)).toEqual(['object', 'undefined', 'undefined']);
    await pass(world, 3 * SECOND);
    expect(all.map(({ places }) => places)).toEqual([[1], [2, 1], [3, 2]]);
    await logout(world, all[0]!.session);
    await pass(world, 100);
    expect(all.map(({ got }) => typeof got)).toEqual(['object', 'object', 'undefined']);
    await logout(world, all[1]!.session);
    await pass(world, 100);
    await world.settle(all[2]!.session.info());
    expect(usedAt(world, 0)).toEqual({ used: 1, waiting: 0, sessions: 1 });
  });

  it('ends by AbortSignal, by its time, and by the death of its application; the next in line moves up', async () => {
    const { world, vendorCode } = await site(2);
    const holder = await login(world, world.application(world.computer(0)), vendorCode);
    const aborted = waiter(world, world.computer(1), vendorCode);
    await pass(world, 500);
    const timed = waiter(world, world.computer(1), vendorCode, { timeoutMs: 20 * SECOND });
    await pass(world, 500);
    const killed = waiter(world, world.computer(1), vendorCode);
    await pass(world, 500);
    const last = waiter(world, world.computer(1), vendorCode);
    await pass(world, 5 * SECOND);
    expect(last.places).toEqual([4]);
    aborted.abort();
    await pass(world, 2 * SECOND);
    expect([aborted.got, usedAt(world, 0).waiting]).toEqual(['aborted', 3]);
    await pass(world, 20 * SECOND);
    expect([timed.got, usedAt(world, 0).waiting]).toEqual([38, 2]);
    world.crashApplication(killed.application);
    await pass(world, 100);
    await logout(world, holder);
    await pass(world, 500);
    await world.settle(last.session.info());
    await pass(world, 15 * SECOND);
    expect(usedAt(world, 0)).toEqual({ used: 1, waiting: 0, sessions: 1 });
  });

  it('that is over at once where it may take no time, or gets a free seat', async () => {
    const { world, vendorCode } = await site(2);
    const first = waiter(world, world.computer(1), vendorCode, { timeoutMs: 0 });
    await pass(world, SECOND);
    const second = waiter(world, world.computer(1), vendorCode, { timeoutMs: 0 });
    await pass(world, SECOND);
    expect([typeof first.got, second.got]).toEqual(['object', 38]);
    expect(usedAt(world, 0)).toEqual({ used: 1, waiting: 0, sessions: 1 });
  });

  it('survives a restart of the owner, and of the license manager in between, in its order', async () => {
    const { world, vendorCode } = await site(2);
    const holder = await login(world, world.application(world.computer(0)), vendorCode);
    const all = [];
    for (const number of [1, 0, 1]) {
      all.push(waiter(world, world.computer(number), vendorCode));
      await pass(world, SECOND);
    }
    for (const number of [0, 1]) {
      world.crashLm(world.computer(number));
      await pass(world, 3 * SECOND);
      await world.startLm(world.computer(number));
      await pass(world, 10 * SECOND);
      expect(usedAt(world, 0)).toEqual({ used: 1, waiting: 3, sessions: 1 });
    }
    await logout(world, holder);
    for (const each of all) {
      await pass(world, SECOND);
      await logout(world, each.session);
    }
    await pass(world, SECOND);
    expect(usedAt(world, 0)).toEqual({ used: 0, waiting: 0, sessions: 0 });
  });
});

describe('A4 two license managers with the feature', () => {
  it('a seat of either goes to the first in line, who leaves the other line', async () => {
    const { world, vendorCode } = await site(3, 2);
    const holders = [];
    for (let count = 0; count < 2; count++) holders.push(await login(world, world.application(world.computer(2)), vendorCode));
    const all = [];
    for (let count = 0; count < 3; count++) {
      all.push(waiter(world, world.computer(2), vendorCode));
      await pass(world, SECOND);
    }
    expect([usedAt(world, 0).waiting, usedAt(world, 1).waiting]).toEqual([3, 3]);
    const at = (session: Session): number => world.computers.findIndex(({ identity }) => identity.guid === session.licenseManager.guid);
    const second = holders.find((each) => at(each) === 1)!;
    await logout(world, second);
    await pass(world, 3 * SECOND);
    expect(at(all[0]!.session)).toBe(1);
    expect([usedAt(world, 0).waiting, usedAt(world, 1).waiting]).toEqual([2, 2]);
    await logout(world, holders.find((each) => each !== second)!);
    await pass(world, 3 * SECOND);
    expect(at(all[1]!.session)).toBe(0);
    expect(all[2]!.places.at(-1)).toBe(1);
    expect([usedAt(world, 0), usedAt(world, 1)]).toMatchObject([
      { used: 1, waiting: 1 },
      { used: 1, waiting: 1 },
    ]);
  });

  it('seats of both at the same moment: one is taken and the other given back at once', async () => {
    const { world, vendorCode } = await site(3, 2);
    const holders = [];
    for (let count = 0; count < 2; count++) holders.push(await login(world, world.application(world.computer(2)), vendorCode));
    const only = waiter(world, world.computer(2), vendorCode);
    await pass(world, 2 * SECOND);
    for (const each of holders) world.watch.mayEnd(each.id, 'logout');
    await world.settle(Promise.all(holders.map((each) => each.logout())));
    await pass(world, 2 * SECOND);
    expect(typeof only.got).toBe('object');
    expect(usedAt(world, 0).used + usedAt(world, 1).used).toBe(1);
    expect(usedAt(world, 0).waiting + usedAt(world, 1).waiting).toBe(0);
  });

  it('where executions are counted, stands in one line only, so that one login costs one execution', async () => {
    const { world, vendorCode } = await site(3, 2);
    const holders = [];
    for (let count = 0; count < 2; count++)
      holders.push(await world.settle(world.application(world.computer(2)).licensing.login({ vendorCode, feature: 43 })));
    const only = waiter(world, world.computer(2), vendorCode, { feature: 43 });
    await pass(world, 2 * SECOND);
    for (const each of holders) world.watch.mayEnd(each.id, 'logout');
    await world.settle(Promise.all(holders.map((each) => each.logout())));
    await pass(world, 2 * SECOND);
    expect(typeof only.got).toBe('object');
    const taken = [0, 1].map((number) => {
      const [key] = world.computer(number).keystore?.keys() ?? [];
      return world.computer(number).lm?.authority.pool({ key: key?.identity.id ?? '', product: 1, feature: 43 }).executions ?? 0;
    });
    expect(taken.reduce((sum, each) => sum + each, 0)).toBe(3);
  });
});

describe('A4 the cost of waiting on the network', () => {
  it('is one listening request and one exchange in some seconds for each pair of license managers, however many wait', async () => {
    const { world, vendorCode } = await site(2);
    await login(world, world.application(world.computer(1)), vendorCode);
    const crowd = Array.from({ length: 60 }, () => waiter(world, world.computer(1), vendorCode));
    await pass(world, 5 * SECOND);
    expect(usedAt(world, 0).waiting).toBe(60);
    const before = world.network.traffic.length;
    await pass(world, 2 * MINUTE);
    const requests = world.network.traffic.length - before;
    // 30 listening requests of four seconds; each application asks on every 30 seconds, together with others.
    expect(requests).toBeLessThan(120);
    expect(crowd.every(({ got, places }) => got === undefined && places.length === 1)).toBe(true);
    expect(usedAt(world, 0).waiting).toBe(60);
  });
});
