import { LicensingError, Status } from '@keyhaven/core/errors';
import { DAY, HOUR, MINUTE, SECOND } from '@keyhaven/core/time';
import { createMemoryLedger, type Ledger } from '@keyhaven/ledger';
import { describe, expect, it } from 'vitest';
import { createComputerClock, createNet, product } from './lms.testing.ts';

const until = '2027-06-30T23:59:59Z';
const sold = [product(1, { type: 'expiration', until }), product(2, { type: 'perpetual' }), product(3, { type: 'executions', count: 100 })];

/** A ledger that counts what is written of the mark, and refuses it on demand. */
const watched = (ledger: Ledger) => {
  const marks: number[] = [];
  let refusing = false;
  const watch: Ledger = {
    ...ledger,
    update: (keys, decide, options) =>
      ledger.update(
        keys,
        (rows, now) => {
          const decision = decide(rows, now);
          for (const { key, row } of decision.changes) {
            if (key !== 'lm/clock/mark') continue;
            if (refusing) throw new LicensingError(Status.DEVICE_ERR);
            marks.push((row as { at: number }).at);
          }
          return decision;
        },
        options,
      ),
  };
  return { ledger: watch, marks, refuse: (on: boolean) => void (refusing = on) };
};

const world = async () => {
  const computer = createComputerClock();
  const { ledger, marks, refuse } = watched(createMemoryLedger({ now: () => computer.clock.wall() }));
  const net = createNet(computer.clock);
  const start = () => net.start({ host: 'a', seed: 1, ledger });
  return { ...computer, marks, refuse, start };
};

describe('the license time of an LM (K6)', () => {
  it('answers 45 to logins by time when the clock was set back over a restart, and to no others', async () => {
    const { start, setBack, pass } = await world();
    const before = await start();
    await before.license(sold);
    await pass(30 * DAY, 10 * DAY);
    expect(await before.login(1, 10)).toBe('OK');
    await before.stop();
    setBack(20 * DAY);
    const after = await start();
    const answers = [await after.login(1, 10), await after.login(2, 20), await after.login(3, 30), await after.login(0, 0)];
    expect(answers).toEqual(['TIME_ERR', 'OK', 'OK', 'OK']);
    expect(after.events('clock set back')).toHaveLength(1);
    setBack(-20 * DAY);
    expect(await after.login(1, 10)).toBe('OK');
    expect(after.events('clock right again')).toHaveLength(1);
  });

  it('answers 45 when the clock is set back under the running LM', async () => {
    const { start, setBack } = await world();
    const lm = await start();
    await lm.license(sold);
    setBack(59 * MINUTE);
    expect(await lm.login(1, 10)).toBe('OK');
    setBack(2 * MINUTE);
    expect(await lm.login(1, 10)).toBe('TIME_ERR');
    expect((await lm.ledger.audit({ kind: 'refused' }))[0]?.detail).toMatchObject({ status: 45 });
  });

  it('what ended stays ended with a clock set back within the tolerance', async () => {
    const { start, setBack, pass } = await world();
    const lm = await start();
    await lm.license([product(1, { type: 'expiration', until: '2026-11-24T05:00:00Z' })]);
    expect(await lm.login(1, 10)).toBe('OK');
    await pass(2 * HOUR + SECOND);
    expect(await lm.login(1, 10)).toBe('FEATURE_EXPIRED');
    setBack(30 * MINUTE);
    expect(await lm.login(1, 10)).toBe('FEATURE_EXPIRED');
    await lm.stop();
    const again = await start();
    expect(await again.login(1, 10)).toBe('FEATURE_EXPIRED');
  });

  it('is durable before a login by it is answered, and no such login is granted without', async () => {
    const { start, marks, refuse, pass, clock } = await world();
    const lm = await start();
    await lm.license(sold);
    await pass(30 * SECOND);
    expect(await lm.login(1, 10)).toBe('OK');
    expect(marks.at(-1)).toBe(clock.wall());
    refuse(true);
    await pass(2 * SECOND);
    expect(await lm.login(1, 10)).toBe('DEVICE_ERR');
    expect(await lm.login(2, 20)).toBe('OK');
    refuse(false);
    expect(await lm.login(1, 10)).toBe('OK');
  });

  it('is written at most once a minute while nothing happens, at most once a second for logins, and never without a license by time', async () => {
    const { start, marks, pass } = await world();
    const lm = await start();
    await lm.license([product(2, { type: 'perpetual' })]);
    await pass(HOUR, 20 * SECOND);
    await lm.login(2, 20);
    expect(marks).toEqual([]);
    await lm.license(sold);
    await pass(HOUR, 20 * SECOND);
    expect(marks.length).toBeGreaterThan(55);
    expect(marks.length).toBeLessThanOrEqual(60);
    const before = marks.length;
    for (let count = 0; count < 5; count += 1) await lm.login(1, 10);
    expect(marks.length - before).toBeLessThanOrEqual(1);
  });

  it('is moved forward by a license that the vendor issued, where that is bound to time', async () => {
    const { start, setBack } = await world();
    const lm = await start();
    setBack(200 * DAY);
    await lm.license(sold, { issued: '2026-11-24T03:00:00.000Z' });
    expect(await lm.login(1, 10)).toBe('TIME_ERR');
    setBack(-200 * DAY);
    expect(await lm.login(1, 10)).toBe('OK');
  });
});
