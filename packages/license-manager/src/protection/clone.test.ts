import type { Observation } from '@keyhaven/core/fingerprint';
import { HOUR, MINUTE } from '@keyhaven/core/time';
import { createMemoryLedger } from '@keyhaven/ledger';
import { describe, expect, it } from 'vitest';
import { connectApplication } from '../authority/site.testing.ts';
import { createComputerClock, createNet, product, settle, tower } from './lms.testing.ts';

const perpetual = { type: 'perpetual' } as const;
const sold = [product(1, perpetual, { physical: 'PMType1', virtual: 'VMType1' }), product(2, perpetual)];
const original = tower('disk 1', 'board 1');
const copy = tower('disk 2', 'board 2');

const world = async () => {
  const { clock, pass } = createComputerClock();
  const net = createNet(clock);
  const ledger = createMemoryLedger({ now: () => clock.wall() });
  let computer = (): Observation => original;
  const start = () => net.start({ host: 'a', seed: 1, ledger, observe: () => computer() });
  const become = (other: Observation | (() => Observation)): void => {
    computer = typeof other === 'function' ? other : () => other;
  };
  return { start, pass, become };
};

describe('clone protection of an LM (K6)', () => {
  it('on a copy refuses the protected product with 64 and names what is missing; others go on', async () => {
    const { start, become } = await world();
    const before = await start();
    await before.license(sold);
    expect([await before.login(1, 10), await before.login(2, 20)]).toEqual(['OK', 'OK']);
    await before.stop();
    become(copy);
    const after = await start();
    expect([await after.login(1, 10), await after.login(2, 20), await after.login(0, 0)]).toEqual(['CLONE_DETECTED', 'OK', 'OK']);
    expect(after.events('clone detected')).toHaveLength(1);
    expect(after.lm.overview.keys()[0]?.warnings).toEqual([expect.stringMatching(/product 1 .*another computer.* PMType1.*board, disk/)]);
    const refused = await after.ledger.audit({ kind: 'refused' });
    expect(refused[0]?.detail).toMatchObject({ status: 64, product: 1, cause: expect.stringContaining('another computer') });
    expect(await after.ledger.audit({ kind: 'clone detected' })).toHaveLength(1);
  });

  it('tolerates a new disk, and says nothing', async () => {
    const { start, become } = await world();
    const before = await start();
    await before.license(sold);
    await before.stop();
    become(tower('disk 2', 'board 1'));
    const after = await start();
    expect(await after.login(1, 10)).toBe('OK');
    expect(after.lm.overview.keys()[0]?.warnings).toBeUndefined();
  });

  it('notices a computer that changes while it runs, and ends what runs by its license', async () => {
    const { start, become, pass } = await world();
    const lm = await start();
    await lm.license(sold);
    await lm.login(1, 10);
    await lm.login(2, 20);
    await pass(3 * HOUR, 10 * MINUTE);
    expect(lm.lm.authority.sessionCount).toBe(2);
    become(copy);
    await pass(HOUR + 2 * MINUTE, MINUTE);
    expect(await lm.login(1, 10)).toBe('CLONE_DETECTED');
    expect([...lm.lm.authority.sessions()].map(({ pool }) => pool.product)).toEqual([2]);
  });

  it('takes nothing from one look that failed', async () => {
    const { start, become, pass } = await world();
    const lm = await start();
    await lm.license(sold);
    await lm.login(1, 10);
    // What is seen when a program does not answer in time; every second look.
    let looks = 0;
    become(() => (looks++ % 2 === 0 ? { host: 'physical', values: { fqdn: ['tower.example'] } } : original));
    await pass(5 * HOUR, MINUTE / 2);
    expect(looks).toBeGreaterThan(8);
    expect([lm.lm.authority.sessionCount, lm.events('clone detected').length]).toEqual([1, 0]);
    expect(await lm.login(1, 10)).toBe('OK');
  });

  it('goes on by itself when the computer is what it was', async () => {
    const { start, become, pass } = await world();
    const before = await start();
    await before.license(sold);
    await before.stop();
    become(copy);
    const after = await start();
    expect(await after.login(1, 10)).toBe('CLONE_DETECTED');
    become(original);
    await pass(4 * MINUTE, MINUTE);
    expect(await after.login(1, 10)).toBe('OK');
    expect(after.lm.overview.keys()[0]?.warnings).toBeUndefined();
  });

  it('is healed by the vendor with a license for the computer as it is', async () => {
    const { start, become } = await world();
    const before = await start();
    await before.license(sold);
    await before.stop();
    become(copy);
    const after = await start();
    await after.license(sold);
    expect(await after.login(1, 10)).toBe('OK');
  });

  it('follows a key that moved to another computer: from there on it is for that one, also after a restart, until the next license', async () => {
    const { clock } = createComputerClock();
    const net = createNet(clock);
    const from = await net.start({ host: 'from', seed: 1, observe: () => original });
    const { id } = await from.license(sold, { rehost: true });
    const ledger = createMemoryLedger({ now: () => clock.wall() });
    let to = await net.start({ host: 'to', seed: 2, ledger, observe: () => copy });
    await to.lm.apply(await from.lm.transfers.rehost(id, await to.lm.transfers.recipient({ type: 'sl-adminmode' })));
    await settle();
    expect(await to.login(1, 10)).toBe('OK');
    await to.stop();
    to = await net.start({ host: 'to', seed: 2, ledger, observe: () => copy });
    expect(await to.login(1, 10)).toBe('OK');
    await to.stop();
    to = await net.start({ host: 'to', seed: 2, ledger, observe: () => original });
    expect(await to.login(1, 10)).toBe('CLONE_DETECTED');
    await to.license(sold);
    expect(await to.login(1, 10)).toBe('OK');
  });

  it('lets a login wait for the first look instead of guessing', async () => {
    const { clock } = createComputerClock();
    const net = createNet(clock);
    const ledger = createMemoryLedger({ now: () => clock.wall() });
    const before = await net.start({ host: 'a', seed: 1, ledger });
    await before.license(sold);
    await before.stop();
    const looked = Promise.withResolvers<Observation>();
    const { createMachineWatch } = await import('./machine-watch.ts');
    const { createGuard } = await import('./guard.ts');
    const machine = createMachineWatch({ clock, observe: () => looked.promise, onChange: () => undefined });
    const time = { now: () => clock.wall(), setBack: () => false, learn: () => undefined, keep: () => undefined, close: () => undefined };
    const guard = createGuard({ time, machine, duplicate: () => undefined, namesake: () => undefined });
    const [key] = before.keystore.keys();
    const pool = key!.license!.pools.get('1.10');
    const ready = guard.ready(key!, 1, pool);
    expect(ready).toBeInstanceOf(Promise);
    expect(guard.ready(key!, 2, key!.license!.pools.get('2.20'))).toBeUndefined();
    looked.resolve(copy);
    await ready;
    expect(guard.against(key!, 1, pool)).toMatchObject({ status: 64 });
    expect(guard.ready(key!, 1, pool)).toBeUndefined();
    machine.close();
  });

  it('does not stop a session of a process that asks again in the same channel for another product', async () => {
    const { start, become } = await world();
    const before = await start();
    await before.license(sold);
    await before.stop();
    become(copy);
    const after = await start();
    const [key] = after.keystore.keys();
    const application = connectApplication(after.lm, key!);
    const replies = [await application.login(10, { product: 1 }), await application.login(20, { product: 2 })];
    expect(replies.map(({ status }) => status)).toEqual([64, 0]);
    await settle();
    expect(application.failure).toBeUndefined();
  });
});
