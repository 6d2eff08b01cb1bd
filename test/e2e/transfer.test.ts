import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keyhaven, type LoneLm, startLoneLm } from './lone-lm.ts';

// K5 with real processes: three computers' license managers, and only files between them.

const CATALOG = `
products:
  - id: 1
    name: Survey
    features:
      - { id: 42, name: Echo sounder, license: { type: perpetual }, concurrency: { seats: 3, network: true }, detachable: true }
      - { id: 43, name: Side scan, license: { type: perpetual }, concurrency: { seats: 2 } }
    rehost: true
  - id: 2
    name: Charts
    features:
      - { id: 50, name: Charts, license: { type: executions, count: 100 } }
    rehost: true
  - id: 3
    name: Bound
    features:
      - { id: 60, name: Bound, license: { type: perpetual } }
`;
const env = { KEYHAVEN_VENDOR_PASSPHRASE: 'a passphrase for tests' };

describe('licenses that go from computer to computer (K5)', () => {
  let directory: string;
  let code: string;
  let key: string;
  const lms: Record<string, LoneLm> = {};
  const file = (name: string): string => join(directory, name);
  const vendor = async (...args: string[]): Promise<string> => {
    const run = await keyhaven(['vendor', ...args], { env });
    expect([run.code, run.stderr]).toEqual([0, '']);
    return run.stdout.trim();
  };
  const lm = (name: string): LoneLm => lms[name] ?? expect.fail(`no license manager ${name}`);
  const start = async (name: string): Promise<void> => {
    lms[name] = await startLoneLm(file(name), ['--name', name]);
  };
  /** 0, or the number of the error. */
  const status = async (of: string, ...args: string[]): Promise<number> => {
    const run = await lm(of).ask(...args);
    if (run.code === 0) return 0;
    const number = Number(/^error (\d+) /.exec(run.stderr)?.[1] ?? 699);
    return number === 699 ? expect.fail(`${args.join(' ')}: ${run.stderr}`) : number;
  };
  const list = async <T>(of: string, what: string): Promise<T[]> =>
    (await (await fetch(`http://127.0.0.1:${lm(of).port}/api/v1/${what}`)).json()) as T[];
  const used = async (of: string, feature = 42): Promise<number> =>
    (await list<{ feature: number; seats: { used: number } }>(of, 'features')).find((each) => each.feature === feature)?.seats.used ?? -1;
  const childOf = async (of: string): Promise<string> =>
    (await list<{ key: string; local: boolean }>(of, 'keys')).find((each) => each.key !== key)?.key ?? expect.fail('no key');
  const detach = (of: string, parent: string, to: string, out: string, ...more: string[]): Promise<number> =>
    status(of, 'detach', '--key', parent, '--product', '1', '--recipient', file(`${to}.id`), '--out', file(out), ...more);

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'keyhaven-transfer-'));
    await vendor('init', file('vendor'), '--id', '37515', '--name', 'Acme');
    await writeFile(file('vendor/catalog.yaml'), CATALOG);
    code = await vendor('code', file('vendor'));
    await Promise.all(['office', 'boat', 'island'].map(start));
    expect(await status('office', 'c2v', '--vendor-code', code, '--out', file('office.c2v'))).toBe(0);
    await vendor('license', file('vendor'), '--c2v', file('office.c2v'), '--product', '1', '--product', '2', '--out', file('office.v2c'));
    expect(await status('office', 'apply', file('office.v2c'))).toBe(0);
    key = (await list<{ key: string }>('office', 'keys'))[0]?.key ?? expect.fail('no key');
  });
  afterAll(async () => {
    await Promise.all(Object.values(lms).map((each) => each.end()));
    await rm(directory, { recursive: true, force: true });
  });

  it('detach: one seat goes, and is used where there is no network to the owner', async () => {
    expect(await status('boat', 'recipient', '--out', file('boat.id'))).toBe(0);
    expect(await detach('office', key, 'boat', 'boat.h2r', '--duration', '3600')).toBe(0);
    expect([await used('office'), await used('office', 43)]).toEqual([1, 0]);
    expect(await status('island', 'apply', file('boat.h2r'))).toBe(62);
    expect(await status('office', 'apply', file('boat.h2r'))).toBe(62);
    expect(await status('boat', 'apply', file('boat.h2r'))).toBe(0);
    expect(await status('boat', 'apply', file('boat.h2r'))).toBe(65);
    const child = await childOf('boat');
    expect(await lm('boat').login(code, 42)).toMatchObject({ status: 0, key: child, product: 1 });
    expect(await lm('boat').login(code, 43)).toMatchObject({ status: 31 });
    const [first, second] = [await lm('office').hold(code, 42), await lm('office').hold(code, 42)];
    expect([first.status, second.status]).toEqual([0, 0]);
    expect(await lm('office').login(code, 42)).toMatchObject({ status: 38 });
    await Promise.all([first.end(), second.end()]);
  });

  it('both sides know it after kill -9', async () => {
    await Promise.all(['office', 'boat'].map((name) => lm(name).end('SIGKILL')));
    await Promise.all(['office', 'boat'].map(start));
    expect(await used('office')).toBe(1);
    expect(await lm('boat').login(code, 42)).toMatchObject({ status: 0 });
  });

  it('extend: later only (63), with the seats it has or more (98), and with the same use (73)', async () => {
    const child = await childOf('boat');
    expect(await status('boat', 'recipient', '--key', child, '--out', file('boat.id'))).toBe(0);
    expect(await detach('office', key, 'boat', 'x.h2r', '--duration', '60')).toBe(63);
    expect(await detach('office', key, 'boat', 'x.h2r', '--duration', String(15 * 86_400))).toBe(63);
    expect(await detach('office', key, 'boat', 'x.h2r', '--duration', '7200', '--seats', '2')).toBe(73);
    expect(await detach('office', key, 'boat', 'boat2.h2r', '--duration', '7200')).toBe(0);
    expect(await detach('office', key, 'boat', 'boat3.h2r', '--duration', '9000')).toBe(0);
    expect(await used('office')).toBe(1);
    expect(await status('boat', 'apply', file('boat3.h2r'))).toBe(0);
    expect(await status('boat', 'apply', file('boat2.h2r'))).toBe(54);
  });

  it('return: gone on the one side before it is back on the other, once', async () => {
    const child = await childOf('boat');
    const held = await lm('boat').hold(code, 42);
    expect(await status('boat', 'return', '--key', child, '--out', file('boat.r2h'))).toBe(0);
    await held.end();
    expect(await lm('boat').login(code, 42)).toMatchObject({ status: 7 });
    expect(await status('boat', 'apply', file('boat3.h2r'))).toBe(65);
    expect(await used('office')).toBe(1);
    const lost = await readFile(file('boat.r2h'), 'utf8');
    expect(await status('boat', 'return', '--key', child, '--out', file('boat.r2h'))).toBe(0);
    expect(await readFile(file('boat.r2h'), 'utf8')).toBe(lost);
    expect(await status('island', 'apply', file('boat.r2h'))).toBe(18);
    expect(await status('office', 'apply', file('boat.r2h'))).toBe(0);
    expect(await used('office')).toBe(0);
    expect(await status('office', 'apply', file('boat.r2h'))).toBe(65);
    expect(await detach('office', key, 'boat', 'x.h2r')).toBe(0);
    expect(await status('boat', 'apply', file('x.h2r'))).toBe(62);
    expect(await status('office', 'rehost', '--key', key, '--recipient', file('boat.id'), '--out', file('x.h2h'))).toBe(76);
    expect(await status('boat', 'return', '--key', child, '--out', file('boat.r2h'))).toBe(0);
    expect(await status('office', 'apply', file('boat.r2h'))).toBe(0);
  });

  it('network detach: a recipient serves what it got, and detaches it once more', async () => {
    expect(await status('boat', 'recipient', '--out', file('boat.id'))).toBe(0);
    expect(await status('island', 'recipient', '--out', file('island.id'))).toBe(0);
    expect(await detach('office', key, 'boat', 'boat.h2r', '--seats', '4')).toBe(38);
    expect(await detach('office', key, 'boat', 'boat.h2r', '--seats', '2')).toBe(0);
    expect(await detach('office', key, 'boat', 'x.h2r', '--seats', '1')).toBe(98);
    expect(await status('boat', 'apply', file('boat.h2r'))).toBe(0);
    const child = await childOf('boat');
    expect(await detach('boat', child, 'island', 'island.h2r', '--duration', '3600')).toBe(0);
    expect([await used('office'), await used('boat')]).toEqual([2, 1]);
    expect(await status('island', 'apply', file('island.h2r'))).toBe(0);
    const grandchild = await childOf('island');
    expect(await lm('island').login(code, 42)).toMatchObject({ status: 0, key: grandchild });
    expect(await detach('island', grandchild, 'boat', 'x.h2r')).toBe(67);
    expect(await status('boat', 'return', '--key', child, '--out', file('x.r2h'))).toBe(76);
    expect(await status('island', 'return', '--key', grandchild, '--out', file('island.r2h'))).toBe(0);
    expect(await status('boat', 'apply', file('island.r2h'))).toBe(0);
    expect(await status('boat', 'return', '--key', child, '--out', file('boat.r2h'))).toBe(0);
    expect(await status('office', 'apply', file('boat.r2h'))).toBe(0);
    expect(await used('office')).toBe(0);
  });

  it('what is lent ends by itself at the recipient (41), and only later at the owner', async () => {
    expect(await status('boat', 'recipient', '--out', file('boat.id'))).toBe(0);
    expect(await detach('office', key, 'boat', 'boat.h2r', '--duration', '8')).toBe(0);
    expect(await status('boat', 'apply', file('boat.h2r'))).toBe(0);
    expect(await lm('boat').login(code, 42)).toMatchObject({ status: 0 });
    await expect.poll(async () => (await lm('boat').login(code, 42)).status, { timeout: 30_000, interval: 500 }).toBe(41);
    expect(await used('office')).toBe(1);
    expect(await status('boat', 'apply', file('boat.h2r'))).toBe(65);
    expect(await status('boat', 'return', '--key', await childOf('boat'), '--out', file('boat.r2h'))).toBe(0);
    expect(await status('office', 'apply', file('boat.r2h'))).toBe(0);
  });

  it('refuses what cannot be: no ID (58), a product that is not there (61), nothing to detach (67), no file (72)', async () => {
    await writeFile(file('office.id'), await readFile(file('office.c2v')));
    expect(await detach('office', key, 'office', 'x.h2r')).toBe(58);
    expect(await status('office', 'recipient', '--out', file('office.id'))).toBe(0);
    expect(await detach('office', key, 'office', 'x.h2r')).toBe(58);
    const ask = (product: string, recipient: string): Promise<number> =>
      status('office', 'detach', '--key', key, '--product', product, '--recipient', recipient, '--out', file('x.h2r'));
    expect(await ask('9', file('boat.id'))).toBe(61);
    expect(await ask('2', file('boat.id'))).toBe(67);
    expect(await ask('1', file('nothing.id'))).toBe(72);
    expect(await status('office', 'detach', '--key', '5', '--product', '1', '--recipient', file('boat.id'), '--out', file('x.h2r'))).toBe(
      18,
    );
    expect(await status('office', 'return', '--key', key, '--out', file('x.r2h'))).toBe(59);
  });

  it('rehost: the whole key with what it has used, once, and back again', async () => {
    expect(await lm('office').login(code, 50)).toMatchObject({ status: 0 });
    expect(await status('boat', 'recipient', '--out', file('boat.id'))).toBe(0);
    expect(await status('island', 'recipient', '--out', file('island.id'))).toBe(0);
    const rehost = (of: string, to: string, out: string): Promise<number> =>
      status(of, 'rehost', '--key', key, '--recipient', file(`${to}.id`), '--out', file(out));
    expect(await rehost('office', 'boat', 'boat.h2h')).toBe(0);
    expect(await lm('office').login(code, 42)).toMatchObject({ status: 70 });
    expect(await rehost('office', 'island', 'x.h2h')).toBe(70);
    expect(await rehost('office', 'boat', 'boat.h2h')).toBe(0);
    expect(await status('office', 'apply', file('office.v2c'))).toBe(44);
    expect(await detach('office', key, 'island', 'x.h2r')).toBe(70);
    expect(await status('island', 'apply', file('boat.h2h'))).toBe(62);
    expect(await status('boat', 'apply', file('boat.h2h'))).toBe(0);
    expect(await status('boat', 'apply', file('boat.h2h'))).toBe(65);
    expect(await lm('boat').login(code, 42)).toMatchObject({ status: 0, key });
    const features = await list<{ feature: number; key: string; license: { used?: number } }>('boat', 'features');
    expect(features.find((each) => each.feature === 50 && each.key === key)?.license.used).toBe(1);
    await lm('boat').end('SIGKILL');
    await start('boat');
    expect(await lm('boat').login(code, 42)).toMatchObject({ status: 0, key });

    expect(await status('office', 'recipient', '--out', file('office.id'))).toBe(0);
    expect(await rehost('boat', 'office', 'office.h2h')).toBe(0);
    expect(await status('boat', 'apply', file('boat.h2h'))).toBe(71);
    expect(await status('office', 'apply', file('office.h2h'))).toBe(0);
    expect(await lm('office').login(code, 42)).toMatchObject({ status: 0, key });

    expect(await status('office', 'c2v', '--key', key, '--out', file('office.c2v'))).toBe(0);
    await vendor('license', file('vendor'), '--c2v', file('office.c2v'), '--product', '1', '--product', '3', '--out', file('office2.v2c'));
    expect(await status('office', 'apply', file('office2.v2c'))).toBe(0);
    expect(await rehost('office', 'island', 'x.h2h')).toBe(69);
  });
});
