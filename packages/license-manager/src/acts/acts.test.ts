import { LicensingError, Status } from '@keyhaven/core/errors';
import { SECOND } from '@keyhaven/core/time';
import { createMemoryLedger, type Ledger } from '@keyhaven/ledger';
import { createManualClock } from '@keyhaven/testkit/local-lm';
import { describe, expect, it } from 'vitest';
import { type Act, askedAct, openActs } from './index.ts';

const act: Act = { act: 'POST /api/v1/apply', by: 'administrator', address: '192.0.2.7' };

/** A ledger that fails as often as the test says. */
const site = () => {
  const clock = createManualClock();
  const inner = createMemoryLedger({ now: () => clock.wall() });
  const disk: { fault: number | undefined } = { fault: undefined };
  const ledger: Ledger = {
    ...inner,
    update: (keys, decide, options) =>
      disk.fault === undefined || (disk.fault === Status.STORAGE_CORRUPT && keys.length === 0)
        ? inner.update(keys, decide, options)
        : Promise.reject(new LicensingError(disk.fault === Status.STORAGE_CORRUPT ? Status.STORAGE_CORRUPT : Status.DEVICE_ERR)),
  };
  const events: string[] = [];
  const open = (name: string, alone = true) =>
    openActs({ ledger, clock, alone, name, onEvent: ({ level, event }) => void events.push(`${level} ${event}`) });
  const audit = async () => (await inner.audit()).map(({ kind, detail }) => ({ kind, ...detail })).toReversed();
  const intents = async (): Promise<number> => {
    let count = 0;
    for await (const _ of inner.scan('lm/act/')) count += 1;
    return count;
  };
  return { clock, disk, events, open, audit, intents };
};
const full = Status.DEVICE_ERR;

describe('an administrative act (C5)', () => {
  it('is durable as an intent before it begins, and one record when it is over, also where it is refused', async () => {
    const { open, audit, intents } = site();
    const acts = await open('1');
    const seen: number[] = [];
    expect(await acts.perform(act, async () => seen.push(await intents(), (await audit()).length))).toBe(2);
    expect(seen).toEqual([1, 0]);
    for (const error of [new LicensingError(Status.INV_UPDATE_CNTR, { detail: 'x'.repeat(1_000) }), new TypeError('odd')])
      await expect(
        acts.perform({ ...act, act: 'y'.repeat(1_000) }, () => {
          throw error;
        }),
      ).rejects.toBe(error);
    expect(await audit()).toEqual([
      { kind: 'administration', ...act, status: 0 },
      { kind: 'administration', ...act, act: 'y'.repeat(300), status: 21, cause: expect.stringMatching(/^The update .{250,300}$/) },
      { kind: 'administration', ...act, act: 'y'.repeat(300), status: 699, cause: 'odd' },
    ]);
    expect(await intents()).toBe(0);
    acts.close();
  });

  it('is not done where the disk does not take its intent: 43, and nothing is owed', async () => {
    const { open, disk, audit } = site();
    const acts = await open('1');
    disk.fault = full;
    let done = 0;
    await expect(acts.perform(act, () => (done += 1))).rejects.toMatchObject({
      status: 43,
      detail: expect.stringContaining('It is not done'),
    });
    expect([done, acts.owed(), await audit()]).toEqual([0, 0, []]);
    disk.fault = undefined;
    expect(await acts.perform(act, () => (done += 1))).toBe(1);
    acts.close();
  });

  it('owes its end where the disk became full meanwhile: it is answered, told as an error, and written as soon as it can be', async () => {
    const { open, clock, disk, audit, events } = site();
    const acts = await open('1');
    const answer = acts.perform(act, () => {
      disk.fault = full;
      return 'done';
    });
    expect(await answer).toBe('done');
    expect([acts.owed(), await audit()]).toEqual([1, []]);
    expect(events).toEqual(['error the end of an administrative act is not in the audit yet']);
    clock.advance(6 * SECOND);
    await new Promise((resolve) => setImmediate(resolve));
    expect(acts.owed()).toBe(1);
    disk.fault = undefined;
    clock.advance(6 * SECOND);
    await expect.poll(() => acts.owed()).toBe(0);
    expect(await audit()).toEqual([{ kind: 'administration', ...act, status: 0 }]);
    await expect.poll(() => events.at(-1)).toBe('info the audit of administration is complete again');
    acts.close();
  });

  it('is in the audit where the license manager was killed in the middle of it', async () => {
    const { open, audit, intents } = site();
    const killed = await open('1');
    void killed.perform(act, () => new Promise(() => undefined));
    await expect.poll(intents).toBe(1);
    const next = await open('2');
    expect(await audit()).toEqual([{ kind: 'administration', ...act, status: 699, cause: expect.stringContaining('not written down') }]);
    expect(await intents()).toBe(0);
    next.close();
  });

  it('is in the audit also where the rows of the license manager are damaged', async () => {
    const { open, disk, audit } = site();
    const acts = await open('1');
    disk.fault = Status.STORAGE_CORRUPT;
    expect(await acts.perform(act, () => 'done')).toBe('done');
    expect((await audit()).map(({ kind }) => kind)).toEqual(['administration begun', 'administration']);
    acts.close();
  });

  it('of an application in a ledger that processes share has its end only, and touches no intent of others', async () => {
    const { open, audit, intents } = site();
    const other = await open('1');
    void other.perform(act, () => new Promise(() => undefined));
    await expect.poll(intents).toBe(1);
    const shared = await open('2', false);
    expect(await shared.perform(act, async () => intents())).toBe(1);
    expect(await audit()).toHaveLength(1);
    expect(await intents()).toBe(1);
    shared.close();
  });

  it('is what makes an ID or a key, and no other question', () => {
    expect([0, 1, 2, 4, 8, 16].map((wanted) => askedAct({ wanted }))).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
      'make key',
      'make ID',
    ]);
  });
});
