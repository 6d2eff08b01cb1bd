import { Status } from '@keyhaven/core/errors';
import { CLOCK_MARK, COUNTED_TIME } from '@keyhaven/core/license-clock';
import { DAY, HOUR, MINUTE } from '@keyhaven/core/time';
import { detachMargin } from '@keyhaven/core/transfer';
import { beforeEach, describe, expect, it } from 'vitest';
import { connectApplication } from '../authority/site.testing.ts';
import type { Key } from '../keystore/index.ts';
import { createSimulatedClock, type SimulatedClock, setApart } from '../simulated-clock.testing.ts';
import { type Computer, refusalOf, settle, startComputer } from './computers.testing.ts';

// I1, K5: whoever sets the owner's clock does not get detached seats twice, while the owner runs or between two runs; and who had it wrong once
// loses no seat for ever.

const SOLD = 2;
const WEEK = 7 * DAY;

let clock: SimulatedClock;
let officeClock: ReturnType<typeof setApart>;
let office: Computer;
let boat: Computer;
let key: Key;
beforeEach(async () => {
  clock = createSimulatedClock();
  officeClock = setApart(clock);
  [office, boat] = [await startComputer(officeClock, 1), await startComputer(clock, 2)];
  key = await office.license({ features: [{ id: 42, seats: SOLD, detachable: true }] });
});

const pass = async (milliseconds: number): Promise<void> => {
  for (let left = milliseconds; left > 0; left -= HOUR) {
    clock.advance(Math.min(left, HOUR));
    await settle();
  }
};
const restart = async (aheadMs: number): Promise<void> => {
  const snapshot = office.stop();
  officeClock.set(aheadMs);
  office = await startComputer(officeClock, 1, { snapshot });
  await pass(5 * MINUTE);
};
const lendAll = async (): Promise<Key> => boat.apply(await office.detach(key, await boat.id(), WEEK / 1_000, SOLD));
/** Sessions that both computers grant in all. */
const granted = async (child: Key): Promise<number> => {
  let count = 0;
  for (let seat = 0; seat < SOLD + 1; seat += 1) {
    for (const [at, of] of [
      [office, key],
      [boat, child],
    ] as const)
      if ((await connectApplication(at, of).login(42)).status === Status.OK) count += 1;
  }
  return count;
};

describe('the clock of the owner is set ahead (I1, K5)', () => {
  it('for one start, and right for the next: all seats stay with the recipient', async () => {
    const child = await lendAll();
    await restart(30 * DAY);
    expect(office.used(key)).toBe(SOLD);
    await restart(0);
    expect([office.used(key), await granted(child)]).toEqual([SOLD, SOLD]);
    expect(await refusalOf(boat.id().then((id) => office.detach(key, id, 3_600)))).toBe(Status.TOO_MANY_USERS);
  });

  it('while it runs, for hours', async () => {
    const child = await lendAll();
    officeClock.set(30 * DAY);
    await pass(12 * HOUR);
    expect([office.used(key), await granted(child)]).toEqual([SOLD, SOLD]);
  });

  it('again and again: each start is worth the time that it ran', async () => {
    await lendAll();
    for (let day = 1; day <= 20; day += 1) await restart(day * 30 * DAY);
    expect(office.used(key)).toBe(SOLD);
  });
});

describe('an owner whose clock was wrong', () => {
  it.each([
    ['an hour ahead when it detached', HOUR, 0],
    ['an hour behind when it detached', -HOUR, 0],
    ['years behind while the license was out', 0, -3_000 * DAY],
    ['years ahead while the license was out', 0, 3_000 * DAY],
  ])('%s has its seats back when the time is over and its clock is right', async (_, before, during) => {
    officeClock.set(before);
    await lendAll();
    officeClock.set(during);
    await pass(HOUR);
    await restart(0);
    await pass(WEEK + detachMargin(WEEK) + HOUR);
    expect([office.used(key), office.transfers.detached()]).toEqual([0, []]);
  });

  it('twenty days ahead when it detached: the recipient does not take it yet, and can give it back afterwards', async () => {
    officeClock.set(20 * DAY);
    const file = await office.detach(key, await boat.id(), WEEK / 1_000, SOLD);
    officeClock.set(0);
    expect(await refusalOf(boat.apply(file))).toBe(Status.TIME_ERR);
    await pass(20 * DAY);
    const child = await boat.apply(file);
    await office.apply(await boat.transfers.giveBack(child.identity.id));
    expect(office.used(key)).toBe(0);
  });

  it('does not take an ID that is a month old by its clock: the seats would stay out as much longer', async () => {
    const id = await boat.id();
    officeClock.set(31 * DAY);
    expect(await refusalOf(office.detach(key, id, 3_600))).toBe(Status.INV_RECIPIENT);
    officeClock.set(29 * DAY);
    expect(await refusalOf(office.detach(key, id, 3_600))).toBe(0);
  });
});

describe('what the seats come back by', () => {
  it('is stored before, and in the order in which it is decided', async () => {
    await office.detach(key, await boat.id(), 3_600, SOLD);
    await pass(HOUR + detachMargin(HOUR) + 2 * MINUTE);
    expect(office.used(key)).toBe(0);
    const rows = new Map<string, object>();
    for await (const [name, row] of office.ledger.scan('lm/clock/')) rows.set(name, row);
    expect(rows.get(CLOCK_MARK)).toMatchObject({ at: expect.any(Number) as number });
    const [{ at }, { ms }] = [rows.get(CLOCK_MARK) as { at: number }, rows.get(COUNTED_TIME) as { ms: number }];
    expect(at).toBeGreaterThan(Date.UTC(2026, 10, 24, 3) + HOUR + detachMargin(HOUR));
    expect(ms).toBeGreaterThanOrEqual(HOUR + detachMargin(HOUR));
  });

  it('does not move the license time of a computer that counts nothing else by time', async () => {
    await lendAll();
    officeClock.set(3_000 * DAY);
    await pass(HOUR);
    const rows: string[] = [];
    for await (const [name] of office.ledger.scan('lm/clock/')) rows.push(name);
    expect(rows).toEqual([COUNTED_TIME]);
  });

  it('keeps rows of versions that did not count for as long as they were made for', async () => {
    await lendAll();
    const snapshot = office.stop();
    const old = snapshot.rows.flatMap(([name, text]): [typeof name, string][] => {
      const { freeAt: _, realAtZero: __, ...row } = JSON.parse(text) as Record<string, unknown>;
      return name === COUNTED_TIME ? [] : [[name, JSON.stringify(row)]];
    });
    officeClock.set(30 * DAY);
    office = await startComputer(officeClock, 1, { snapshot: { ...snapshot, rows: old } });
    await pass(WEEK);
    expect(office.used(key)).toBe(SOLD);
    await pass(detachMargin(WEEK) + HOUR);
    expect(office.used(key)).toBe(0);
  });
});
