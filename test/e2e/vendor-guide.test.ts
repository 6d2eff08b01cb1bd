import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Observation } from '@keyhaven/core/fingerprint';
import { DAY, HOUR } from '@keyhaven/core/time';
import { createManualClock, type ManualClock, startLocalLm } from '@keyhaven/testkit/local-lm';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

// Every example of docs/guide/vendor.md, as a vendor and a customer would run it: through `keyhaven`, on a real LM whose clock is moved by hand.

const KEYHAVEN = new URL('../../packages/cli/bin/keyhaven.js', import.meta.url).pathname;
const guide = new URL('../../docs/guide/vendor.md', import.meta.url);
const run = promisify(execFile);

/** What the guide calls by this name. */
const exampleOf = async (name: string): Promise<string> => {
  const [, text] = new RegExp(`\`\`\`yaml example=${name}\\n(.*?)\`\`\``, 's').exec(await readFile(guide, 'utf8')) ?? [];
  if (text === undefined) throw new Error(`the guide has no example ${name}`);
  return text;
};

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'keyhaven-guide-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

type Told = { readonly status: number; readonly text: string };
const keyhaven = async (env: Readonly<Record<string, string>>, ...args: string[]): Promise<Told> => {
  try {
    const { stdout } = await run(process.execPath, [KEYHAVEN, ...args], {
      env: { ...process.env, KEYHAVEN_VENDOR_PASSPHRASE: 'guide for vendors', ...env },
    });
    return { status: 0, text: stdout };
  } catch (error) {
    const failed = error as { readonly stdout?: string; readonly stderr?: string };
    const text = `${failed.stdout ?? ''}${failed.stderr ?? ''}`;
    const [, status = '699'] = /"status":(\d+)|error (\d+)/.exec(text)?.filter((each) => each !== undefined) ?? [];
    return { status: Number(status), text };
  }
};

type Customer = {
  readonly clock: ManualClock;
  /** Status of a login. */
  login(...more: string[]): Promise<number>;
  license(): Promise<Readonly<Record<string, unknown>>>;
  /** An update with this action, applied. */
  update(action: string): Promise<void>;
  /** The key moves to another license manager; the H2H. */
  move(): Promise<string>;
};
/** The example sold, and applied by a customer. */
const sold = async (
  name: string,
  options: { readonly trial?: number; readonly host?: 'physical' | 'virtual'; readonly values?: () => Observation['values'] } = {},
): Promise<Customer> => {
  const clock = createManualClock(Date.UTC(2027, 0, 1));
  const { host = 'physical', values = () => ({}) } = options;
  const local = await startLocalLm({ clock, observe: async () => ({ host, values: values() }) });
  onTestFinished(() => local[Symbol.asyncDispose]());
  clock.advance(2_000); // The first search of the LM is over.
  const vendor = join(directory, name);
  const lm = ['--lm', `127.0.0.1:${local.port}`];
  const env = { KEYHAVEN_LOCAL_LM: `127.0.0.1:${local.port}` };
  const done = async (...args: string[]): Promise<string> => {
    const { status, text } = await keyhaven(env, ...args);
    expect(status, `${args.join(' ')}: ${text}`).toBe(0);
    return text.trim();
  };
  await done('vendor', 'init', vendor, '--id', '7', '--name', name);
  await writeFile(join(vendor, 'catalog.yaml'), await exampleOf(name));
  const code = await done('vendor', 'code', vendor);
  const [c2v, v2c] = [join(vendor, 'key.c2v'), join(vendor, 'key.v2c')];
  if (options.trial === undefined) {
    await done('c2v', '--vendor-code', code, '--out', c2v, ...lm);
    // Made today, for a clock that stands in 2027: the certificate is older than the customer's clock, as it should be.
    await done('vendor', 'license', vendor, '--c2v', c2v, '--product', '1', '--out', v2c);
  } else {
    await done('vendor', 'trial', vendor, '--product', '1', '--days', String(options.trial), '--out', v2c);
  }
  expect(await done('vendor', 'inspect', v2c)).toContain('Feature 42 Echo sounder');
  await done('apply', v2c, ...lm);
  return {
    clock,
    login: async (...more) =>
      (await keyhaven(env, 'login', '--vendor-code', code, '--feature', '42', '--hold', '0', '--json', ...more)).status,
    license: async () => {
      const features = JSON.parse(await done('features', '--json', ...lm)) as { readonly license: Record<string, unknown> }[];
      return features[0]?.license ?? {};
    },
    update: async (action) => {
      const [{ key = '' } = {}] = JSON.parse(await done('keys', '--json', ...lm)) as { readonly key?: string }[];
      await done('c2v', '--key', key, '--out', c2v, ...lm);
      await done('vendor', 'update', vendor, '--c2v', c2v, '--action', action, '--out', v2c);
      expect(await done('vendor', 'inspect', v2c)).toContain(action.endsWith('true') ? 'may move' : 'may not move');
      await done('apply', v2c, ...lm);
    },
    move: async () => {
      const [{ key = '' } = {}] = JSON.parse(await local.ask('GET', '/api/v1/keys')) as { readonly key?: string }[];
      await using other = await startLocalLm({ clock });
      return await local.ask('POST', '/api/v1/rehost', { key, recipient: await other.ask('POST', '/api/v1/recipient', {}) });
    },
  };
};

describe('docs/guide/vendor.md', () => {
  it('perpetual: never ends', async () => {
    const { clock, login } = await sold('perpetual');
    expect(await login()).toBe(0);
    clock.leap(30 * 365 * DAY);
    expect(await login()).toBe(0);
  });
  it('from: 109 before the date', async () => {
    const { clock, login } = await sold('from');
    expect(await login()).toBe(109);
    clock.leap(59 * DAY);
    expect(await login()).toBe(0);
  });
  it('expiration: grace, then 41', async () => {
    const { clock, login, license } = await sold('expiration');
    expect(await license()).toMatchObject({ ends: '2027-12-31T23:59:59.999Z', graceEnds: '2028-01-14T23:59:59.999Z' });
    clock.leap(366 * DAY);
    expect(await login()).toBe(0);
    clock.leap(14 * DAY);
    expect(await login()).toBe(41);
  });
  it('period: 30 days from the first login', async () => {
    const { clock, login, license } = await sold('period');
    clock.leap(50 * DAY);
    expect(await license()).toEqual({ type: 'period', days: 30 });
    expect(await login()).toBe(0);
    expect(await license()).toMatchObject({ firstUse: expect.stringContaining('2027-02-20'), ends: expect.stringContaining('2027-03-22') });
    clock.leap(30 * DAY - HOUR);
    expect(await login()).toBe(0);
    clock.leap(2 * HOUR);
    expect(await login()).toBe(41);
  });
  it('executions: each login takes one', async () => {
    const { login, license } = await sold('executions');
    for (let count = 1; count <= 5; count += 1) expect(await login()).toBe(0);
    expect(await license()).toMatchObject({ count: 5, used: 5 });
    expect(await login()).toBe(41);
  });
  it('places: 51 in a virtual machine, and not on a real computer', async () => {
    expect(await (await sold('places', { host: 'virtual' })).login()).toBe(51);
  });
  it('protection: a virtual machine that went back to a snapshot is refused with 64, until it is again what it was', async () => {
    let generation = 'g1';
    const values = () => ({ vm_uuid: ['4c4c4544-0042-3510-8051-b4c04f4d3532'], vm_generation_id: [generation] });
    const { clock, login } = await sold('protection', { host: 'virtual', values });
    expect(await login()).toBe(0);
    const looksAgain = async (): Promise<void> => {
      for (let minute = 0; minute < 65; minute += 1) {
        clock.advance(HOUR / 60);
        await new Promise((done) => setImmediate(done));
      }
    };
    generation = 'g2';
    await looksAgain();
    expect(await login()).toBe(64);
    generation = 'g1';
    await looksAgain();
    expect(await login()).toBe(0);
  });
  it('rehost: the key may move, until an update says that it may not (69)', async () => {
    const { clock, move, update } = await sold('rehost');
    clock.advance(1);
    await update('set rehost false');
    await expect(move()).rejects.toThrow(/69/);
    await update('set rehost true');
    expect(await move()).toContain('H2H');
  });
  it('trial: any computer, 30 days', async () => {
    const { clock, login, license } = await sold('trial', { trial: 30 });
    expect(await login()).toBe(0);
    expect(await license()).toMatchObject({ type: 'period', days: 30, trial: true });
    clock.leap(31 * DAY);
    expect(await login()).toBe(41);
  });
  it('has an example of every type, and no other', async () => {
    const names = [...(await readFile(guide, 'utf8')).matchAll(/example=(\w+)/g)].map(([, name]) => name);
    expect(names).toEqual(
      expect.arrayContaining(['perpetual', 'from', 'expiration', 'period', 'executions', 'places', 'trial', 'protection', 'rehost']),
    );
  });
});
