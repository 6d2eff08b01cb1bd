import { DAY, HOUR, MINUTE, SECOND } from '@keyhaven/core/time';
import { detachMargin } from '@keyhaven/core/transfer';
import { describe, expect, it } from 'vitest';
import { createOffices, FEATURE, lendable, outcomeOf, outOf, PRODUCT, settle, usedAt, wish } from './online.testing.ts';

// Detaching and giving back over the network (docs/decisions/0025-detach-online.md): from an owner whose administrator allows it, for this computer only.

const site = async (
  more: { readonly owner?: Parameters<Awaited<ReturnType<typeof createOffices>>['open']>[2]; readonly virtual?: boolean } = {},
) => {
  const offices = await createOffices();
  const owner = await offices.open('keys-1', 1, more.owner);
  const laptop = await offices.open('laptop', 2, { virtual: more.virtual === true });
  const { id: key } = await owner.license([lendable()]);
  await offices.meet(laptop, owner);
  return { ...offices, owner, laptop, key };
};

describe('a product of another computer (K5)', () => {
  it('comes with one question, is used here, is more time with the next one, and goes back with one word', async () => {
    const { owner, laptop, key, pass } = await site();
    const lent = await laptop.lm.online.detach(wish(owner, key));
    expect(lent).toEqual({ key: expect.any(String), product: PRODUCT, until: expect.any(String), licenseManager: owner.guid });
    expect([usedAt(owner, key), outOf(owner)]).toEqual([1, 1]);
    expect(owner.lm.transfers.detached()).toMatchObject([
      { key, recipient: lent.key, guid: laptop.guid, host: 'laptop', until: lent.until },
    ]);
    expect(laptop.lm.overview.keys().find((each) => each.key === lent.key)?.lent).toEqual({
      by: key,
      until: lent.until,
      owner: { guid: owner.guid, key },
    });
    expect(await laptop.login(PRODUCT, FEATURE)).toBe('OK');

    await pass(10 * MINUTE);
    const longer = await laptop.lm.online.detach({ key: lent.key, duration: 2 * 3_600 });
    expect([longer.key, Date.parse(longer.until) > Date.parse(lent.until), usedAt(owner, key)]).toEqual([lent.key, true, 1]);

    expect(await laptop.lm.online.giveBack(lent.key)).toEqual({ key: lent.key, told: true, licenseManager: owner.guid });
    expect([usedAt(owner, key), outOf(owner), laptop.lm.online.untold()]).toEqual([0, 0, []]);
    expect(laptop.keystore.get(lent.key)).toBeUndefined();
    // Said once more, it is the same.
    expect(await laptop.lm.online.giveBack(lent.key)).toMatchObject({ told: true });
  });

  it('is asked for twice with one ID: the second time is an extension, also at the same moment', async () => {
    const { owner, laptop, key, pass } = await site();
    const [one, two] = await Promise.all([laptop.lm.online.detach(wish(owner, key)), laptop.lm.online.detach(wish(owner, key))]);
    expect([two.key, usedAt(owner, key)]).toEqual([one.key, 1]);
    await pass(MINUTE);
    expect((await laptop.lm.online.detach(wish(owner, key))).key).toBe(one.key);
    expect((await outcomeOf(laptop.lm.online.detach(wish(owner, key, { duration: 60 })))).status).toBe(63);
    expect([usedAt(owner, key), outOf(owner)]).toEqual([1, 1]);
  });

  it('comes for a network, with seats, beside one for this computer alone', async () => {
    const { owner, laptop, key, pass } = await site();
    const alone = await laptop.lm.online.detach(wish(owner, key));
    const many = await laptop.lm.online.detach(wish(owner, key, { seats: 3 }));
    expect([many.key === alone.key, usedAt(owner, key)]).toEqual([false, 4]);
    await pass(MINUTE);
    expect((await laptop.lm.online.detach({ key: many.key, duration: 7_200 })).key).toBe(many.key);
    expect((await outcomeOf(laptop.lm.online.detach(wish(owner, key, { seats: 5, duration: 9_000 })))).status).toBe(38);
    expect(usedAt(owner, key)).toBe(4);
  });

  it('is in the audit of both, with who and from where (C5)', async () => {
    const { owner, laptop, key } = await site();
    const lent = await laptop.lm.online.detach(wish(owner, key));
    await laptop.lm.online.giveBack(lent.key);
    const of = async (ledger: typeof owner.ledger) => (await ledger.audit()).map(({ kind, scope, detail }) => ({ kind, scope, ...detail }));
    const acts = { kind: 'administration', by: 'license manager', host: 'laptop', holder: laptop.guid, address: 'laptop', status: 0 };
    expect(await of(owner.ledger)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ ...acts, act: `detach over the network: product ${PRODUCT} of key ${key}` }),
        expect.objectContaining({ ...acts, act: 'return over the network' }),
        expect.objectContaining({ kind: 'detached', scope: key, guid: laptop.guid, host: 'laptop', recipient: lent.key }),
        expect.objectContaining({ kind: 'reattached', scope: key, recipient: lent.key }),
      ]),
    );
    expect((await of(laptop.ledger)).map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(['detach asked', 'received', 'key returned', 'return told']),
    );
  });
});

describe('the owner says no, and says why (R9)', () => {
  it.each([
    {
      name: 'where its administrator has not switched it on',
      owner: { transfer: { enabled: undefined, maxDays: 14 } },
      status: 5,
      says: /over the network is off/,
    },
    { name: 'where it is off', owner: { transfer: { enabled: false, maxDays: 14 } }, status: 5, says: /is off/ },
    {
      name: 'beyond its longest time',
      owner: { transfer: { enabled: true, maxDays: 1 } },
      seconds: 90_000,
      status: 63,
      says: /86400 seconds/,
    },
    {
      name: 'where all seats are kept',
      owner: { transfer: { enabled: true, maxDays: 14, reservedSeats: 5 } },
      status: 38,
      says: /stay for logins/,
    },
  ])('$name: $status', async ({ owner: seat, seconds = 3_600, status, says }) => {
    const { owner, laptop, key } = await site({ owner: seat });
    const told = await outcomeOf(laptop.lm.online.detach(wish(owner, key, { duration: seconds })));
    expect(told).toEqual({ status, detail: expect.stringMatching(says), remedy: expect.stringMatching(/.{20}/) });
    expect([usedAt(owner, key), outOf(owner)]).toEqual([0, 0]);
    // Nothing is left of it here.
    const rows: string[] = [];
    for await (const [row] of laptop.ledger.scan('')) rows.push(row);
    expect(rows.filter((row) => row.includes('/online/') || row.endsWith('/recipient'))).toEqual([]);
  });

  it('to a virtual machine where the product may not run on one: 74', async () => {
    const offices = await createOffices();
    const owner = await offices.open('keys-1', 1);
    const laptop = await offices.open('laptop', 2, { virtual: true });
    const bound = lendable();
    const features = bound.features.map((each) => ({ ...each, concurrency: { ...each.concurrency, virtualMachine: false } }));
    const { id: key } = await owner.license([{ ...bound, features }]);
    await offices.meet(laptop, owner);
    expect((await outcomeOf(laptop.lm.online.detach(wish(owner, key)))).status).toBe(74);
  });

  it('for a product or a key that it does not have, and for one that is not lent', async () => {
    const { owner, laptop, key } = await site();
    expect((await outcomeOf(laptop.lm.online.detach(wish(owner, key, { product: 9 })))).status).toBe(61);
    expect((await outcomeOf(laptop.lm.online.detach(wish(owner, '12345')))).status).toBe(18);
    expect((await outcomeOf(laptop.lm.online.detach(wish(laptop, key)))).status).toBe(58);
    expect((await outcomeOf(laptop.lm.online.detach({ ...wish(owner, key), licenseManager: 'x'.repeat(40) }))).status).toBe(40);
    expect((await outcomeOf(laptop.lm.online.detach({ key, duration: 60 }))).status).toBe(18);
    expect((await outcomeOf(owner.lm.online.detach({ key, duration: 60 }))).status).toBe(59);
    expect((await outcomeOf(owner.lm.online.giveBack(key))).status).toBe(59);
    expect((await outcomeOf(laptop.lm.online.giveBack(key))).status).toBe(18);
  });
});

describe('what the other computers are told of it', () => {
  it('is how many seats of which product are lent over the network, and nothing where none are', async () => {
    const { owner, laptop, key, net } = await site();
    const rows = () => laptop.lm.overview.products().filter((row) => !row.local);
    expect(rows()).toMatchObject([{ key, product: PRODUCT, detachable: 5 }]);
    await laptop.lm.online.detach(wish(owner, key));
    await net.meet(laptop, owner);
    expect(rows()).toMatchObject([{ key, product: PRODUCT, detachable: 4 }]);
    // Also without asking for the seats in use: what is lent is a change of the key.
    await laptop.lm.online.detach(wish(owner, key, { seats: 2 }));
    await laptop.lm.peers.get(owner.guid)?.refresh();
    expect(rows()).toMatchObject([{ detachable: 2 }]);
    const shy = await site({ owner: { transfer: { enabled: undefined, maxDays: 14 } } });
    expect(shy.laptop.lm.overview.products().map((row) => 'detachable' in row)).toEqual([false]);
  });
});

describe('a license that is given back while its owner is out of reach', () => {
  it('ends here at once, and the owner is told when it is back', async () => {
    const { owner, laptop, key, cut, pass } = await site();
    const lent = await laptop.lm.online.detach(wish(owner, key, { duration: 86_400 }));
    const join = cut('keys-1');
    const answer = laptop.lm.online.giveBack(lent.key);
    await pass(15 * SECOND, SECOND);
    expect(await answer).toEqual({ key: lent.key, told: false, licenseManager: owner.guid, detail: expect.stringMatching(/./) });
    expect(laptop.keystore.get(lent.key)).toBeUndefined();
    expect(laptop.lm.online.untold()).toEqual([
      {
        key: lent.key,
        ownerKey: key,
        product: PRODUCT,
        licenseManager: { guid: owner.guid, hostname: 'keys-1' },
        since: expect.any(String),
        until: lent.until,
        lastFault: expect.stringMatching(/./),
      },
    ]);
    // The file can be had meanwhile.
    expect(await laptop.lm.transfers.giveBack(lent.key)).toContain('R2H');
    await pass(HOUR, MINUTE);
    expect([outOf(owner), laptop.lm.online.untold().length]).toEqual([1, 1]);
    join();
    await pass(5 * MINUTE, SECOND);
    expect([usedAt(owner, key), outOf(owner), laptop.lm.online.untold()]).toEqual([0, 0, []]);
  });

  it('is told at once when the owner is linked again, whatever pause it has come to', async () => {
    const { owner, laptop, key, cut, pass } = await site();
    const lent = await laptop.lm.online.detach(wish(owner, key, { duration: 86_400 }));
    const join = cut('keys-1');
    const answer = laptop.lm.online.giveBack(lent.key);
    await pass(15 * SECOND, SECOND);
    await answer;
    await pass(HOUR, SECOND * 30);
    join();
    laptop.lm.peers.found(owner.guid, { host: 'keys-1', port: 1947 });
    await settle();
    expect([outOf(owner), laptop.lm.online.untold()]).toEqual([0, []]);
  });

  it('is told after a restart, too', async () => {
    const { owner, laptop, key, cut, pass } = await site();
    const lent = await laptop.lm.online.detach(wish(owner, key));
    const join = cut('keys-1');
    const answer = laptop.lm.online.giveBack(lent.key);
    await pass(15 * SECOND, SECOND);
    await answer;
    const next = await laptop.again();
    join();
    await pass(MINUTE, SECOND);
    expect([usedAt(owner, key), next.lm.online.untold()]).toEqual([0, []]);
  });

  it('is told no more a month after its end: the owner has its seats back by time', async () => {
    const { owner, laptop, key, cut, pass } = await site();
    const lent = await laptop.lm.online.detach(wish(owner, key, { duration: 600 }));
    cut('keys-1');
    const answer = laptop.lm.online.giveBack(lent.key);
    await pass(15 * SECOND, SECOND);
    expect(await answer).toMatchObject({ told: false });
    await pass(10 * MINUTE + detachMargin(10 * MINUTE) + 10 * MINUTE, MINUTE);
    expect([outOf(owner), laptop.lm.online.untold().length]).toEqual([0, 1]);
    await pass(30 * DAY, HOUR);
    expect(laptop.lm.online.untold()).toEqual([]);
  });

  it('was lent by file: who shows the key is told; without it, it stays and says which file to make', async () => {
    const { owner, laptop, key, cut, pass } = await site();
    const id = await laptop.lm.transfers.recipient({ type: 'sl-adminmode' });
    await laptop.lm.apply(await owner.lm.transfers.detach({ key, product: PRODUCT, recipient: id, by: 'administrator' }));
    const child = laptop.lm.overview.keys().find(({ lent }) => lent !== undefined)?.key ?? '';
    const join = cut('keys-1');
    void laptop.lm.peers.refresh();
    await pass(MINUTE, SECOND);
    const refused = await outcomeOf(laptop.lm.online.giveBack(child));
    expect(refused).toMatchObject({ status: 59, remedy: expect.stringContaining(`keyhaven return --key ${child} --out`) });
    expect(laptop.keystore.get(child)).toBeDefined();
    join();
    laptop.lm.peers.found(owner.guid, { host: 'keys-1', port: 1947 });
    await pass(MINUTE, SECOND);
    expect(await laptop.lm.online.giveBack(child)).toMatchObject({ told: true });
    expect(outOf(owner)).toBe(0);
  });
});

describe('a license that came over the network', () => {
  it('has its owner after a restart, too', async () => {
    const { owner, laptop, key } = await site();
    const lent = await laptop.lm.online.detach(wish(owner, key));
    const next = await laptop.again();
    expect(next.lm.online.ownerOf(lent.key)).toEqual({ guid: owner.guid, key });
  });
});

describe('a license that is over', () => {
  it('is asked for again with the same key', async () => {
    const { owner, laptop, key, pass } = await site();
    const lent = await laptop.lm.online.detach(wish(owner, key, { duration: 600 }));
    await pass(DAY, HOUR);
    await settle();
    expect(outOf(owner)).toBe(0);
    const next = await laptop.lm.online.detach(wish(owner, key));
    expect([next.key, usedAt(owner, key)]).toEqual([lent.key, 1]);
    expect(await laptop.login(PRODUCT, FEATURE)).toBe('OK');
  });
});
