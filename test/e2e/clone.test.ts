import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { labAvailable } from '@keyhaven/testkit/lab';
import { describe, expect, it } from 'vitest';
import { createSite, eventually, FEATURE, type Lm, needsLab } from './site.ts';
import { statusOf } from './told-application.ts';

// A computer that is copied whole has the state directory and the machine id of the first.

describe('a computer that was copied whole (K9)', () => {
  it('is noticed by both, named, and its keys are refused on both until one of them is gone', async (context) => {
    const noLab = labAvailable();
    if (noLab !== undefined) return context.skip(noLab);
    const site = await createSite({ hosts: ['office', 'yard'] });
    await using _closing = { [Symbol.asyncDispose]: async () => site.close() };
    needsLab(() => site, undefined)(context);
    // Writes through the mount, into the file that stands for this host's.
    const [id, yardHost] = [site.host('office').machineId, site.host('yard')];
    await yardHost.run('sh', ['-c', 'echo "$1" > /etc/machine-id', 'sh', id]);
    if ((await yardHost.run('cat', ['/etc/machine-id'])).stdout.trim() !== id)
      return context.skip('the machine id of a host cannot be changed here');
    const before = await site.startLm('office');
    const key = await site.license(before);
    await before.end('SIGTERM');
    await cp(join(site.directory, 'state-office'), join(site.directory, 'state-yard'), { recursive: true });

    const office = await site.startLm('office');
    const application = await site.application('office');
    const asked = { vendorCode: site.code, feature: FEATURE.fiveSeats };
    expect(await statusOf(application.login(asked))).toBe(0);
    const yard = await site.startLm('yard');
    expect(yard.guid).toBe(office.guid);
    const warned = (lm: Lm) =>
      eventually(`${lm.host.name} has noticed`, async () => (await lm.keys()).find((each) => each.key === key)?.warnings?.join(' '));
    expect(await warned(office)).toMatch(new RegExp(`Key ${key} is also on .*: one of the two is a copy`));
    expect(await warned(yard)).toMatch(/one of the two is a copy/);
    expect(await statusOf(application.login(asked))).toBe(64);
    expect(await statusOf((await site.application('yard')).login(asked))).toBe(64);
    expect((await site.keyhaven('office', 'keys')).stdout).toContain('one of the two is a copy');
  });
});
