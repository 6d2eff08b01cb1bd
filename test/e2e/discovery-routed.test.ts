import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeDatagram } from '@keyhaven/core/discovery';
import { labAvailable } from '@keyhaven/testkit/lab';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSite, eventually, FEATURE, type Lm, linkedTo, needsLab, type Site } from './site.ts';
import { statusOf } from './told-application.ts';

// Search beyond the own subnet (R1, R2): addresses, broadcast addresses and host names, IPv4 and IPv6, through a router.

const noLab = labAvailable();

describe('license managers behind a router (R1, R2)', () => {
  let site: Site;
  let office: Lm;
  let annex: Lm;
  beforeEach(needsLab(() => site));
  beforeAll(async () => {
    if (noLab !== undefined) return;
    site = await createSite({
      hosts: ['router', 'office', 'annex', 'yard', 'ship', 'boat', 'kiosk'],
      subnets: { router: [1, 2], office: [1], annex: [1], yard: [2], ship: [2], boat: [2], kiosk: [2] },
      routers: ['router'],
      directedBroadcasts: true,
    });
    [office, annex] = await Promise.all([site.startLm('office'), site.startLm('annex', '[search]\nbroadcast = false\n')]);
    await site.license(office);
  });
  afterAll(async () => site?.close());

  const login = async (host: string): Promise<number> => {
    const application = await site.application(host);
    return statusOf(application.login({ vendorCode: site.code, feature: FEATURE.unlimited }));
  };
  const only = (address: string): string => `[search]\nbroadcast = false\naddresses = ["${address}"]\n`;

  it('are found by the broadcast address of their subnet, all at once, with one datagram', async () => {
    const capture = await site.lab.capture();
    const yard = await site.startLm('yard', only(office.host.broadcast));
    expect(await linkedTo(yard, office)).toMatchObject({ address: `${office.host.address}:1947` });
    await linkedTo(yard, annex, 0);
    expect(await login('yard')).toBe(0);
    const sent = (await capture.stop()).filter(({ protocol, source }) => protocol === 'udp' && source.address === yard.host.address);
    const searches = sent.filter(({ payload }) => decodeDatagram(payload)?.kind === 'search');
    // To the router, and from there to everybody on the other side.
    expect(searches.map(({ cast, destination }) => `${cast} ${destination.address}:${destination.port}`)).toEqual([
      `unicast ${office.host.broadcast}:1947`,
      `broadcast ${office.host.broadcast}:1947`,
    ]);
    expect(new Set(searches.map(({ payload }) => payload.toString('hex'))).size).toBe(1);
  });

  it('are found by a global address of IPv6', async () => {
    const ship = await site.startLm('ship', only(office.host.address6));
    expect(await linkedTo(ship, office)).toMatchObject({ address: `${office.host.address6}:1947` });
    expect(await login('ship')).toBe(0);
  });

  it('are found by a host name with addresses of both families, and under another address when the name has that', async () => {
    const file = join(site.directory, 'boat.toml');
    const search = (minutes: number): Promise<void> =>
      writeFile(file, `[search]\nbroadcast = false\naddresses = ["keys.example"]\nintervalMinutes = ${minutes}\n`);
    await search(5);
    await site.host('boat').names({ 'keys.example': [annex.host.address, annex.host.address6] });
    const boat = await site.startLm('boat', { file });
    await linkedTo(boat, annex, 0);
    expect((await boat.peers()).map(({ guid }) => guid)).toEqual([annex.guid]);
    expect(await login('boat')).toBe(7);
    await site.host('boat').names({ 'keys.example': [office.host.address] });
    // Looked up before each search, and when settings change.
    await search(6);
    await linkedTo(boat, office);
    expect(await login('boat')).toBe(0);
  });

  it('do without a name that is nowhere, this computer itself, or loopback: told once, and nothing is asked twice for it', async () => {
    const capture = await site.lab.capture();
    await site.host('kiosk').names({ kiosk: [site.host('kiosk').address], own: ['127.0.0.1', '::1'] });
    const kiosk = await site.startLm('kiosk', '[search]\naddresses = ["nowhere", "kiosk", "own", "10.199.1.255"]\n');
    await linkedTo(kiosk, office);
    const told = (): string[] =>
      [...kiosk.process.stderr().matchAll(/"name":"(\w+)"[^\n]*"a name of the search/g)].map(([, name]) => name ?? '').toSorted();
    await eventually('the names of no use are told', async () => told().length === 3);
    // Each change of interfaces has the names looked up again.
    await kiosk.host.addInterface(3);
    await eventually('the search goes to the new interface', async () => {
      const { stdout } = await site.keyhaven('kiosk', 'net', 'watch', '--recent', '--json');
      return stdout.includes('10.199.3.255');
    });
    expect((await kiosk.peers()).map(({ guid }) => guid)).not.toContain(kiosk.guid);
    expect((await kiosk.status()).duplicates).toBeUndefined();
    expect(told()).toEqual(['kiosk', 'nowhere', 'own']);
    const own = kiosk.host.interfaces().map(({ address }) => address);
    const asks = (await capture.stop()).filter(({ protocol, source, payload }) => {
      const kind = protocol === 'udp' && own.includes(source.address) ? decodeDatagram(payload)?.kind : undefined;
      return kind === 'ask' || kind === 'search';
    });
    // What the router passes on is the same question.
    const questions = new Map(asks.map(({ payload, destination }) => [payload.toString('hex'), destination.address]));
    expect(questions.size).toBeGreaterThanOrEqual(3);
    expect(new Set(questions.values()).size).toBe(questions.size);
  });
});

describe('computers with IPv4 only, with IPv6 only, and with both on one link (R1, L2)', () => {
  let site: Site | undefined;
  beforeEach(needsLab(() => site));

  it('all find the one with both, each by what it has, and use its key', async () => {
    site = await createSite({ hosts: ['both', 'four', 'six', 'other'] });
    await using _closing = { [Symbol.asyncDispose]: async () => site?.close() };
    await site.host('four').run('sh', ['-c', 'echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6']);
    expect(await site.host('six').run('ip', ['-4', 'addr', 'flush', 'dev', 'eth0'])).toMatchObject({ code: 0 });
    const both = await site.startLm('both');
    await site.license(both);
    const [four, six, other] = await Promise.all([site.startLm('four'), site.startLm('six'), site.startLm('other')]);
    expect((await linkedTo(four, both)).address).toBe(`${both.host.address}:1947`);
    expect((await linkedTo(six, both)).address).toMatch(/^fe80::.*%eth0:1947$/);
    await linkedTo(other, both);
    for (const lm of [four, six, other]) {
      const application = await site.application(lm.host.name);
      expect(await statusOf(application.login({ vendorCode: site.code, feature: FEATURE.unlimited })), lm.host.name).toBe(0);
    }
    // The two that have nothing in common do not see each other.
    expect((await four.peers()).map(({ guid }) => guid)).not.toContain(six.guid);
    expect((await six.peers()).map(({ guid }) => guid)).not.toContain(four.guid);
  });
});
