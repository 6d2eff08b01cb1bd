import { writeFile } from 'node:fs/promises';
import { vendorPaths } from '@keyhaven/vendor-tools';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSite, eventually, type Lm, linkedTo, needsLab, type Site } from './site.ts';
import { statusOf } from './told-application.ts';

// K5 over the network (docs/decisions/0025-detach-online.md), with real processes on computers whose cables are pulled and whose license managers are killed.

const FEATURE = 10;
const CATALOG = `
products:
  - id: 1
    name: Survey
    features:
      - { id: ${FEATURE}, name: Echo sounder, license: { type: perpetual }, concurrency: { seats: 3, network: true }, detachable: true }
`;
const LENDS = '[detach]\nenabled = true\n';

type Here = { readonly key: string; readonly until: string };
type Row = { readonly key: string; readonly product: number; readonly local: boolean; readonly detachable?: number | null };
type Audited = { readonly kind: string; readonly scope: string; readonly detail: Readonly<Record<string, unknown>> };

let shared: Site | undefined;
const site = (): Site => shared ?? expect.fail('no site');

describe('detaching and giving back over the network', () => {
  const hosts = ['office', 'barn', 'yard'] as const;
  const lms = new Map<string, Lm>();
  const keys = new Map<string, string>();
  const lm = (name: string): Lm => lms.get(name) ?? expect.fail(`no license manager ${name}`);
  const keyOf = (name: string): string => keys.get(name) ?? expect.fail(`no key ${name}`);
  const run = (host: string, ...args: readonly string[]) => site().keyhaven(host, ...args);
  const json = async <T>(host: string, ...args: readonly string[]): Promise<T> => {
    const { code, stdout, stderr } = await run(host, ...args, '--json');
    return code === 0 ? (JSON.parse(stdout) as T) : expect.fail(`${args.join(' ')}: ${stderr}`);
  };
  const refusal = async (host: string, ...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await run(host, ...args);
    return code === 0 ? expect.fail(`${args.join(' ')} succeeded: ${stdout}`) : stderr;
  };
  const detach = (seconds = 3_600, owner = 'office'): Promise<Here> =>
    json('yard', 'detach', '--key', keyOf(owner), '--product', '1', '--here', '--duration', String(seconds));
  const login = async (host: string): Promise<number> => {
    const application = await site().application(host);
    const status = await statusOf(application.login({ vendorCode: site().code, feature: FEATURE }));
    application.process.kill('SIGKILL');
    return status;
  };
  const out = async (): Promise<number> => (await json<unknown[]>('office', 'detached')).length;

  beforeAll(async () => {
    if (shared === undefined) shared = await createSite({ hosts: [...hosts] }).catch(() => undefined);
    if (shared === undefined) return;
    await writeFile(vendorPaths(shared.vendorDirectory).catalog, CATALOG);
    await Promise.all(hosts.map(async (name) => lms.set(name, await site().startLm(name, name === 'office' ? LENDS : ''))));
    for (const name of ['office', 'barn']) keys.set(name, await site().license(lm(name)));
    for (const name of ['office', 'barn']) await linkedTo(lm('yard'), lm(name));
  }, 60_000);
  afterAll(() => shared?.close());
  beforeEach(needsLab(() => shared));

  it('is offered by whose administrator allows it, and refused by others, with what to do', async () => {
    const rows = (await json<Row[]>('yard', 'products')).filter(({ local }) => !local);
    expect(rows.find(({ key }) => key === keyOf('office'))).toMatchObject({ product: 1, detachable: 3 });
    expect(rows.find(({ key }) => key === keyOf('barn'))).not.toHaveProperty('detachable');
    const said = await refusal('yard', 'detach', '--key', keyOf('barn'), '--product', '1', '--here', '--duration', '3600');
    expect(said).toMatch(/^error 5 .*over the network is off/);
    expect(said).toContain('detach.enabled = true');
    expect(await lm('barn').used(FEATURE)).toBe(0);
  });

  it('comes with one command, serves with the cable cut, is extended, and goes back while its owner is out of reach', async () => {
    const here = await detach();
    expect(await lm('office').used(FEATURE)).toBe(1);
    expect(await json<{ guid: string; host: string }[]>('office', 'detached')).toMatchObject([
      { recipient: here.key, guid: lm('yard').guid, host: lm('yard').host.name, until: here.until },
    ]);

    await Promise.all(['office', 'barn'].map((name) => site().host(name).link(false)));
    expect(await login('yard')).toBe(0);
    const cut = await refusal('yard', 'detach', '--key', here.key, '--here', '--duration', '7200');
    expect(cut).toMatch(/^error 40 /);
    await Promise.all(['office', 'barn'].map((name) => site().host(name).link(true)));
    await linkedTo(lm('yard'), lm('office'));
    const longer = await json<Here>('yard', 'detach', '--key', here.key, '--here', '--duration', '7200');
    expect([longer.key, longer.until > here.until, await lm('office').used(FEATURE)]).toEqual([here.key, true, 1]);

    await Promise.all(['office', 'barn'].map((name) => site().host(name).link(false)));
    const { code, stdout } = await run('yard', 'return', '--key', here.key);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^given back: .*\nThe owner is told as soon as it is in reach/)]);
    expect(await json('yard', 'returns')).toMatchObject([{ key: here.key, ownerKey: keyOf('office'), product: 1 }]);
    expect(await login('yard')).not.toBe(0);
    // Also over a restart.
    await lm('yard').end('SIGKILL');
    lms.set('yard', await lm('yard').again());
    expect(await json('yard', 'returns')).toHaveLength(1);
    expect(await out()).toBe(1);
    await Promise.all(['office', 'barn'].map((name) => site().host(name).link(true)));
    await eventually('the owner knows', async () => (await out()) === 0);
    expect(await lm('office').used(FEATURE)).toBe(0);
    await eventually('nothing is left to be told', async () => (await json<unknown[]>('yard', 'returns')).length === 0);
  }, 120_000);

  it('is gone on with by the same command where the license manager was killed in the middle of it', async () => {
    await linkedTo(lm('yard'), lm('office'));
    const asked = async (): Promise<string | undefined> =>
      (await json<Audited[]>('yard', 'audit', '--kind', 'detach asked', '--limit', '1')).at(0)?.scope;
    const before = await asked();
    lm('office').process.kill('SIGSTOP');
    const command = run('yard', 'detach', '--key', keyOf('office'), '--product', '1', '--here', '--duration', '3600');
    const child = await eventually('it is asked for', async () => {
      const last = await asked();
      return last === before ? undefined : last;
    });
    await lm('yard').end('SIGKILL');
    expect((await command).code).not.toBe(0);
    lm('office').process.kill('SIGCONT');
    lms.set('yard', await lm('yard').again());
    await linkedTo(lm('yard'), lm('office'));
    const here = await detach(3_700);
    expect(here.key).toBe(child);
    expect([await out(), await lm('office').used(FEATURE)]).toEqual([1, 1]);
    expect(await login('yard')).toBe(0);
    expect(await json('yard', 'return', '--key', here.key)).toMatchObject({ told: true });
    expect([await out(), await lm('office').used(FEATURE)]).toEqual([0, 0]);
  }, 60_000);

  it('has each act in the audit of the owner, with who and from where', async () => {
    const acts = (await json<Audited[]>('office', 'audit', '--kind', 'administration', '--limit', '100')).filter(({ detail }) =>
      String(detail['act']).includes('over the network'),
    );
    const yard = { by: 'license manager', holder: lm('yard').guid, host: lm('yard').host.name, address: site().host('yard').address };
    expect(acts.map(({ detail }) => detail)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ ...yard, act: `detach over the network: product 1 of key ${keyOf('office')}`, status: 0 }),
        expect.objectContaining({ ...yard, act: 'return over the network', status: 0 }),
      ]),
    );
  });
});
