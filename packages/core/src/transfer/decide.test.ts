import { describe, expect, it } from 'vitest';
import { certificateOf, featureOf, keyOf } from '../channel/world.testing.ts';
import { LicensingError, Status } from '../errors/index.ts';
import type { Feature } from '../license/index.ts';
import { DAY, HOUR, MINUTE, type Wall, wall } from '../time/index.ts';
import {
  DETACH_MARGIN_MS,
  decideArrive,
  decideLeave,
  detachMargin,
  faultOfMoving,
  faultOfReceiving,
  type GoneRow,
  goneRowKey,
  transferRowKey,
} from './index.ts';
import { lendable, products, Side, statusOf, Table, vendor } from './sides.testing.ts';

const START = Date.UTC(2026, 10, 24);
const at = (hours: number): Wall => wall(START + hours * HOUR);
const local = (feature: Feature): Feature => ({ ...feature, concurrency: { ...feature.concurrency, virtualMachine: false } });
const ownerOf = (...features: Feature[]): Side => Side.licensed(0x20, { products: products(features) });
const boat = (): Side => new Side(0x30);

describe('detaching (K5)', () => {
  it('takes the seats of every detachable feature of the product out of their pools, and of no other', () => {
    const owner = ownerOf(lendable(42, 5), lendable(43, 'unlimited'), featureOf(44, 9), lendable(45, 2));
    owner.detach(boat().id(at(0)), at(0));
    const pools = [...owner.rows].filter(([key]) => key.includes('/pool/')).map(([key, row]) => [key.split('/')[2], row]);
    expect(pools).toEqual([
      ['1.42', { used: 1, executions: 0 }],
      ['1.45', { used: 1, executions: 0 }],
    ]);
    expect(owner.rows.get(transferRowKey(owner.waiting.id))).toEqual({ sequence: 1, out: 1, rehosts: 0 });
  });

  it('is for a day where nothing else is said, and to the second', () => {
    const owner = Side.licensed(0x20);
    owner.detach(boat().id(at(0)), at(0), { durationMs: 24 * HOUR });
    expect([...owner.detached.values()]).toMatchObject([{ from: at(0), until: at(24), seats: 1, network: false, product: 1 }]);
  });

  const dated: Feature = { ...lendable(42, 5), license: { type: 'executions', count: 9 } };
  it.each<[string, number, () => unknown]>([
    ['a product that the key has not', Status.INV_PRODUCT, () => Side.licensed(0x20).detach(boat().id(at(0)), at(0), { product: 9 })],
    [
      'a product with nothing to detach',
      Status.NO_DETACHABLE_FEATURE,
      () => Side.licensed(0x20).detach(boat().id(at(0)), at(0), { product: 2 }),
    ],
    ['counted executions', Status.NO_DETACHABLE_FEATURE, () => ownerOf(dated).detach(boat().id(at(0)), at(0))],
    [
      'a virtual machine, where the product may not run on one',
      Status.DETACH_DISABLED,
      () => ownerOf(local(lendable(42, 5))).detach(boat().id(at(0), true), at(0)),
    ],
    [
      'a network, where nothing is limited',
      Status.NETWORK_DETACH_DISABLED,
      () => ownerOf(lendable(42, 'unlimited')).detach(boat().id(at(0)), at(0), { seats: 2 }),
    ],
    [
      'longer than is allowed',
      Status.INV_DURATION,
      () => Side.licensed(0x20).detach(boat().id(at(0)), at(0), { durationMs: 14 * DAY + 1 }),
    ],
    [
      'longer than its vendor lets it go, whatever is allowed here',
      Status.INV_DURATION,
      () => ownerOf({ ...lendable(42, 5), detachDays: 3 }, lendable(43, 5)).detach(boat().id(at(0)), at(0), { durationMs: 3 * DAY + 1 }),
    ],
    ['no time at all', Status.INV_DURATION, () => Side.licensed(0x20).detach(boat().id(at(0)), at(0), { durationMs: 0 })],
    [
      'a time that is no number',
      Status.INV_DURATION,
      () => Side.licensed(0x20).detach(boat().id(at(0)), at(0), { durationMs: Number.NaN }),
    ],
    ['more seats than there are', Status.TOO_MANY_USERS, () => Side.licensed(0x20).detach(boat().id(at(0)), at(0), { seats: 6 })],
    ['no ID', Status.INV_RECIPIENT, () => Side.licensed(0x20).detach(Buffer.from('x'), at(0))],
  ])('is refused for %s (%i), and changes nothing', (_, status, act) => {
    expect(statusOf(act)).toBe(status);
  });

  it('is refused with 38 where the seats are used, or detached, and takes none then', () => {
    const owner = Side.licensed(0x20);
    for (let seat = 0; seat < 3; seat += 1) expect(owner.login(at(0))).toBe(true);
    owner.detach(boat().id(at(0)), at(0), { seats: 2 });
    expect(statusOf(() => owner.detach(new Side(0x40).id(at(0)), at(0)))).toBe(Status.TOO_MANY_USERS);
    expect(owner.login(at(0))).toBe(false);
    expect([owner.used, owner.detached.size]).toEqual([5, 1]);
  });

  it('is refused with 38 as a whole where one of the features has no seat left', () => {
    const owner = ownerOf(lendable(42, 5), lendable(45, 1));
    owner.detach(boat().id(at(0)), at(0));
    expect(statusOf(() => owner.detach(new Side(0x40).id(at(0)), at(0)))).toBe(Status.TOO_MANY_USERS);
    expect(owner.used).toBe(1);
  });
});

describe('extending', () => {
  const detachedTwice = (first: { seats?: number; hours: number }, second: { seats?: number; hours: number; product?: number }): Side => {
    const owner = Side.licensed(0x20, { products: [...products(), { id: 3, name: 'More', features: [lendable(50, 2)] }] });
    const id = boat().id(at(0));
    const seats = (of: { seats?: number }) => (of.seats === undefined ? {} : { seats: of.seats });
    owner.detach(id, at(0), { ...seats(first), durationMs: first.hours * HOUR });
    owner.detach(id, at(1), {
      ...seats(second),
      durationMs: second.hours * HOUR,
      ...(second.product === undefined ? {} : { product: second.product }),
    });
    return owner;
  };

  it.each<[string, number, () => unknown]>([
    ['an earlier end', Status.INV_DURATION, () => detachedTwice({ hours: 10 }, { hours: 8 })],
    ['another product', Status.EXTENSION_NOT_ALLOWED, () => detachedTwice({ hours: 10 }, { hours: 20, product: 3 })],
    ['another use: a network', Status.EXTENSION_NOT_ALLOWED, () => detachedTwice({ hours: 10 }, { hours: 20, seats: 1 })],
    ['another use: one computer', Status.EXTENSION_NOT_ALLOWED, () => detachedTwice({ hours: 10, seats: 1 }, { hours: 20 })],
    ['fewer seats', Status.INV_NETWORK_SEATS, () => detachedTwice({ hours: 10, seats: 3 }, { hours: 20, seats: 2 })],
    ['more seats than are left', Status.TOO_MANY_USERS, () => detachedTwice({ hours: 10, seats: 3 }, { hours: 20, seats: 6 })],
  ])('is refused for %s (%i)', (_, status, act) => {
    expect(statusOf(act)).toBe(status);
  });

  it('keeps the one row, counts up, and takes only the seats that are new', () => {
    const owner = detachedTwice({ hours: 10, seats: 2 }, { hours: 20, seats: 3 });
    expect(owner.used).toBe(3);
    expect([...owner.detached.values()]).toMatchObject([{ sequence: 2, seats: 3, until: at(21) }]);
  });

  it('repeated to the same end is the same detachment: a lost file is asked for again', () => {
    const owner = detachedTwice({ hours: 10 }, { hours: 9 });
    expect([...owner.detached.values()]).toMatchObject([{ sequence: 1, until: at(10) }]);
  });
});

describe('the way back', () => {
  it('frees the seats once: again it is not there any more', () => {
    const [owner, there] = [Side.licensed(0x20), boat()];
    there.receive(owner.detach(there.id(at(0)), at(0), { seats: 3 }), at(0));
    const back = there.giveBack(at(1));
    expect([owner.used, owner.takeBack(back, at(1)), owner.used, owner.takeBack(back, at(1)), owner.used]).toEqual([3, true, 0, false, 0]);
    expect(owner.rows.get(transferRowKey(owner.waiting.id))).toEqual({ sequence: 1, out: 0, rehosts: 0 });
  });

  it('by time is free only after the margin', () => {
    const [owner, there] = [Side.licensed(0x20), boat()];
    owner.detach(there.id(at(0)), at(0), { durationMs: 5 * HOUR });
    const margin = detachMargin(5 * HOUR);
    expect(margin).toBe(DETACH_MARGIN_MS + 6 * MINUTE);
    owner.sweep(wall(at(5) + margin));
    expect(owner.used).toBe(1);
    owner.sweep(wall(at(5) + margin + 1));
    expect(owner.used).toBe(0);
  });

  it('is refused while copies of it are out (76), and the file is the same when it is asked for again', () => {
    const [owner, there, further] = [Side.licensed(0x20), boat(), new Side(0x40)];
    there.receive(owner.detach(there.id(at(0)), at(0), { seats: 3 }), at(0));
    further.receive(there.detach(further.id(at(0)), at(0), { durationMs: HOUR }), at(0));
    expect(statusOf(() => there.giveBack(at(0)))).toBe(Status.DETACHED_LICENSE_FOUND);
    there.takeBack(further.giveBack(at(0)), at(0));
    expect(Buffer.compare(there.giveBack(at(1)), there.giveBack(at(2)))).toBe(0);
  });

  it('a seat that a child has serves no more than the child has', () => {
    const [owner, there, further] = [Side.licensed(0x20), boat(), new Side(0x40)];
    there.receive(owner.detach(there.id(at(0)), at(0), { seats: 2 }), at(0));
    further.receive(there.detach(further.id(at(0)), at(0), { durationMs: HOUR, seats: 2 }), at(0));
    expect([there.login(at(0)), further.login(at(0)), further.login(at(0)), further.login(at(0))]).toEqual([false, true, true, false]);
    expect(statusOf(() => further.detach(owner.id(at(0)), at(0)))).toBe(Status.NO_DETACHABLE_FEATURE);
  });
});

describe('receiving', () => {
  const gone: GoneRow = { why: 'returned', at: 1, vendor: 1, document: '', number: 4, to: '1' };
  const file = { child: '5', parent: '1', sequence: 4, from: at(0), until: at(5), held: undefined };
  it.each([
    ['the first file', file, undefined, undefined],
    ['a later file', { ...file, held: { parent: '1', sequence: 2 } }, undefined, undefined],
    ['the same file', { ...file, held: { parent: '1', sequence: 4 } }, undefined, Status.UPDATE_ALREADY_ADDED],
    ['an earlier file', { ...file, held: { parent: '1', sequence: 5 } }, undefined, Status.UPDATE_TOO_OLD],
    ['a file of another key', { ...file, held: { parent: '2', sequence: 1 } }, undefined, Status.UNKNOWN_RECIPIENT],
    ['a file whose owner is two hours ahead', { ...file, from: wall(at(2) + 1) }, undefined, undefined],
    ['a file whose owner is further ahead', { ...file, from: wall(at(2) + 2) }, undefined, Status.TIME_ERR],
    ['a file that is over', { ...file, until: at(0) }, undefined, Status.FEATURE_EXPIRED],
    ['the file that was given back', file, gone, Status.UPDATE_ALREADY_ADDED],
    ['a file made after it was given back', { ...file, sequence: 5 }, gone, Status.UNKNOWN_RECIPIENT],
  ] as const)('%s', (_, of, left, status) => {
    expect(faultOfReceiving(of, left, wall(at(0) + 1))?.status).toBe(status);
  });
});

describe('moving a whole key', () => {
  const key = '77';
  const leave = (table: Table, to: string, number = 1) => {
    const gone: GoneRow = { why: 'rehosted', at: 1, vendor: 1, document: `to ${to}`, number, to };
    return table.decide([transferRowKey(key), goneRowKey(key)], (rows) => decideLeave(rows, { key, gone, erased: [`${key}/key/license`] }));
  };
  const arrive = (table: Table, rehosts: number) =>
    table.decide([transferRowKey(key), goneRowKey(key), `${key}/key/license`], (rows) =>
      decideArrive(rows, {
        key,
        move: { rehosts, sequence: 3 },
        written: [{ key: `${key}/key/license`, row: { is: 'here' } }],
        present: `${key}/key/license`,
      }),
    );

  it('leaves once: to the same recipient it is the same file, to another it is gone (70)', () => {
    const table = new Table();
    expect(leave(table, 'a')).toMatchObject({ kind: 'gone', repeated: false });
    expect(leave(table, 'a', 2)).toMatchObject({ kind: 'gone', repeated: true, gone: { document: 'to a', number: 1 } });
    expect(leave(table, 'b')).toMatchObject({ kind: 'refused', status: Status.LICENSE_REHOSTED });
  });

  it('arrives once (65), comes back, and an old file then is old (71)', () => {
    const [here, there] = [new Table(), new Table()];
    leave(here, 'a');
    expect(arrive(there, 1)).toEqual({ kind: 'arrived' });
    expect(arrive(there, 1)).toMatchObject({ kind: 'refused', status: Status.UPDATE_ALREADY_ADDED });
    leave(there, 'b', 2);
    expect(arrive(there, 1)).toMatchObject({ kind: 'refused', status: Status.REHOST_ALREADY_APPLIED });
    expect(arrive(here, 2)).toEqual({ kind: 'arrived' });
    expect(here.rows.get(goneRowKey(key))).toBeUndefined();
    expect(here.rows.get(transferRowKey(key))).toEqual({ sequence: 3, out: 0, rehosts: 2 });
  });

  it('is refused while copies are out (76)', () => {
    const table = new Table();
    table.rows.set(transferRowKey(key), { sequence: 1, out: 1, rehosts: 0 });
    expect(leave(table, 'a')).toMatchObject({ kind: 'refused', status: Status.DETACHED_LICENSE_FOUND });
  });

  it('needs the word of the vendor (69), and no virtual machine where the license forbids one (75)', () => {
    const may = { ...certificateOf(keyOf(vendor, 0x20)), rehost: true as const };
    const { rehost: _, ...not } = may;
    const bound = { ...may, products: products([local(featureOf(42, 1))]) };
    expect(faultOfMoving(may, { virtualMachine: true })).toBeUndefined();
    expect(faultOfMoving(not, { virtualMachine: false })?.status).toBe(Status.REHOST_NOT_ALLOWED);
    expect(faultOfMoving(bound, { virtualMachine: true })?.status).toBe(Status.REHOST_DISABLED);
    expect(faultOfMoving(bound, { virtualMachine: false })).toBeUndefined();
  });

  it('a key that is gone detaches nothing (70)', () => {
    const owner = Side.licensed(0x20);
    owner.rows.set(goneRowKey(owner.waiting.id), { why: 'rehosted' });
    expect(statusOf(() => owner.detach(boat().id(at(0)), at(0)))).toBe(Status.LICENSE_REHOSTED);
  });
});

it('every refusal of a detachment is in the audit with its cause', () => {
  const owner = Side.licensed(0x20);
  expect(() => owner.detach(boat().id(at(0)), at(0), { product: 9 })).toThrow(LicensingError);
  expect(owner.audit).toMatchObject([{ kind: 'detach refused', detail: { status: 61, product: 9, cause: 'The key has no product 9.' } }]);
});
