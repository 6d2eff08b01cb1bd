import { Buffer } from 'node:buffer';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { HOUR, MINUTE, SECOND } from '@keyhaven/core/time';
import type { Session } from '@keyhaven/licensing-api';
import { createWorld, makeVendor, type Random, type World, type WorldOptions } from '@keyhaven/testkit/world';
import { describe, expect, it } from 'vitest';

// The invariants of DESIGN, each by the shortest story that could break it. The long stories are in simulation.test.ts.

const SECRET = Buffer.from('only this key says this');
const catalog = (seats: number): string => `
products:
  - id: 1
    features:
      - { id: 42, license: { type: perpetual }, concurrency: { seats: ${seats}, network: true } }
      - { id: 43, license: { type: executions, count: 1000 }, concurrency: { network: true } }
    memory: { readWrite: 64, readOnly: 32, readOnlyData: { text: "${SECRET.toString()}" } }
`;

const site = async (seats: number, options: Partial<WorldOptions> = {}) => {
  const world = await createWorld({ seed: 'named', computers: 2, ...options });
  const vendor = makeVendor(world.random, 7);
  const { key, vendorCode } = await world.makeKey(world.computer(0), vendor, catalog(seats));
  world.introduce();
  await world.timeline.run(2 * SECOND);
  return { world, vendor, key, vendorCode };
};
const pass = (world: World, milliseconds: number): Promise<void> => world.timeline.run(world.timeline.now + milliseconds);
const everywhere = (world: World): number => world.computer(0).lm?.authority.sessionCount ?? 0;

describe('I1 never more seats out than sold', () => {
  it('when more applications than seats log in at once, on both computers', async () => {
    const { world, vendorCode } = await site(5);
    const logins = Array.from({ length: 30 }, (_, index) =>
      world.application(world.computer(index % 2)).licensing.login({ vendorCode, feature: 42 }),
    );
    const results = await world.settle(Promise.allSettled(logins));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(5);
    expect(results.flatMap((each) => (each.status === 'rejected' ? [(each.reason as LicensingError).status] : []))).toEqual(
      Array(25).fill(Status.TOO_MANY_USERS),
    );
  });

  it('when a license with fewer seats is applied while logins are under way', async () => {
    const { world, vendor, key, vendorCode } = await site(6);
    for (const seats of [2, 6, 1, 5, 1, 6, 2, 6, 1, 6, 3, 6, 1]) {
      const begun = Array.from({ length: 16 }, async () => {
        const { licensing } = world.application(world.computer(0));
        await new Promise<void>((done) => world.timeline.after(world.random.between(0, 60), { alive: true }, done));
        return licensing.login({ vendorCode, feature: 42 });
      });
      const logins = Promise.allSettled(begun);
      await pass(world, world.random.between(0, 40));
      world.watch.mayChangeLicense();
      await world.settle(world.license(world.computer(0), vendor, key, catalog(seats)));
      await world.settle(logins);
      expect(world.computer(0).lm?.authority.used({ key, product: 1, feature: 42 })).toBeLessThanOrEqual(seats);
    }
  });

  it('when a license with fewer seats comes before the logins by the old one are durable', async () => {
    for (let delay = 0.5; delay < 3; delay += 0.25) {
      const { world, vendor, key, vendorCode } = await site(6, { computers: 1, seed: `named ${delay}` });
      const open = Array.from({ length: 6 }, () => world.application(world.computer(0)).licensing);
      for (const licensing of open) await world.settle(licensing.login({ vendorCode, feature: 43 }));
      const logins = Promise.allSettled(open.map((licensing) => licensing.login({ vendorCode, feature: 42 })));
      await pass(world, delay);
      world.watch.mayChangeLicense();
      await world.settle(world.license(world.computer(0), vendor, key, catalog(1)));
      await world.settle(logins);
      expect(world.computer(0).lm?.authority.used({ key, product: 1, feature: 42 })).toBeLessThanOrEqual(1);
    }
  });
});

describe('I2 whoever believes in a seat is in the owner’s ledger', () => {
  it('when the two computers do not hear each other: the holder stops before the owner gives the seat away', async () => {
    const { world, vendorCode } = await site(1, { drift: 0.005 });
    const session = await world.settle(world.application(world.computer(1)).licensing.login({ vendorCode, feature: 42 }));
    await pass(world, 100 * SECOND);
    const believes = (): boolean =>
      world
        .computer(1)
        .lm?.peers.believed()
        .some((each) => each.session === session.id) ?? false;
    expect(believes()).toBe(true);
    world.network.cut('10.0.0.1', '10.0.0.2');
    world.network.cut('10.0.0.2', '10.0.0.1');
    let [stopped, given] = [0, 0];
    for (let second = 0; second < 300 && given === 0; second++) {
      await pass(world, SECOND);
      if (!believes() && stopped === 0) stopped = world.timeline.now;
      if (everywhere(world) === 0) given = world.timeline.now;
    }
    expect(stopped).toBeGreaterThan(0);
    expect(given).toBeGreaterThan(stopped);
    await expect(world.settle(session.clock())).rejects.toBeInstanceOf(LicensingError);
    await world.settle(world.application(world.computer(0)).licensing.login({ vendorCode, feature: 42 }));
  });
});

describe('I3 acknowledged is durable', () => {
  it.each([0, 1])('when the LM with the key is killed the moment a login of computer %i is answered', async (number) => {
    const { world, vendorCode } = await site(40);
    const sessions: Session[] = [];
    for (let count = 0; count < 10; count++) {
      const session = await world.settle(world.application(world.computer(number)).licensing.login({ vendorCode, feature: 42 }));
      world.watch.acknowledged(session.id, world.computer(0));
      sessions.push(session);
      world.crashLm(world.computer(0));
      await pass(world, 300);
      await world.startLm(world.computer(0));
      await pass(world, SECOND);
    }
    expect(everywhere(world)).toBe(10);
    for (const session of sessions) await world.settle(session.read({ file: 0xfff5, offset: 0, length: 4 }));
  });

  it('counts every execution that was acknowledged, and none twice, when answers are lost and the LM is killed', async () => {
    const { world, vendorCode, key } = await site(1);
    world.network.weather = { delay: [1, 300], loss: 0.1, duplication: 0.2 };
    let acknowledged = 0;
    for (let count = 0; count < 12; count++) {
      const login = world
        .application(world.computer(1))
        .licensing.login({ vendorCode, feature: 43 })
        .then(
          () => true,
          () => false,
        );
      if (count % 4 === 3) {
        await pass(world, world.random.between(0, 600));
        world.crashLm(world.computer(0));
        await pass(world, 200);
        await world.startLm(world.computer(0));
      }
      if (await world.settle(login)) acknowledged += 1;
    }
    const row = world.computer(0).disk.durable.get(`${key}/pool/1.43`);
    expect(row).toMatchObject({ executions: everywhere(world) });
    expect(acknowledged).toBeGreaterThan(4);
    expect(everywhere(world)).toBeGreaterThanOrEqual(acknowledged);
  });
});

describe('I4 a hostile license manager in between', () => {
  const tricks: Record<string, (record: Uint8Array, kept: Uint8Array[], random: Random) => Uint8Array[]> = {
    'changes a bit': (record, _kept, random) => {
      const changed = Uint8Array.from(record);
      const at = random.below(changed.length);
      changed[at] = (changed[at] ?? 0) ^ (1 << random.below(8));
      return [changed];
    },
    'repeats a record': (record) => [record, record],
    'drops a record and lets the next through': (record, kept) => (kept.length % 2 === 1 ? [] : [record]),
    'plays an old record instead': (record, kept) => [kept[0] === record ? record : (kept[0] ?? record)],
    'cuts a record short': (record) => [record.subarray(0, record.length - 1)],
    'swaps two records': (record, kept) => (kept.length % 2 === 1 ? [] : [record, ...kept.slice(-2, -1)]),
  };

  it.each(Object.keys(tricks))('that %s is met with 46 or a refusal, never with a wrong answer', async (name) => {
    let active = false;
    const meddle: WorldOptions['meddle'] = (number, random) =>
      number === 0
        ? undefined
        : (send) => {
            const kept: Uint8Array[] = [];
            return (record) => {
              const copy = Uint8Array.from(record);
              kept.push(copy);
              for (const each of active && random.chance(0.7) ? (tricks[name]?.(copy, kept, random) ?? []) : [copy]) send(each);
            };
          };
    const { world, vendorCode } = await site(50, { seed: `hostile ${name}`, meddle });
    const seen = { right: 0, refused: new Set<number>(), silent: 0 };
    for (let count = 0; count < 12; count++) {
      const application = world.application(world.computer(1));
      active = false;
      const session = await world.settle(application.licensing.login({ vendorCode, feature: 42 }));
      active = true;
      for (let call = 0; call < 4; call++) {
        const plain = Buffer.from(`sixteen bytes or more ${count} ${call}`);
        const work =
          call % 2 === 0
            ? session.read({ file: 0xfff5, offset: 0, length: SECRET.length })
            : session.encrypt(plain).then((sealed) => session.decrypt(sealed));
        const outcome = await world.settle(
          Promise.race([
            work.then(
              (data) => ({ data }),
              (error: unknown) => ({ error }),
            ),
            silence(world),
          ]),
        );
        if (outcome === undefined) seen.silent += 1;
        else if ('data' in outcome) {
          expect(Buffer.from(outcome.data)).toEqual(call % 2 === 0 ? SECRET : plain);
          seen.right += 1;
        } else if (outcome.error instanceof LicensingError) seen.refused.add(outcome.error.status);
        else throw outcome.error;
      }
      world.crashApplication(application);
    }
    expect(seen.right + seen.refused.size + seen.silent).toBeGreaterThan(0);
    if (!name.startsWith('drops')) expect(seen.refused).toContain(Status.SCHAN_ERR);
  });
});

/** A dropped record is an answer that never comes. */
const silence = (world: World): Promise<undefined> =>
  new Promise((done) => world.timeline.after(20 * SECOND, { alive: true }, () => done(undefined)));

describe('I6 every session ends', () => {
  it.each<[string, (world: World, session: Session, crash: () => void) => Promise<void>]>([
    [
      'logout',
      async (world, session) => {
        world.watch.mayEnd(session.id, 'logout');
        await world.settle(session.logout());
      },
    ],
    [
      'process ended',
      async (world, _session, crash) => {
        crash();
        await pass(world, 5 * SECOND);
      },
    ],
    [
      'lease ended',
      async (world) => {
        world.crashLm(world.computer(1));
        await pass(world, 4 * MINUTE);
      },
    ],
    ['idle', (world) => pass(world, 12 * HOUR + MINUTE)],
    [
      'killed',
      async (world, session) => {
        world.watch.mayEnd(session.id, 'killed');
        const { authority } = world.computer(0).lm!;
        await world.settle(authority.release(authority.session(session.id)!, 'killed'));
      },
    ],
  ])('by %s', async (cause, end) => {
    const { world, vendorCode } = await site(1);
    const application = world.application(world.computer(1));
    const session = await world.settle(application.licensing.login({ vendorCode, feature: 42 }));
    await pass(world, SECOND);
    await end(world, session, () => world.crashApplication(application));
    expect(world.watch.counts.released).toEqual({ [cause]: 1 });
    expect(everywhere(world)).toBe(0);
    await pass(world, MINUTE);
    await world.settle(world.application(world.computer(0)).licensing.login({ vendorCode, feature: 42 }));
  });
});
