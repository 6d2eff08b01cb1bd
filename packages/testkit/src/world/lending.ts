import { unarmor } from '@keyhaven/core/license';
import { HOUR, MINUTE, SECOND } from '@keyhaven/core/time';
import { type DetachRow, openRecipient } from '@keyhaven/core/transfer';
import type { Computer } from './computer.ts';
import type { Random } from './random.ts';
import type { Life } from './timeline.ts';
import type { World } from './world.ts';

// Licenses that are lent and given back by files in a simulated world (K5), each of which is carried late, twice or never; and clocks that are set:
// those of owners anywhere, those of the others to within an hour of the time (docs/decisions/0030-clocks.md).

export type LentKey = { readonly key: string; readonly owner: Computer };
export type Lending = {
  readonly lent: readonly LentKey[];
  /** Lends something, or gives something back. */
  act(): void;
  setClock(): void;
  /** How often something was lent, taken, given back and taken back. */
  readonly counts: { lent: number; taken: number; returned: number; back: number };
};

export const createLending = (
  world: World,
  random: Random,
  keys: readonly { readonly key: string; readonly owner: Computer }[],
  life: Life,
): Lending => {
  const { timeline, watch, computers } = world;
  const lent: LentKey[] = [];
  const parents = new Map<string, { readonly key: string; readonly owner: Computer }>();
  const counts = { lent: 0, taken: 0, returned: 0, back: 0 };
  const isOwner = (computer: Computer): boolean => keys.some(({ owner }) => owner === computer);
  const attempt = (what: string, work: Promise<void>): void => {
    work.catch((error: unknown) => world.log(`${what}: the administrator saw ${String(error)}`));
  };
  /** A file on its way: in most cases once, soon; in some later, twice or not at all. */
  const carry = (task: () => void): void => {
    for (let copies = random.pick([1, 1, 1, 2, 0]); copies > 0; copies -= 1)
      timeline.after(random.chance(0.7) ? random.between(10, 2_000) : random.between(2_000, 5 * MINUTE), life, task);
  };
  const acknowledged = (what: string, computer: Computer, row: `${string}/${string}/${string}`, there: boolean): void => {
    if (computer.disk.durable.has(row) !== there) watch.fault(`I3: ${what} was acknowledged by ${computer.name} and is not durable`);
  };

  const lend = async (): Promise<void> => {
    const { key, owner } = random.pick(keys);
    const borrower = random.pick(computers.filter((each) => !isOwner(each)));
    if (owner.lm === undefined || borrower.lm === undefined) return;
    const id = await borrower.lm.transfers.recipient({ type: 'sl-adminmode' });
    const child = openRecipient(unarmor(id).bytes).key;
    watch.lends(child, owner, key);
    const seconds = Math.floor(random.between(1, 20 * MINUTE) / SECOND) + 1;
    const seats = random.chance(0.3) ? 2 : undefined;
    const wish = { key, product: 1, recipient: id, seconds, by: 'administrator' as const, user: undefined };
    const h2r = await owner.lm.transfers.detach(seats === undefined ? { ...wish, seats: undefined } : { ...wish, seats });
    acknowledged(`detaching to ${child}`, owner, `${key}/detach/${child}`, true);
    counts.lent += 1;
    world.log(`${owner.name} lent ${seats ?? 1} to ${child} at ${borrower.name} for ${seconds} s`);
    lent.push({ key: child, owner: borrower });
    parents.set(child, { key, owner });
    carry(() => attempt('taking', take(borrower, child, h2r)));
  };
  const take = async (borrower: Computer, child: string, h2r: string): Promise<void> => {
    if (borrower.lm === undefined) return;
    await borrower.lm.apply(h2r);
    acknowledged(`the license of ${child}`, borrower, `${child}/key/license`, true);
    counts.taken += 1;
    world.log(`${borrower.name} took ${child}`);
  };
  const giveBack = async (): Promise<void> => {
    const { key: child, owner: borrower } = random.pick(lent.slice(-6));
    const parent = parents.get(child);
    if (parent === undefined || borrower.lm === undefined) return;
    const r2h = await borrower.lm.transfers.giveBack(child);
    acknowledged(`the return of ${child}`, borrower, `${child}/transfer/gone`, true);
    counts.returned += 1;
    world.log(`${borrower.name} gave ${child} back`);
    carry(() => attempt('taking back', takeBack(parent, child, r2h)));
  };
  const takeBack = async ({ key, owner }: LentKey, child: string, r2h: string): Promise<void> => {
    if (owner.lm === undefined) return;
    await owner.lm.apply(r2h);
    acknowledged(`taking ${child} back`, owner, `${key}/detach/${child}`, false);
    counts.back += 1;
    world.log(`${owner.name} took ${child} back`);
  };

  return {
    lent,
    counts,
    act() {
      watch.mayChangeLicense(); // Sessions end with what is lent.
      attempt('lending', lent.length === 0 || random.chance(0.6) ? lend() : giveBack());
    },
    setClock() {
      const computer = random.pick(computers);
      const ahead = isOwner(computer)
        ? random.pick([0, 0, 30 * MINUTE, -HOUR, 3 * HOUR, -400 * 24 * HOUR, 400 * 24 * HOUR])
        : random.between(-55 * MINUTE, 55 * MINUTE);
      computer.setClock(ahead);
      world.log(`the clock of ${computer.name} is ${ahead} ms ahead`);
    },
  };
};

/** Seats of a pool that are still out at the end, because the clock of their owner said years when it lent them. */
export const farAway = (computer: Computer, key: string, pool: string, now: number): number => {
  let seats = 0;
  for (const [name, row] of computer.disk.rows) {
    if (!name.startsWith(`${key}/detach/`)) continue;
    const { product, until, reserved } = row as DetachRow;
    if (until < now - 3 * HOUR) continue;
    for (const each of reserved) if (`${product}.${each.feature}` === pool) seats += each.seats;
  }
  return seats;
};
