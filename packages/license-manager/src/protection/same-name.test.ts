import type { Protection } from '@keyhaven/core/fingerprint';
import { MINUTE } from '@keyhaven/core/time';
import { expect, it } from 'vitest';
import { createComputerClock, createNet, product, settle, tower } from './lms.testing.ts';

// A product that knows its computer by the host name alone is not used while another computer has it, too (79).

const perpetual = { type: 'perpetual' } as const;
const byName: Protection = { physical: 'FQDN', virtual: 'FQDN' };
const virtual = { ...tower('disk 1', 'board 1'), host: 'virtual' } as const;

it.each<[string, string, Protection | undefined, typeof virtual | undefined, string]>([
  ['the same name', 'tower', byName, undefined, 'DUPLICATE_HOSTNAME'],
  ['the same name in other letters', 'Tower', byName, undefined, 'DUPLICATE_HOSTNAME'],
  ['another name', 'cellar', byName, undefined, 'OK'],
  ['the same name, and a product by its disks', 'tower', { physical: 'PMType1', virtual: 'FQDN' }, undefined, 'OK'],
  ['the same name, and a product of no scheme', 'tower', undefined, undefined, 'OK'],
  ['the same name, in a virtual machine', 'tower', { physical: 'PMType1', virtual: 'FQDN' }, virtual, 'DUPLICATE_HOSTNAME'],
])('of two computers with %s', async (_, name, protection, observed, expected) => {
  const { clock } = createComputerClock();
  const net = createNet(clock);
  const [here, there] = [
    await net.start({ host: 'a', name: 'tower', seed: 1, ...(observed === undefined ? {} : { observe: () => observed }) }),
    await net.start({ host: 'b', name, seed: 2 }),
  ];
  await here.license([product(1, perpetual, protection), product(2, perpetual)]);
  expect(await here.login(1, 10)).toBe('OK');
  await net.meet(here, there);
  expect([await here.login(1, 10), await here.login(2, 20), await here.login(0, 0)]).toEqual([expected, 'OK', 'OK']);
  expect((await here.ledger.audit({ kind: 'refused' })).map(({ detail }) => detail)).toEqual(
    expected === 'OK' ? [] : [expect.objectContaining({ status: 79, product: 1, cause: expect.stringMatching(/host name.* at b /) })],
  );
});

it('goes on when the other computer is gone', async () => {
  const { clock, pass } = createComputerClock();
  const net = createNet(clock);
  const [here, there] = [await net.start({ host: 'a', name: 'tower', seed: 1 }), await net.start({ host: 'b', name: 'tower', seed: 2 })];
  await here.license([product(1, perpetual, byName)]);
  await net.meet(here, there);
  expect(await here.login(1, 10)).toBe('DUPLICATE_HOSTNAME');
  await there.stop();
  await pass(MINUTE);
  await Promise.all(here.lm.peers.all().map((peer) => peer.refresh()));
  await settle();
  expect(await here.login(1, 10)).toBe('OK');
});
