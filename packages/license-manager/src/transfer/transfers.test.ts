import { Buffer } from 'node:buffer';
import { Status } from '@keyhaven/core/errors';
import { HOUR, MINUTE } from '@keyhaven/core/time';
import { detachMargin } from '@keyhaven/core/transfer';
import { beforeEach, describe, expect, it } from 'vitest';
import { connectApplication } from '../authority/site.testing.ts';
import type { Key } from '../keystore/index.ts';
import { createSimulatedClock, type SimulatedClock } from '../simulated-clock.testing.ts';
import { type Computer, refusalOf, settle, startComputer, vendor } from './computers.testing.ts';

const features = [
  { id: 42, seats: 3, detachable: true },
  { id: 43, seats: 2 },
] as const;
const MARGIN = detachMargin(HOUR);

let clock: SimulatedClock;
let office: Computer;
let boat: Computer;
let key: Key;
beforeEach(async () => {
  clock = createSimulatedClock();
  [office, boat] = [await startComputer(clock, 1), await startComputer(clock, 2)];
  key = await office.license({
    features,
    readOnly: Buffer.from('for the fleet'),
    readWrite: Buffer.from('as written'),
    certificate: { rehost: true },
  });
});

const pass = async (milliseconds: number): Promise<void> => {
  clock.advance(milliseconds);
  await settle();
};
const lend = async (seconds?: number, seats?: number): Promise<Key> =>
  boat.apply(await office.detach(key, await boat.id(), seconds, seats));

describe('a detached license (K5)', () => {
  it('runs at the recipient with its memory, and takes its seat from the owner', async () => {
    const child = await lend();
    const application = connectApplication(boat, child);
    expect((await application.login(42)).status).toBe(Status.OK);
    expect((await application.login(43)).status).toBe(Status.FEATURE_NOT_FOUND);
    const read = (handle: number, file: number, length: number) => application.call({ kind: 'read', handle, file, offset: 0, length });
    expect(Buffer.from((await read(1, 0xfff5, 13)).body).toString()).toBe('for the fleet');
    expect(Buffer.from((await read(1, 0xfff4, 10)).body).toString()).toBe('as written');
    expect([office.used(key), boat.used(child)]).toEqual([1, 1]);
  });

  it('encrypts there what its owner decrypts', async () => {
    const [here, there] = [connectApplication(office, key), connectApplication(boat, await lend())];
    await Promise.all([here.login(42), there.login(42)]);
    const { body } = await there.call({ kind: 'encrypt', handle: 1, data: Buffer.from('a message of both') });
    expect(Buffer.from((await here.call({ kind: 'decrypt', handle: 1, data: body })).body).toString()).toBe('a message of both');
  });

  it('ends for running sessions too: the next call gives 41, and its seat is free without one', async () => {
    const child = await lend(3_600);
    const [calls, silent] = [connectApplication(boat, child), connectApplication(boat, child)];
    expect((await calls.login(0)).status).toBe(Status.OK);
    expect((await silent.login(42)).status).toBe(Status.OK);
    clock.advance(HOUR);
    const read = () => calls.call({ kind: 'read', handle: 1, file: 0xfff4, offset: 0, length: 4 });
    expect((await read()).status).toBe(Status.OK);
    await pass(1);
    expect((await read()).status).toBe(Status.FEATURE_EXPIRED);
    expect((await calls.login(0)).status).toBe(Status.FEATURE_EXPIRED);
    await pass(2 * MINUTE);
    expect(boat.used(child)).toBe(0);
    expect((await silent.call({ kind: 'size', handle: 1, file: 0xfff4 })).status).toBe(Status.BROKEN_SESSION);
  });

  it('is back at the owner by time, also over a restart, and not before the margin is over', async () => {
    await lend(3_600);
    await pass(HOUR + MARGIN - MINUTE);
    expect(office.used(key)).toBe(1);
    office = await startComputer(clock, 1, { snapshot: office.stop() });
    expect([office.used(key), office.transfers.detached().length]).toEqual([1, 1]);
    await pass(3 * MINUTE);
    expect([office.used(key), office.transfers.detached().length]).toEqual([0, 0]);
    expect((await office.audit())[0]).toBe('reattached');
  });

  it('extended while it runs goes on with its sessions, and keeps what was written there', async () => {
    const child = await lend(3_600);
    const application = connectApplication(boat, child);
    await application.login(42);
    expect((await application.call({ kind: 'write', handle: 1, file: 0xfff4, offset: 0, data: Buffer.from('new') })).status).toBe(
      Status.OK,
    );
    await boat.apply(await office.detach(key, await boat.transfers.recipient({ key: child.identity.id }), 7_200));
    await pass(HOUR + MINUTE);
    const read = await application.call({ kind: 'read', handle: 1, file: 0xfff4, offset: 0, length: 3 });
    expect([read.status, Buffer.from(read.body).toString()]).toEqual([Status.OK, 'new']);
    expect(office.used(key)).toBe(1);
  });

  it('given back ends its sessions, and is gone before the file is there; after a crash too', async () => {
    const child = await lend();
    const application = connectApplication(boat, child);
    await application.login(42);
    const file = await boat.transfers.giveBack(child.identity.id);
    expect(boat.ended).toEqual(['license changed']);
    expect((await application.call({ kind: 'size', handle: 1, file: 0xfff4 })).status).toBe(Status.BROKEN_SESSION);
    expect(() => connectApplication(boat, child)).toThrow(expect.objectContaining({ status: Status.KEY_INACTIVE }));
    boat = await startComputer(clock, 2, { snapshot: boat.stop() });
    expect([...boat.keystore.keys()]).toEqual([]);
    expect(await boat.transfers.giveBack(child.identity.id)).toBe(file);
    await office.apply(file);
    expect(office.used(key)).toBe(0);
    expect(await refusalOf(office.apply(file))).toBe(Status.UPDATE_ALREADY_ADDED);
  });

  it('leaves no seat taken where the disk refuses, and none free that is out', async () => {
    const id = await boat.id();
    office.fill(true);
    expect(await refusalOf(office.detach(key, id))).toBe(Status.DEVICE_ERR);
    office.fill(false);
    await settle();
    expect([office.used(key), office.transfers.detached()]).toEqual([0, []]);
    const child = await boat.apply(await office.detach(key, id));
    boat.fill(true);
    expect(await refusalOf(boat.transfers.giveBack(child.identity.id))).toBe(Status.DEVICE_ERR);
    boat.fill(false);
    expect((await connectApplication(boat, child).login(42)).status).toBe(Status.OK);
  });

  it('bars a license that sells less than is out (76), until it is back', async () => {
    const child = await lend(3_600, 2);
    const fewer = { features: [{ ...features[0], seats: 1 }] };
    expect(await refusalOf(office.license(fewer, key.identity.id))).toBe(Status.DETACHED_LICENSE_FOUND);
    expect(await refusalOf(office.license({ features: [features[1]] }, key.identity.id))).toBe(Status.DETACHED_LICENSE_FOUND);
    await office.license({ features: [{ ...features[0], seats: 2 }] }, key.identity.id);
    await office.apply(await boat.transfers.giveBack(child.identity.id));
    await office.license(fewer, key.identity.id);
    expect((await connectApplication(office, key).login(42)).status).toBe(Status.OK);
  });

  it('of another vendor or another key does not come to an ID that is taken (62)', async () => {
    const child = await lend();
    const other = await startComputer(clock, 3);
    const foreign = await other.license({ features });
    const file = await other.detach(foreign, await boat.transfers.recipient({ key: child.identity.id }));
    expect(await refusalOf(boat.apply(file))).toBe(Status.UNKNOWN_RECIPIENT);
  });

  it('refuses to detach to this computer itself (58), and to a virtual machine where the product may not run on one (74)', async () => {
    expect(await refusalOf(office.detach(key, await office.id()))).toBe(Status.INV_RECIPIENT);
    const cloud = await startComputer(clock, 4, { virtualMachine: true });
    const bound = await startComputer(clock, 5);
    const license = await bound.license({ features: [{ ...features[0], virtualMachine: false }] });
    expect(await refusalOf(bound.detach(license, await cloud.id()))).toBe(Status.DETACH_DISABLED);
    expect(await refusalOf(bound.detach(license, await boat.id()))).toBe(0);
  });
});

describe('giving back and moving what cannot be', () => {
  it('is not for what may not be used here either: a copy neither lends nor moves (64)', async () => {
    const copy = await startComputer(clock, 8, { barred: 1 });
    const its = await copy.license({ features, certificate: { rehost: true } });
    expect(await refusalOf(copy.detach(its, await boat.id()))).toBe(Status.CLONE_DETECTED);
    expect(await refusalOf(copy.transfers.rehost(its.identity.id, await boat.id()))).toBe(Status.CLONE_DETECTED);
    expect(copy.used(its)).toBe(0);
  });

  it('ends no session of the key that it refuses', async () => {
    const application = connectApplication(office, key);
    await application.login(42);
    await lend();
    expect(await refusalOf(office.transfers.giveBack(key.identity.id))).toBe(Status.INV_ACTION);
    expect(await refusalOf(office.transfers.rehost(key.identity.id, await boat.id()))).toBe(Status.DETACHED_LICENSE_FOUND);
    expect((await application.call({ kind: 'size', handle: 1, file: 0xfff4 })).status).toBe(Status.OK);
    expect(office.ended).toEqual([]);
  });
});

describe('a moved key (K5)', () => {
  it('is the same key elsewhere, with its memory and its counts, and takes updates of its vendor there', async () => {
    const counted = await office.license(
      { features: [...features, { id: 50, license: { type: 'executions', count: 3 } }], certificate: { rehost: true } },
      key.identity.id,
    );
    await connectApplication(office, counted).login(50, { executions: 2 });
    const file = await office.transfers.rehost(key.identity.id, await boat.id());
    expect([office.keystore.get(key.identity.id), office.gone]).toEqual([undefined, [key.identity.id]]);
    const moved = await boat.apply(file);
    expect([moved.identity.id, moved.counter]).toEqual([key.identity.id, 2]);
    expect(boat.authority.pool({ key: key.identity.id, product: 1, feature: 50 })).toMatchObject({ used: 0, executions: 2 });
    const application = connectApplication(boat, moved);
    expect((await application.login(50, { executions: 2 })).status).toBe(Status.FEATURE_INSUFFICIENT_EXECUTION_COUNT);
    await application.login(42);
    expect(Buffer.from((await application.call({ kind: 'read', handle: 1, file: 0xfff4, offset: 0, length: 10 })).body).toString()).toBe(
      'as written',
    );
    await boat.license({ features }, key.identity.id);
    expect(boat.keystore.get(key.identity.id)?.counter).toBe(3);
  });

  it('survives a crash on either side, and the file may be asked for again', async () => {
    const id = await boat.id();
    const file = await office.transfers.rehost(key.identity.id, id);
    office = await startComputer(clock, 1, { snapshot: office.stop() });
    expect(await office.transfers.rehost(key.identity.id, id)).toBe(file);
    expect(await refusalOf(office.transfers.rehost(key.identity.id, await (await startComputer(clock, 3)).id()))).toBe(
      Status.LICENSE_REHOSTED,
    );
    await boat.apply(file);
    boat = await startComputer(clock, 2, { snapshot: boat.stop() });
    expect((await connectApplication(boat, boat.keystore.get(key.identity.id) ?? expect.fail('no key')).login(42)).status).toBe(Status.OK);
    expect(await refusalOf(boat.apply(file))).toBe(Status.UPDATE_ALREADY_ADDED);
    const back = await boat.transfers.rehost(key.identity.id, await office.id());
    await office.apply(back);
    expect(await refusalOf(boat.apply(file))).toBe(Status.REHOST_ALREADY_APPLIED);
    expect(office.used(key)).toBe(0);
  });
});

describe('what applications may ask (A1)', () => {
  const wish = {
    request: 1,
    vendor: vendor.code.vendor,
    vendorKey: vendor.code.publicKey,
    seconds: 0,
    seats: 0,
    scope: '<haspscope><feature id="42"/></haspscope>',
  } as const;

  it('is nothing where only administrators may, or nobody (5)', async () => {
    for (const enabled of [undefined, false]) {
      const shut = await startComputer(clock, 6, { settings: { enabled, maxDays: 14 } });
      await shut.license({ features });
      const asked = shut.transfers.forApplication({ ...wish, action: 'detach', recipient: await boat.id() }, [shut.source()]);
      expect(await refusalOf(asked)).toBe(Status.ACCESS_DENIED);
      const mine = shut.transfers.detach({
        key: [...shut.keystore.keys()][0]?.identity.id ?? '',
        product: 1,
        recipient: await boat.id(),
        by: 'administrator',
      });
      expect(await refusalOf(mine)).toBe(enabled === false ? Status.ACCESS_DENIED : 0);
    }
  });

  it('is to detach for a day, to give back, and to move what its scope leaves', async () => {
    await boat.apply(await office.transfers.forApplication({ ...wish, action: 'detach', recipient: await boat.id() }, [office.source()]));
    expect(office.transfers.detached()).toMatchObject([
      { product: 1, seats: 1, from: '2026-11-24T03:00:00.000Z', until: '2026-11-25T03:00:00.000Z' },
    ]);
    await office.apply(await boat.transfers.forApplication({ ...wish, scope: '', action: 'cancel', recipient: '' }, [boat.source()]));
    expect(office.used(key)).toBe(0);
    await boat.apply(await office.transfers.forApplication({ ...wish, action: 'rehost', recipient: await boat.id() }, [office.source()]));
    expect(boat.keystore.get(key.identity.id)).toBeDefined();
  });

  it.each([
    ['no key of its vendor', 7, { vendor: 5 }],
    ['a scope that leaves nothing', 50, { scope: '<haspscope><feature id="99"/></haspscope>' }],
    ['a scope that is none', 36, { scope: '<nonsense/>' }],
    ['a key that is not lent', 50, { action: 'cancel' as const }],
  ])('is refused for %s (%i)', async (_, status, of) => {
    const asked = office.transfers.forApplication({ ...wish, action: 'detach', recipient: await boat.id(), ...of }, [office.source()]);
    expect(await refusalOf(asked)).toBe(status);
  });

  it('is refused where the scope leaves several products (60), keys (37) or computers (68), or a key elsewhere (16)', async () => {
    const product = (id: number) => ({
      id,
      name: `Product ${id}`,
      features: [
        {
          id: 42,
          name: 'x',
          license: { type: 'perpetual' as const },
          concurrency: { seats: 2, count: 'login' as const, network: true, remoteDesktop: true, virtualMachine: true },
          detachable: true,
        },
      ],
    });
    const [two, more] = [await startComputer(clock, 6), await startComputer(clock, 7)];
    await two.license({ features, certificate: { products: [product(1), product(2)] } });
    await more.license({ features });
    const ask = (...sources: ReturnType<Computer['source']>[]) =>
      boat.id().then((recipient) => refusalOf(two.transfers.forApplication({ ...wish, action: 'detach', recipient }, sources)));
    expect(await ask(two.source())).toBe(Status.TOO_MANY_PRODUCTS);
    await two.license({ features });
    expect(await ask(two.source())).toBe(Status.TOO_MANY_KEYS);
    const far = [more.source(), office.source()].map((source) => ({ ...source, local: false }));
    expect(await ask(...far)).toBe(Status.TOO_MANY_HOSTS);
    expect(await ask({ ...more.source(), local: false })).toBe(Status.REQ_NOT_SUPP);
  });
});
