import { labAvailable } from '@keyhaven/testkit/lab';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSite, eventually, FEATURE, type Lm, linkedTo, needsLab, type Site } from './site.ts';

// R9 between computers: the one with the key decides, by where others come from.

const noLab = labAvailable();
type Denial = {
  readonly status: number;
  readonly licenseManager: string | null;
  readonly feature: number | null;
  readonly rule: string | null;
};

describe('rules on other computers (R9)', () => {
  let site: Site;
  let office: Lm;
  let yard: Lm;
  let shed: Lm;
  beforeEach(needsLab(() => site));
  beforeAll(async () => {
    if (noLab !== undefined) return;
    site = await createSite({ hosts: ['office', 'yard', 'shed'] });
    [yard, shed] = await Promise.all([site.startLm('yard'), site.startLm('shed')]);
    const users = [
      // Whichever of the two it comes by.
      `deny=*@${yard.host.address},feature:${FEATURE.oneSeat}`,
      `deny=*@fe80::/10,feature:${FEATURE.oneSeat}`,
      `allow=*,lm:local,feature:${FEATURE.fiveSeats},reserve=4`,
    ];
    office = await site.startLm('office', `[access]\nusers = ${JSON.stringify(users)}\nclients = ["deny=*,lm:${shed.guid}"]\n`);
    await site.license(office);
    await linkedTo(yard, office);
  });
  afterAll(async () => site?.close());

  const denials = async (): Promise<readonly Denial[]> => {
    const { code, stdout, stderr } = await site.keyhaven('office', 'denials', '--json');
    expect([code, stderr]).toEqual([0, '']);
    return JSON.parse(stdout) as readonly Denial[];
  };
  const loginAt = async (host: string, feature: number) => {
    const { process, answer } = await site.holdLogin(host, feature);
    return { answer, end: () => process.kill('SIGTERM') };
  };

  it('deny a feature to a computer by its address with 53, and the owner keeps the rule', async () => {
    expect((await loginAt('yard', FEATURE.oneSeat)).answer).toMatchObject({ status: 53, name: 'USER_DENIED' });
    const local = await loginAt('office', FEATURE.oneSeat);
    expect(local.answer.status).toBe(0);
    local.end();
    const rule = expect.stringMatching(/^deny=\*@(?:[\d.]+|fe80::\/10),feature:11$/) as string;
    expect(await denials()).toContainEqual(
      expect.objectContaining({ status: 53, feature: FEATURE.oneSeat, licenseManager: yard.guid, rule }),
    );
  });

  it('keep reserved seats from other computers with 38, and grant them here', async () => {
    const first = await loginAt('yard', FEATURE.fiveSeats);
    expect(first.answer.status).toBe(0);
    expect((await loginAt('yard', FEATURE.fiveSeats)).answer).toMatchObject({
      status: 38,
      message: expect.stringContaining('reserved') as string,
    });
    const here = await loginAt('office', FEATURE.fiveSeats);
    expect(here.answer.status).toBe(0);
    first.end();
    here.end();
  });

  it('deny a computer as a whole: it gets no link, and the owner keeps that', async () => {
    const denied = await eventually('the denial of the shed', async () =>
      (await denials()).find(({ licenseManager }) => licenseManager === shed.guid),
    );
    expect(denied).toMatchObject({ status: 5, rule: `deny=*,lm:${shed.guid}` });
    expect((await loginAt('shed', FEATURE.unlimited)).answer).toMatchObject({ status: 7 });
    expect((await loginAt('yard', FEATURE.unlimited)).answer.status).toBe(0);
  });
});
