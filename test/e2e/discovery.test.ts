import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { labAvailable } from '@keyhaven/testkit/lab';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSite, eventually, FEATURE, type Lm, linkedTo, needsLab, type Site } from './site.ts';
import { statusOf } from './told-application.ts';

const noLab = labAvailable();

describe('three computers without IPv6 and one key, found by IPv4 broadcast (R1, R3, L2)', () => {
  let site: Site;
  let office: Lm;
  let others: readonly Lm[];
  beforeEach(needsLab(() => site));
  beforeAll(async () => {
    if (noLab !== undefined) return;
    site = await createSite({ hosts: ['office', 'yard', 'ship'] });
    for (const host of site.lab.hosts) await host.run('sh', ['-c', 'echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6']);
    let yard: Lm;
    let ship: Lm;
    [office, yard, ship] = await Promise.all([site.startLm('office'), site.startLm('yard'), site.startLm('ship')]);
    others = [yard, ship];
  });
  afterAll(async () => site?.close());

  it('makes and licenses a key with the commands of INTERFACES', async () => {
    const [c2v, v2c] = [join(site.directory, 'key.c2v'), join(site.directory, 'key.v2c')];
    const code = await site.keyhaven('office', 'vendor', 'code', site.vendorDirectory);
    expect(code).toEqual({ code: 0, stdout: `${site.code}\n`, stderr: '' });
    expect(await site.keyhaven('office', 'c2v', '--vendor-code', site.code, '--out', c2v)).toMatchObject({ code: 0, stderr: '' });
    expect(
      await site.keyhaven('office', 'vendor', 'license', site.vendorDirectory, '--c2v', c2v, '--product', '1', '--out', v2c),
    ).toMatchObject({ code: 0, stderr: '' });
    expect(await site.keyhaven('office', 'apply', v2c)).toMatchObject({ code: 0, stderr: '' });
    expect((await readFile(v2c, 'latin1')).length).toBeGreaterThan(0);
    const [key] = await office.keys();
    expect(key).toMatchObject({
      type: 'sl-adminmode',
      vendor: 37_515,
      local: true,
      updateCounter: 1,
      licenseManager: { guid: office.guid, hostname: 'office' },
    });
  });

  it('lets both others find the key by themselves, with its features and where it is', async () => {
    const [key] = await office.keys();
    for (const lm of others) {
      const peer = await linkedTo(lm, office);
      expect(peer).toEqual({ guid: office.guid, hostname: 'office', address: `${office.host.address}:1947`, state: 'linked', keys: 1 });
      expect(await lm.keys()).toMatchObject([
        {
          key: key?.key,
          local: false,
          updateCounter: 1,
          licenseManager: { guid: office.guid, hostname: 'office', address: office.host.address },
        },
      ]);
      const features = await lm.features();
      expect(features.map(({ feature }) => feature)).toEqual([10, 11, 12, 13, 14, 15, 16, 17]);
      expect(features[0]).toMatchObject({
        name: 'Five seats',
        product: 1,
        local: false,
        license: { type: 'perpetual' },
        seats: { limit: 5, used: 0, waiting: 0 },
      });
    }
    expect(
      new Set(
        (
          await eventually('the office knows both', async () => {
            const peers = (await office.peers()).filter(({ state }) => state === 'linked');
            return peers.length === 2 && peers;
          })
        ).map(({ hostname }) => hostname),
      ),
    ).toEqual(new Set(['yard', 'ship']));
  });

  it('lets an application log in through its own LM, wherever the key is (L1)', async () => {
    for (const lm of [office, ...others]) {
      const { process, answer } = await site.holdLogin(lm.host.name, FEATURE.fiveSeats);
      expect(answer).toMatchObject({
        status: 0,
        name: 'OK',
        product: 1,
        feature: 10,
        licenseManager: { guid: office.guid, hostname: 'office', kind: 'admin' },
      });
      const [session] = await office.sessions();
      expect(session).toMatchObject({ id: answer.session, key: answer.key, feature: 10, host: lm.host.name, pid: process.pid, seats: 1 });
      process.kill('SIGTERM');
      expect(await process.exited).toEqual({ code: 0, signal: null });
      expect(await office.sessions()).toEqual([]);
    }
  });

  it('refuses what the key does not have with the status of the field (A2)', async () => {
    const application = await site.application('yard');
    const login = (feature: number) => statusOf(application.login({ vendorCode: site.code, feature }));
    expect(await login(0)).toBe(0);
    expect(await login(FEATURE.unsold)).toBe(31);
    expect(await login(FEATURE.expired)).toBe(41);
    expect([
      await login(FEATURE.executions),
      await login(FEATURE.executions),
      await login(FEATURE.executions),
      await login(FEATURE.executions),
    ]).toEqual([0, 0, 0, 41]);
    await application.end();
  });
});

describe('computers that only IPv6 connects (R1)', () => {
  let site: Site | undefined;
  beforeEach(needsLab(() => site));

  it('find each other by link-local multicast and speak TCP over link-local addresses', async () => {
    site = await createSite({ hosts: ['office', 'yard'] });
    await using _closing = { [Symbol.asyncDispose]: async () => site?.close() };
    for (const host of site.lab.hosts) {
      // Only loopback has IPv4 then, and only the link-local address is left of IPv6.
      expect(await host.run('ip', ['-4', 'addr', 'flush', 'dev', 'eth0'])).toMatchObject({ code: 0 });
      expect(await host.run('ip', ['-6', 'addr', 'flush', 'dev', 'eth0', 'scope', 'global'])).toMatchObject({ code: 0 });
    }
    const [office, yard] = await Promise.all([site.startLm('office'), site.startLm('yard')]);
    await site.license(office);
    const peer = await linkedTo(yard, office);
    expect(peer.address).toBe(`${office.host.interfaces()[0]?.linkLocal}%eth0:1947`);
    const application = await site.application('yard');
    const session = await application.login({ vendorCode: site.code, feature: FEATURE.fiveSeats });
    expect(session.licenseManager).toMatchObject({ guid: office.guid, hostname: 'office' });
    await session.write(0, Buffer.from('over IPv6'));
    expect((await session.read(0, 9)).toString()).toBe('over IPv6');
    expect(await office.sessions()).toMatchObject([{ host: 'yard', id: session.id }]);
    await session.logout();
    expect(await office.used(FEATURE.fiveSeats)).toBe(0);
  });
});

describe('computers on different subnets (R1, R2)', () => {
  let site: Site | undefined;
  beforeEach(needsLab(() => site));

  it('find each other by the addresses in the settings, through a router, and not without them', async () => {
    site = await createSite({
      hosts: ['router', 'office', 'yard', 'ship'],
      subnets: { router: [1, 2], office: [1], yard: [2], ship: [2] },
    });
    await using _closing = { [Symbol.asyncDispose]: async () => site?.close() };
    const [one, two] = site.host('router').interfaces();
    expect(await site.host('router').run('sh', ['-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward'])).toMatchObject({ code: 0 });
    for (const [name, via] of [
      ['office', one],
      ['yard', two],
      ['ship', two],
    ] as const) {
      expect(await site.host(name).run('ip', ['route', 'add', '10.199.0.0/16', 'via', via?.address ?? ''])).toMatchObject({ code: 0 });
    }
    const address = site.host('office').address;
    const office = await site.startLm('office');
    await site.license(office);
    const [yard, ship] = await Promise.all([
      site.startLm('yard', `[search]\nbroadcast = false\naddresses = ["${address}"]\n`),
      site.startLm('ship'),
    ]);
    expect(await linkedTo(yard, office)).toMatchObject({ address: `${address}:1947` });
    const [near, far] = await Promise.all([site.application('yard'), site.application('ship')]);
    const options = { vendorCode: site.code, feature: FEATURE.fiveSeats };
    expect(await statusOf(near.login(options))).toBe(0);
    expect(await statusOf(far.login(options))).toBe(7);
    expect((await ship.peers()).map(({ guid }) => guid)).not.toContain(office.guid);
  });
});
