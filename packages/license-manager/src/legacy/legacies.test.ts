import { Buffer } from 'node:buffer';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LicensingError } from '@keyhaven/core/errors';
import type { Observation } from '@keyhaven/core/fingerprint';
import { stateDocument } from '@keyhaven/core/key';
import { armor } from '@keyhaven/core/license';
import { HOUR, MINUTE } from '@keyhaven/core/time';
import { createMemoryLedger } from '@keyhaven/ledger';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createInstallMarks, systemEntropy } from '../machine/index.ts';
import { createComputerClock, createNet, product, settle, tower, vendor } from '../protection/lms.testing.ts';
import { legacyFor } from './legacy.testing.ts';

const perpetual = { type: 'perpetual' } as const;
const here = tower('disk 1', 'board 1');
const sold = [product(1, perpetual), product(2, { type: 'executions', count: 3 })];
const statusOf = (work: Promise<unknown>): Promise<number> =>
  work.then(
    () => 0,
    (error: unknown) => {
      if (error instanceof LicensingError) return error.status;
      throw error;
    },
  );

const world = () => {
  const { clock, pass } = createComputerClock();
  const net = createNet(clock);
  return { clock, pass, ...net, ledger: createMemoryLedger({ now: () => clock.wall() }) };
};

describe('a legacy license on its computer (T1)', () => {
  it('needs no key before, grants what its vendor signed, and survives a restart', async () => {
    const { start, ledger } = world();
    const before = await start({ host: 'a', seed: 1, ledger });
    const { key, updateCounter } = await before.lm.apply(legacyFor(here, sold));
    expect(updateCounter).toBe(1);
    expect([await before.login(1, 10), await before.login(2, 20), await before.login(0, 0), await before.login(3, 30)]).toEqual([
      'OK',
      'OK',
      'OK',
      'FEATURE_NOT_FOUND',
    ]);
    await before.stop();
    const after = await start({ host: 'a', seed: 1, ledger });
    expect([...after.keystore.keys()].map(({ identity }) => [identity.id, identity.type])).toEqual([[key, 'sl-legacy']]);
    expect([await after.login(2, 20), await after.login(2, 20), await after.login(2, 20)]).toEqual(['OK', 'OK', 'FEATURE_EXPIRED']);
    expect(after.lm.overview.keys()[0]).toMatchObject({ key, type: 'sl-legacy', updateCounter: 1 });
  });

  it('counts seats over the network as the terms say', async () => {
    const { start } = world();
    const lm = await start({ host: 'a', seed: 1 });
    const [one] = sold;
    const two = { ...one!, features: one!.features.map((feature) => ({ ...feature, concurrency: { ...feature.concurrency, seats: 2 } })) };
    await lm.lm.apply(legacyFor(here, [two]));
    expect([await lm.login(1, 10), await lm.login(1, 10), await lm.login(1, 10)]).toEqual(['OK', 'OK', 'TOO_MANY_USERS']);
    expect(lm.lm.overview.catalog()[0]?.pools[0]).toMatchObject({ network: true, limit: 2, used: 2 });
  });

  it('is replaced by a newer file, whole, and by no other (54, 65)', async () => {
    const { start } = world();
    const lm = await start({ host: 'a', seed: 1 });
    const contents = { readWrite: Buffer.from('first').toString('base64url'), readOnly: Buffer.from('one').toString('base64url') };
    const { key } = await lm.lm.apply(legacyFor(here, sold, { secrets: contents }));
    await lm.login(1, 10);
    await lm.login(2, 20);
    const session = [...lm.lm.authority.sessions()].find(({ pool }) => pool.product === 2);
    const third = legacyFor(here, [product(2, { type: 'executions', count: 3 }), product(3, perpetual)], {
      counter: 3,
      secrets: { readWrite: Buffer.from('never').toString('base64url'), readOnly: Buffer.from('two').toString('base64url') },
    });
    expect(await lm.lm.apply(third)).toMatchObject({ key, updateCounter: 3 });
    expect([...lm.lm.authority.sessions()].map(({ id }) => id)).toEqual([session?.id]);
    expect([await lm.login(1, 10), await lm.login(3, 30), await lm.login(2, 20), await lm.login(2, 20), await lm.login(2, 20)]).toEqual([
      'FEATURE_NOT_FOUND',
      'OK',
      'OK',
      'OK',
      'FEATURE_EXPIRED',
    ]);
    expect([0xfff4, 0xfff5].map((file) => lm.keystore.get(key)?.memory.get(file)?.toString())).toEqual(['first', 'two']);
    const older = (counter: number) => statusOf(lm.lm.apply(legacyFor(here, sold, { counter })));
    expect([await older(3), await older(2), await older(1)]).toEqual([65, 54, 54]);
  });

  it('that comes twice at once is one key', async () => {
    const { start } = world();
    const lm = await start({ host: 'a', seed: 1 });
    const text = legacyFor(here, sold);
    const both = await Promise.all([statusOf(lm.lm.apply(text)), statusOf(lm.lm.apply(text))]);
    expect([both.toSorted((a, b) => a - b), [...lm.keystore.keys()].length]).toEqual([[0, 65], 1]);
  });

  it('has no C2V, takes no V2C, and goes nowhere', async () => {
    const { start, clock } = world();
    const lm = await start({ host: 'a', seed: 1 });
    const { key } = await lm.lm.apply(legacyFor(here, sold));
    const held = lm.keystore.get(key);
    expect(await statusOf(lm.keystore.state(held!, 'a', clock.wall()))).toBe(16);
    if (held?.signer.kind !== 'software') throw new Error('a key of software');
    const state = stateDocument(held.signer.identity, { counter: 1, host: 'a', virtualMachine: false, usage: [] }, clock.wall());
    expect(await statusOf(lm.lm.apply(armor('V2C', vendor.license(state, { features: [{ id: 10 }] }))))).toBe(44);
    const other = await start({ host: 'b', seed: 2 });
    const recipient = await other.lm.transfers.recipient({ type: 'sl-adminmode' });
    expect(await statusOf(lm.lm.transfers.rehost(key, recipient))).toBe(69);
    const wish = { key, product: 1, recipient, seconds: undefined, seats: undefined, by: 'administrator', user: 'ada' } as const;
    expect(await statusOf(lm.lm.transfers.detach(wish))).toBe(67);
  });
});

describe('a legacy license for another computer (K6)', () => {
  const other: Observation = tower('disk 9', 'board 9');

  it('is refused before anything is made (52), and says what is not here', async () => {
    const { start } = world();
    const lm = await start({ host: 'a', seed: 1 });
    await expect(lm.lm.apply(legacyFor(other, sold))).rejects.toMatchObject({
      status: 52,
      message: expect.stringContaining('board, disk'),
    });
    expect([...lm.keystore.keys()]).toEqual([]);
  });
  it('is taken where only a part was replaced', async () => {
    const { start } = world();
    const lm = await start({ host: 'a', seed: 1 });
    expect(await statusOf(lm.lm.apply(legacyFor(tower('disk 9', 'board 1'), sold)))).toBe(0);
  });
  it('grants nothing when its state is copied there (64), and ends what runs when the computer becomes another', async () => {
    const { start, ledger, pass } = world();
    let computer = here;
    const observe = () => computer;
    const lm = await start({ host: 'a', seed: 1, ledger, observe });
    await lm.lm.apply(legacyFor(here, sold));
    await lm.login(1, 10);
    computer = other;
    await pass(2 * HOUR, MINUTE);
    expect([await lm.login(1, 10), await lm.login(2, 20), lm.lm.authority.sessionCount]).toEqual(['CLONE_DETECTED', 'CLONE_DETECTED', 0]);
    await lm.stop();
    const copy = await start({ host: 'a', seed: 1, ledger, observe });
    expect([await copy.login(1, 10), await copy.login(2, 20)]).toEqual(['CLONE_DETECTED', 'CLONE_DETECTED']);
    expect(await statusOf(copy.lm.apply(legacyFor(other, sold, { counter: 2 })))).toBe(0);
    expect([await copy.login(1, 10), await copy.login(2, 20)]).toEqual(['OK', 'OK']);
  });
});

describe('two installations of one legacy license', () => {
  it('in two state directories of a computer: the second one takes it only with a newer file of its vendor (65)', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'keyhaven-install-'));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    const installMarks = createInstallMarks(directory, ['id:this computer'], systemEntropy);
    const { start } = world();
    const first = await start({ host: 'a', seed: 1, installMarks });
    await first.lm.apply(legacyFor(here, sold));
    await first.login(2, 20);
    await first.stop();
    const second = await start({ host: 'a', seed: 2, installMarks });
    await expect(second.lm.apply(legacyFor(here, sold))).rejects.toMatchObject({
      status: 65,
      message: expect.stringContaining(first.guid),
    });
    expect([...second.keystore.keys()]).toEqual([]);
    expect(await statusOf(second.lm.apply(legacyFor(here, sold, { counter: 2 })))).toBe(0);
    expect(await statusOf(second.lm.apply(legacyFor(here, sold, { counter: 3 })))).toBe(0);
    expect(await statusOf(first.lm.apply(legacyFor(here, sold, { counter: 3 })))).toBe(65);
  });
  it('in one state directory, again and again: it is here already (65)', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'keyhaven-install-'));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    const installMarks = createInstallMarks(directory, ['id:this computer'], systemEntropy);
    const { start, ledger } = world();
    const lm = await start({ host: 'a', seed: 1, installMarks, ledger });
    await lm.lm.apply(legacyFor(here, sold));
    await lm.stop();
    const again = await start({ host: 'a', seed: 1, installMarks, ledger });
    expect(await statusOf(again.lm.apply(legacyFor(here, sold)))).toBe(65);
  });
  it('that see each other refuse it both (K9)', async () => {
    const { start, meet } = world();
    const [a, b] = [await start({ host: 'a', seed: 1 }), await start({ host: 'b', seed: 2 })];
    for (const { lm } of [a, b]) await lm.apply(legacyFor(here, sold));
    expect([await a.login(1, 10), await b.login(1, 10)]).toEqual(['OK', 'OK']);
    await meet(a, b);
    await settle();
    expect([await a.login(1, 10), await b.login(1, 10)]).toEqual(['CLONE_DETECTED', 'CLONE_DETECTED']);
    expect(a.lm.overview.keys().find(({ local }) => local)?.warnings).toEqual([expect.stringContaining('also on b')]);
  });
});

it('is refused by a license manager that holds no such keys (16)', async () => {
  const { start } = world();
  const lm = await start({ host: 'a', seed: 1, kind: 'external' });
  expect(await statusOf(lm.lm.apply(legacyFor(here, sold)))).toBe(16);
});
