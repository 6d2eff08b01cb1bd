import { Buffer } from 'node:buffer';
import { decodeWaitAnswer, type LoginCall, type Reply } from '@keyhaven/core/session';
import { MINUTE, SECOND } from '@keyhaven/core/time';
import { parseUserRules } from '@keyhaven/core/users';
import { describe, expect, it } from 'vitest';
import { createAccess } from '../access/index.ts';
import type { Key } from '../keystore/index.ts';
import { createTestVendor } from '../keystore/vendor.testing.ts';
import { systemEntropy } from '../machine/index.ts';
import { connectApplication, createSite, localParty, type Site, someone } from './site.testing.ts';

const FEATURE = 42;
const NO_TICKET = Buffer.alloc(32);
/** Lets everything that needs no time come to its end. */
const drain = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
};

const aPool = async (seats = 1, options: Parameters<typeof createSite>[0] = {}) => {
  const site = await createSite(options);
  const vendor = createTestVendor();
  const key = await site.licensed({ features: [{ id: FEATURE, seats }] }, vendor);
  return { site, vendor, key, pool: { key: key.identity.id, product: 1, feature: FEATURE } };
};

/** An application that asks in a channel of its own. */
const waiter = (site: Pick<Site, 'authority'>, key: Key, pid: number, more: Partial<LoginCall> = {}) => {
  const login: LoginCall = {
    kind: 'login',
    nonce: systemEntropy.bytes(16),
    product: 1,
    feature: FEATURE,
    seats: 1,
    executions: 0,
    dieAtExpiration: false,
    application: { ...someone, pid },
    ...more,
  };
  let app = connectApplication(site, key, localParty(pid));
  let ticket: Uint8Array = NO_TICKET;
  let told: 'nothing' | 'refused' | 'granted' | number = 'nothing';
  let status = 0;
  const take = (reply: Reply): void => {
    status = reply.status;
    if (reply.status !== 0) {
      told = 'refused';
      return;
    }
    const answer = decodeWaitAnswer(reply.body);
    if (answer.kind === 'granted') told = 'granted';
    else {
      told = answer.place;
      ticket = answer.ticket;
    }
  };
  return {
    get app() {
      return app;
    },
    get told() {
      return told;
    },
    get status() {
      return status;
    },
    /** Asks, and resolves when there is nothing more to happen without time. */
    async ask(at = site) {
      if (at !== site || app.failure !== undefined) app = connectApplication(at, key, localParty(pid));
      void app.call({ kind: 'wait', login, place: typeof told === 'number' ? told : 0, ticket }).then(take);
      await drain();
      return told;
    },
    forgets() {
      told = 'nothing';
      status = 0;
    },
    async withdraws() {
      const reply = await app.call({ kind: 'withdraw', nonce: login.nonce });
      await drain();
      return reply.status;
    },
    ends: () => app.channel.close(),
    again(at: Pick<Site, 'authority'>, then: Key) {
      app = connectApplication(at, then, localParty(pid));
    },
  };
};
const holders = async (site: Site, key: Key, count: number) => {
  const app = connectApplication(site, key, localParty(1));
  for (let index = 0; index < count; index++) expect((await app.login(FEATURE)).status).toBe(0);
};
const free = async (site: Site): Promise<void> => {
  const [session] = site.authority.sessions();
  if (session !== undefined) await site.authority.release(session, 'logout');
  await drain();
};

describe('A4 waiting for a seat', () => {
  it('gets a free seat at once, and a place where there is none', async () => {
    const { site, key, pool } = await aPool(1);
    expect(await waiter(site, key, 10).ask()).toBe('granted');
    const second = waiter(site, key, 11);
    expect(await second.ask()).toBe(1);
    expect(await waiter(site, key, 12).ask()).toBe(2);
    expect(site.authority.waiting(pool)).toBe(2);
  });

  it('goes in the order of asking: a seat that comes free is the first one’s, and the others move up within a second', async () => {
    const { site, key, pool } = await aPool(1);
    await holders(site, key, 1);
    const all = [waiter(site, key, 10), waiter(site, key, 11), waiter(site, key, 12)];
    for (const each of all) await each.ask();
    for (const each of all) await each.ask(); // They ask on, and are held.
    expect(all.map(({ told }) => told)).toEqual([1, 2, 3]);
    await free(site);
    expect(all.map(({ told }) => told)).toEqual(['granted', 2, 3]);
    site.clock.advance(SECOND);
    await drain();
    expect(all.map(({ told }) => told)).toEqual(['granted', 1, 2]);
    expect(site.authority.used(pool)).toBe(1);
    expect(site.authority.waiting(pool)).toBe(2);
  });

  it('gives no seat that is waited for to somebody who does not wait (38)', async () => {
    const { site, key } = await aPool(2);
    await holders(site, key, 2);
    const both = waiter(site, key, 10, { seats: 2 });
    await both.ask();
    await both.ask();
    await free(site);
    const hasty = connectApplication(site, key, localParty(20));
    const refused = await hasty.login(FEATURE);
    expect([refused.status, Buffer.from(refused.body).toString()]).toEqual([38, '1 of 2 seats are in use, and 1 wait for what is free.']);
    // Nor to a smaller request that came later.
    const small = waiter(site, key, 11);
    expect(await small.ask()).toBe(2);
    await free(site);
    expect(both.told).toBe('granted');
    expect(small.told).toBe(2);
    expect((await hasty.login(FEATURE)).status).toBe(38);
  });

  it('is withdrawn by its application, also when it has the seat already', async () => {
    const { site, key, pool } = await aPool(1);
    await holders(site, key, 1);
    const [first, second] = [waiter(site, key, 10), waiter(site, key, 11)];
    await first.ask();
    await second.ask();
    await first.ask();
    await second.ask();
    expect(await first.withdraws()).toBe(0);
    expect([first.told, first.status]).toEqual(['refused', 38]);
    await free(site);
    expect(second.told).toBe('granted');
    expect(await second.withdraws()).toBe(0);
    expect([site.authority.used(pool), site.authority.waiting(pool), site.authority.sessionCount]).toEqual([0, 0, 0]);
    expect(await second.withdraws()).toBe(0); // Nothing is left to give back, which is no fault.
  });

  it('withdrawn in the record that asked leaves neither place nor seat', async () => {
    const { site, key, pool } = await aPool(1);
    const { app } = waiter(site, key, 10);
    const login: LoginCall = {
      kind: 'login',
      nonce: systemEntropy.bytes(16),
      product: 1,
      feature: FEATURE,
      seats: 1,
      executions: 0,
      dieAtExpiration: false,
      application: someone,
    };
    const [asked, withdrawn] = await app.send(
      { kind: 'wait', login, place: 0, ticket: NO_TICKET },
      { kind: 'withdraw', nonce: login.nonce },
    );
    await drain();
    expect([asked?.status, withdrawn?.status]).toEqual([38, 0]);
    expect([site.authority.used(pool), site.authority.waiting(pool), site.authority.sessionCount]).toEqual([0, 0, 0]);
  });

  it('is of nobody else: another computer cannot withdraw it', async () => {
    const { site, key, pool } = await aPool(1);
    await holders(site, key, 1);
    const nonce = systemEntropy.bytes(16);
    const victim = waiter(site, key, 10, { nonce });
    await victim.ask();
    const other = connectApplication(site, key, { holder: 'another', address: '10.0.0.9', process: undefined });
    expect((await other.call({ kind: 'withdraw', nonce })).status).toBe(0);
    expect(site.authority.waiting(pool)).toBe(1);
  });

  it('repeated in another channel is the same place, and a grant is the same session (S20)', async () => {
    const { site, key, pool } = await aPool(1);
    await holders(site, key, 1);
    const [first, second] = [waiter(site, key, 10), waiter(site, key, 11)];
    await first.ask();
    await second.ask();
    first.ends();
    first.again(site, key);
    expect(await first.ask()).toBe(1);
    await first.ask();
    await free(site);
    expect(first.told).toBe('granted');
    first.again(site, key);
    first.forgets();
    expect(await first.ask()).toBe('granted');
    expect([site.authority.used(pool), site.authority.sessionCount]).toEqual([1, 1]);
  });

  it('is passed over while its channel is gone, and forgotten ten seconds later', async () => {
    const { site, key, pool } = await aPool(1);
    await holders(site, key, 1);
    const [first, second] = [waiter(site, key, 10), waiter(site, key, 11)];
    for (const each of [first, second, first, second]) await each.ask();
    first.ends();
    await free(site);
    expect(second.told).toBe('granted');
    expect(site.authority.waiting(pool)).toBe(1);
    site.clock.advance(10 * SECOND);
    await drain();
    expect(site.authority.waiting(pool)).toBe(0);
    const gone = (await site.ledger.audit({ kind: 'withdrawn' })).map(({ detail }) => [detail['cause'], detail['pid']]);
    expect(gone).toEqual([['gone', 10]]);
  });

  it('ends at once with its process', async () => {
    const { site, key, pool } = await aPool(1);
    await holders(site, key, 1);
    await waiter(site, key, 10).ask();
    await waiter(site, key, 11).ask();
    await site.authority.processEnded(10, 1);
    await drain();
    expect(site.authority.waiting(pool)).toBe(1);
  });

  it('asks on within 30 seconds, or is held to be gone: an application that hangs does not stand in line for ever', async () => {
    const { site, key, pool } = await aPool(1);
    await holders(site, key, 1);
    const [lively, hanging] = [waiter(site, key, 10), waiter(site, key, 11)];
    await lively.ask();
    await hanging.ask();
    await hanging.ask();
    for (let minute = 0; minute < 3; minute++) {
      await lively.ask();
      site.clock.advance(29 * SECOND);
      await drain();
      site.clock.advance(2 * SECOND);
      await drain();
    }
    expect([lively.told, site.authority.waiting(pool)]).toEqual([1, 1]);
  });

  it('is refused at once where it asks for more seats than there are, or for what is not sold', async () => {
    const { site, key, pool } = await aPool(2);
    const many = waiter(site, key, 10, { seats: 3 });
    await many.ask();
    const none = waiter(site, key, 11, { feature: 99 });
    await none.ask();
    expect([many.status, none.status, site.authority.waiting(pool)]).toEqual([38, 31, 0]);
  });

  it('gets the seats of a license that sells more', async () => {
    const { site, vendor, key, pool } = await aPool(1);
    await holders(site, key, 1);
    const first = waiter(site, key, 10);
    await first.ask();
    await first.ask();
    await site.authority.apply([
      vendor.license(await site.keystore.state(key, 'here', site.clock.wall()), { features: [{ id: FEATURE, seats: 2 }] }),
    ]);
    await drain();
    // Under another certificate the application needs another channel (I4): it is sent for, and keeps its place.
    expect(first.told).toBe(1);
    await first.ask();
    await first.ask();
    expect(first.app.failure?.status ?? first.told).toBe(first.told === 'granted' ? 'granted' : 40);
    if (first.told !== 'granted') await first.ask();
    expect(first.told).toBe('granted');
    expect(site.authority.used(pool)).toBe(2);
  });

  it('is in the audit: waiting, granted with the time waited, withdrawn; a wait is no refusal, and one in vain is one', async () => {
    const { site, key } = await aPool(1);
    await holders(site, key, 1);
    const [first, second] = [waiter(site, key, 10), waiter(site, key, 11)];
    for (const each of [first, second, first, second]) await each.ask();
    site.clock.advance(7 * SECOND);
    await free(site);
    await second.withdraws();
    const entries = (await site.ledger.audit()).toReversed().map(({ kind, detail }) => [kind, detail['pid'], detail['waited']]);
    expect(entries.filter(([kind]) => ['granted', 'refused', 'waiting', 'withdrawn'].includes(String(kind)))).toEqual(
      [
        ['granted', someone.pid, undefined],
        ['waiting', 10, undefined],
        ['waiting', 11, undefined],
        ['granted', 10, 7 * SECOND],
        ['withdrawn', 11, 7 * SECOND],
        ['refused', 11, undefined],
      ].map(([kind, pid, waited]) => [kind, pid === someone.pid ? 1 : pid, waited]),
    );
  });
});

describe('A4 and the rules of the administrator (R9)', () => {
  const waitingBy = async (rules: readonly string[], by: readonly string[] = ['ada']) => {
    const { rules: users, faults } = parseUserRules(rules);
    expect(faults).toEqual([]);
    const { site, key, pool } = await aPool(by.length, { access: createAccess({ users, clients: [] }) });
    const app = connectApplication(site, key, localParty(1));
    for (const user of by) expect((await app.login(FEATURE, { application: { ...someone, user } })).status).toBe(0);
    const of = (user: string, pid: number, more: Partial<LoginCall> = {}) =>
      waiter(site, key, pid, { application: { ...someone, user, pid }, ...more });
    return { site, pool, of };
  };

  it('whoever has the greater priority goes first, and equal ones as they came', async () => {
    const { site, of } = await waitingBy(['allow=boss,priority=5', 'allow=all']);
    const all = [of('ann', 10), of('bob', 11), of('boss', 12), of('cid', 13)];
    for (const each of all) await each.ask();
    for (const each of all) await each.ask();
    expect(all.map(({ told }) => told)).toEqual([1, 2, 1, 4]);
    site.clock.advance(SECOND);
    await drain();
    const order: string[] = [];
    for (let count = 0; count < 4; count++) {
      await free(site);
      for (const [index, each] of all.entries()) {
        if (each.told === 'granted' && !order.includes(String(index))) order.push(String(index));
        else if (each.told !== 'granted') await each.ask();
      }
    }
    expect(order).toEqual(['2', '0', '1', '3']);
  });

  it('whoever is denied does not wait (53)', async () => {
    const { of, site, pool } = await waitingBy(['deny=eve', 'allow=all']);
    const eve = of('eve', 10);
    await eve.ask();
    expect([eve.status, site.authority.waiting(pool)]).toEqual([53, 0]);
  });

  it('a seat that is reserved for somebody behind is no reason to let it lie, and none to pass for others', async () => {
    const { site, of } = await waitingBy(['allow=crew,feature:42,reserve=1', 'allow=all'], ['crew', 'ada']);
    const [guest, other, crew] = [of('ann', 10), of('bob', 11), of('crew', 12)];
    for (const each of [guest, other, crew]) await each.ask();
    for (const each of [guest, other, crew]) await each.ask();
    await free(site);
    expect([guest.told, other.told, crew.told]).toEqual([1, 2, 'granted']);
    await free(site);
    expect([guest.told, other.told]).toEqual(['granted', 2]);
  });
});

describe('A4 the cost of waiting', () => {
  it('a thousand who wait ask 40 times a second at most while nothing happens, and little more while the line moves', async () => {
    const { site, key } = await aPool(1);
    await holders(site, key, 1);
    const crowd = Array.from({ length: 1_000 }, (_, index) => waiter(site, key, 1_000 + index));
    for (const each of crowd) await each.ask();
    let asked = 0;
    const asking = async (each: (typeof crowd)[number]): Promise<void> => {
      let before = each.app.records;
      for (let round = 0; round < 1; round++) {
        await each.ask();
        asked += 1;
        before = each.app.records;
      }
      void before;
    };
    for (const each of crowd) await asking(each);
    asked = 0;
    const answered = crowd.map(({ app }) => app.records);
    const second = async (): Promise<void> => {
      site.clock.advance(SECOND);
      await drain();
      for (const [index, each] of crowd.entries()) {
        if (each.app.records === answered[index] || each.told === 'granted') continue;
        answered[index] = each.app.records;
        void each.ask();
        asked += 1;
      }
      await drain();
      for (const [index, each] of crowd.entries()) if (each.told !== 'granted') answered[index] = each.app.records;
    };
    for (let count = 0; count < 60; count++) await second();
    expect(asked / 60).toBeLessThan(40);
    asked = 0;
    for (let count = 0; count < 60; count++) {
      await free(site);
      await second();
    }
    expect(crowd.filter(({ told }) => told === 'granted')).toHaveLength(60);
    expect(asked / 60).toBeLessThan(80);
  }, 60_000);
});

describe('A4 a restart while some wait', () => {
  it('lets them back in the order in which they first asked, as their tickets prove it', async () => {
    const { site, key } = await aPool(1);
    await holders(site, key, 1);
    const all = [waiter(site, key, 10), waiter(site, key, 11), waiter(site, key, 12)];
    for (const each of all) {
      await each.ask();
      site.clock.advance(SECOND);
      await each.ask();
    }
    site.authority.close();
    site.clock.advance(MINUTE);
    const next = await createSite({ ledger: site.ledger, clock: site.clock });
    const same = next.keystore.get(key.identity.id);
    if (same === undefined) throw new Error('no key');
    const [session] = next.authority.sessions();
    // They come back in another order, the seat comes free in the middle of it, and a stranger asks first.
    const stranger = waiter(next, same, 13);
    await stranger.ask();
    for (const each of all.toReversed()) {
      each.again(next, same);
      await each.ask();
      if (each === all[2] && session !== undefined) await next.authority.release(session, 'logout');
    }
    for (const each of all) await each.ask();
    await stranger.ask();
    site.clock.advance(2 * SECOND);
    await drain();
    expect(all[0]?.told).toBe('granted');
    for (const each of [all[1], all[2]]) expect(each?.told).not.toBe('granted');
    expect(stranger.told).not.toBe('granted');
  });

  it('believes no ticket that is not its own, of another nonce, or old', async () => {
    const { site, key } = await aPool(1);
    await holders(site, key, 1);
    const honest = waiter(site, key, 10);
    await honest.ask();
    const login = (nonce: Uint8Array): LoginCall => ({
      kind: 'login',
      nonce,
      product: 1,
      feature: FEATURE,
      seats: 1,
      executions: 0,
      dieAtExpiration: false,
      application: { ...someone, pid: 20 },
    });
    const cheat = connectApplication(site, key, localParty(20));
    const nonce = systemEntropy.bytes(16);
    const made = await cheat.call({ kind: 'wait', login: login(nonce), place: 0, ticket: systemEntropy.bytes(32) });
    const answer = decodeWaitAnswer(made.body);
    if (answer.kind !== 'waiting') throw new Error('no place');
    expect(answer.place).toBe(2);
    await cheat.call({ kind: 'withdraw', nonce });
    site.clock.advance(20 * MINUTE);
    await honest.ask();
    const stolen = await cheat.call({ kind: 'wait', login: login(systemEntropy.bytes(16)), place: 0, ticket: answer.ticket });
    const old = await cheat.call({ kind: 'wait', login: login(nonce), place: 0, ticket: answer.ticket });
    expect([decodeWaitAnswer(stolen.body), decodeWaitAnswer(old.body)]).toMatchObject([{ place: 2 }, { place: 3 }]);
  });
});
