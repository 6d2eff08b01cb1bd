import { Buffer } from 'node:buffer';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { LicensingError } from '@keyhaven/core/errors';
import type { HostKind } from '@keyhaven/core/hosts';
import { startNearApplication } from '@keyhaven/testkit/near';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createTestVendor, type LicenseWish } from '../keystore/vendor.testing.ts';
import { serveLocalConnection } from '../local/index.ts';
import { systemClock } from '../machine/index.ts';
import { openNearLm } from '../near/index.ts';
import { createNet, settle } from '../protection/lms.testing.ts';
import { createPorts, createTestDevice } from './device.testing.ts';

// The seam between a license manager and keys in hardware (K7), proven with a device made of software.

const vendor = createTestVendor();
const vendorCode = vendor.codeText;
const wish: LicenseWish = { features: [{ id: 42, seats: 2 }, { id: 43 }] };

const start = async (
  kind: HostKind = 'admin',
  more: { readonly seed?: number; readonly host?: string } = {},
  net = createNet(systemClock),
) => {
  const ports = createPorts();
  const { seed = 1, host = 'a' } = more;
  const site = await net.start({ host, seed, kind, devices: ports.source });
  onTestFinished(() => site.stop());
  let last = 4_000;
  const join = () => {
    const { licensing, crash } = startNearApplication(
      { serve: (socket) => serveLocalConnection(socket, site.lm.local) },
      { pid: (last += 1) },
    );
    onTestFinished(crash);
    return licensing;
  };
  site.lm.searched();
  return { ...site, ports, join };
};
const statusOf = async (work: Promise<unknown>): Promise<number> => {
  try {
    await work;
    return 0;
  } catch (error) {
    if (error instanceof LicensingError) return error.status;
    throw error;
  }
};
const here = (site: Awaited<ReturnType<typeof start>>, id: string) => vi.waitFor(() => expect(site.keystore.get(id)).toBeDefined());
const gone = (site: Awaited<ReturnType<typeof start>>, id: string) =>
  vi.waitFor(() => expect(site.events('key unplugged')).toMatchObject([{ key: id }]));

describe.each<HostKind>(['admin', 'external', 'integrated'])('an HL driverless key at an %s LM (T1)', (kind) => {
  it('serves logins that the device itself signs, until it is unplugged: then its sessions are over (39) and it is gone (7)', async () => {
    const site = await start(kind);
    const { device, id, signatures } = createTestDevice(vendor, { wish });
    expect(await statusOf(site.join().login({ vendorCode, feature: 42 }))).toBe(7);
    site.ports.plug(device);
    await here(site, id);
    const licensing = site.join();
    const session = await licensing.login({ vendorCode, feature: 42 });
    // Its proof when it was plugged in, and one for each channel.
    expect(signatures()).toBe(2);
    const sealed = await session.encrypt(Buffer.alloc(32, 1));
    expect(Buffer.from(await session.decrypt(sealed))).toEqual(Buffer.alloc(32, 1));
    expect((await session.info()).key).toBe(id);
    site.ports.unplug(id);
    await gone(site, id);
    expect(await statusOf(session.encrypt(Buffer.alloc(32, 1)))).toBe(39);
    expect(await statusOf(licensing.login({ vendorCode, feature: 42 }))).toBe(7);
    expect(await statusOf(site.join().login({ vendorCode, feature: 42 }))).toBe(7);
    expect([site.lm.authority.sessionCount, site.lm.overview.keys()]).toEqual([0, []]);
  });
});

describe('keys in hardware (K7)', () => {
  it.each<[HostKind, number]>([
    ['admin', 0],
    ['external', 14],
    ['integrated', 14],
  ])('in the HASP configuration need the Admin LM: %s (%i)', async (kind, status) => {
    const site = await start(kind);
    const { device, id } = createTestDevice(vendor, { wish, configuration: 'hasp' });
    expect(await statusOf(site.keystore.devices.attach(device))).toBe(status);
    site.ports.plug(device);
    if (status === 0) return here(site, id);
    await vi.waitFor(() => expect(site.events('a key in hardware is not served')).toMatchObject([{ key: id, error: { status } }]));
    expect(site.keystore.get(id)).toBeUndefined();
  });

  it('share their seats among applications, and have them all again when they are plugged in again', async () => {
    const site = await start();
    const { device, id } = createTestDevice(vendor, { wish });
    site.ports.plug(device);
    await here(site, id);
    const logins = [site.join(), site.join(), site.join()].map((each) => () => statusOf(each.login({ vendorCode, feature: 42 })));
    expect([await logins[0]!(), await logins[1]!(), await logins[2]!()]).toEqual([0, 0, 38]);
    site.ports.unplug(id);
    await gone(site, id);
    site.ports.plug(device);
    await here(site, id);
    expect([await statusOf(site.join().login({ vendorCode, feature: 42 })), site.lm.authority.sessionCount]).toEqual([0, 1]);
  });

  it('blink where they can, until they are told otherwise or unplugged (field-facts 2.1)', async () => {
    const site = await start();
    const { device, id, lit } = createTestDevice(vendor, { wish, light: true });
    const dark = createTestDevice(vendor, { wish, fill: 0x71 });
    const { devices } = site.keystore;
    for (const each of [device, dark.device]) site.ports.plug(each);
    for (const each of [id, dark.id]) await here(site, each);
    const shown = () => site.lm.overview.keys().map(({ key, blinking }) => [key, blinking]);
    expect(shown()).toEqual(
      expect.arrayContaining([
        [id, false],
        [dark.id, undefined],
      ]),
    );
    await devices.blink(id, true);
    expect([lit(), devices.blinking(id)]).toEqual([true, true]);
    expect(shown()).toContainEqual([id, true]);
    await devices.blink(id, false);
    expect([lit(), devices.blinking(id)]).toEqual([false, false]);
    await devices.blink(id, true);
    site.ports.unplug(id);
    await gone(site, id);
    expect(devices.blinking(id)).toBeUndefined();
    expect(await statusOf(devices.blink(id, true))).toBe(16);
    site.ports.plug(device);
    await here(site, id);
    expect(devices.blinking(id)).toBe(false);
    await expect(devices.blink(dark.id, true)).rejects.toMatchObject({ status: 16, remedy: expect.stringContaining('key name') });
    const deaf = createTestDevice(vendor, { wish, fill: 0x51, change: { blink: () => Promise.reject(new Error('no answer')) } });
    await devices.attach(deaf.device);
    expect([await statusOf(devices.blink(deaf.id, true)), devices.blinking(deaf.id)]).toEqual([43, false]);
  });

  it('have their memory in the device', async () => {
    const site = await start();
    const { device, id, contents } = createTestDevice(vendor, { wish, memory: new Map([[0xfff4, Buffer.from('from the device')]]) });
    site.ports.plug(device);
    await here(site, id);
    const session = await site.join().login({ vendorCode, feature: 42 });
    expect(Buffer.from(await session.read({ file: 0xfff4, offset: 0, length: 17 })).toString()).toBe('from the device\0\0');
    await session.write({ file: 0xfff4, offset: 5, data: Buffer.from('this one!') });
    expect(contents.get(0xfff4)?.toString()).toBe('from this one!e');
    expect(Buffer.from(await session.read({ file: 0xfff4, offset: 0, length: 15 })).toString()).toBe('from this one!e');
    expect(await statusOf(session.write({ file: 0xfff5, offset: 0, data: Buffer.of(1) }))).toBe(5);
    for await (const [name] of site.ledger.scan('')) expect(name).not.toContain('/memory/');
  });

  it('are served to other computers by an Admin LM, and end there likewise', async () => {
    const net = createNet(systemClock);
    const near = await start('admin', {}, net);
    const far = await start('admin', { seed: 2, host: 'b' }, net);
    const { device, id } = createTestDevice(vendor, { wish });
    near.ports.plug(device);
    await here(near, id);
    await net.meet(near, far);
    const session = await far.join().login({ vendorCode, feature: 42 });
    expect((await session.encrypt(Buffer.alloc(32))).length).toBeGreaterThan(32);
    near.ports.unplug(id);
    await gone(near, id);
    expect(await statusOf(session.encrypt(Buffer.alloc(32)))).toBe(39);
  });

  it.each<[string, Parameters<typeof createTestDevice>[1]]>([
    ['does not sign with the key that it says', { wish, sign: async () => Buffer.alloc(64) }],
    ['signs nothing', { wish, sign: async () => Buffer.alloc(0) }],
    ['does not answer', { wish, sign: () => Promise.reject(new Error('no answer')) }],
    ['names another kind than its license', { wish, change: { configuration: 'hasp' } }],
  ])('are not served where one %s (43)', async (_, options) => {
    const site = await start();
    const { device, id } = createTestDevice(vendor, options);
    expect(await statusOf(site.keystore.devices.attach(device))).toBe(43);
    expect(site.keystore.get(id)).toBeUndefined();
  });

  it('are not served with a license of another key, another vendor, or for another kind of key', async () => {
    const site = await start();
    const other = createTestDevice(vendor, { wish, fill: 0x71 });
    const stranger = createTestDevice(createTestVendor(37_515, 9), { wish });
    const asSoftware = createTestDevice(vendor, { wish: { ...wish, certificate: { type: 'sl-adminmode' } } });
    const own = createTestDevice(vendor, { wish });
    const attach = (license: typeof own.device.license) => statusOf(site.keystore.devices.attach({ ...own.device, license }));
    expect(await attach(other.device.license)).toBe(18);
    expect(await attach(stranger.device.license)).toBe(30);
    expect(await attach(asSoftware.device.license)).toBe(19);
    expect(await attach(async () => undefined)).toBe(0);
    expect(await statusOf(site.join().login({ vendorCode, feature: 42 }))).toBe(7);
  });

  it('that come and go faster than they answer are gone in the end', async () => {
    const site = await start();
    const answer = Promise.withResolvers<void>();
    const { device, id } = createTestDevice(vendor, { wish });
    const slow = { ...device, license: () => answer.promise.then(() => device.license()) };
    site.ports.plug(slow);
    site.ports.unplug(id);
    answer.resolve();
    await gone(site, id);
    expect(site.keystore.get(id)).toBeUndefined();
  });

  it('that are pulled while they sign are no key any more (7)', async () => {
    const site = await start();
    const { device, id } = createTestDevice(vendor, { wish });
    const pulled = Promise.withResolvers<void>();
    let first = true;
    const sign: typeof device.sign = async (bytes) => {
      if (!first) await pulled.promise;
      first = false;
      return device.sign(bytes);
    };
    site.ports.plug({ ...device, sign });
    await here(site, id);
    const login = statusOf(site.join().login({ vendorCode, feature: 42 }));
    await settle();
    site.ports.unplug(id);
    await gone(site, id);
    pulled.resolve();
    expect(await login).toBe(7);
  });

  it('are not lent, moved or updated by the license manager (16)', async () => {
    const site = await start();
    const { device, id } = createTestDevice(vendor, { wish });
    site.ports.plug(device);
    await here(site, id);
    const recipient = await site.lm.transfers.recipient({ type: 'sl-adminmode' });
    const other = await start('admin', { seed: 2, host: 'b' });
    const there = await other.lm.transfers.recipient({ type: 'sl-adminmode' });
    expect(recipient).toContain('ID');
    expect(await statusOf(site.lm.transfers.rehost(id, there))).toBe(16);
    expect(await statusOf(site.keystore.state(site.keystore.get(id)!, 'a', systemClock.wall()))).toBe(16);
  });

  it('are watched until the license manager closes', async () => {
    const site = await start();
    expect(site.ports.watched()).toBe(1);
    await site.lm.close();
    expect(site.ports.watched()).toBe(0);
  });
});

it('an External LM as applications have it serves a device, too', async () => {
  const directory = await mkdtemp(path.join(tmpdir(), 'keyhaven-device-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const ports = createPorts();
  const { device } = createTestDevice(vendor, { wish });
  ports.plug(device);
  const lm = await openNearLm({ kind: 'external', vendor: vendor.code.vendor, directory, devices: ports.source });
  onTestFinished(() => lm.close());
  await vi.waitFor(() => expect(lm.keys()).toHaveLength(1));
  const { licensing, crash } = startNearApplication(lm, { pid: process.pid });
  onTestFinished(crash);
  const session = await licensing.login({ vendorCode, feature: 43 });
  expect((await session.encrypt(Buffer.alloc(16))).length).toBeGreaterThan(16);
  await session.logout();
});
