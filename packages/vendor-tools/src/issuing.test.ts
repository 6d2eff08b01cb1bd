import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { catalogText, makeC2v, makeKey, makeVendor } from './fixtures.ts';
import { issueLicenseFile, updateLicenseFile } from './issue-file.ts';
import { withVendorLock } from './lock.ts';
import { appendIssued, issuedLines, lastIssued, pendingIssues } from './record.ts';
import { issueTrialFile } from './trial.ts';

const vendor = makeVendor(7, 1);
const key = makeKey(vendor, 11);
let directory = '';
const path = (name: string): string => join(directory, name);
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'keyhaven-out-'));
  await writeFile(path('catalog.yaml'), catalogText);
  await writeFile(path('key.c2v'), makeC2v(key));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const license = (out: string | { name: string; write(text: string): Promise<void> }, more: object = {}) =>
  issueLicenseFile(directory, { vendor, c2v: path('key.c2v'), products: [1], out, ...more });
const counters = async () => {
  const found = [];
  for await (const { counter } of issuedLines(directory)) found.push(counter);
  return found;
};

describe('a file that cannot be written', () => {
  it.each([
    ['a directory', 501, async () => mkdir(path('there'))],
    ['in a directory that is missing', 13, async () => undefined],
    ['under a file', 13, async () => writeFile(path('there'), '')],
  ])('uses no number: %s', async (name, status, make) => {
    await make();
    const out = name === 'a directory' ? path('there') : path('there/key.v2c');
    await expect(license(out)).rejects.toMatchObject({ status });
    expect(await counters()).toEqual([]);
    expect((await license(path('key.v2c'))).counter).toBe(1);
  });

  it.each(['catalog.yaml', 'key.c2v', 'issued.jsonl', 'vendor.key'])('is none of those that are needed: %s', async (name) => {
    await writeFile(path('vendor.key'), 'secret');
    await appendIssued(directory, { at: '2026-01-01T00:00:00.000Z', key: '1', counter: 1 });
    await symlink(path(name), path('link'));
    const before = await readFile(path(name), 'utf8');
    for (const out of [path(name), path('link')]) await expect(license(out)).rejects.toMatchObject({ status: 501 });
    expect(await readFile(path(name), 'utf8')).toBe(before);
  });

  it('leaves the number used where part of it may be out, and comes again as it was', async () => {
    const parts: string[] = [];
    const broken = async (text: string): Promise<void> => {
      parts.push(text);
      throw new Error('the reader is gone');
    };
    await expect(license({ name: 'standard output', write: broken })).rejects.toThrow('the reader is gone');
    await expect(license(path('other.v2c'), { products: [2] })).rejects.toMatchObject({
      status: 94,
      remedy: expect.stringContaining('same command again') as string,
    });
    const again = await license(path('key.v2c'));
    expect(again).toMatchObject({ again: true, v2c: parts[0] });
    expect(await counters()).toEqual([1]);
    expect((await pendingIssues(directory)).size).toBe(0);
  });
});

describe('a file that can be written', () => {
  it('takes the place of a file that is there, keeps its mode, and goes through a link', async () => {
    await writeFile(path('old.v2c'), 'old', { mode: 0o600 });
    await symlink(path('old.v2c'), path('link'));
    const { v2c } = await license(path('link'));
    expect(await readFile(path('old.v2c'), 'utf8')).toBe(v2c);
    expect((await stat(path('old.v2c'))).mode & 0o777).toBe(0o600);
    expect((await readdir(directory)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('is never a device that is replaced', async () => {
    await license('/dev/null');
    expect((await stat('/dev/null')).isCharacterDevice()).toBe(true);
    expect(await counters()).toEqual([1]);
  });

  it('is left as it is where the same command issued it already; elsewhere a second one is refused', async () => {
    const first = await license(path('key.v2c'));
    expect(await license(path('key.v2c'))).toMatchObject({ again: true, v2c: first.v2c });
    await expect(license(path('elsewhere.v2c'))).rejects.toMatchObject({ status: 94 });
    await expect(license(path('key.v2c'), { products: [2] })).rejects.toMatchObject({ status: 94 });
    expect(await counters()).toEqual([1]);
  });
});

describe('several commands at once', () => {
  it('give each number once', async () => {
    const results = await Promise.allSettled(
      [1, 2].flatMap((product) => ['a', 'b', 'c'].map((name) => license(path(`${name}${product}.v2c`), { products: [product] }))),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await counters()).toEqual([1]);
    expect((await readdir(directory)).filter((name) => name.endsWith('.v2c'))).toHaveLength(1);
  });

  it('wait for each other, and say so where one takes too long', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const first = withVendorLock(directory, () => promise);
    await expect(withVendorLock(directory, async () => undefined, 60)).rejects.toMatchObject({ status: 13 });
    const second = withVendorLock(directory, async () => 'done');
    resolve();
    await first;
    expect(await second).toBe('done');
  });
});

describe('the record', () => {
  it('goes on after a line that was cut', async () => {
    await license(path('1.v2c'));
    await writeFile(path('issued.jsonl'), '{"at":"2026', { flag: 'a' });
    const { counter } = await updateLicenseFile(directory, {
      vendor,
      c2v: path('key.c2v'),
      after: path('1.v2c'),
      actions: ['add seats 1.42 1'],
      out: path('2.v2c'),
    });
    expect(counter).toBe(2);
    expect(await counters()).toEqual([1, 2]);
    expect(await lastIssued(directory, key.id)).toMatchObject({ counter: 2, actions: ['add seats 1.42 1'], host: 'survey-1.example' });
  });

  it('keeps what was sold', async () => {
    await license(path('1.v2c'));
    await issueTrialFile(directory, { vendor, product: 1, days: 30, out: path('trial.v2c') });
    const sold = [];
    for await (const line of issuedLines(directory)) sold.push(line.sold);
    expect(sold).toEqual([
      [
        {
          product: 1,
          name: 'Survey',
          features: [
            { feature: 42, name: 'Echo sounder', license: { type: 'perpetual' }, seats: 5 },
            { feature: 43, name: 'Side scan', license: { type: 'expiration', until: '2027-12-31T23:59:59.999Z' }, seats: 2 },
          ],
        },
      ],
      [expect.objectContaining({ product: 1 })],
    ]);
  });
});
