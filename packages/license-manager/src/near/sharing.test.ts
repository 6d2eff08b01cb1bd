import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createStore, type Store, settle, statusOf } from './near.testing.ts';

const MINUTE = 60_000;
const SECOND = 1_000;
let store: Store;
beforeEach(async () => {
  store = await createStore(2);
  onTestFinished(() => store.close());
});

describe('near LMs of one user', () => {
  it('share the seats of a key, never more than it sells (I1)', async () => {
    const [a, b, c] = [await store.open(), await store.open('external'), await store.open()];
    await store.license(a);
    const first = await a.login();
    await b.login();
    expect(await statusOf(c.login())).toBe(38);
    await first.logout();
    await c.login();
    expect(await statusOf(a.login())).toBe(38);
    expect((await store.look()).used()).toBe(2);
  });

  it('see a key that another of them made and licensed', async () => {
    const [a, b] = [await store.open(), await store.open()];
    await store.license(a);
    expect(await statusOf(b.login())).toBe(0);
  });
});

describe('a key of a user, whose applications have a license manager each (K1)', () => {
  it('counts them as one station', async () => {
    const all = [await store.open(), await store.open('external'), await store.open()] as const;
    await store.license(all[0]);
    for (const each of all) await each.login(44);
    expect((await store.look()).used('1.44')).toBe(1);
  });

  it('counts the processes that they are, and not those that they say they are', async () => {
    const [a, b, c] = [await store.open(), await store.open('external', '', 100), await store.open('integrated', '', 100)];
    await store.license(a);
    await a.login(45);
    await a.login(45);
    expect((await store.look()).used('1.45')).toBe(1);
    await b.login(45);
    expect((await store.look()).used('1.45')).toBe(2);
    expect(await statusOf(c.login(45))).toBe(38);
  });
});

describe('an Integrated LM whose process is gone (T4)', () => {
  it('keeps its seats for three minutes after the death, no shorter and no longer', async () => {
    const [a, b] = [await store.open(), await store.open()];
    await store.license(a);
    await a.login();
    await b.login();
    await store.pass(55 * SECOND); // almost a minute after its last renewal
    a.kill();
    await store.pass(3 * MINUTE - 4 * SECOND);
    expect(await statusOf(b.login())).toBe(38);
    await store.pass(4 * SECOND);
    expect(await statusOf(b.login())).toBe(0);
  });

  it('does so where nobody was there when it died', async () => {
    const a = await store.open();
    await store.license(a);
    await a.login();
    await a.login();
    await store.pass(59 * SECOND);
    a.kill();
    await store.pass(100 * SECOND);
    const b = await store.open();
    expect(await statusOf(b.login())).toBe(38);
    await store.pass(76 * SECOND);
    expect(await statusOf(b.login())).toBe(38);
    await store.pass(4 * SECOND);
    expect(await statusOf(b.login())).toBe(0);
    const { audit } = await store.look();
    expect(audit.filter(({ kind }) => kind === 'released').map(({ detail }) => detail['cause'])).toEqual(['lease ended', 'lease ended']);
  });

  it('gives them back to whoever waits, without being asked (A4)', async () => {
    const [a, b] = [await store.open(), await store.open()];
    await store.license(a);
    await a.login();
    await a.login();
    a.kill();
    const waiting = b.login(42, { wait: { timeoutMs: 60_000 } });
    await store.pass(2 * MINUTE);
    let got = false;
    void waiting.then(() => {
      got = true;
    });
    expect(got).toBe(false);
    await store.pass(75 * SECOND);
    await waiting;
  });
});

describe('an External LM whose process is gone (T3)', () => {
  it('gives its seats back at once', async () => {
    const [a, b] = [await store.open('external'), await store.open()];
    await store.license(a);
    await a.login();
    await a.login();
    expect(await statusOf(b.login())).toBe(38);
    a.kill();
    expect(await statusOf(b.login())).toBe(0);
    const { audit, instances } = await store.look();
    expect(audit.filter(({ kind }) => kind === 'released').map(({ detail }) => detail['cause'])).toEqual([
      'process ended',
      'process ended',
    ]);
    expect(instances).toHaveLength(1);
  });

  it('keeps them where its process cannot be seen: in another container', async () => {
    const [a, b] = [await store.open('external', 'container'), await store.open()];
    await store.license(a);
    await a.login();
    await a.login();
    a.kill();
    expect(await statusOf(b.login())).toBe(38);
    await store.pass(181 * SECOND);
    expect(await statusOf(b.login())).toBe(0);
  });
});

describe('a near LM that is stopped', () => {
  it('for three minutes and more loses its sessions, and the next call says so (39)', async () => {
    const [a, b] = [await store.open(), await store.open()];
    await store.license(a);
    const mine = await a.login();
    await a.login();
    await store.pass(30 * SECOND);
    a.stop();
    await store.pass(179 * SECOND);
    expect(await statusOf(b.login())).toBe(38);
    await store.pass(2 * SECOND);
    expect(await statusOf(b.login())).toBe(0);
    a.go();
    await expect(mine.encrypt(Buffer.alloc(16))).rejects.toMatchObject({
      status: 39,
      detail: expect.stringContaining('longer than three minutes'),
    });
    await expect(mine.info()).rejects.toMatchObject({ status: 39 });
    expect(await statusOf(a.login())).toBe(0);
    expect(await statusOf(b.login())).toBe(38);
    expect((await store.look()).sessions.size).toBe(2);
  });

  it('while a login is under way gets no seat as the one that it was', async () => {
    const [a, b] = [await store.open(), await store.open()];
    await store.license(a);
    await a.login(); // so that it has a channel
    const login = a.login();
    await settle(1);
    a.stop();
    await store.pass(181 * SECOND);
    await b.login();
    a.go();
    expect(await statusOf(login)).toBe(0);
    const { sessions, instances } = await store.look();
    expect(sessions.size).toBe(2);
    for (const { instance } of sessions.values()) expect(instances).toContain(instance);
  });

  it('loses them also where nobody wanted its seats', async () => {
    const a = await store.open();
    await store.license(a);
    const mine = await a.login();
    a.stop();
    await store.pass(200 * SECOND);
    a.go();
    expect(await statusOf(mine.encrypt(Buffer.alloc(16)))).toBe(39);
    expect((await store.look()).used()).toBe(0);
  });

  it('for less than three minutes keeps them', async () => {
    const [a, b] = [await store.open(), await store.open()];
    await store.license(a);
    const mine = await a.login();
    await a.login();
    await store.pass(59 * SECOND);
    a.stop();
    await store.pass(175 * SECOND);
    expect(await statusOf(b.login())).toBe(38);
    a.go();
    expect(await statusOf(mine.encrypt(Buffer.alloc(16)))).toBe(0);
    await store.pass(10 * MINUTE);
    expect(await statusOf(b.login())).toBe(38);
    expect(await statusOf(mine.encrypt(Buffer.alloc(16)))).toBe(0);
  });

  it('again and again for less than three minutes keeps them', async () => {
    const a = await store.open();
    await store.license(a);
    const mine = await a.login();
    for (let round = 0; round < 5; round += 1) {
      a.stop();
      await store.pass(170 * SECOND);
      a.go();
      expect(await statusOf(mine.encrypt(Buffer.alloc(16)))).toBe(0);
      await store.pass(5 * SECOND);
    }
  });
});

it('after the computer has started again nothing of before is held', async () => {
  const a = await store.open();
  await store.license(a);
  await a.login();
  await a.login();
  store.reboot();
  const b = await store.open();
  expect(await statusOf(b.login())).toBe(0);
  expect((await store.look()).used()).toBe(1);
});

it('a near LM that lives keeps its sessions for as long as it lives', async () => {
  const [a, b] = [await store.open(), await store.open('external')];
  await store.license(a);
  const [mine, others] = [await a.login(), await b.login()];
  await store.pass(30 * MINUTE, 2_000);
  expect(await statusOf(mine.encrypt(Buffer.alloc(16)))).toBe(0);
  expect(await statusOf(others.encrypt(Buffer.alloc(16)))).toBe(0);
  expect((await store.look()).used()).toBe(2);
});

it('closing one ends its sessions and leaves nothing of it', async () => {
  const [a, b] = [await store.open(), await store.open()];
  await store.license(a);
  await a.login();
  await a.lm.close();
  const { sessions, used, instances } = await store.look();
  expect([sessions.size, used(), instances.length]).toEqual([0, 0, 1]);
  expect(await statusOf(b.login())).toBe(0);
});
