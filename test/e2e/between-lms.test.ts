import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Host, labAvailable } from '@keyhaven/testkit/lab';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSite, eventually, FEATURE, type Lm, linkedTo, needsLab, type Site } from './site.ts';
import { statusOf } from './told-application.ts';

const noLab = labAvailable();
const shell = async (host: Host, script: string): Promise<string> => {
  const { code, stdout, stderr } = await host.run('sh', ['-ec', script]);
  if (code !== 0) throw new Error(`${script}: ${stderr}`);
  return stdout;
};
/** Drops what matches, until it is removed again. */
const drop = (host: Host, hook: 'input' | 'output', what: string): Promise<string> =>
  shell(
    host,
    `nft add table inet t; nft add chain inet t ${hook} '{ type filter hook ${hook} priority 0; }'; nft 'add rule inet t ${hook} ${what} drop'`,
  );
const undrop = (host: Host): Promise<string> => shell(host, 'nft delete table inet t');

// R3, R6, R8 between license managers of several subnets.
describe('an office, a yard behind a router, and two computers with two cables', () => {
  let site: Site;
  let office: Lm;
  beforeEach(needsLab(() => site));
  beforeAll(async () => {
    if (noLab !== undefined) return;
    site = await createSite({
      hosts: ['office', 'gate', 'yard', 'watch', 'east', 'west'],
      subnets: { gate: [1, 2], yard: [2], watch: [2], east: [3, 4], west: [3, 4] },
    });
    const gate = site.host('gate');
    await shell(gate, 'echo 1 > /proc/sys/net/ipv4/ip_forward');
    const [first, second] = gate.interfaces();
    await shell(site.host('office'), `ip route add 10.199.2.0/24 via ${first?.address}`);
    for (const name of ['yard', 'watch']) await shell(site.host(name), `ip route add 10.199.1.0/24 via ${second?.address}`);
    office = await site.startLm('office');
  });
  afterAll(async () => site?.close());

  it('a key that is new is known at once at an LM that has only connected to this one, and that this one never heard of (R6)', async () => {
    const yard = site.host('yard');
    // Nothing of the yard arrives by UDP: it asks by TCP, and the office has no way to find it.
    await drop(yard, 'output', 'udp dport 1947');
    const config = `[search]\nbroadcast = false\naggressive = true\naddresses = ["${office.host.address}"]\n`;
    const lm = await site.startLm('yard', config);
    await linkedTo(lm, office, 0);
    expect(await office.peers()).toEqual([]);
    const linked = (): number => (lm.process.stderr().match(/"keys":1,"msg":"peer linked"/g) ?? []).length;
    expect(linked()).toBe(0);
    await site.license(office);
    // From its log: whoever asks for its keys makes it ask the others.
    await eventually('the yard has learned of the key', async () => linked() > 0);
    await undrop(yard);
    await lm.end('SIGTERM');
  });

  it('what a lost notification told is known after the next search, without any trouble (R6)', async () => {
    const watch = site.host('watch');
    const file = join(site.directory, 'watch.toml');
    await writeFile(file, `[search]\nbroadcast = false\naddresses = ["${office.host.address}"]\n`);
    const program = new URL('fast-lm.ts', import.meta.url).pathname;
    const process = await watch.spawn('node', [program, join(site.directory, 'state-watch'), file]);
    await process.nextLine((line) => line === 'ready', 60_000);
    const told = (keys: number) => (line: string) => line.includes('"peer linked"') && line.includes(`"keys":${keys}}`);
    const before = (await office.keys()).length;
    await process.nextLine(told(before));
    // Notifications of changes are longer than questions and answers (D1, D2).
    await drop(watch, 'input', 'udp dport 1947 udp length > 48');
    await site.license(office);
    const lost = await process.nextLine(told(before + 1), 1_500).then(
      () => false,
      () => true,
    );
    expect(lost, 'the notification was lost').toBe(true);
    await process.nextLine(told(before + 1), 12_000);
    await undrop(watch);
    await site.license(office);
    await process.nextLine(told(before + 2));
    process.kill('SIGKILL');
    await process.exited;
  });

  it('one that is reached by two cables is used by the other one when the cable in use is out; its sessions go on (R3, R8)', async () => {
    // One after the other, so that the search of the second one finds the first by both cables.
    const west = await site.startLm('west');
    const east = await site.startLm('east');
    await site.license(west);
    const used = async (): Promise<string> => (await linkedTo(east, west)).address;
    const application = await site.application('east');
    const session = await application.login({ vendorCode: site.code, feature: FEATURE.oneSeat });
    await session.write(0, Buffer.from('before'));
    for (let turn = 0; turn < 2; turn += 1) {
      const before = await used();
      const cable = west.host
        .interfaces()
        .find(({ address, address6, linkLocal }) => [address, address6, linkLocal].some((each) => before.includes(each)));
      if (cable === undefined) throw new Error(`${before} is no address of the computer with the key`);
      await west.host.link(false, cable.name);
      await eventually('a call goes another way', async () => (await statusOf(session.read(0, 6))) === 0);
      const after = await used();
      expect(
        [cable.address, cable.address6, cable.linkLocal].some((each) => after.includes(each)),
        `${before} to ${after}`,
      ).toBe(false);
      expect((await session.read(0, 6)).toString()).toBe('before');
      expect((await west.sessions()).map(({ id }) => id)).toEqual([session.id]);
      await west.host.link(true, cable.name);
      await eventually('both cables are known again', async () => (await east.peers()).some(({ state }) => state === 'linked'));
    }
    await session.logout();
    expect(await west.used(FEATURE.oneSeat)).toBe(0);
  });
});
