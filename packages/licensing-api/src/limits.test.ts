import { LicensingError, Status } from '@keyhaven/core/errors';
import { describe, expect, it } from 'vitest';
import { createLimits } from './limits.ts';
import { createOwnTime } from './own-time.ts';

// A6 and A3: how the time of calls is counted, on a clock that is moved by hand.

const start = () => {
  let now = 0;
  let input: (() => void)[] = [];
  const tasks: { readonly at: number; readonly task: () => void }[] = [];
  const time = createOwnTime({
    now: () => now,
    pause: () => Promise.resolve(),
    later(milliseconds, task) {
      const entry = { at: now + milliseconds, task };
      tasks.push(entry);
      return () => void tasks.splice(tasks.indexOf(entry), 1);
    },
    afterInput: (task) => void input.push(task),
  });
  /** What is due runs, and then what waits for input. `arrives` comes with that input. */
  const turn = (arrives: () => void = () => undefined): void => {
    const due = tasks.filter(({ at }) => at <= now);
    for (const each of due) tasks.splice(tasks.indexOf(each), 1);
    for (const { task } of due) task();
    arrives();
    const judged = input;
    input = [];
    for (const each of judged) each();
  };
  const pass = (milliseconds: number): void => {
    for (const until = now + milliseconds; now < until; ) {
      now = Math.min(until, Math.max(now, Math.min(...tasks.map(({ at }) => at))));
      turn();
    }
  };
  const block = (milliseconds: number, arrives?: () => void): void => {
    now += milliseconds;
    turn(arrives);
  };
  return { time, limits: createLimits(time), pass, block, waiting: () => tasks.length };
};
const watched = (limit: { whenOver(listener: () => void): void }): (() => boolean) => {
  let over = false;
  limit.whenOver(() => {
    over = true;
  });
  return () => over;
};

describe('the limit of a call (A6)', () => {
  it('is over when its time is over, and not before', () => {
    const { limits, pass } = start();
    const over = watched(limits.begin(10_000));
    pass(9_990);
    expect(over()).toBe(false);
    pass(20);
    expect(over()).toBe(true);
  });

  it('needs one timer for all calls under way, and none where there is none', () => {
    const { limits, pass, waiting } = start();
    expect(waiting()).toBe(0);
    const all = Array.from({ length: 1_000 }, () => limits.begin(10_000));
    expect(waiting()).toBe(1);
    for (const each of all) each.end();
    pass(1_000);
    expect(waiting()).toBe(0);
    expect(watched(limits.begin(1_000))()).toBe(false);
    expect(waiting()).toBe(1);
  });

  it('does not run while the event loop is blocked or the process stopped (A3)', () => {
    const { limits, block, pass } = start();
    const over = watched(limits.begin(10_000));
    for (let times = 0; times < 20; times += 1) block(60_000);
    expect(over()).toBe(false);
    pass(10_000);
    expect(over()).toBe(true);
  });

  it('is not over before what has arrived was read (A3)', () => {
    const { limits, block, pass } = start();
    const limit = limits.begin(1_000);
    const over = watched(limit);
    pass(900);
    block(5_000, () => limit.end());
    pass(5_000);
    expect(over()).toBe(false);
  });

  it('has parts that are over with it at the latest, and before it', () => {
    const { limits, pass } = start();
    const order: string[] = [];
    const whole = limits.begin(3_000);
    whole.whenOver(() => order.push('whole'));
    whole.part(1_000).whenOver(() => order.push('short part'));
    whole.part(60_000).whenOver(() => order.push('long part'));
    pass(1_100);
    expect(order).toEqual(['short part']);
    pass(2_000);
    expect(order).toEqual(['short part', 'long part', 'whole']);
    whole.whenOver(() => order.push('at once'));
    expect(order.at(-1)).toBe('at once');
    expect(whole.leftMs()).toBe(0);
  });

  it('gives up what is awaited, and says why; what comes later changes nothing', async () => {
    const { limits, pass } = start();
    const silence = new LicensingError(Status.LOCAL_COMM_ERR);
    const work = Promise.withResolvers<number>();
    const waited = limits.begin(1_000).until(work.promise, () => silence);
    pass(1_100);
    work.reject(new Error('nobody waits for this any more'));
    await expect(waited).rejects.toBe(silence);
    await expect(limits.begin(1_000).until(Promise.resolve(7), () => silence)).resolves.toBe(7);
  });

  it('ends with close: no timer is left, and none begins', () => {
    const { limits, time, waiting } = start();
    limits.begin(1_000);
    time.close();
    expect(waiting()).toBe(0);
    limits.begin(1_000);
    time.later(1, () => undefined);
    expect(waiting()).toBe(0);
  });
});
