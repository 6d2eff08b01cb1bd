import { LicensingError, Status } from '@keyhaven/core/errors';
import { DAY, HOUR, MINUTE } from '@keyhaven/core/time';
import { beforeEach, describe, expect, it } from 'vitest';
import { connectApplication } from '../authority/site.testing.ts';
import type { Key } from '../keystore/index.ts';
import { parseSettings } from '../settings.ts';
import { createSimulatedClock, type SimulatedClock } from '../simulated-clock.testing.ts';
import { type Computer, refusalOf, settle, startComputer } from './computers.testing.ts';
import { liveTransferSettings } from './index.ts';

// What an administrator sets for detaching, as it holds at each question.

let clock: SimulatedClock;
let office: Computer;
let boat: Computer;
let key: Key;
let detach = parseSettings('').detach;
const set = (text: string): void => {
  detach = parseSettings(`[detach]\nenabled = true\n${text}`).detach;
};
beforeEach(async () => {
  clock = createSimulatedClock();
  set('');
  const settings = liveTransferSettings(() => detach);
  [office, boat] = [await startComputer(clock, 1, { settings }), await startComputer(clock, 2, { settings })];
  key = await office.license({
    features: [
      { id: 42, seats: 4, detachable: true },
      { id: 43, seats: 1 },
    ],
  });
});
const lend = async (seats?: number, seconds?: number): Promise<number> => {
  const id = await boat.id();
  return refusalOf(office.detach(key, id, seconds, seats));
};
const available = (): number | null | undefined => office.transfers.available(key.identity.id, 1);

describe('reserved licenses', () => {
  it('stay for logins here: refused with what to do (38), and the rest is lent; a change holds at once', async () => {
    expect(available()).toBe(4);
    set('reservedSeats = 3');
    expect(available()).toBe(1);
    const refused: unknown = await office.detach(key, await boat.id(), 60, 2).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(LicensingError);
    expect(refused).toMatchObject({ status: Status.TOO_MANY_USERS, remedy: expect.stringContaining('detach.reservedSeats') as string });
    expect(await lend(1)).toBe(0);
    expect(available()).toBe(0);
    expect(await lend()).toBe(Status.TOO_MANY_USERS);
    const applications = [1, 2, 3].map(() => connectApplication(office, key));
    for (const application of applications) expect((await application.login(42)).status).toBe(Status.OK);
    set('reservedPercent = 50');
    expect(available()).toBe(0);
    expect(await lend(), 'in use').toBe(Status.TOO_MANY_USERS);
    await applications[0]?.call({ kind: 'logout', handle: 1 });
    expect(available()).toBe(1);
    expect(await lend()).toBe(0);
  });

  it('are of a product what its own rule says', async () => {
    set('reservedSeats = 4\nproducts = ["product:2,reserved=0", "product:1,reserved=1"]');
    expect(available()).toBe(3);
    expect(await lend(3)).toBe(0);
    set('reservedSeats = 4\nproducts = ["product:1,maxdays=3"]');
    expect([available(), await lend()]).toEqual([0, Status.TOO_MANY_USERS]);
  });
});

describe('rules for single products', () => {
  it('switch detaching off and on, for applications as for administrators', async () => {
    set('products = ["product:1,enabled=0"]');
    expect([available(), await lend()]).toEqual([0, Status.ACCESS_DENIED]);
    const wish = async () => {
      const common = { action: 'detach', scope: '', seconds: 60, seats: 0, vendor: key.identity.vendor } as const;
      return { ...common, request: 1, vendorKey: key.identity.vendorKey, recipient: await boat.id() };
    };
    const asked = async () => refusalOf(office.transfers.forApplication(await wish(), [office.source()]));
    expect(await asked()).toBe(Status.ACCESS_DENIED);
    detach = parseSettings('[detach]\nenabled = false\nproducts = ["product:1,enabled=1"]').detach;
    expect([await asked(), await lend()]).toEqual([0, 0]);
    detach = parseSettings('[detach]\nproducts = ["product:2,enabled=1"]').detach;
    expect([await asked(), await lend()]).toEqual([Status.ACCESS_DENIED, 0]);
  });

  it('bound the days', async () => {
    set('maxDays = 30\nproducts = ["product:1,maxdays=7"]');
    expect([await lend(1, (8 * DAY) / 1_000), await lend(1, (7 * DAY) / 1_000)]).toEqual([Status.INV_DURATION, 0]);
    set('maxDays = 1\nproducts = ["product:1,maxdays=7"]');
    expect(await lend(1, (7 * DAY) / 1_000)).toBe(0);
  });
});

describe('an expired license that was detached to a computer', () => {
  const pass = async (milliseconds: number): Promise<void> => {
    clock.advance(milliseconds);
    await settle();
  };
  const receive = async (seats?: number): Promise<Key> => boat.apply(await office.detach(key, await boat.id(), 3_600, seats));
  const rowsOf = async (child: Key): Promise<string[]> => {
    const rows: string[] = [];
    for await (const [row] of boat.ledger.scan(`${child.identity.id}/`)) rows.push(row);
    return rows;
  };

  it('is deleted with all that it had so many days after its end, and not before', async () => {
    const child = await receive();
    const application = connectApplication(boat, child);
    await application.login(42);
    await application.call({ kind: 'logout', handle: 1 });
    await pass(7 * DAY);
    expect(boat.keystore.get(child.identity.id)).toBeDefined();
    await pass(3 * HOUR);
    expect(boat.keystore.get(child.identity.id)).toBeUndefined();
    expect([await rowsOf(child), boat.gone]).toEqual([[], [child.identity.id]]);
    expect(await boat.audit()).toContain('expired license deleted');
    expect(office.keystore.get(key.identity.id), 'what is the own one stays').toBeDefined();
    expect((await connectApplication(office, key).login(42)).status).toBe(Status.OK);
    boat = await startComputer(clock, 2, { snapshot: boat.stop() });
    expect(boat.keystore.get(child.identity.id)).toBeUndefined();
  });

  it('stays where the days are 0, and where it is good longer by then', async () => {
    set('expiredDays = 0');
    const child = await receive();
    await pass(30 * DAY);
    expect(boat.keystore.get(child.identity.id)).toBeDefined();
    const again = await boat.transfers.recipient({ key: child.identity.id });
    await boat.apply(await office.detach(key, again, 3_600));
    set('expiredDays = 1');
    await pass(DAY);
    expect(boat.keystore.get(child.identity.id)).toBeDefined();
    await pass(2 * HOUR + MINUTE);
    expect(boat.keystore.get(child.identity.id)).toBeUndefined();
  });
});
