import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ParseError, parse } from '../parse/index.ts';
import {
  type ComponentKind,
  componentKinds,
  fingerprintOf,
  type HostKind,
  matches,
  missing,
  needs,
  type Observation,
  protection,
  protects,
  resolve,
  type Scheme,
  schemeNames,
} from './index.ts';

type Values = Observation['values'];
const salt = Buffer.alloc(32, 1);
const print = (values: Values, host: HostKind = 'physical') => fingerprintOf({ host, values }, salt);

const physical: Values = {
  machine_id: ['m1'],
  board: ['board-1'],
  disk: ['disk-1', 'disk-2'],
  cpu: ['cpu-1'],
  ethernet_address: ['02-aa', '02-bb'],
  optical: ['drive-1'],
  pci: ['p1', 'p2', 'p3', 'p4'],
  fqdn: ['a.example'],
};
const virtual: Values = {
  machine_id: ['m1'],
  cpu: ['cpu-1'],
  ethernet_address: ['52-54-1'],
  vm_uuid: ['u1'],
  vm_generation_id: ['g1'],
  fqdn: ['a.example'],
};
const other: Values = Object.fromEntries(componentKinds.map((kind) => [kind, [`other ${kind}`]]));
/** A computer where these components were replaced. */
const replaced = (of: Values, ...kinds: readonly ComponentKind[]): Values => ({
  ...of,
  ...Object.fromEntries(kinds.map((kind) => [kind, other[kind]])),
});
const without = (of: Values, ...kinds: readonly ComponentKind[]): Values => ({
  ...of,
  ...Object.fromEntries(kinds.map((kind) => [kind, []])),
});

describe('clone protection (K6, field-facts 4.6)', () => {
  it.each<[Scheme, string, Values, boolean]>([
    ['PMType1', 'nothing changed', physical, true],
    ['PMType1', 'the disks replaced', replaced(physical, 'disk'), true],
    ['PMType1', 'the board replaced', replaced(physical, 'board'), true],
    ['PMType1', 'both replaced', replaced(physical, 'disk', 'board'), false],
    ['PMType1', 'all but the two replaced', { ...other, disk: physical.disk ?? [], board: physical.board ?? [] }, true],
    ['PMType1', 'one of two disks left, the board replaced', { ...replaced(physical, 'board'), disk: ['disk-2', 'disk-9'] }, true],
    ['PMType1', 'neither readable', without(physical, 'disk', 'board'), false],
    ['PMType2', 'nothing changed', physical, true],
    ['PMType2', 'board and disk replaced', replaced(physical, 'disk', 'board'), true],
    [
      'PMType2',
      'board, disk and network replaced: a computer of the same model',
      replaced(physical, 'disk', 'board', 'ethernet_address'),
      false,
    ],
    ['PMType2', 'board, disk and cpu replaced', replaced(physical, 'disk', 'board', 'cpu'), false],
    ['PMType2', 'all but board and disk replaced', replaced(physical, 'cpu', 'ethernet_address', 'optical', 'pci'), true],
    ['PMType2', 'only the disk moved to a computer of another model', { ...other, disk: physical.disk ?? [] }, false],
    ['PMType2', 'the disk moved to a computer of the same model', replaced(physical, 'board', 'ethernet_address'), true],
    ['PMType2', 'half of the cards gone', { ...physical, pci: ['p1', 'p2', 'p9'] }, true],
    ['FQDN', 'another computer of the same name', { ...other, fqdn: ['A.example'] }, true],
    ['FQDN', 'renamed', replaced(physical, 'fqdn'), false],
    ['Disable', 'everything replaced', other, true],
    [{ criteria: ['machine_id', 'disk', 'fqdn'], minimum: 2 }, 'one of three replaced', replaced(physical, 'fqdn'), true],
    [{ criteria: ['machine_id', 'disk', 'fqdn'], minimum: 2 }, 'two of three replaced', replaced(physical, 'fqdn', 'machine_id'), false],
  ])('%j on a physical machine: %s', (scheme, _, present, expected) => {
    expect(matches(print(physical), print(present), scheme)).toBe(expected);
  });

  it.each<[string, Values, boolean]>([
    ['nothing changed', virtual, true],
    ['generation and name changed', replaced(virtual, 'vm_generation_id', 'fqdn', 'machine_id'), true],
    ['another address', replaced(virtual, 'ethernet_address'), false],
    ['another processor', replaced(virtual, 'cpu'), false],
    ['another UUID', replaced(virtual, 'vm_uuid'), false],
    ['one more network card', { ...virtual, ethernet_address: ['52-54-1', '52-54-2'] }, true],
  ])('VMType1: %s', (_, present, expected) => {
    expect(matches(print(virtual, 'virtual'), print(present, 'virtual'), 'VMType1')).toBe(expected);
  });

  const instance: Values = { ...virtual, cloud_instance: ['aws i-1'] };
  it.each<[Scheme, string, Values, Values, boolean]>([
    ['VMType2', 'nothing changed', virtual, virtual, true],
    ['VMType2', 'copied, or back at a snapshot', virtual, replaced(virtual, 'vm_generation_id'), false],
    ['VMType2', 'another UUID', virtual, replaced(virtual, 'vm_uuid'), false],
    ['VMType2', 'everything else replaced', virtual, replaced(virtual, 'cpu', 'ethernet_address', 'machine_id', 'fqdn'), true],
    ['VMType2', 'no generation id to read', without(virtual, 'vm_generation_id'), virtual, false],
    ['VMType3', 'nothing changed', instance, instance, true],
    [
      'VMType3',
      'moved to another host of the cloud',
      instance,
      replaced(instance, 'cpu', 'ethernet_address', 'vm_uuid', 'vm_generation_id'),
      true,
    ],
    ['VMType3', 'another instance of the same image', instance, replaced(instance, 'cloud_instance'), false],
    ['VMType3', 'out of the cloud', instance, without(instance, 'cloud_instance'), false],
    ['VMType4', 'nothing changed', instance, instance, true],
    ['VMType4', 'another UUID', instance, replaced(instance, 'vm_uuid'), false],
    ['VMType4', 'another instance', instance, replaced(instance, 'cloud_instance'), false],
  ])('%s: %s', (scheme, _, reference, present, expected) => {
    expect(matches(print(reference, 'virtual'), print(present, 'virtual'), scheme)).toBe(expected);
  });

  const device: Values = { android_id: ['9774d56d682e549c'], board: ['sm-g990'], cpu: ['exynos'] };
  it.each<[Scheme, string, Values, boolean]>([
    ['PMType3', 'nothing changed', device, true],
    ['PMType3', 'set back to how it left the factory', replaced(device, 'android_id'), false],
    ['PMType3', 'another board', replaced(device, 'board'), false],
    ['PMType4', 'another board', replaced(device, 'board', 'cpu'), true],
    ['PMType4', 'set back to how it left the factory', replaced(device, 'android_id'), false],
  ])('%s: %s', (scheme, _, present, expected) => {
    expect(matches(print(device), print(present), scheme)).toBe(expected);
  });

  it('of Android or of a cloud takes no other computer, not even for itself', () => {
    for (const scheme of ['PMType3', 'PMType4'] as const) expect(matches(print(physical), print(physical), scheme)).toBe(false);
    for (const scheme of ['VMType3', 'VMType4'] as const)
      expect(matches(print(virtual, 'virtual'), print(virtual, 'virtual'), scheme)).toBe(false);
  });

  it('says what it goes by', () => {
    const said = Object.fromEntries(schemeNames.map((name) => [name, needs(name)]));
    expect(said).toEqual({
      PlatformDefault: undefined,
      PMType1: 'disk or board',
      PMType2: 'disk, board or ethernet_address',
      PMType3: 'android_id and board',
      PMType4: 'android_id',
      VMType1: 'ethernet_address and cpu and vm_uuid',
      VMType2: 'vm_uuid and vm_generation_id',
      VMType3: 'cloud_instance',
      VMType4: 'cloud_instance and vm_uuid',
      FQDN: 'fqdn',
      Disable: undefined,
    });
    expect(needs({ criteria: ['disk'], minimum: 1 })).toBeUndefined();
  });

  it('PlatformDefault takes the strongest that the computer could be read for', () => {
    expect(resolve('PlatformDefault', print(physical))).toBe('PMType1');
    expect(resolve('PlatformDefault', print(without(physical, 'disk')))).toBe('PMType1');
    expect(resolve('PlatformDefault', print(without(physical, 'disk', 'board')))).toEqual({
      criteria: ['machine_id', 'cpu', 'ethernet_address'],
      minimum: 3,
    });
    expect(resolve('PlatformDefault', print(virtual, 'virtual'))).toBe('VMType1');
    expect(resolve('PlatformDefault', print(without(virtual, 'vm_uuid'), 'virtual'))).toEqual({
      criteria: ['machine_id', 'cpu', 'ethernet_address'],
      minimum: 3,
    });
    expect(resolve('PlatformDefault', print({ custom: ['site-7'] }, 'container'))).toEqual({ criteria: ['custom'], minimum: 1 });
    expect(resolve('PlatformDefault', print(virtual, 'container'))).toEqual({ criteria: ['disk', 'board', 'vm_uuid'], minimum: 1 });
    expect(resolve('FQDN', print(physical))).toBe('FQDN');
  });

  it('names what is missing', () => {
    expect(missing(print(physical), print(replaced(physical, 'disk', 'pci')))).toEqual(['disk', 'pci']);
    expect(missing(print(physical), print(physical))).toEqual([]);
  });

  it('holds for what the computer was and for what it is: a computer copied into a virtual machine is noticed', () => {
    const copied = print({ ...physical, vm_uuid: ['u7'] }, 'virtual');
    const reference = print(physical);
    expect(protects(reference, copied, { physical: 'PMType1', virtual: 'VMType1' })).toBe(false);
    expect(protects(reference, copied, { physical: 'Disable', virtual: 'VMType1' })).toBe(false);
    expect(protects(reference, copied, { physical: 'Disable', virtual: 'Disable' })).toBe(true);
    expect(protects(reference, copied, { physical: 'FQDN', virtual: 'FQDN' })).toBe(true);
    expect(protects(reference, print(replaced(physical, 'disk')), { physical: 'PMType1', virtual: 'VMType1' })).toBe(true);
  });
});

const values: fc.Arbitrary<Values> = fc.dictionary(
  fc.constantFrom(...componentKinds),
  fc.array(
    fc.integer({ min: 1, max: 6 }).map((value) => `value ${value}`),
    { minLength: 1, maxLength: 4 },
  ),
);
const schemes: fc.Arbitrary<Scheme> = fc.oneof(
  fc.constantFrom(...schemeNames),
  fc
    .uniqueArray(fc.constantFrom(...componentKinds), { minLength: 1 })
    .chain((criteria) => fc.record({ criteria: fc.constant(criteria), minimum: fc.integer({ min: 1, max: criteria.length }) })),
);
const hosts = fc.constantFrom<HostKind>('physical', 'virtual', 'container');

describe('any scheme', () => {
  it('takes a full computer for itself', () => {
    fc.assert(fc.property(schemes, hosts, (scheme, host) => matches(print(other, host), print(other, host), scheme)));
  });

  it('is not fooled by more: what a computer gains never makes it another one', () => {
    fc.assert(
      fc.property(schemes, hosts, values, values, values, (scheme, host, reference, present, gained) => {
        const merged = Object.fromEntries(componentKinds.map((kind) => [kind, [...(present[kind] ?? []), ...(gained[kind] ?? [])]]));
        const before = matches(print(reference, host), print(present, host), scheme);
        return !before || matches(print(reference, host), print(merged, host), scheme);
      }),
    );
  });

  it('never matches a computer that shares nothing, unless it is switched off', () => {
    fc.assert(
      fc.property(schemes, hosts, values, (scheme, host, reference) => {
        expect(matches(print(reference, host), print(other, host), scheme)).toBe(scheme === 'Disable');
        expect(matches(print({}, host), print(reference, host), scheme)).toBe(scheme === 'Disable');
      }),
    );
  });

  it('with a smaller minimum admits no less', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.constantFrom(...componentKinds), { minLength: 2 }), values, values, (criteria, reference, present) => {
        const admitted = criteria.map((_, index) => matches(print(reference), print(present), { criteria, minimum: index + 1 }));
        expect(admitted).toEqual([...admitted].sort((a, b) => Number(b) - Number(a)));
      }),
    );
  });
});

describe('what a vendor asks for', () => {
  const read = (value: unknown) => parse(protection, value, 'protection');

  it('is read, each scheme for its own kind of computer', () => {
    expect(read({ physical: 'PMType2', virtual: 'VMType1' })).toEqual({ physical: 'PMType2', virtual: 'VMType1' });
    expect(read({ physical: { criteria: ['disk', 'fqdn'], minimum: 1 }, virtual: 'Disable' }).physical).toEqual({
      criteria: ['disk', 'fqdn'],
      minimum: 1,
    });
  });

  it.each<[unknown, RegExp]>([
    [{ physical: 'VMType1', virtual: 'VMType1' }, /physical: VMType1 is for virtual machines/],
    [{ physical: 'PMType1', virtual: 'PMType2' }, /virtual: PMType2 is for physical machines/],
    [{ physical: 'VMType3', virtual: 'VMType4' }, /physical: VMType3 is for virtual machines/],
    [{ physical: 'PMType3', virtual: 'PMType4' }, /virtual: PMType4 is for physical machines/],
    [{ physical: 'PMType1' }, /virtual: is missing/],
    [{ physical: 'PMType9', virtual: 'VMType1' }, /physical: must be PlatformDefault/],
    [{ physical: { criteria: ['disk'], minimum: 2 }, virtual: 'VMType1' }, /physical/],
    [{ physical: { criteria: ['disk', 'disk'], minimum: 1 }, virtual: 'VMType1' }, /physical/],
    [{ physical: { criteria: [], minimum: 1 }, virtual: 'VMType1' }, /physical/],
  ])('%j is refused', (value, message) => {
    expect(() => read(value)).toThrow(ParseError);
    expect(() => read(value)).toThrow(message);
  });
});
