import type { Observation } from '@keyhaven/core/fingerprint';
import { createMemoryLedger } from '@keyhaven/ledger';
import { describe, expect, it } from 'vitest';
import { createComputerClock, createNet, product, tower } from './lms.testing.ts';

// K1: a license with `virtualMachine: false` is refused (51) wherever there is a virtual machine, in a container on it as well; and it runs in a
// container on a computer that is none.

const usual = product(1, { type: 'perpetual' });
const physicalOnly = {
  ...usual,
  features: usual.features.map((feature) => ({ ...feature, concurrency: { ...feature.concurrency, virtualMachine: false } })),
};
const { values } = tower('disk 1', 'board 1');

const loginOn = async (observed: Observation) => {
  const { clock } = createComputerClock();
  const lm = await createNet(clock).start({
    host: 'a',
    seed: 1,
    ledger: createMemoryLedger({ now: () => clock.wall() }),
    observe: () => observed,
  });
  await lm.license([physicalOnly, product(2, { type: 'perpetual' })]);
  return { answers: [await lm.login(1, 10), await lm.login(2, 20)], computer: lm.lm.computer() };
};

describe('a license that excludes virtual machines', () => {
  it.each<[string, Omit<Observation, 'values'>, string]>([
    ['a computer', { host: 'physical', virtual: null, container: null }, 'OK'],
    ['a virtual machine', { host: 'virtual', virtual: 'kvm', container: null }, 'VM_DETECTED'],
    ['a container on a computer', { host: 'container', virtual: null, container: 'docker' }, 'OK'],
    ['a container on a virtual machine', { host: 'container', virtual: 'kvm', container: 'docker' }, 'VM_DETECTED'],
    ['a virtual machine that looks like a computer to its fingerprint', { host: 'physical', virtual: 'kvm' }, 'VM_DETECTED'],
    ['a virtual machine of a collector that says only what it is', { host: 'virtual' }, 'VM_DETECTED'],
  ])('in %s', async (_, of, expected) => {
    const { answers, computer } = await loginOn({ ...of, values });
    expect(answers).toEqual([expected, 'OK']);
    expect(computer).toEqual({ virtualMachine: of.virtual ?? null, container: of.container ?? null });
  });
});
