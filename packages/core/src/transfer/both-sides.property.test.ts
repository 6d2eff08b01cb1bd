import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LicensingError, Status } from '../errors/index.ts';
import { openStanding } from '../license/index.ts';
import { countedTime, isSetBack, type LicenseClock, learnTime, licenseTime, readClock, startClock } from '../license-clock/index.ts';
import { DAY, HOUR, MINUTE, mono, type Wall, wall } from '../time/index.ts';
import { detachMargin, openReturning, peekH2r } from './index.ts';
import { Side, SOLD, statusOf, vendor } from './sides.testing.ts';

// K5: both sides together never hold more than was sold. One owner, two recipients, and a third that gets its license from the first
// recipient. Files are lost (never delivered), repeated, late and in any order; a crash between a decision and its file is a lost file, and
// all other state is rows. The owner's clock jumps anywhere, ahead and back, while it runs and while it is off, for a moment or for ever; those of
// the recipients are right to the hour. Computers stop and start, and forget what was not stored.

const numRuns = process.env['SLOW'] === undefined ? 150 : 3_000;
const START = Date.UTC(2026, 10, 24);

const side = fc.nat({ max: 3 });
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('detach' as const),
      route: fc.constantFrom<readonly [number, number]>([0, 1], [0, 1], [0, 2], [1, 3], [1, 3], [0, 3]),
      seats: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
      hours: fc.integer({ min: 1, max: 60 }),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('deliver' as const), file: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('return' as const), side: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('login' as const), side }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('logout' as const), side }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('sweep' as const), side }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('time' as const), minutes: fc.integer({ min: 1, max: 40 * 60 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('clock' as const),
      side: fc.integer({ min: 1, max: 3 }),
      minutes: fc.integer({ min: -60, max: 60 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('clock' as const),
      side: fc.constant(0),
      minutes: fc.oneof(
        { weight: 4, arbitrary: fc.constant(0) },
        { weight: 3, arbitrary: fc.integer({ min: -90, max: 90 }) },
        { weight: 6, arbitrary: fc.integer({ min: -2 * 24 * 60, max: 6 * 24 * 60 }) },
        { weight: 1, arbitrary: fc.constantFrom(-20 * 365 * 24 * 60, -40 * 24 * 60, 40 * 24 * 60, 10 * 365 * 24 * 60) },
      ),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('restart' as const), side, offMinutes: fc.integer({ min: 0, max: 12 * 60 }) }) },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

class World {
  readonly sides = [Side.licensed(0x20), new Side(0x30), new Side(0x40), new Side(0x50)];
  readonly files: {
    readonly kind: 'H2R' | 'R2H';
    readonly bytes: Uint8Array;
    readonly from: Side;
    readonly to: Side;
    readonly seats: number;
    readonly until: number;
  }[] = [];
  readonly refusals = new Map<number, number>();
  grants = 0;
  /** How often seats came back by time, and how often while the owner's clock was more than two hours wrong. */
  ended = [0, 0];
  /** The real time. */
  time = START;
  /** How far each clock is from it. */
  readonly ahead = [0, 0, 0, 0];
  /** What each computer has of its license clock, and what it has stored of it. */
  readonly clocks = this.sides.map(() => startClock(undefined, wall(START), mono(START)));
  readonly stored: { at: number | undefined; counted: number }[] = this.sides.map(() => ({ at: undefined, counted: 0 }));

  /** The clock of a computer as it is set. */
  set(index: number): Wall {
    return wall(this.time + (this.ahead[index] ?? 0));
  }
  clock(index: number): LicenseClock {
    const read = readClock(this.clocks[index]!, this.set(index), mono(this.time));
    this.clocks[index] = read;
    return read;
  }
  now(index: number): Wall {
    return licenseTime(this.clock(index));
  }
  store(index: number): void {
    const clock = this.clock(index);
    this.stored[index] = { at: licenseTime(clock), counted: countedTime(clock) };
  }

  run(of: Step): void {
    try {
      this.act(of);
    } catch (error) {
      if (!(error instanceof LicensingError)) throw error;
      this.refusals.set(error.status, (this.refusals.get(error.status) ?? 0) + 1);
    }
    // Sessions of a recipient end with its time; the shell does that at the end, and no call passes after it.
    for (const [index, each] of this.sides.entries()) {
      if (each.shown === undefined || this.until(each) < this.now(index)) each.endSessions();
    }
  }
  until(of: Side): number {
    if (of.standing?.delegation === undefined) return Number.POSITIVE_INFINITY;
    const sold = of.certificate.products[0]?.features[0]?.license;
    return sold?.type === 'expiration' ? Date.parse(sold.until) : 0;
  }

  act(of: Step): void {
    switch (of.kind) {
      case 'detach': {
        const [lender, borrower] = of.route;
        const [from, to] = [this.sides[lender]!, this.sides[borrower]!];
        if (from.shown === undefined || from.gone !== undefined) return;
        const bytes = from.detach(to.id(this.set(borrower)), this.set(lender), {
          durationMs: of.hours * HOUR,
          counted: countedTime(this.clock(lender)),
          ...(of.seats === undefined ? {} : { seats: of.seats }),
        });
        this.files.push({ kind: 'H2R', bytes, from, to, ...given(bytes) });
        return;
      }
      case 'deliver': {
        const file = this.files[this.files.length === 0 ? 0 : of.file % this.files.length];
        if (file === undefined) return;
        const index = this.sides.indexOf(file.to);
        if (file.kind === 'H2R') {
          file.to.receive(file.bytes, this.now(index));
          // Issued by its owner's clock: the license clock here is not before that.
          this.clocks[index] = learnTime(this.clock(index), wall(Date.parse(file.to.certificate.issued)));
        } else if (file.to.shown !== undefined) file.to.takeBack(file.bytes, this.now(index));
        return;
      }
      case 'return': {
        const from = this.sides[of.side]!;
        if (from.shown === undefined && from.gone === undefined) return;
        from.endSessions();
        const bytes = from.giveBack(this.now(of.side));
        const lent = this.files.find(({ kind, to, from: lender }) => kind === 'H2R' && to === from && peekReturn(bytes, lender));
        if (lent !== undefined) this.files.push({ kind: 'R2H', bytes, from, to: lent.from, seats: 0, until: 0 });
        return;
      }
      case 'login': {
        // 45: what time limits is not granted while the clock is set back.
        if (of.side > 0 && isSetBack(this.clock(of.side))) return;
        if (this.sides[of.side]!.login(this.now(of.side))) this.grants += 1;
        return;
      }
      case 'logout':
        return this.sides[of.side]!.logout();
      case 'sweep': {
        this.store(of.side);
        const { at: time = 0, counted } = this.stored[of.side]!;
        const before = this.sides[of.side]!.detached.size;
        this.sides[of.side]!.sweep(this.set(of.side), { time, counted });
        const ended = before - this.sides[of.side]!.detached.size;
        if (of.side === 0) this.ended = [this.ended[0]! + ended, this.ended[1]! + (Math.abs(this.ahead[0]!) > 2 * HOUR ? ended : 0)];
        return;
      }
      case 'time':
        this.time += of.minutes * MINUTE;
        return;
      case 'clock':
        this.clock(of.side);
        this.ahead[of.side] = of.minutes * MINUTE;
        this.clock(of.side);
        return;
      case 'restart': {
        for (const index of this.sides.keys()) this.clock(index);
        this.time += of.offMinutes * MINUTE;
        const { at, counted } = this.stored[of.side]!;
        this.clocks[of.side] = startClock(at === undefined ? undefined : wall(at), this.set(of.side), mono(this.time), counted);
        return;
      }
    }
  }

  /**
   * The most that a side and all that got from it can use from now on, whichever of the files arrive: its own sessions, and what each file
   * gives that exists, whose recipient has not given back, and whose end is not over on the recipient's clock.
   */
  potential(of: Side): number {
    const children = new Map<Side, number>();
    for (const { kind, from, to, seats, until } of this.files) {
      if (kind !== 'H2R' || from !== of) continue;
      // A recipient that has the license of one key takes none of another.
      const lender = to.standing?.delegation?.parent;
      if (lender !== undefined && lender !== of.waiting.id) continue;
      const alive = to.gone === undefined && until >= this.now(this.sides.indexOf(to));
      children.set(to, Math.max(children.get(to) ?? 0, alive ? seats : 0, this.potential(to)));
    }
    return of.sessions.length + [...children.values()].reduce((sum, seats) => sum + seats, 0);
  }
}
/** What a file gives of the feature whose seats are counted here. */
const given = (h2r: Uint8Array): { readonly seats: number; readonly until: number } => {
  const { certificate } = openStanding(Buffer.from(peekH2r(h2r).certificate, 'base64url'), vendor.publicKey);
  const feature = certificate.products[0]?.features.find(({ id }) => id === 42);
  const seats = feature?.concurrency.seats === 'unlimited' ? Number.POSITIVE_INFINITY : (feature?.concurrency.seats ?? 0);
  return { seats, until: feature?.license.type === 'expiration' ? Date.parse(feature.license.until) : 0 };
};
const peekReturn = (bytes: Uint8Array, lender: Side): boolean => {
  try {
    return lender.identity !== undefined && openReturning(bytes, lender.identity).child !== '';
  } catch {
    return false;
  }
};

describe('both sides of a detachment together (K5, S20, I1)', () => {
  it('never hold more than was sold, whatever is lost, repeated or late, and wherever the clock of the owner jumps', () => {
    const seen = new Map<number, number>();
    let grants = 0;
    const ended = [0, 0];
    fc.assert(
      fc.property(fc.array(step, { minLength: 30, maxLength: 120 }), (steps) => {
        const world = new World();
        for (const each of steps) {
          world.run(each);
          const [owner, first] = world.sides;
          expect(world.potential(owner!), JSON.stringify(each)).toBeLessThanOrEqual(SOLD);
          expect(owner!.used, 'used is what is out').toBe(
            owner!.sessions.length + [...owner!.detached.values()].reduce((sum, row) => sum + row.seats, 0),
          );
          if (first!.shown !== undefined)
            expect(first!.used).toBe(first!.sessions.length + [...first!.detached.values()].reduce((sum, row) => sum + row.seats, 0));
        }
        for (const [status, count] of world.refusals) seen.set(status, (seen.get(status) ?? 0) + count);
        grants += world.grants;
        for (const [index, count] of world.ended.entries()) ended[index] = (ended[index] ?? 0) + count;
      }),
      { numRuns },
    );
    // The run has been where it matters: seats refused, files repeated and old, extensions refused, copies out at a return.
    expect([...seen.keys()].sort((a, b) => a - b)).toEqual(expect.arrayContaining([38, 45, 54, 58, 62, 63, 65, 67, 73, 76, 98]));
    expect(grants).toBeGreaterThan(numRuns);
    expect(Math.min(...ended), 'seats came back by time, also under a wrong clock').toBeGreaterThan(numRuns / 20);
  }, 600_000);

  it('the owner three days ahead when it detaches, and again when it looks: the recipient has what it took three days later to its end', () => {
    const world = new World();
    const [owner, first] = world.sides;
    const id = first!.id(world.set(1));
    world.run({ kind: 'clock', side: 0, minutes: 3 * 24 * 60 });
    const file = owner!.detach(id, world.set(0), { seats: 3, durationMs: DAY, counted: countedTime(world.clock(0)) });
    world.run({ kind: 'clock', side: 0, minutes: 0 });
    expect(statusOf(() => first!.receive(file, world.now(1)))).toBe(Status.TIME_ERR);
    world.time += 3 * DAY - HOUR;
    first!.receive(file, world.now(1));
    expect(first!.login(world.now(1))).toBe(true);
    world.run({ kind: 'clock', side: 0, minutes: 3 * 24 * 60 });
    world.run({ kind: 'sweep', side: 0 });
    expect([owner!.used, first!.login(world.now(1))]).toEqual([3, true]);
    world.time += DAY + HOUR;
    world.run({ kind: 'sweep', side: 0 });
    expect([owner!.used, first!.login(wall(world.now(1) + 1))]).toEqual([3, false]);
    world.time += 3 * HOUR;
    world.run({ kind: 'sweep', side: 0 });
    expect(owner!.used).toBe(0);
  });

  it('a recipient an hour ahead when it makes its ID, and an hour behind afterwards', () => {
    const world = new World();
    const [owner, first] = world.sides;
    world.run({ kind: 'clock', side: 1, minutes: 60 });
    const id = first!.id(world.set(1));
    first!.receive(owner!.detach(id, world.set(0), { seats: 3, durationMs: DAY, counted: 0 }), world.set(1));
    world.clocks[1] = startClock(undefined, wall(world.time - HOUR), mono(world.time));
    world.ahead[1] = -HOUR;
    world.time += DAY + HOUR;
    world.run({ kind: 'clock', side: 0, minutes: 3 * 24 * 60 });
    world.run({ kind: 'sweep', side: 0 });
    expect([owner!.used, first!.login(world.now(1))]).toEqual([3, true]);
  });

  it('a recipient that makes its ID with a clock a year ahead ends the wait of the owner no sooner', () => {
    const world = new World();
    const [owner, first] = world.sides;
    const id = first!.id(wall(world.time + 365 * DAY));
    first!.receive(owner!.detach(id, world.set(0), { seats: 3, durationMs: DAY, counted: 0 }), world.now(1));
    world.run({ kind: 'clock', side: 0, minutes: 3 * 24 * 60 });
    world.run({ kind: 'sweep', side: 0 });
    expect([owner!.used, first!.login(world.now(1))]).toEqual([3, true]);
  });

  it('an owner that stops before it stores what it counted waits so much longer, and none that is off counts', () => {
    const world = new World();
    const [owner, first] = world.sides;
    owner!.detach(first!.id(world.set(1)), world.set(0), { seats: 3, durationMs: DAY, counted: 0 });
    world.time += DAY;
    world.run({ kind: 'restart', side: 0, offMinutes: 24 * 60 });
    world.run({ kind: 'sweep', side: 0 });
    world.time += DAY + detachMargin(DAY) - 1;
    world.run({ kind: 'sweep', side: 0 });
    expect(owner!.used).toBe(3);
    world.time += 1;
    world.run({ kind: 'sweep', side: 0 });
    expect(owner!.used).toBe(0);
  });

  it('and all seats are back at the owner when the time of all copies is over, though nobody ever returned', () => {
    const world = new World();
    const [owner, first, second] = world.sides;
    first!.receive(owner!.detach(first!.id(world.now(1)), world.now(0), { seats: 3, durationMs: 5 * HOUR, counted: 0 }), world.now(1));
    owner!.detach(second!.id(world.now(2)), world.now(0), { durationMs: 7 * HOUR, counted: 0 });
    expect(owner!.used).toBe(4);
    world.time += 7 * HOUR + detachMargin(7 * HOUR);
    world.run({ kind: 'sweep', side: 0 });
    expect(owner!.used).toBe(1);
    world.time += 1;
    world.run({ kind: 'sweep', side: 0 });
    expect([owner!.used, owner!.detached.size]).toEqual([0, 0]);
    expect(first!.login(world.now(1))).toBe(false);
  });
});
