import { HOUR, MINUTE, mono, SECOND } from '@keyhaven/core/time';
import { createMemoryLedger } from '@keyhaven/ledger';
import { describe, expect, it } from 'vitest';
import { createAuditWriter } from '../acts/index.ts';
import { systemEntropy } from '../machine/index.ts';
import { createSimulatedClock } from '../simulated-clock.testing.ts';
import { createAttempts } from './attempts.ts';
import { openAdministration } from './index.ts';

const open = async () => {
  const clock = createSimulatedClock();
  const ledger = createMemoryLedger({ now: () => clock.wall() });
  const again = () =>
    openAdministration({ ledger, audit: createAuditWriter({ ledger, clock, onEvent: () => undefined }), clock, entropy: systemEntropy });
  return { clock, ledger, again, administration: await again() };
};
const kinds = async (check: () => Promise<{ readonly kind: string }>, times: number): Promise<string[]> => {
  const found: string[] = [];
  for (let time = 0; time < times; time += 1) found.push((await check()).kind);
  return found;
};

describe('the password of the administrator (S7, S9)', () => {
  it('is right after a restart, in any form of its letters, and nowhere to be read', async () => {
    const { administration, again, ledger } = await open();
    expect(administration.passwordSet).toBe(false);
    expect(await administration.check('', '127.0.0.1')).toEqual({ kind: 'wrong' });
    await administration.setPassword('Schlüssel', '127.0.0.1');
    for await (const [key, row] of ledger.scan('')) expect(`${key} ${JSON.stringify(row)}`).not.toContain('Schl');
    const later = await again();
    expect(later.passwordSet).toBe(true);
    expect(await later.check('Schlu\u0308ssel', '127.0.0.1')).toEqual({ kind: 'right' });
    expect(await later.check('schlüssel', '127.0.0.1')).toEqual({ kind: 'wrong' });
    await later.setPassword(undefined, '127.0.0.1');
    expect(await later.check('Schlüssel', '127.0.0.1')).toEqual({ kind: 'wrong' });
    expect((await again()).passwordSet).toBe(false);
    const audit = (await ledger.audit({ scope: 'lm' })).map(({ kind, detail }) => `${kind} ${String(detail['address'])}`);
    expect(audit).toEqual(
      expect.arrayContaining(['password set 127.0.0.1', 'password cleared 127.0.0.1', 'administrator refused 127.0.0.1']),
    );
  });

  it('takes as much work whether it is wrong or there is none', async () => {
    const { administration, clock } = await open();
    const costOf = async (): Promise<number> => {
      clock.advance(2 * HOUR);
      const before = process.cpuUsage();
      for (let time = 0; time < 5; time += 1) await administration.check('a guess', '127.0.0.1');
      const { user, system } = process.cpuUsage(before);
      return user + system;
    };
    await costOf();
    const none = await costOf();
    await administration.setPassword('correct horse', '127.0.0.1');
    const wrong = await costOf();
    expect(none / wrong).toBeGreaterThan(0.3);
    expect(none / wrong).toBeLessThan(3);
  });

  it('is tried by one address ever more slowly, also at the same time, and by others as before', async () => {
    const { administration, clock } = await open();
    await administration.setPassword('correct horse', 'test');
    const guess = () => administration.check('guess', '192.0.2.1');
    const tried = (await Promise.all(Array.from({ length: 20 }, guess))).filter(({ kind }) => kind === 'wrong');
    expect(tried.length).toBe(5);
    expect(await administration.check('correct horse', '192.0.2.1')).toMatchObject({ kind: 'later' });
    expect(await administration.check('correct horse', '192.0.2.2')).toEqual({ kind: 'right' });
    clock.advance(SECOND);
    expect(await kinds(guess, 2)).toEqual(['wrong', 'later']);
    clock.advance(SECOND);
    expect(await kinds(guess, 1)).toEqual(['later']);
    clock.advance(SECOND);
    expect(await administration.check('correct horse', '192.0.2.1')).toEqual({ kind: 'right' });
    expect(await kinds(guess, 6)).toEqual([...Array.from({ length: 5 }, () => 'wrong'), 'later']);
  });
});

describe('attempts', () => {
  it('of many addresses are bounded together, and neither this computer nor who was right of late is kept out', () => {
    const attempts = createAttempts();
    attempts.begin('192.0.2.200', mono(0));
    attempts.succeeded('192.0.2.200', mono(0));
    let tried = 0;
    for (let at = 0; at < 5_000; at += 1) if (attempts.begin(`10.0.${at >> 8}.${at & 255}`, mono(at)) === 0) tried += 1;
    expect(tried).toBe(30);
    expect(attempts.begin('192.0.2.200', mono(5_000))).toBe(0);
    expect(attempts.begin('127.0.0.1', mono(5_000))).toBe(0);
    expect(attempts.begin('192.0.2.201', mono(5_000))).toBeGreaterThan(0);
    expect(attempts.begin('192.0.2.201', mono(MINUTE + 1))).toBe(0);
  });

  it('of a subnet of IPv6 are those of one', () => {
    const attempts = createAttempts();
    for (let at = 0; at < 5; at += 1) expect(attempts.begin(`2001:db8:1:2::${at}`, mono(at))).toBe(0);
    expect(attempts.begin('2001:db8:1:2::99', mono(6))).toBeGreaterThan(0);
    expect(attempts.begin('2001:db8:1:3::99', mono(6))).toBe(0);
  });

  it('are paused for a quarter of an hour at most', () => {
    const attempts = createAttempts();
    let now = 0;
    for (let time = 0; time < 40; time += 1) {
      const wait = attempts.begin('192.0.2.1', mono(now));
      expect(wait).toBeLessThanOrEqual(15 * MINUTE);
      now += wait;
    }
  });
});

describe('a session of the page (S9)', () => {
  it('is a token of 128 random bits that ends: by logout, half an hour unused, twelve hours, another password', async () => {
    const { administration, clock, ledger } = await open();
    const begin = () => administration.login('127.0.0.1');
    expect(Buffer.from(begin(), 'base64url')).toHaveLength(16);
    expect(new Set(Array.from({ length: 20 }, begin)).size).toBe(20);
    const out = begin();
    expect(administration.hasSession(out)).toBe(true);
    administration.logout(out, '127.0.0.1');
    expect(administration.hasSession(out)).toBe(false);
    const unused = begin();
    clock.advance(30 * MINUTE + 1);
    expect(administration.hasSession(unused)).toBe(false);
    const long = begin();
    for (let time = 0; time < 24; time += 1) {
      expect(administration.hasSession(long)).toBe(true);
      clock.advance(30 * MINUTE);
    }
    clock.advance(1);
    expect(administration.hasSession(long)).toBe(false);
    const other = begin();
    await administration.setPassword('correct horse', 'test');
    expect(administration.hasSession(other)).toBe(false);
    for (const none of ['', 'x', 'a'.repeat(22), '__proto__']) expect(administration.hasSession(none)).toBe(false);
    for await (const [, row] of ledger.scan('')) expect(JSON.stringify(row)).not.toContain(long);
  });

  it('is one of 64 at most', async () => {
    const { administration } = await open();
    const tokens = Array.from({ length: 65 }, () => administration.login('127.0.0.1'));
    expect(tokens.map(administration.hasSession).filter((has) => !has)).toEqual([false]);
    expect(administration.hasSession(tokens[0] ?? '')).toBe(false);
  });
});
