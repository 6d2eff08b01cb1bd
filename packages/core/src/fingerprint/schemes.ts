import { type Decoder, either, integer, list, literal, object } from '../parse/index.ts';
import { type ComponentKind, componentKinds, type Fingerprint, type HostKind } from './fingerprint.ts';

// When two fingerprints are of one computer (K6, field-facts 4.6). The schemes, with their tolerance:
// - PMType1: the disk or the board is still there. Either may be replaced, not both.
// - PMType2: of disk and board (two points each), cpu, ethernet card, optical drive and PCI cards (one each) at least half of the points
//   that the reference has; and among what is the same is a disk, the board or an ethernet card, for two computers of one model share the rest.
// - PMType3 and PMType4 are for Android devices: the id that Android gives the device, and its board too (3), or the id alone (4).
// - VMType1: virtual MAC address, characteristics of the CPU and UUID of the virtual machine, all of them.
// - VMType2: UUID of the virtual machine and its generation id, which its hypervisor changes when it is copied or goes back to a snapshot.
// - VMType3 and VMType4 are for clouds: the id that the cloud gives the instance (3), and the UUID of the virtual machine too (4).
// - FQDN: the full host name.
// - Custom: at least `minimum` of the criteria.
// - PlatformDefault: by what the reference is of, see `resolve`.
// - Disable: always.
// A component is the same where one of its values is still there, PCI cards where half of them are: cards, disks and addresses are added to a
// computer without it being another one. What the reference does not have is never the same.

export const schemeNames = [
  'PlatformDefault',
  'PMType1',
  'PMType2',
  'PMType3',
  'PMType4',
  'VMType1',
  'VMType2',
  'VMType3',
  'VMType4',
  'FQDN',
  'Disable',
] as const;
export type SchemeName = (typeof schemeNames)[number];
export type CustomScheme = { readonly criteria: readonly ComponentKind[]; readonly minimum: number };
export type Scheme = SchemeName | CustomScheme;

/** What a vendor wants of a product: one scheme where the key lives on a physical machine, one where it lives in a virtual machine or container. */
export type Protection = { readonly physical: Scheme; readonly virtual: Scheme };

const custom: Decoder<CustomScheme> = (value, place, faults) => {
  const decoded = object({ criteria: list(literal(...componentKinds), componentKinds.length), minimum: integer(1, componentKinds.length) })(
    value,
    place,
    faults,
  );
  if (decoded === undefined) return undefined;
  if (new Set(decoded.criteria).size !== decoded.criteria.length) faults.push(`${place}.criteria: names a component twice`);
  if (decoded.minimum > decoded.criteria.length) faults.push(`${place}.minimum: is more than the criteria named`);
  return decoded;
};
const scheme = either<Scheme>(`${schemeNames.join(', ')}, or criteria with a minimum`, literal(...schemeNames), custom);
const both = object({ physical: scheme, virtual: scheme });
export const protection: Decoder<Protection> = (value, place, faults) => {
  const decoded = both(value, place, faults);
  if (decoded !== undefined && !isFor('physical', decoded.physical))
    faults.push(`${place}.physical: ${describe(decoded.physical)} is for virtual machines`);
  if (decoded !== undefined && !isFor('virtual', decoded.virtual))
    faults.push(`${place}.virtual: ${describe(decoded.virtual)} is for physical machines`);
  return decoded;
};

/** Whether a scheme is made for machines of that kind. */
export const isFor = (machine: keyof Protection, of: Scheme): boolean =>
  typeof of !== 'string' || !of.startsWith(machine === 'physical' ? 'VMType' : 'PMType');

const WEIGHTS: readonly (readonly [ComponentKind, number])[] = [
  ['disk', 2],
  ['board', 2],
  ['cpu', 1],
  ['ethernet_address', 1],
  ['optical', 1],
  ['pci', 1],
];
/** Schemes that hold where all of these do. */
const ALL_OF = {
  PMType3: ['android_id', 'board'],
  PMType4: ['android_id'],
  VMType1: ['ethernet_address', 'cpu', 'vm_uuid'],
  VMType2: ['vm_uuid', 'vm_generation_id'],
  VMType3: ['cloud_instance'],
  VMType4: ['cloud_instance', 'vm_uuid'],
  FQDN: ['fqdn'],
} as const satisfies Partial<Readonly<Record<SchemeName, readonly ComponentKind[]>>>;

/** Of these no two computers have the same. */
const UNIQUE: readonly ComponentKind[] = ['disk', 'board', 'ethernet_address'];

const valuesOf = (of: Fingerprint, kind: ComponentKind): readonly string[] =>
  of.components.find((component) => component.kind === kind)?.values ?? [];

const same = (reference: Fingerprint, present: Fingerprint, kind: ComponentKind): boolean => {
  const wanted = valuesOf(reference, kind);
  const found = new Set(valuesOf(present, kind));
  const kept = wanted.filter((value) => found.has(value)).length;
  return kept > 0 && (kind !== 'pci' || kept * 2 >= wanted.length);
};

type Concrete = Exclude<SchemeName, 'PlatformDefault'> | CustomScheme;

/** What PlatformDefault is for this reference: the strongest that the computer could be read for. */
export const resolve = (of: Scheme, reference: Fingerprint): Concrete => {
  if (of !== 'PlatformDefault') return of;
  const has = (kind: ComponentKind): boolean => valuesOf(reference, kind).length > 0;
  switch (reference.host) {
    case 'physical':
      return has('disk') || has('board') ? 'PMType1' : { criteria: ['machine_id', 'cpu', 'ethernet_address'], minimum: 3 };
    case 'virtual':
      return has('vm_uuid') ? 'VMType1' : { criteria: ['machine_id', 'cpu', 'ethernet_address'], minimum: 3 };
    case 'container':
      // The machine id comes with the image and the addresses with the network, on every computer alike.
      return has('custom') ? { criteria: ['custom'], minimum: 1 } : { criteria: ['disk', 'board', 'vm_uuid'], minimum: 1 };
  }
};

/** True where `present` is of the computer that `reference` was taken of. */
export const matches = (reference: Fingerprint, present: Fingerprint, of: Scheme): boolean => {
  const holds = (kind: ComponentKind): boolean => same(reference, present, kind);
  const concrete = resolve(of, reference);
  if (typeof concrete === 'object') return concrete.criteria.filter(holds).length >= concrete.minimum;
  switch (concrete) {
    case 'PMType1':
      return holds('disk') || holds('board');
    case 'PMType2': {
      const points = (kept: (kind: ComponentKind) => boolean): number =>
        WEIGHTS.reduce((sum, [kind, weight]) => sum + (kept(kind) ? weight : 0), 0);
      return UNIQUE.some(holds) && points(holds) * 2 >= points((kind) => valuesOf(reference, kind).length > 0);
    }
    case 'PMType3':
    case 'PMType4':
    case 'VMType1':
    case 'VMType2':
    case 'VMType3':
    case 'VMType4':
    case 'FQDN':
      return ALL_OF[concrete].every(holds);
    case 'Disable':
      return true;
  }
};

const schemeFor = (of: Protection, host: HostKind): Scheme => (host === 'physical' ? of.physical : of.virtual);

/** True where both hold: the scheme of what the computer was, and of what it is. So a computer copied into a virtual machine is noticed. */
export const protects = (reference: Fingerprint, present: Fingerprint, of: Protection): boolean =>
  [...new Set([schemeFor(of, reference.host), schemeFor(of, present.host)])].every((each) => matches(reference, present, each));

/** What of the reference is not there any more, for a person. */
export const missing = (reference: Fingerprint, present: Fingerprint): ComponentKind[] =>
  reference.components.map(({ kind }) => kind).filter((kind) => !same(reference, present, kind));

export const describe = (of: Scheme): string => (typeof of === 'string' ? of : `${of.minimum} of ${of.criteria.join(', ')}`);

/** What a scheme goes by, for a person; undefined where its name or the computer decides. */
export const needs = (of: Scheme): string | undefined => {
  if (typeof of === 'object' || of === 'PlatformDefault' || of === 'Disable') return undefined;
  if (of === 'PMType1') return 'disk or board';
  return of === 'PMType2' ? 'disk, board or ethernet_address' : ALL_OF[of].join(' and ');
};
