import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { labAvailable } from '@keyhaven/testkit/lab';
import { describe, expect, it, type TestContext } from 'vitest';
import { createSite, eventually, FEATURE, linkedTo, needsLab, type Site } from './site.ts';
import { statusOf } from './told-application.ts';

// A license manager whose GUID another computer has (R5): that is noticed and told, and a new LM id mends it without a key, a session or a seat lost.

const FETCH = `
fetch(process.argv[1], { method: process.argv[2] ?? 'GET' }).then(async (answer) => console.log(answer.status, await answer.text()));`;

const siteFor = async (context: TestContext): Promise<Site> => {
  const noLab = labAvailable();
  if (noLab !== undefined) context.skip(noLab);
  const id = 'ab'.repeat(16);
  const site = await createSite({ hosts: ['office', 'yard'], machineIds: { office: id, yard: id } });
  needsLab(() => site, undefined)(context);
  return site;
};

describe.concurrent('the LM id', () => {
  it('that two computers have is noticed by both and told in status, API and log; a new one mends it', async (context) => {
    const site = await siteFor(context);
    await using _closing = { [Symbol.asyncDispose]: async () => site.close() };
    const image = await site.startLm('office');
    await image.end('SIGTERM');
    await cp(join(site.directory, 'state-office'), join(site.directory, 'state-yard'), { recursive: true });
    const [office, copy] = [await site.startLm('office'), await site.startLm('yard')];
    expect(copy.guid).toBe(office.guid);
    for (const [lm, other] of [
      [office, copy],
      [copy, office],
    ] as const) {
      const { duplicates } = await eventually(`${lm.host.name} has the proof`, async () => {
        const status = await lm.status();
        return status.duplicates?.some(({ proven }) => proven) === true && status;
      });
      expect(duplicates?.find(({ proven }) => proven)).toMatchObject({ host: other.host.name });
      const { stdout } = await site.keyhaven(lm.host.name, 'status');
      expect(stdout).toMatch(
        new RegExp(`^duplicate ${other.host.name} \\(\\S+\\) has the LM id of this one: one of the two is a copy`, 'm'),
      );
      expect(lm.process.stderr()).toMatch(/"another computer (uses the LM id of this one|is a copy of this one)/);
    }
    const said =
      office.process.stderr().split('"another computer uses the LM id').length +
      copy.process.stderr().split('"another computer uses the LM id').length;
    expect(said - 2, 'told once for each address, not at each datagram').toBeLessThanOrEqual(4);
    const api = await site.host('office').run('node', ['-e', FETCH, 'http://127.0.0.1:1947/api/v1/status']);
    expect(api.stdout).toContain('"proven":true');
    expect(await office.peers()).toEqual([]);

    const made = await site.keyhaven('yard', 'lm', 'new-id', '--json');
    const { guid } = JSON.parse(made.stdout) as { readonly guid: string };
    await copy.end('SIGTERM');
    const yard = await copy.again();
    expect(yard.guid).toBe(guid);
    const key = await site.license(office);
    await linkedTo(yard, office);
    const application = await site.application('yard');
    // A proof of a copy counts for a quarter of an hour, or until a restart (K9).
    expect(await statusOf(application.login({ vendorCode: site.code, feature: FEATURE.oneSeat }))).toBe(64);
    await office.end('SIGTERM');
    const again = await office.again();
    expect([again.guid, (await again.status()).duplicates]).toEqual([office.guid, undefined]);
    await eventually('the yard sees the key again', async () => (await yard.keys()).some((each) => each.key === key && !each.local));
    expect(await statusOf(application.login({ vendorCode: site.code, feature: FEATURE.oneSeat }))).toBe(0);
  });

  it('is made anew on the computer itself only, and takes effect without a key, session or seat lost', async (context) => {
    const site = await siteFor(context);
    await using _closing = { [Symbol.asyncDispose]: async () => site.close() };
    const [first, yard] = await Promise.all([site.startLm('office', '[access]\nremoteAdministration = true\n'), site.startLm('yard')]);
    const key = await site.license(first);
    await linkedTo(yard, first);
    const url = `http://${first.host.address}:1947/api/v1/lm-id`;
    expect((await yard.host.run('node', ['-e', FETCH, url, 'POST'])).stdout).toMatch(/^40[13] /);
    const [near, far] = await Promise.all([site.application('office'), site.application('yard')]);
    const here = await near.login({ vendorCode: site.code, feature: FEATURE.oneSeat });
    const there = await far.login({ vendorCode: site.code, feature: FEATURE.fiveSeats });

    const said = await site.keyhaven('office', 'lm', 'new-id');
    expect(said.stdout).toMatch(/^The new LM id [\w-]{40} holds after a start without sessions over the network; there are 1 now\./);
    await first.end('SIGTERM');
    const second = await first.again();
    expect(second.guid, 'a session over the network goes first').toBe(first.guid);
    const status = await second.status();
    expect(status.newId).toMatchObject({ waitsFor: 1 });
    await eventually(
      'both sessions go on',
      async () => (await statusOf(there.read(0, 4))) === 0 && (await statusOf(here.read(0, 4))) === 0,
    );
    await there.logout();

    await second.end('SIGTERM');
    const third = await second.again();
    expect(third.guid).toBe(status.newId?.guid);
    expect((await third.status()).newId).toBeUndefined();
    expect((await third.keys()).filter(({ local }) => local).map((each) => each.key)).toEqual([key]);
    await eventually('the session of this computer goes on', async () => (await statusOf(here.read(0, 4))) === 0);
    expect((await third.sessions()).map(({ id }) => id)).toEqual([here.id]);
    expect(await third.used(FEATURE.oneSeat)).toBe(1);
    expect(await statusOf(far.login({ vendorCode: site.code, feature: FEATURE.oneSeat }))).not.toBe(0);
    await here.logout();
    expect(await third.used(FEATURE.oneSeat)).toBe(0);
    await linkedTo(yard, third);
    expect(await statusOf(far.login({ vendorCode: site.code, feature: FEATURE.oneSeat }))).toBe(0);
  });
});
