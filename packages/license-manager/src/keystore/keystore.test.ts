import { Buffer } from 'node:buffer';
import { LicensingError } from '@keyhaven/core/errors';
import type { HostKind } from '@keyhaven/core/hosts';
import { openDocument, readC2v } from '@keyhaven/core/license';
import { wall } from '@keyhaven/core/time';
import { createMemoryLedger, type Ledger, type RowKey } from '@keyhaven/ledger';
import { describe, expect, it } from 'vitest';
import { createMachineSeal, systemEntropy } from '../machine/index.ts';
import { openKeystore } from './index.ts';
import { createTestVendor } from './vendor.testing.ts';

const now = wall(Date.UTC(2026, 10, 24, 3));
const seal = createMachineSeal(['id:here'], Buffer.alloc(32, 1), systemEntropy);
const ledgerOf = () => createMemoryLedger({ now: () => now });
const vendor = createTestVendor(37_515, 1);
const wish = { features: [{ id: 42 }] };
const nothing = async (): Promise<undefined> => undefined;

const statusOf = (work: Promise<unknown>): Promise<number> =>
  work.then(
    () => 0,
    (error: unknown) => {
      if (error instanceof LicensingError) return error.status;
      throw error;
    },
  );
const open = (ledger: Ledger, host?: HostKind) => openKeystore(ledger, seal, systemEntropy, undefined, host);
const stateOf = async (store: Awaited<ReturnType<typeof open>>, key: Parameters<typeof store.state>[0]) => store.state(key, 'here', now);

describe('a key without a license', () => {
  it('is made once: asking again for a first C2V answers with the same key', async () => {
    const store = await open(ledgerOf());
    const key = await store.unlicensed('sl-adminmode', vendor.code);
    expect((await store.unlicensed('sl-adminmode', vendor.code)).identity.id).toBe(key.identity.id);
    expect((await store.unlicensed('sl-adminmode', createTestVendor(37_515, 9).code)).identity.id).not.toBe(key.identity.id);
    expect((await store.unlicensed('sl-adminmode', createTestVendor(2, 1).code)).identity.id).not.toBe(key.identity.id);
    expect([...store.keys()]).toHaveLength(3);
  });

  it('is another one for the next purchase, once it has its license', async () => {
    const store = await open(ledgerOf());
    const key = await store.unlicensed('sl-adminmode', vendor.code);
    await store.apply(vendor.license(await stateOf(store, key), wish), nothing);
    expect((await store.unlicensed('sl-adminmode', vendor.code)).identity.id).not.toBe(key.identity.id);
  });

  it('speaks for itself in its C2V, and keeps its secrets out of the ledger', async () => {
    const ledger = ledgerOf();
    const store = await open(ledger);
    const key = await store.unlicensed('sl-adminmode', vendor.code);
    const { payload, signer } = openDocument('C2V', await stateOf(store, key));
    expect(readC2v(payload)).toMatchObject({ key: key.identity.id, vendor: 37_515, counter: 0, usage: [] });
    expect(Buffer.from(signer).equals(key.identity.signingPublic)).toBe(true);
    if (key.signer.kind !== 'software') throw new Error('a key of software');
    const seed = key.signer.identity.signingKey.export({ format: 'der', type: 'pkcs8' }).subarray(-32);
    const stored = JSON.stringify(ledger.snapshot());
    for (const encoding of ['base64url', 'base64', 'hex'] as const) expect(stored).not.toContain(seed.toString(encoding).slice(0, 20));
  });
});

describe('a license manager', () => {
  it.each<[HostKind, 'sl-adminmode' | 'sl-usermode', 'sl-adminmode' | 'sl-usermode']>([
    ['admin', 'sl-adminmode', 'sl-usermode'],
    ['external', 'sl-usermode', 'sl-adminmode'],
    ['integrated', 'sl-usermode', 'sl-adminmode'],
  ])('of kind %s makes and licenses keys of type %s, and refuses %s (16, T1)', async (host, own, other) => {
    const store = await open(ledgerOf(), host);
    const key = await store.unlicensed(own, vendor.code);
    await store.apply(vendor.license(await stateOf(store, key), wish), nothing);
    expect(await statusOf(store.unlicensed(other, vendor.code))).toBe(16);
    const elsewhere = await open(ledgerOf(), host === 'admin' ? 'external' : 'admin');
    const v2c = vendor.license(await stateOf(elsewhere, await elsewhere.unlicensed(other, vendor.code)), wish);
    await expect(store.apply(v2c, nothing)).rejects.toMatchObject({ status: 16, message: expect.stringContaining('does not hold') });
  });
});

describe('a V2C', () => {
  it('survives a restart with its memory contents and secrets', async () => {
    const ledger = ledgerOf();
    const store = await open(ledger);
    const key = await store.unlicensed('sl-adminmode', vendor.code);
    const v2c = vendor.license(await stateOf(store, key), { ...wish, readWrite: Buffer.from('start'), readOnly: Buffer.from('fixed') });
    const { key: applied } = await store.apply(v2c, nothing);
    const again = (await open(createMemoryLedger({ now: () => now, initial: ledger.snapshot() }))).get(key.identity.id);
    expect(again).toMatchObject({ counter: 1, damage: undefined });
    expect([...(again?.memory ?? [])].map(([, bytes]) => bytes.toString())).toEqual(expect.arrayContaining(['start', 'fixed']));
    const sealed = applied.license?.cipher(42)?.encrypt(Buffer.from('sixteen bytes!!!')) ?? Buffer.alloc(0);
    expect(again?.license?.cipher(42)?.decrypt(sealed).toString()).toBe('sixteen bytes!!!');
  });

  it('is applied once (65), in order (54 when older, 55 when one is missing)', async () => {
    const store = await open(ledgerOf());
    const key = await store.unlicensed('sl-adminmode', vendor.code);
    const state = await stateOf(store, key);
    const [first, second, third] = [1, 2, 3].map((counter) => vendor.license(state, { ...wish, counter }));
    if (first === undefined || second === undefined || third === undefined) throw new Error('three');
    expect(await statusOf(store.apply(second, nothing))).toBe(55);
    expect(await statusOf(store.apply(first, nothing))).toBe(0);
    expect(await statusOf(store.apply(first, nothing))).toBe(65);
    expect(await statusOf(store.apply(third, nothing))).toBe(55);
    expect(await statusOf(store.apply(second, nothing))).toBe(0);
    expect(await statusOf(store.apply(first, nothing))).toBe(54);
    expect(store.get(key.identity.id)?.counter).toBe(2);
  });

  it('that comes twice at once is applied once', async () => {
    const store = await open(ledgerOf());
    const key = await store.unlicensed('sl-adminmode', vendor.code);
    const v2c = vendor.license(await stateOf(store, key), wish);
    const statuses = await Promise.all([statusOf(store.apply(v2c, nothing)), statusOf(store.apply(v2c, nothing))]);
    expect(statuses.toSorted((a, b) => a - b)).toEqual([0, 65]);
    expect(store.get(key.identity.id)?.counter).toBe(1);
  });

  it('for a key of another computer is refused (18), by another vendor (30), changed or cut (30), of the wrong kind (17)', async () => {
    const store = await open(ledgerOf());
    const elsewhere = await open(ledgerOf());
    const key = await store.unlicensed('sl-adminmode', vendor.code);
    const state = await stateOf(store, key);
    const foreign = await stateOf(elsewhere, await elsewhere.unlicensed('sl-adminmode', vendor.code));
    expect(await statusOf(store.apply(vendor.license(foreign, wish), nothing))).toBe(18);
    expect(await statusOf(store.apply(createTestVendor(37_515, 7).license(state, wish), nothing))).toBe(30);
    const good = vendor.license(state, wish);
    for (const at of [5, 40, 105, 150, good.length - 1]) {
      const bad = Buffer.from(good);
      bad.writeUInt8(bad.readUInt8(at) ^ 1, at);
      expect(await statusOf(store.apply(bad, nothing)), `byte ${at}`).toBe(30);
    }
    for (const length of [102, 200, good.length - 1])
      expect(await statusOf(store.apply(good.subarray(0, length), nothing)), `${length} bytes`).toBe(30);
    for (const bytes of [Buffer.alloc(0), good.subarray(0, 60), Buffer.from('garbage'), Buffer.from(state)])
      expect(await statusOf(store.apply(bytes, nothing))).toBe(17);
    expect(store.get(key.identity.id)).toMatchObject({ counter: 0, license: undefined });
  });

  it('whose certificate is for something else is refused (19)', async () => {
    const store = await open(ledgerOf());
    const key = await store.unlicensed('sl-adminmode', vendor.code);
    const state = await stateOf(store, key);
    for (const certificate of [
      { key: '7' },
      { vendor: 7 },
      { counter: 2 },
      { type: 'sl-usermode' as const },
      { signingKey: Buffer.alloc(32, 3).toString('base64url') },
    ]) {
      expect(await statusOf(store.apply(vendor.license(state, { ...wish, certificate }), nothing)), JSON.stringify(certificate)).toBe(19);
    }
    expect(await statusOf(store.apply(vendor.license(state, { ...wish, readWrite: Buffer.alloc(65) }), nothing))).toBe(19);
  });

  it('is written whole or not at all: a disk that refuses leaves the old state (K4)', async () => {
    const inner = ledgerOf();
    let full = false;
    const ledger: Ledger = { ...inner, update: (...of) => (full ? Promise.reject(new LicensingError(43)) : inner.update(...of)) };
    const store = await open(ledger);
    const key = await store.unlicensed('sl-adminmode', vendor.code);
    const v2c = vendor.license(await stateOf(store, key), { ...wish, readWrite: Buffer.from('new') });
    const before = JSON.stringify(inner.snapshot().rows);
    full = true;
    expect(await statusOf(store.apply(v2c, nothing))).toBe(43);
    expect(JSON.stringify(inner.snapshot().rows)).toBe(before);
    expect(store.get(key.identity.id)).toMatchObject({ counter: 0, license: undefined });
    full = false;
    expect(await statusOf(store.apply(v2c, nothing))).toBe(0);
    const changed: string[] = inner.snapshot().rows.map(([name]) => name.split('/').slice(1).join('/'));
    expect(changed.toSorted()).toEqual(['key/identity', 'key/license', 'memory/65524']);
  });

  it('keeps what applications wrote while it was applied', async () => {
    const store = await open(ledgerOf());
    const key = await store.unlicensed('sl-adminmode', vendor.code);
    const { key: applied } = await store.apply(vendor.license(await stateOf(store, key), wish), nothing);
    const update = vendor.license(await stateOf(store, applied), wish);
    const { key: next } = await store.apply(update, async () => {
      await Promise.resolve();
      applied.memory.set(0xfff4, Buffer.from('written meanwhile'));
      return undefined;
    });
    expect(next.memory.get(0xfff4)?.toString()).toBe('written meanwhile');
  });
});

describe('a damaged key', () => {
  const two = async () => {
    const ledger = ledgerOf();
    const store = await open(ledger);
    const ids: string[] = [];
    for (const each of [vendor, createTestVendor(2, 5)]) {
      const key = await store.unlicensed('sl-adminmode', each.code);
      await store.apply(each.license(await stateOf(store, key), wish), nothing);
      ids.push(key.identity.id);
    }
    const [bad = '', good = ''] = ids;
    return { ledger, bad, good };
  };

  it('is named and not served (47), and the others are', async () => {
    const { ledger, bad, good } = await two();
    const store = await open({ ...ledger, damage: () => [{ scope: bad, reason: 'a row was edited' }] });
    expect(store.get(bad)).toMatchObject({ license: undefined, damage: 'a row was edited' });
    expect(store.get(good)).toMatchObject({ counter: 1, damage: undefined });
    const state = await stateOf(store, store.get(bad) ?? (await store.unlicensed('sl-adminmode', vendor.code)));
    expect(await statusOf(store.apply(vendor.license(state, wish), nothing))).toBe(47);
    expect((await store.unlicensed('sl-adminmode', vendor.code)).identity.id).not.toBe(bad);
  });

  it.each([
    ['certificate', { certificate: 'AAAA' }],
    ['certificate that is no base64', { certificate: '***' }],
    ['sealed secrets', { sealed: 'AAAA' }],
  ])('whose stored %s does not open is damaged, and start-up goes on', async (_, changed) => {
    const { ledger, bad, good } = await two();
    const name: RowKey = `${bad}/key/license`;
    await ledger.update([name], (rows) => ({
      changes: [{ key: name, row: { ...rows.get(name), ...changed } }],
      audit: [],
      reply: undefined,
    }));
    const store = await open(ledger);
    expect(store.get(bad)?.license).toBeUndefined();
    expect(store.get(bad)?.damage).toContain('does not open');
    expect(store.get(good)?.damage).toBeUndefined();
  });

  it('that was sealed on another computer is not a key here', async () => {
    const { ledger } = await two();
    const store = await openKeystore(ledger, createMachineSeal(['id:there'], Buffer.alloc(32, 1), systemEntropy), systemEntropy);
    expect([...store.keys()]).toEqual([]);
  });
});
