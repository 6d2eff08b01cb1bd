import { LicensingError } from '@keyhaven/core/errors';
import { MINUTE, SECOND } from '@keyhaven/core/time';
import type { Session } from '@keyhaven/licensing-api';
import { type Computer, createWorld, makeVendor, type World } from '@keyhaven/testkit/world';
import { describe, expect, it } from 'vitest';

// R8: a network that is parted. Shorter than the lease, nothing happens to the session; longer, calls end in 40 and then in 39, and at no moment do
// the two sides disagree on the seat: whoever answers for the session stops believing before the owner gives the seat to another (I2, which the
// watch of the world checks after every event).

const catalog = `
products:
  - id: 1
    features: [{ id: 42, license: { type: perpetual }, concurrency: { seats: 1, network: true } }]
`;

const parted = async () => {
  const world = await createWorld({ seed: 'partition', computers: 3, drift: 0.004 });
  const vendor = makeVendor(world.random, 7);
  const [owner, far, near] = [world.computer(0), world.computer(1), world.computer(2)];
  const { vendorCode } = await world.makeKey(owner, vendor, catalog);
  world.introduce();
  await pass(world, 5 * SECOND);
  const application = world.application(far);
  const session = await world.settle(application.licensing.login({ vendorCode, feature: 42 }));
  const events: string[] = [];
  session.on('lost', () => events.push('lost'));
  session.on('restored', () => events.push('restored'));
  const cut = (up: boolean): void => {
    for (const [from, to] of [
      [owner, far],
      [far, owner],
    ] as const) {
      if (up) world.network.mend(from.address, to.address);
      else world.network.cut(from.address, to.address);
    }
  };
  return { world, vendorCode, owner, far, near, session, events, cut };
};
const pass = (world: World, milliseconds: number): Promise<void> => world.timeline.run(world.timeline.now + milliseconds);
const statusOf = async (world: World, work: Promise<unknown>): Promise<number> => {
  try {
    await world.settle(work);
    return 0;
  } catch (error) {
    if (error instanceof LicensingError) return error.status;
    throw error;
  }
};
const call = (world: World, session: Session): Promise<number> => statusOf(world, session.encrypt(Buffer.alloc(32, 1)));
const seats = ({ lm }: Computer): readonly string[] => [...(lm?.authority.sessions() ?? [])].map(({ id }) => id);
const believed = ({ lm }: Computer): readonly string[] => (lm?.peers.believed() ?? []).map(({ session }) => session);

describe('a partition', () => {
  it.each([20, 60, 110])('of %d seconds in which nobody calls is seen by nobody, and both sides mean the same seat', async (seconds) => {
    const { world, owner, far, session, events, cut } = await parted();
    await pass(world, 61 * SECOND);
    cut(false);
    await pass(world, seconds * SECOND);
    expect([seats(owner), believed(far)]).toEqual([[session.id], [session.id]]);
    cut(true);
    // The next renewal goes through by itself.
    await pass(world, 70 * SECOND);
    expect(events.filter((event) => event === 'lost').length).toBeLessThanOrEqual(1);
    expect(events.at(-1) ?? 'restored').toBe('restored');
    expect(await call(world, session)).toBe(0);
    await pass(world, 10 * MINUTE);
    expect([seats(owner), believed(far), await call(world, session)]).toEqual([[session.id], [session.id], 0]);
  });

  it('of a second within a call is only a slow call', async () => {
    const { world, session, events, cut } = await parted();
    const slow = call(world, session);
    cut(false);
    world.timeline.after(SECOND, { alive: true }, () => cut(true));
    expect(await slow).toBe(0);
    expect(events.includes('lost') ? events.at(-1) : 'restored').toBe('restored');
  });

  it('longer than the lease: calls end in 40, and in 39 once nobody believes in the seat any more, which is free after three minutes', async () => {
    const { world, vendorCode, owner, far, near, session, cut } = await parted();
    await pass(world, 61 * SECOND);
    cut(false);
    const begun = world.timeline.now;
    const other = world.application(near);
    const statuses: number[] = [];
    let freeAfter: number | undefined;
    while (world.timeline.now - begun < 4 * MINUTE) {
      const status = await call(world, session);
      statuses.push(status);
      if (status === 39) expect(believed(far)).toEqual([]);
      // Nobody else gets the seat as long as anybody believes to have it.
      const taken = await statusOf(world, other.licensing.login({ vendorCode, feature: 42 }));
      if (taken === 0) {
        freeAfter ??= world.timeline.now - begun;
        expect(believed(far)).toEqual([]);
      } else if (freeAfter === undefined) {
        expect(taken).toBe(38);
        expect(seats(owner)).toEqual([session.id]);
      }
      await pass(world, SECOND);
    }
    expect(freeAfter).toBeGreaterThan(2 * MINUTE);
    expect(freeAfter).toBeLessThan(3 * MINUTE + 20 * SECOND);
    const lapsed = statuses.indexOf(39);
    expect(lapsed).toBeGreaterThan(5);
    expect([new Set(statuses.slice(0, lapsed)), new Set(statuses.slice(lapsed))]).toEqual([new Set([40]), new Set([39])]);
    expect([seats(owner).includes(session.id), believed(far)]).toEqual([false, []]);
    cut(true);
    await pass(world, 2 * MINUTE);
    expect([await call(world, session), await call(world, session)]).toEqual([39, 39]);
  });

  it('in one direction is one as well: what the owner does not hear is not renewed, and both sides end the session', async () => {
    for (const deaf of ['owner', 'far'] as const) {
      const { world, owner, far, session } = await parted();
      const [from, to] = deaf === 'owner' ? [far, owner] : [owner, far];
      world.network.cut(from.address, to.address);
      await pass(world, 6 * MINUTE);
      expect(believed(far)).toEqual([]);
      world.network.mend(from.address, to.address);
      await pass(world, 3 * MINUTE);
      const status = await call(world, session);
      // Renewals that the owner heard and whose answers were lost kept the session there: then it goes on.
      expect(status).toBe(seats(owner).includes(session.id) ? 0 : 39);
      expect(deaf === 'owner' ? [39] : [0, 39]).toContain(status);
    }
  });

  it('in which the owner was started again: the session goes on where it was shorter than the lease', async () => {
    const { world, owner, far, session, cut } = await parted();
    await pass(world, 61 * SECOND);
    cut(false);
    await pass(world, 30 * SECOND);
    world.crashLm(owner);
    await pass(world, 20 * SECOND);
    await world.startLm(owner);
    cut(true);
    await pass(world, 70 * SECOND);
    expect(await call(world, session)).toBe(0);
    expect([seats(owner), believed(far)]).toEqual([[session.id], [session.id]]);
  });
});
