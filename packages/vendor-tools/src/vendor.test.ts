import { Buffer } from 'node:buffer';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sameBytes } from '@keyhaven/core/bytes';
import { publicKeyFrom, signBytes, verifyBytes } from '@keyhaven/core/crypto';
import { parseVendorCode } from '@keyhaven/core/license';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fixedEntropy, makeVendor } from './fixtures.ts';
import { changePassphrase, featureSecret, initVendor, openVendor, unlockVendor, vendorCodeOf } from './vendor.ts';
import { vendorPaths } from './vendor-paths.ts';

let base: string;
let directory: string;
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'keyhaven-vendor-'));
  directory = join(base, 'deep', 'vendor');
  await initVendor(directory, { id: 7, name: 'Deep Water', passphrase: 'pässphrase', entropy: fixedEntropy });
});
afterAll(() => rm(base, { recursive: true, force: true }));

const copyOf = async (name: string, change: (key: string) => string, info = (text: string) => text): Promise<string> => {
  const to = join(base, name);
  await mkdir(to);
  await writeFile(vendorPaths(to).key, change(await readFile(vendorPaths(directory).key, 'utf8')));
  await writeFile(vendorPaths(to).info, info(await readFile(vendorPaths(directory).info, 'utf8')));
  return to;
};

describe('a new vendor', () => {
  it('is a directory for its owner only, with the key for its owner only and no leftovers (S11)', async () => {
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    expect((await stat(vendorPaths(directory).key)).mode & 0o777).toBe(0o600);
    expect((await readdir(directory)).toSorted()).toEqual(['catalog.yaml', 'vendor.json', 'vendor.key', 'vendor.lock']);
  });

  it('keeps its secrets out of every file', async () => {
    for (const name of await readdir(directory)) {
      const text = await readFile(join(directory, name), 'latin1');
      for (const form of ['hex', 'base64', 'base64url', 'latin1'] as const)
        expect(text).not.toContain(Buffer.alloc(30, 0x77).toString(form));
    }
  });

  it('opens without the passphrase as far as it is public, and its code names it', async () => {
    const info = await openVendor(directory);
    expect(info).toMatchObject({ id: 7, name: 'Deep Water' });
    const code = parseVendorCode(vendorCodeOf(info));
    expect(code.vendor).toBe(7);
    expect(sameBytes(code.publicKey, info.publicKey)).toBe(true);
  });

  it('signs once unlocked; the passphrase may come with composed or separate accents', async () => {
    const vendor = await unlockVendor(directory, 'pa\u0308ssphrase');
    expect(verifyBytes(publicKeyFrom('ed25519', vendor.publicKey), Buffer.from('x'), signBytes(vendor.signingKey, Buffer.from('x')))).toBe(
      true,
    );
  });

  it('is never created over another one', async () => {
    const before = await readFile(vendorPaths(directory).key, 'utf8');
    const again = initVendor(directory, { id: 8, name: 'Other', passphrase: 'another one' });
    await expect(again).rejects.toMatchObject({ status: 501, message: expect.stringContaining('holds a vendor already') });
    expect(await readFile(vendorPaths(directory).key, 'utf8')).toBe(before);
    expect(await openVendor(directory)).toMatchObject({ id: 7 });
  });

  it('is created once where two are created at the same moment', async () => {
    const to = join(base, 'race');
    const results = await Promise.allSettled([1, 2].map((id) => initVendor(to, { id, name: `V${id}`, passphrase: `passphrase ${id}` })));
    expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    const { id } = await openVendor(to);
    expect(await unlockVendor(to, `passphrase ${id}`)).toMatchObject({ id });
  });

  it('leaves a catalog that was prepared before it alone', async () => {
    const to = join(base, 'prepared');
    await mkdir(to, { mode: 0o755 });
    await writeFile(vendorPaths(to).catalog, 'products: []\n');
    await initVendor(to, { id: 1, name: 'x', passphrase: 'a passphrase' });
    expect(await readFile(vendorPaths(to).catalog, 'utf8')).toBe('products: []\n');
    expect((await stat(to)).mode & 0o777).toBe(0o700);
  });

  it('does not follow a link planted where its key will be (S11)', async () => {
    const to = join(base, 'linked');
    await mkdir(to);
    const target = join(base, 'target');
    await symlink(target, vendorPaths(to).key);
    await expect(initVendor(to, { id: 1, name: 'x', passphrase: 'a passphrase' })).rejects.toMatchObject({ status: 501 });
    await expect(stat(target)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('names every fault of its parameters at once', async () => {
    const bad = initVendor(join(base, 'bad'), { id: 0, name: '', passphrase: '' });
    await expect(bad).rejects.toThrow(/vendor id.*name.*passphrase/);
    await expect(stat(join(base, 'bad'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('says 13 where the system refuses to write', async () => {
    const file = join(base, 'file');
    await writeFile(file, '');
    await expect(initVendor(join(file, 'under'), { id: 1, name: 'x', passphrase: 'a passphrase' })).rejects.toMatchObject({ status: 13 });
  });
});

describe('the key file of a vendor', () => {
  it('stays shut to a wrong passphrase, with one clear error', async () => {
    await expect(unlockVendor(directory, 'wrong')).rejects.toMatchObject({
      status: 88,
      message: expect.stringContaining('passphrase does not open'),
    });
  });

  it('stays shut when it is put beside another public part', async () => {
    const to = await copyOf(
      'swapped',
      (key) => key,
      (info) => info.replace('"id": 7', '"id": 8'),
    );
    await expect(unlockVendor(to, 'pässphrase')).rejects.toMatchObject({ status: 88 });
  });

  it('is refused, before any memory is spent, where its cost is outside the bounds or it is damaged', async () => {
    const changes: [string, (key: string) => string][] = [
      ['huge', (key) => key.replace('65536', '999999999')],
      ['cheap', (key) => key.replace('65536', '8')],
      ['slow', (key) => key.replace('"passes": 3', '"passes": 100000')],
      ['other', (key) => key.replace('argon2id', 'md5')],
      ['more', (key) => key.replace('"format": 1', '"format": 1, "more": 1')],
      ['cut', (key) => key.slice(0, -20)],
      ['empty', () => ''],
    ];
    for (const [name, change] of changes) {
      await expect(unlockVendor(await copyOf(name, change), 'pässphrase'), name).rejects.toMatchObject({ status: 47 });
    }
  });

  it('says 72 where there is no vendor, 47 where vendor.json is damaged, 15 where a file is absurdly large', async () => {
    await expect(openVendor(join(base, 'nowhere'))).rejects.toMatchObject({ status: 72 });
    const same = (key: string): string => key;
    for (const [name, info] of [
      ['json', '{'],
      ['shape', '{"format":1}'],
      ['key', '{"format":1,"id":7,"name":"x","publicKey":"AAAA"}'],
    ] as const) {
      await expect(openVendor(await copyOf(name, same, () => info)), name).rejects.toMatchObject({ status: 47 });
    }
    await expect(openVendor(await copyOf('large', same, () => 'x'.repeat(70_000)))).rejects.toMatchObject({ status: 15 });
  });

  it('says 72 where it cannot be read', async () => {
    const to = await copyOf('unreadable', (key) => key);
    await rm(vendorPaths(to).key);
    await mkdir(vendorPaths(to).key);
    await expect(unlockVendor(to, 'pässphrase')).rejects.toMatchObject({ status: 72 });
  });
});

describe('an init that was interrupted', () => {
  it('is begun anew, whatever it left behind, for its vendor code was never seen', async () => {
    const whole = join(base, 'whole');
    await initVendor(whole, { id: 5, name: 'V', passphrase: 'a passphrase' });
    const [key, info] = [await readFile(vendorPaths(whole).key), await readFile(vendorPaths(whole).info)];
    for (const [name, left] of [
      ['nothing', []],
      ['info', ['newInfo']],
      ['key', ['newInfo', 'key']],
      ['catalog', ['newInfo', 'key', 'catalog']],
    ] as const) {
      const to = join(base, `interrupted-${name}`);
      await mkdir(to);
      for (const each of left) await writeFile(vendorPaths(to)[each], each === 'key' ? key : each === 'newInfo' ? info : 'products: []\n');
      await expect(openVendor(to), name).rejects.toMatchObject({ status: 72 });
      await initVendor(to, { id: 6, name: 'W', passphrase: 'another one' });
      expect(await unlockVendor(to, 'another one'), name).toMatchObject({ id: 6, name: 'W' });
      expect((await readdir(to)).filter((each) => each.includes('.new'))).toEqual([]);
    }
  });

  it('is none where vendor.json was lost: the key stays', async () => {
    const to = await copyOf('lost-info', (key) => key);
    await rm(vendorPaths(to).info);
    const before = await readFile(vendorPaths(to).key, 'utf8');
    await expect(initVendor(to, { id: 7, name: 'x', passphrase: 'a passphrase' })).rejects.toMatchObject({ status: 501 });
    expect(await readFile(vendorPaths(to).key, 'utf8')).toBe(before);
  });
});

describe('another passphrase', () => {
  it('opens the same vendor, and the old one no longer does', async () => {
    const to = await copyOf('changed', (key) => key);
    const before = await readFile(vendorPaths(to).key, 'utf8');
    await changePassphrase(to, { from: 'pässphrase', to: 'another one' });
    const after = await readFile(vendorPaths(to).key, 'utf8');
    expect(after).not.toBe(before);
    expect(JSON.parse(after)).toMatchObject({ format: 1, kdf: { name: 'argon2id', memoryKiB: 65_536, passes: 3 } });
    expect((await stat(vendorPaths(to).key)).mode & 0o777).toBe(0o600);
    expect((await unlockVendor(to, 'another one')).publicKey).toEqual((await openVendor(directory)).publicKey);
    await expect(unlockVendor(to, 'pässphrase')).rejects.toMatchObject({ status: 88 });
  });

  it.each([
    ['pässphrase', 'short', 501, 'at least 8 characters'],
    ['pässphrase', 'password', 501, 'guessed first'],
    ['pässphrase', 'pässphrase', 501, 'the old one'],
    ['pässphrase', 'Deep Water', 501, 'guessed first'],
    ['wrong', 'another one', 88, 'does not open'],
  ])('from %s to %s is refused, and the old one stays', async (from, to, status, says) => {
    const before = await readFile(vendorPaths(directory).key, 'utf8');
    await expect(changePassphrase(directory, { from, to })).rejects.toMatchObject({
      status,
      message: expect.stringMatching(new RegExp(says, 'i')) as string,
    });
    expect(await readFile(vendorPaths(directory).key, 'utf8')).toBe(before);
  });

  it('comes into force as a whole: what cannot be written leaves the old one', async () => {
    const to = await copyOf('full', (key) => key);
    const before = await readFile(vendorPaths(to).key, 'utf8');
    // Nothing can be created beside it: the name that a lock would have is taken by a directory.
    await mkdir(vendorPaths(to).lock);
    await expect(changePassphrase(to, { from: 'pässphrase', to: 'another one' })).rejects.toMatchObject({ status: 13 });
    expect(await readFile(vendorPaths(to).key, 'utf8')).toBe(before);
  });
});

describe('the secret of a feature', () => {
  it('depends on the vendor and the feature, and on nothing else', () => {
    const vendor = makeVendor(7, 1);
    expect(featureSecret(vendor, 42).equals(featureSecret(makeVendor(9, 1), 42))).toBe(true);
    const all = [0, 1, 11, 42].flatMap((id) => [featureSecret(vendor, id), featureSecret(makeVendor(7, 5), id)]);
    expect(new Set(all.map((secret) => secret.toString('hex'))).size).toBe(8);
  });
});
