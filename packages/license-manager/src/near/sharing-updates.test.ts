import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { catalog, createStore, type Store, settle, statusOf, type TestNear } from './near.testing.ts';

// What one near LM changes of a key, and what the others see of it.

let store: Store;
beforeEach(async () => {
  store = await createStore(3);
  onTestFinished(() => store.close());
});
/** Resolves when it stands in line. */
const inLine = (near: TestNear): Promise<{ readonly seat: ReturnType<TestNear['login']> }> =>
  new Promise((stands) => {
    const seat = near.login(42, { wait: { timeoutMs: 10_000 }, onWaiting: () => stands({ seat }) });
  });
const READ_WRITE = 0xfff4;

describe('a license that another process applied', () => {
  it('is what the next login is decided by, and fewer seats end the newest sessions of all processes (39)', async () => {
    const [a, b, c] = [await store.open(), await store.open(), await store.open()];
    await store.license(a);
    const first = await a.login();
    await store.pass(1_000);
    const second = await b.login();
    await store.pass(1_000);
    const third = await c.login();
    await store.license(a, 1);
    // Nobody tells the others: their next login looks.
    expect(await statusOf(b.login())).toBe(38);
    expect(await statusOf(first.encrypt(Buffer.alloc(16)))).toBe(0);
    await expect(second.encrypt(Buffer.alloc(16))).rejects.toMatchObject({ status: 39 });
    expect(await statusOf(c.login())).toBe(38);
    await expect(third.encrypt(Buffer.alloc(16))).rejects.toMatchObject({ status: 39 });
    expect((await store.look()).used()).toBe(1);
  });

  it('that ends sessions here is noticed without a call', async () => {
    const [a, b] = [await store.open(), await store.open()];
    await store.license(a, 2);
    await a.login();
    await store.pass(1_000);
    const newest = await b.login();
    await store.license(a, 1);
    await expect.poll(() => statusOf(newest.encrypt(Buffer.alloc(16))), { timeout: 2_000 }).toBe(39);
  });

  it('with more seats lets in who waits elsewhere (A4)', async () => {
    const [a, b] = [await store.open(), await store.open()];
    await store.license(a, 1);
    await a.login();
    const waiting = await inLine(b);
    await store.license(a, 2);
    expect(await statusOf(waiting.seat)).toBe(0);
  });

  it('is never passed by a login that began before (I1)', async () => {
    const nears = [await store.open(), await store.open(), await store.open()];
    const [a] = nears;
    if (a === undefined) return;
    await store.license(a, 3);
    for (let round = 0; round < 8; round += 1) {
      const seats = 1 + (round % 3);
      const work = [...nears, ...nears].map((near) => near.login().catch(() => undefined));
      await Promise.all([store.license(a, seats), ...work]);
      const { used, sessions } = await store.look();
      expect(used()).toBeLessThanOrEqual(seats);
      expect(sessions.size).toBe(used());
      for (const login of work) await (await login)?.logout().catch(() => undefined);
      expect((await store.look()).used()).toBe(0);
    }
  });

  it('applied by two processes at once is applied once (65)', async () => {
    const [a, b] = [await store.open(), await store.open()];
    await store.license(a);
    const [key = ''] = a.lm.keys();
    const update = store.vendor.issue(await a.lm.c2v({ key }), catalog(2));
    const statuses = await Promise.all([a, b].map((near) => statusOf(near.lm.apply(update))));
    expect(statuses.toSorted((x, y) => x - y)).toEqual([0, 65]);
  });
});

describe('what sessions of several processes do to one key', () => {
  it('memory that one writes the other reads, at once (K3)', async () => {
    const [a, b] = [await store.open(), await store.open()];
    await store.license(a);
    const [one, other] = [await a.login(), await b.login()];
    for (let round = 0; round < 5; round += 1) {
      await one.write({ file: READ_WRITE, offset: 4_000 + round, data: Buffer.from([round + 1]) });
      expect([...(await other.read({ file: READ_WRITE, offset: 4_000 + round, length: 2 }))]).toEqual([round + 1, 0]);
      await other.write({ file: READ_WRITE, offset: 0, data: Buffer.alloc(10, round) });
      expect([...(await one.read({ file: READ_WRITE, offset: 0, length: 10 }))]).toEqual([...Buffer.alloc(10, round)]);
    }
  });

  it('executions are counted together (K1)', async () => {
    const [a, b] = [await store.open(), await store.open()];
    await store.license(a);
    const [one, other] = [await a.login(43), await b.login(43)];
    await Promise.all([one.consume(40), other.consume(50)]);
    expect(await statusOf(one.consume(9))).toBe(81);
    expect(await other.consume(8)).toBe(0);
  });

  it('a station is one, whichever process logs in', async () => {
    const [a, b] = [await store.open(), await store.open()];
    await store.license(a);
    await a.login(44);
    const other = await b.login(44);
    expect((await store.look()).used('1.44')).toBe(1);
    a.kill();
    await store.pass(181_000);
    await settle();
    expect((await store.look()).used('1.44')).toBe(1);
    await other.logout();
    expect((await store.look()).used('1.44')).toBe(0);
  });

  it('the seats in use that a session is told are those of all', async () => {
    const [a, b] = [await store.open(), await store.open()];
    await store.license(a);
    const mine = await a.login();
    await b.login();
    expect(await mine.info()).toMatchObject({ used: 2 });
  });

  it('who waits is let in when a seat comes free elsewhere (A4)', async () => {
    const [a, b] = [await store.open(), await store.open()];
    await store.license(a, 1);
    const mine = await a.login();
    const waiting = await inLine(b);
    await mine.logout();
    expect(await statusOf(waiting.seat)).toBe(0);
  });
});
