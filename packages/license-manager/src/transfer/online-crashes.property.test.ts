import { MINUTE, SECOND } from '@keyhaven/core/time';
import { DETACH_MARGIN_MS } from '@keyhaven/core/transfer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createOffices, FEATURE, lendable, type Office, outcomeOf, outOf, PRODUCT, settle, usedAt, wish } from './online.testing.ts';

// Detaching and giving back over the network, cut by a crash of either side after any number of turns, and by a cable. Promised (I1, docs/decisions/0025):
// never more in use than sold; a wish has one copy at most, however often it breaks off; what is asked for again is got; what is given back comes home.

const numRuns = process.env['SLOW'] === undefined ? 40 : 1_000;
const SOLD = 5;

const crash = fc.option(fc.record({ who: fc.constantFrom('owner' as const, 'laptop' as const), turns: fc.nat({ max: 60 }) }), {
  nil: undefined,
  freq: 2,
});
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('detach' as const), crash }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('return' as const), crash }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('cable' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('time' as const), minutes: fc.integer({ min: 1, max: 20 }) }) },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

const createWorld = async () => {
  const offices = await createOffices();
  const { pass, meet, cut } = offices;
  const at = { owner: await offices.open('keys-1', 1), laptop: await offices.open('laptop', 2) };
  const { id: key } = await at.owner.license([lendable()]);
  await meet(at.laptop, at.owner);
  const seen = new Set<string>();
  let join: (() => void) | undefined;
  let seconds = 600;

  const lentAt = (laptop: Office): readonly string[] =>
    laptop.lm.overview.keys().flatMap(({ key: id, lent }) => (lent === undefined ? [] : [id]));
  const introduce = async (): Promise<void> => {
    at.laptop.lm.peers.found(at.owner.guid, { host: 'keys-1', port: 1947 });
    await settle();
  };
  const run = async (work: (laptop: Office) => Promise<unknown>, ends: Extract<Step, { crash: unknown }>['crash']): Promise<void> => {
    let over = false;
    const under = outcomeOf(work(at.laptop)).then(({ status }) => {
      over = true;
      seen.add(String(status));
    });
    if (ends !== undefined) {
      for (let turn = 0; turn < ends.turns; turn += 1) await Promise.resolve();
      seen.add(over ? 'crash after the end' : `crash of ${ends.who}`);
      if (ends.who === 'owner') {
        const reachable = join === undefined;
        at.owner = await at.owner.again();
        if (!reachable) join = cut('keys-1');
      } else at.laptop = await at.laptop.again();
      await introduce();
    }
    await pass(30 * SECOND, SECOND);
    // Of a crashed laptop nobody waits for the answer.
    if (ends?.who !== 'laptop') await under;
  };

  const act = async (of: Step): Promise<void> => {
    switch (of.kind) {
      case 'detach':
        // Ends later each time, as it does for somebody who asks again.
        seconds += 60;
        return run((laptop) => laptop.lm.online.detach(wish(at.owner, key, { duration: seconds })), of.crash);
      case 'return': {
        const [child] = lentAt(at.laptop);
        return child === undefined ? undefined : run((laptop) => laptop.lm.online.giveBack(child), of.crash);
      }
      case 'cable':
        if (join === undefined) join = cut('keys-1');
        else {
          join();
          join = undefined;
          await introduce();
        }
        return;
      case 'time':
        return pass(of.minutes * MINUTE, MINUTE);
    }
  };
  const check = (): void => {
    const out = outOf(at.owner);
    expect(usedAt(at.owner, key)).toBe(out);
    expect(out).toBeLessThanOrEqual(SOLD);
    // One wish, one copy; those that are given back may not be known there yet.
    expect(out).toBeLessThanOrEqual(1 + at.laptop.lm.online.untold().length);
    expect(lentAt(at.laptop).length).toBeLessThanOrEqual(1);
    const known = new Set(at.owner.lm.transfers.detached().map(({ recipient }) => recipient));
    for (const child of lentAt(at.laptop)) {
      const until = at.laptop.keystore.get(child)?.license?.delegation?.until ?? '';
      if (Date.parse(until) + DETACH_MARGIN_MS > offices.clock.wall())
        expect(known.has(child), 'what may be used there is put aside here').toBe(true);
    }
  };
  return {
    act,
    check,
    seen,
    pass,
    at,
    /** Both are there, and linked. */
    async whole(): Promise<void> {
      join?.();
      join = undefined;
      await introduce();
      await pass(6 * MINUTE, SECOND * 5);
    },
    lent: () => lentAt(at.laptop),
    key,
    seconds: () => (seconds += 6_000),
  };
};

describe('detaching over the network, broken off anywhere (I1, K5)', () => {
  it('never lends more than once for one wish, gets it when it is asked for again, and gets it all back', async () => {
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 14 }), async (steps) => {
        const world = await createWorld();
        const { at, key } = world;
        for (const each of steps) {
          await world.act(each);
          world.check();
        }
        await world.whole();
        expect(at.laptop.lm.online.untold()).toEqual([]);
        const again = await at.laptop.lm.online.detach(wish(at.owner, key, { duration: world.seconds() }));
        expect(world.lent()).toEqual([again.key]);
        expect(await at.laptop.login(PRODUCT, FEATURE)).toBe('OK');
        world.check();
        await at.laptop.lm.online.giveBack(again.key);
        await world.pass(MINUTE, 10 * SECOND);
        expect([outOf(at.owner), usedAt(at.owner, key), at.laptop.lm.online.untold()]).toEqual([0, 0, []]);
        for (const each of world.seen) seen.add(each);
        await at.laptop.stop();
        await at.owner.stop();
      }),
      { numRuns },
    );
    expect([...seen]).toEqual(expect.arrayContaining(['0', '40', 'crash of owner', 'crash of laptop']));
  }, 600_000);
});
