import type { CatalogKey, CatalogPool } from '@keyhaven/core/admin';
import { MAX_CANDIDATES } from '@keyhaven/core/wire';
import { describe, expect, it } from 'vitest';
import { statusOfThrown } from './authority/site.testing.ts';
import { candidatesFor, type Source } from './candidates.ts';

const vendorKey = Buffer.alloc(32, 1);
const ask = (feature: number, scope = '', vendor = 7) => ({ request: 1, vendor, vendorKey, feature, scope });
const pool = (feature: number, more: Partial<CatalogPool> = {}): CatalogPool => ({
  product: 1,
  productName: 'Survey',
  feature,
  name: '',
  license: { type: 'perpetual' },
  limit: 2,
  used: 0,
  executions: 0,
  count: 'login',
  network: true,
  ...more,
});
const key = (id: string, pools: readonly CatalogPool[], more: Partial<CatalogKey> = {}): CatalogKey => ({
  key: id,
  type: 'sl-adminmode',
  vendor: 7,
  vendorKey: vendorKey.toString('base64url'),
  counter: 1,
  pools,
  ...more,
});
const here = (...keys: CatalogKey[]): Source => ({
  local: true,
  guid: 'self',
  hostname: 'here',
  address: '127.0.0.1',
  kind: 'admin',
  keys,
});
const there = (...keys: CatalogKey[]): Source => ({
  local: false,
  guid: 'peer',
  hostname: 'there',
  address: '192.0.2.7',
  kind: 'admin',
  keys,
});

describe('candidates', () => {
  it('come here before elsewhere and free before taken', () => {
    const full = { used: 2 };
    const sources = [there(key('1', [pool(42, full)]), key('2', [pool(42)])), here(key('3', [pool(42, full)]), key('4', [pool(42)]))];
    expect(candidatesFor(ask(42), sources).map((each) => each.key)).toEqual(['4', '2', '3', '1']);
  });

  it('keep the order of the catalog where nothing prefers one, and unlimited is free', () => {
    const sources = [here(key('1', [pool(42)]), key('2', [pool(42, { limit: 'unlimited', used: 999 })]), key('3', [pool(42)]))];
    expect(candidatesFor(ask(42), sources).map((each) => each.key)).toEqual(['1', '2', '3']);
  });

  it('name each product that has the feature, and the key itself for feature 0', () => {
    const sources = [here(key('1', [pool(42), pool(42, { product: 2 })]))];
    expect(candidatesFor(ask(42), sources).map((each) => each.product)).toEqual([1, 2]);
    expect(candidatesFor(ask(0), sources)).toMatchObject([
      { key: '1', product: 0, licenseManager: { guid: 'self', address: '127.0.0.1' } },
    ]);
  });

  it('are none of a vendor that has no key (7), nor in a key without a license', () => {
    expect(statusOfThrown(() => candidatesFor(ask(42), []))).toBe(7);
    expect(statusOfThrown(() => candidatesFor(ask(42, '', 8), [here(key('1', [pool(42)]))]))).toBe(7);
    expect(statusOfThrown(() => candidatesFor(ask(0), [here(key('1', [], { counter: 0 }))]))).toBe(7);
  });

  it('are none of a feature that no key has (31)', () => {
    expect(statusOfThrown(() => candidatesFor(ask(43), [here(key('1', [pool(42)]))]))).toBe(31);
  });

  it('are none in keys of another vendor with the same id (34), and such a key stops nobody else', () => {
    const foreign = key('1', [pool(42)], { vendorKey: Buffer.alloc(32, 2).toString('base64url') });
    expect(statusOfThrown(() => candidatesFor(ask(42), [there(foreign)]))).toBe(34);
    expect(candidatesFor(ask(42), [there(foreign), here(key('2', [pool(42)]))]).map((each) => each.key)).toEqual(['2']);
  });

  it('are none where the only key here is damaged (47), and others serve in its place', () => {
    const damaged = { ...here(), damaged: [{ key: '9', vendor: 7, reason: 'edited' }] };
    expect(statusOfThrown(() => candidatesFor(ask(42), [damaged]))).toBe(47);
    expect(statusOfThrown(() => candidatesFor(ask(42, '', 8), [damaged]))).toBe(7);
    expect(candidatesFor(ask(42), [damaged, there(key('2', [pool(42)]))]).map((each) => each.key)).toEqual(['2']);
  });

  it('leave out what is sold for the computer with the key only', () => {
    const local = pool(42, { network: false });
    expect(statusOfThrown(() => candidatesFor(ask(42), [there(key('1', [local]))]))).toBe(31);
    expect(candidatesFor(ask(42), [here(key('1', [local]))])).toHaveLength(1);
  });

  it('are those within the scope (50 where none is), and a scope that is none is refused (36)', () => {
    const sources = [here(key('1', [pool(42)])), there(key('2', [pool(42)]))];
    const scope = '<haspscope><license_manager hostname="there"/></haspscope>';
    expect(candidatesFor(ask(42, scope), sources).map((each) => each.key)).toEqual(['2']);
    expect(statusOfThrown(() => candidatesFor(ask(42, '<haspscope><hasp id="3"/></haspscope>'), sources))).toBe(50);
    for (const broken of ['<haspscope', 'nonsense', '<haspscope><unheard-of/></haspscope>', `<a>${'<b>'.repeat(2_000)}`]) {
      expect(
        statusOfThrown(() => candidatesFor(ask(42, broken), sources)),
        broken,
      ).toBe(36);
    }
  });

  it('are at most as many as one answer carries', () => {
    const keys = Array.from({ length: MAX_CANDIDATES + 50 }, (_, index) => key(String(index + 1), [pool(42)]));
    expect(candidatesFor(ask(42), [here(...keys)])).toHaveLength(MAX_CANDIDATES);
  });
});
