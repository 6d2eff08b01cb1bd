import { Status } from '@keyhaven/core/errors';
import { HOUR, MINUTE, SECOND } from '@keyhaven/core/time';
import { describe, expect, it } from 'vitest';
import { createWorld, makeVendor, type World } from './world.ts';

// The real license manager under a clock that is turned by hand: nothing here waits.

const catalog = `
products:
  - id: 1
    features:
      - { id: 42, license: { type: perpetual }, concurrency: { seats: 1, network: true } }
      - { id: 44, license: { type: perpetual }, concurrency: { network: true } }
    memory: { readWrite: 64, readOnly: 0 }
`;

const site = async (computers = 2): Promise<{ readonly world: World; readonly vendorCode: string }> => {
  const world = await createWorld({ seed: 'time', computers });
  const { vendorCode } = await world.makeKey(world.computer(0), makeVendor(world.random, 7), catalog);
  world.introduce();
  await world.timeline.run(2 * SECOND);
  return { world, vendorCode };
};
const pass = (world: World, milliseconds: number): Promise<void> => world.timeline.run(world.timeline.now + milliseconds);
const ends = (world: World): Readonly<Record<string, number>> => world.watch.counts.released;

describe('the idle timeout of a session', () => {
  it('ends it after 720 minutes without a call, and not before', async () => {
    const { world, vendorCode } = await site(1);
    const application = world.application(world.computer(0));
    const session = await world.settle(application.licensing.login({ vendorCode, feature: 42 }));
    await pass(world, 12 * HOUR - MINUTE);
    expect(world.computer(0).lm?.authority.sessionCount).toBe(1);
    await pass(world, 2 * MINUTE);
    expect(ends(world)).toEqual({ idle: 1 });
    await expect(world.settle(session.clock())).rejects.toMatchObject({ status: Status.BROKEN_SESSION });
  });

  it('is put off by calls, and not by info (field-facts 1.6)', async () => {
    const { world, vendorCode } = await site(1);
    const application = world.application(world.computer(0));
    const [used, looked] = [
      await world.settle(application.licensing.login({ vendorCode, feature: 44 })),
      await world.settle(application.licensing.login({ vendorCode, feature: 44 })),
    ];
    for (let hours = 0; hours < 13; hours++) {
      await pass(world, HOUR);
      await world.settle(used.clock());
      if (hours >= 11) continue;
      const { idleRemaining } = await world.settle(looked.info());
      expect(idleRemaining).toBeCloseTo((11 - hours) * 3_600, -2);
    }
    expect(ends(world)).toEqual({ idle: 1 });
    expect(world.computer(0).lm?.authority.session(used.id)).toBeDefined();
    expect(world.computer(0).lm?.authority.session(looked.id)).toBeUndefined();
  });
});

describe('the lease of a remote session (R8)', () => {
  it('is renewed in one request a minute, however many sessions there are', async () => {
    const { world, vendorCode } = await site();
    const applications = [1, 2, 3].map(() => world.application(world.computer(1)));
    for (const { licensing } of applications) {
      for (let count = 0; count < 4; count++) await world.settle(licensing.login({ vendorCode, feature: 44 }));
    }
    await pass(world, 2 * MINUTE);
    const { traffic } = world.network;
    traffic.length = 0;
    await pass(world, 6 * MINUTE);
    expect(traffic).toHaveLength(6);
    expect(traffic.every(({ from, to, path }) => from === '10.0.0.2' && to === '10.0.0.1' && path === '/lm/v1/exchange')).toBe(true);
    expect(world.computer(0).lm?.authority.sessionCount).toBe(12);
  });

  it('costs nothing any more when the applications are gone', async () => {
    const { world, vendorCode } = await site();
    const application = world.application(world.computer(1));
    await world.settle(application.licensing.login({ vendorCode, feature: 44 }));
    await pass(world, 90 * SECOND);
    world.crashApplication(application);
    await pass(world, 10 * SECOND);
    world.network.traffic.length = 0;
    await pass(world, 30 * MINUTE);
    expect(world.network.traffic).toEqual([]);
  });

  it('frees the seat of a silent computer three minutes after its last renewal, and not before', async () => {
    const { world, vendorCode } = await site(3);
    const holder = world.application(world.computer(1));
    await world.settle(holder.licensing.login({ vendorCode, feature: 42 }));
    await pass(world, 10 * SECOND);
    const { traffic } = world.network;
    await pass(world, 5 * MINUTE);
    const last = Math.max(...traffic.filter(({ from }) => from === '10.0.0.2').map(({ at }) => at));
    world.crashLm(world.computer(1));
    await world.timeline.run(last + 180 * SECOND - 10);
    expect(ends(world)).toEqual({});
    const other = world.application(world.computer(2));
    await expect(world.settle(other.licensing.login({ vendorCode, feature: 42 }))).rejects.toMatchObject({ status: Status.TOO_MANY_USERS });
    await world.timeline.run(last + 182 * SECOND);
    expect(ends(world)).toEqual({ 'lease ended': 1 });
    await world.settle(other.licensing.login({ vendorCode, feature: 42 }));
  });

  it('survives a network that is away for two minutes: the session goes on as if nothing had happened', async () => {
    const { world, vendorCode } = await site();
    const application = world.application(world.computer(1));
    const session = await world.settle(application.licensing.login({ vendorCode, feature: 42 }));
    world.network.cut('10.0.0.2', '10.0.0.1');
    await pass(world, 2 * MINUTE);
    world.network.mendAll();
    await pass(world, 30 * SECOND);
    await world.settle(session.clock());
    await pass(world, 10 * MINUTE);
    expect(ends(world)).toEqual({});
  });

  it('is a full term again after the LM with the key restarted, and the holder’s LM renews it meanwhile', async () => {
    const { world, vendorCode } = await site();
    const application = world.application(world.computer(1));
    const session = await world.settle(application.licensing.login({ vendorCode, feature: 42 }));
    await pass(world, 5 * SECOND);
    world.crashLm(world.computer(0));
    await pass(world, 2 * MINUTE);
    await world.startLm(world.computer(0));
    world.network.cut('10.0.0.2', '10.0.0.1');
    await pass(world, 179 * SECOND);
    expect(world.computer(0).lm?.authority.session(session.id)).toBeDefined();
    await pass(world, 3 * SECOND);
    expect(ends(world)).toEqual({ 'lease ended': 1 });
  });

  it('goes on over a restart of the LM with the key that nobody notices', async () => {
    const { world, vendorCode } = await site();
    const application = world.application(world.computer(1));
    const session = await world.settle(application.licensing.login({ vendorCode, feature: 42 }));
    world.crashLm(world.computer(0));
    await pass(world, 2 * SECOND);
    await world.startLm(world.computer(0));
    await world.settle(session.clock());
    await pass(world, 20 * MINUTE);
    await world.settle(session.clock());
    expect(ends(world)).toEqual({});
  });

  it('frees at once the seat of an application that ended', async () => {
    const { world, vendorCode } = await site();
    const application = world.application(world.computer(1));
    await world.settle(application.licensing.login({ vendorCode, feature: 42 }));
    world.crashApplication(application);
    await pass(world, SECOND);
    expect(ends(world)).toEqual({ 'process ended': 1 });
  });

  it('frees the seat of an application that ended while its own LM was down, as soon as that is back', async () => {
    const { world, vendorCode } = await site();
    const application = world.application(world.computer(1));
    await world.settle(application.licensing.login({ vendorCode, feature: 42 }));
    await pass(world, SECOND);
    world.crashLm(world.computer(1));
    world.crashApplication(application);
    await pass(world, 30 * SECOND);
    expect(ends(world)).toEqual({});
    await world.startLm(world.computer(1));
    await pass(world, SECOND);
    expect(ends(world)).toEqual({ 'process ended': 1 });
  });
});

describe('an application on the computer with the key', () => {
  it('keeps its seat through a restart of the LM, and loses it at once when it ended meanwhile (S22)', async () => {
    const { world, vendorCode } = await site(1);
    const [stays, goes] = [world.application(world.computer(0)), world.application(world.computer(0))];
    const session = await world.settle(stays.licensing.login({ vendorCode, feature: 44 }));
    await world.settle(goes.licensing.login({ vendorCode, feature: 44 }));
    world.crashLm(world.computer(0));
    world.crashApplication(goes);
    await pass(world, 5 * MINUTE);
    await world.startLm(world.computer(0));
    await pass(world, 5 * SECOND);
    expect(ends(world)).toEqual({ 'process ended': 1 });
    await world.settle(session.clock());
  });

  it('frees its seat also when it ends while its login is made durable', async () => {
    const { world, vendorCode } = await site(1);
    for (let count = 0; count < 40; count++) {
      const application = world.application(world.computer(0));
      void application.licensing.login({ vendorCode, feature: 42 });
      await pass(world, world.random.between(0, 25));
      world.crashApplication(application);
      await pass(world, 5 * SECOND);
      expect(world.computer(0).lm?.authority.sessionCount).toBe(0);
    }
    expect(ends(world)['process ended']).toBeGreaterThan(5);
  });
});

describe('a word that nobody proved (R5)', () => {
  it('that the LM with the key stops costs its sessions and its logins nothing', async () => {
    const { world, vendorCode } = await site();
    const { licensing } = world.application(world.computer(1));
    const session = await world.settle(licensing.login({ vendorCode, feature: 44 }));
    world.computer(1).lm?.peers.stopped(world.computer(0).identity.guid);
    const lost: unknown[] = [];
    session.on('lost', (error) => lost.push(error));
    await world.settle(session.clock());
    await world.settle(licensing.login({ vendorCode, feature: 44 }));
    await pass(world, 5 * MINUTE);
    await world.settle(licensing.login({ vendorCode, feature: 44 }));
    expect(lost).toEqual([]);
  });

  it('and when it does stop, its keys are offered again as soon as it is back, without waiting for the next search', async () => {
    const { world, vendorCode } = await site();
    const { licensing } = world.application(world.computer(1));
    await world.settle(licensing.login({ vendorCode, feature: 44 }));
    world.crashLm(world.computer(0));
    world.computer(1).lm?.peers.stopped(world.computer(0).identity.guid);
    await pass(world, 20 * SECOND);
    await expect(world.settle(licensing.login({ vendorCode, feature: 44 }))).rejects.toMatchObject({ status: Status.KEY_NOT_FOUND });
    await world.computer(0).start();
    await pass(world, 20 * SECOND);
    await world.settle(licensing.login({ vendorCode, feature: 44 }));
  });
});
