import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LicensingError } from '../errors/index.ts';
import { openStanding } from '../license/index.ts';
import { HOUR, MINUTE, type Wall, wall } from '../time/index.ts';
import { DETACH_MARGIN_MS, openReturning, peekH2r } from './index.ts';
import { Side, SOLD, vendor } from './sides.testing.ts';

// K5: both sides together never hold more than was sold. One owner, two recipients, and a third that gets its license from the first
// recipient. Files are lost (never delivered), repeated, late and in any order; a crash between a decision and its file is a lost file, and
// all other state is rows. Clocks move apart by up to the margin, forwards and backwards.

const numRuns = process.env['SLOW'] === undefined ? 120 : 3_000;
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
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('sweep' as const), side }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('time' as const), minutes: fc.integer({ min: 1, max: 30 * 60 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('clock' as const), side, minutes: fc.integer({ min: 0, max: DETACH_MARGIN_MS / MINUTE }) }),
  },
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
  time = START;
  /** How far each clock is ahead of the slowest one that is allowed. */
  readonly ahead = [0, 0, 0, 0];
  /** License clocks never go back (K6). */
  readonly marks = [0, 0, 0, 0];

  now(index: number): Wall {
    const mark = Math.max(this.marks[index] ?? 0, this.time + (this.ahead[index] ?? 0));
    this.marks[index] = mark;
    return wall(mark);
  }
  /** A license clock that was ahead stays so until the others catch up; two of them never differ by more than the margin. */
  move(index: number, minutes: number): void {
    this.ahead[index] = minutes * MINUTE;
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
        const bytes = from.detach(to.id(this.now(borrower)), this.now(lender), {
          durationMs: of.hours * HOUR,
          ...(of.seats === undefined ? {} : { seats: of.seats }),
        });
        this.files.push({ kind: 'H2R', bytes, from, to, ...given(bytes) });
        return;
      }
      case 'deliver': {
        const file = this.files[this.files.length === 0 ? 0 : of.file % this.files.length];
        if (file === undefined) return;
        const index = this.sides.indexOf(file.to);
        if (file.kind === 'H2R') file.to.receive(file.bytes, this.now(index));
        else if (file.to.shown !== undefined) file.to.takeBack(file.bytes, this.now(index));
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
      case 'login':
        if (this.sides[of.side]!.login(this.now(of.side))) this.grants += 1;
        return;
      case 'logout':
        return this.sides[of.side]!.logout();
      case 'sweep':
        return this.sides[of.side]!.sweep(this.now(of.side));
      case 'time':
        this.time += of.minutes * MINUTE;
        return;
      case 'clock':
        return this.move(of.side, of.minutes);
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
  it('never hold more than was sold, whatever is lost, repeated or late, and whichever way the clocks move', () => {
    const seen = new Map<number, number>();
    let grants = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 90 }), (steps) => {
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
      }),
      { numRuns },
    );
    // The run has been where it matters: seats refused, files repeated and old, extensions refused, copies out at a return.
    expect([...seen.keys()].sort((a, b) => a - b)).toEqual(expect.arrayContaining([38, 54, 62, 63, 65, 67, 73, 76, 98]));
    expect(grants).toBeGreaterThan(numRuns);
  }, 600_000);

  it('and all seats are back at the owner when the time of all copies is over, though nobody ever returned', () => {
    const world = new World();
    const [owner, first, second] = world.sides;
    first!.receive(owner!.detach(first!.id(world.now(1)), world.now(0), { seats: 3, durationMs: 5 * HOUR }), world.now(1));
    owner!.detach(second!.id(world.now(2)), world.now(0), { durationMs: 7 * HOUR });
    expect(owner!.used).toBe(4);
    world.time += 7 * HOUR + DETACH_MARGIN_MS;
    owner!.sweep(world.now(0));
    expect(owner!.used).toBe(1);
    world.time += 1;
    owner!.sweep(world.now(0));
    expect([owner!.used, owner!.detached.size]).toEqual([0, 0]);
    expect(first!.login(world.now(1))).toBe(false);
  });
});
