import { type Host, labAvailable } from '@keyhaven/testkit/lab';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSite, eventually, FEATURE, type Lm, linkedTo, needsLab, type Site } from './site.ts';
import { statusOf } from './told-application.ts';

// R8: an application that works over a bad network, and over one that is parted for a moment, notices nothing but that it is slow.

const noLab = labAvailable();
const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** One packet in five is lost, the others come 50 ms later; where the kernel has no netem, they are lost and not late. */
const makeRough = async (host: Host): Promise<string> => {
  const interfaces = host.interfaces().map(({ name }) => name);
  const late = await host.run('sh', [
    '-ec',
    interfaces.map((name) => `tc qdisc add dev ${name} root netem loss 20% delay 50ms`).join('; '),
  ]);
  if (late.code === 0) return 'loss and delay';
  const lossy = "nft add table inet rough; nft add chain inet rough out '{ type filter hook output priority 0; }'";
  const lost = await host.run('sh', ['-ec', `${lossy}; nft add rule inet rough out oifname != lo numgen random mod 5 0 drop`]);
  if (lost.code !== 0) throw new Error(lost.stderr);
  return `loss without delay (${late.stderr.trim()})`;
};

describe('a running application over a network that loses every fifth packet (R8)', () => {
  let site: Site;
  let [office, yard]: (Lm | undefined)[] = [];
  beforeEach(needsLab(() => site));
  beforeAll(async () => {
    if (noLab !== undefined) return;
    site = await createSite({ hosts: ['office', 'yard'] });
    [office, yard] = await Promise.all([site.startLm('office'), site.startLm('yard')]);
    await site.license(office);
    await linkedTo(yard, office);
  });
  afterAll(async () => site?.close());

  it('and that is parted for a second and a half, sees every call succeed, in one session', { timeout: 90_000 }, async () => {
    const application = await site.application('yard');
    const session = await application.login({ vendorCode: site.code, feature: FEATURE.oneSeat });
    await session.write(0, Buffer.from('before'));
    const ways = [await makeRough(site.host('office')), await makeRough(site.host('yard'))];
    console.log(`the network has ${ways[0]}`);
    const statuses: number[] = [];
    let slowest = 0;
    const work = async (calls: number): Promise<void> => {
      for (let call = 0; call < calls; call += 1) {
        const begun = performance.now();
        statuses.push(await statusOf(session.read(0, 6)));
        slowest = Math.max(slowest, performance.now() - begun);
        await pause(50);
      }
    };
    await work(20);
    const parted = work(20);
    await site.lab.partition(['office'], ['yard']);
    await pause(1_500);
    await site.lab.partition();
    await parted;
    await work(20);
    console.log(`the slowest of ${statuses.length} calls took ${Math.round(slowest)} ms`);
    expect(statuses.filter((status) => status !== 0)).toEqual([]);
    expect((await session.read(0, 6)).toString()).toBe('before');
    expect((await office?.sessions())?.map(({ id }) => id)).toEqual([session.id]);
    expect(await office?.used(FEATURE.oneSeat)).toBe(1);
    await session.logout();
    await eventually('the seat is free', async () => (await office?.used(FEATURE.oneSeat)) === 0);
  });
});
