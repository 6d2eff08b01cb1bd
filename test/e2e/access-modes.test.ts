import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { labAvailable } from '@keyhaven/testkit/lab';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSite, eventually, FEATURE, type Lm, linkedTo, needsLab, type Site } from './site.ts';
import { statusOf, type ToldApplication } from './told-application.ts';

// "Access from Remote Clients" between computers (R9): its four modes, every kind of rule, and what the owner keeps of a refusal. The file is
// changed while the license manager runs.

const noLab = labAvailable();
const isEqual = (a: readonly number[], b: readonly number[]): boolean => a.join() === b.join();
const FETCH = `fetch(process.argv[1]).then(async (answer) => console.log(await answer.text()));`;
type Entry = { readonly kind: string; readonly detail: Readonly<Record<string, unknown>> };

describe('access from remote clients (R9)', () => {
  let site: Site;
  let office: Lm;
  let yard: Lm;
  let shed: Lm;
  let file: string;
  const applications = new Map<string, ToldApplication>();
  beforeEach(needsLab(() => site));
  beforeAll(async () => {
    if (noLab !== undefined) return;
    site = await createSite({ hosts: ['office', 'yard', 'shed'] });
    for (const host of site.lab.hosts) await host.run('sh', ['-c', 'echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6']);
    file = join(site.directory, 'office.ini');
    await writeFile(file, '');
    [office, yard, shed] = await Promise.all([site.startLm('office', { file }), site.startLm('yard'), site.startLm('shed')]);
    await site.license(office);
    for (const lm of [yard, shed]) await linkedTo(lm, office);
    for (const { name } of site.lab.hosts) applications.set(name, await site.application(name));
  });
  afterAll(async () => site?.close());

  const login = async (host: string): Promise<number> => {
    const application = applications.get(host);
    if (application === undefined) throw new Error(`no application on ${host}`);
    return statusOf(application.login({ vendorCode: site.code, feature: FEATURE.unlimited }));
  };
  /** Newest first. */
  const audit = async (kind: string): Promise<readonly Entry[]> => {
    const url = `http://127.0.0.1:1947/api/v1/audit?limit=500&kind=${encodeURIComponent(kind)}`;
    const { stdout } = await site.host('office').run('node', ['-e', FETCH, url]);
    return JSON.parse(stdout) as readonly Entry[];
  };
  const denials = async () => (await audit('refused')).map(({ detail }) => detail);
  let changes = 0;
  /** Resolves when the file holds. It comes whole, or the license manager would take over a half of it first. */
  const configure = async (...lines: string[]): Promise<void> => {
    changes += 1;
    const before = (await audit('settings changed')).length;
    await writeFile(`${file}.new`, `; change ${changes}\n${lines.join('\n')}\n`);
    await rename(`${file}.new`, file);
    await eventually('the office has taken the file over', async () => (await audit('settings changed')).length > before);
  };
  const statuses = async (): Promise<number[]> => Promise.all(['office', 'yard', 'shed'].map(login));

  it.each([
    ['local', 'none', 7, 5],
    ['secure', 'identifiable', 87, 87],
  ])('mode %s: no other computer may, each is told so, and the owner keeps the setting that decided', async (mode, named, told, kept) => {
    await configure('[SERVER]', `accessfromremote = ${mode}`);
    await eventually(`others are told ${told}`, async () => isEqual(await statuses(), [0, told, told]));
    const rule = `access.remoteClients = ${named}`;
    expect(await denials()).toContainEqual(
      expect.objectContaining({ status: kept, rule, ruleFile: file, ruleLine: 3, address: yard.host.address }),
    );
    expect(office.process.stderr()).toMatch(new RegExp(`"rule":"${rule}","file":"${file}","line":3,.*"computer refused by a rule"`));
    if (kept === 87) {
      const said = await site.keyhaven('yard', 'login', '--vendor-code', site.code, '--feature', String(FEATURE.unlimited));
      expect(said.stderr).toMatch(/^error 87 IDENTITY_REQUIRED: .*serves identifiable clients only/);
    }
    const { stdout } = await site.keyhaven('office', 'denials', '--limit', '1');
    expect(stdout).toContain(`${rule} (${file}:3)`);
  });

  it.each(['split', 'remote'])('mode %s: all may, for no license is in a cloud', async (mode) => {
    await configure('[SERVER]', `accessfromremote = ${mode}`);
    const all = await eventually('all may again', async () => (await statuses()).every((status) => status === 0));
    expect(all).toBe(true);
  });

  const [at, shedAt] = [() => yard.host.address, () => shed.host.address];
  it.each<[string, () => string[], readonly [number, number], number]>([
    ['a wildcard', () => ['deny=10.199.1.*'], [5, 5], 3],
    ['a range', () => [`deny=${at()}/32`], [5, 0], 3],
    ['a name, wherever it points', () => ['allow=lathe', 'deny=*'], [0, 5], 4],
    ['a name in a denial', () => ['deny=lathe', 'allow=*'], [5, 0], 3],
    ['a name that a computer only calls itself', () => ['allow=shed', 'deny=*'], [5, 5], 4],
    ['a name with a star, as computers call themselves', () => ['allow=SH*', 'deny=*'], [5, 0], 4],
    ['the first of two that match', () => [`allow=${at()}`, 'deny=10.199.1.*'], [0, 5], 4],
    ['a license manager by its GUID', () => [`deny=*,lm:${shed.guid}`], [0, 5], 3],
  ])('by %s', async (_, rules, expected, line) => {
    await site.host('office').names({ lathe: [at()] });
    await configure('[ACCESS]', ...rules());
    expect(await statuses()).toEqual([0, ...expected]);
    const denied = expected[1] === 5 ? shedAt() : at();
    const rule = rules()[line - 3];
    const kept = (await denials()).find(({ address }) => address === denied);
    expect(kept).toMatchObject({ status: 5, rule, ruleFile: file, ruleLine: line });
    expect(office.process.stderr()).toMatch(
      new RegExp(`"status":5,"rule":"${rule?.replaceAll(/[*.]/g, '\\$&')}","file":"${file}","line":${line}`),
    );
  });

  it('a name that is no computer is in the log once, and one that gets another address is that computer then', async () => {
    const told = (): number => office.process.stderr().split('has no address').length - 1;
    const before = told();
    await site.host('office').names({ lathe: [at()] });
    await configure('[ACCESS]', 'allow=nowhere', 'allow=lathe', 'deny=*');
    expect(await statuses()).toEqual([0, 0, 5]);
    await site.host('office').names({ lathe: [shedAt()] });
    await configure('[ACCESS]', 'allow=nowhere', 'allow=lathe', 'deny=*');
    await eventually('the name is looked up again', async () => (await login('shed')) === 0);
    expect(await statuses()).toEqual([0, 5, 0]);
    expect(told()).toBe(before + 1);
  });
});
