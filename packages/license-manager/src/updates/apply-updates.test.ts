import { Buffer } from 'node:buffer';
import { toBase64 } from '@keyhaven/core/bytes';
import { privateKeyFrom } from '@keyhaven/core/crypto';
import { LicensingError } from '@keyhaven/core/errors';
import { armor, openDocument, readV2c, signDocument, unarmor, writePackage, writeV2c } from '@keyhaven/core/license';
import { describe, expect, it } from 'vitest';
import { createSite } from '../authority/site.testing.ts';
import type { Key } from '../keystore/index.ts';
import { createTestVendor } from '../keystore/vendor.testing.ts';
import { createUpdates, sayResult, vendorInText } from './apply-updates.ts';

// A package for several keys on one LM: each key takes all of its part or nothing, and each is told (K4).

const vendor = createTestVendor();
const signingKey = privateKeyFrom('ed25519', Buffer.alloc(32, 1));
const wish = { features: [{ id: 42 }] };
const pack = (...documents: Uint8Array[]) =>
  signDocument('V2CP', writePackage({ format: 1, vendor: 37_515, updates: documents.map((each) => toBase64(each)) }), signingKey);
const acknowledged = (v2c: Uint8Array) =>
  signDocument('V2C', writeV2c({ ...readV2c(openDocument('V2C', v2c).payload), acknowledge: true }), signingKey);

const prepare = async () => {
  const site = await createSite();
  const keys = [await site.licensed(wish, vendor), await site.licensed(wish, vendor)] as const;
  const applied: string[] = [];
  const apply = createUpdates({
    authority: site.authority,
    keystore: site.keystore,
    state: async (key) => `C2V of ${key.identity.id} at ${key.counter};`,
    onApplied: (key, added) => void applied.push(`${key.identity.id} ${added}`),
  });
  const license = async (key: Key, counter: number) =>
    vendor.license(await site.keystore.state(key, 'here', site.clock.wall()), { ...wish, counter });
  const counters = () => keys.map(({ identity }) => site.keystore.get(identity.id)?.counter);
  return { keys, apply, license, counters, applied };
};

describe('a package for two keys', () => {
  it('is applied to both, and gives the C2V of those whose update asks for it', async () => {
    const { keys, apply, license, counters, applied } = await prepare();
    const [one, other] = keys;
    const result = await apply('V2CP', pack(await license(one, 2), await license(other, 2), acknowledged(await license(one, 3))));
    expect(counters()).toEqual([3, 2]);
    expect(result).toEqual({
      key: one.identity.id,
      updateCounter: 3,
      ack: `C2V of ${one.identity.id} at 3;`,
      updates: [
        { key: one.identity.id, updates: 2, status: 0, updateCounter: 3 },
        { key: other.identity.id, updates: 1, status: 0, updateCounter: 2 },
      ],
    });
    expect(applied).toEqual([`${one.identity.id} false`, `${other.identity.id} false`]);
  });

  it('is told key by key where one of them refuses its part, of which then nothing is applied', async () => {
    const { keys, apply, license, counters } = await prepare();
    const [one, other] = keys;
    const result = await apply('V2CP', pack(await license(one, 2), await license(one, 4), await license(other, 2)));
    expect(counters()).toEqual([1, 2]);
    expect(result.updates?.map(({ key, status }) => [key, status])).toEqual([
      [one.identity.id, 55],
      [other.identity.id, 0],
    ]);
    expect(sayResult(result)).toMatch(/^Key \d+: error 55, .+; Key \d+ is at update 2$/);
  });

  it('fails with what the first key says where no key takes anything', async () => {
    const { keys, apply, license, counters } = await prepare();
    const [one, other] = keys;
    const work = apply('V2CP', pack(await license(one, 1), await license(other, 3)));
    await expect(work).rejects.toMatchObject({ status: 65 });
    await expect(apply('V2CP', pack(await license(one, 2)).subarray(0, 300))).rejects.toBeInstanceOf(LicensingError);
    expect(counters()).toEqual([1, 1]);
  });

  it('is not looked into where its signer is the vendor of no key here (18)', async () => {
    const { apply } = await prepare();
    const stranger = signDocument('V2CP', Buffer.from('{"format":1}'), privateKeyFrom('ed25519', Buffer.alloc(32, 77)));
    await expect(apply('V2CP', stranger)).rejects.toMatchObject({ status: 18 });
  });
});

describe('the vendor in the text of a file', () => {
  it('is that of a V2C whose signature holds, and of nothing else', async () => {
    const { keys, license } = await prepare();
    const text = armor('V2C', await license(keys[0], 2));
    expect(vendorInText(text)).toBe(37_515);
    const bad = Buffer.from(unarmor(text).bytes);
    bad[300]! ^= 1;
    expect([vendorInText(armor('V2C', bad)), vendorInText('hello')]).toEqual([undefined, undefined]);
  });
});
