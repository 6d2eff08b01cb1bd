import { type Decoder, either, integer, list, literal, object } from '../parse/index.ts';
import { type ComponentKind, componentKinds, type Fingerprint, type HostKind } from './fingerprint.ts';

// When two fingerprints are of one computer (K6, field-facts 4.6). The schemes, with their tolerance:
// - PMType1: the disk or the board is still there. Either may be replaced, not both.
// - PMType2: of disk and board (two points each), cpu, ethernet card, optical drive and PCI cards (one each) at least half of the points
//   that the reference has; and among what is the same is a disk, the board or an ethernet card, for two computers of one model share the rest.
// - VMType1: virtual MAC address, characteristics of the CPU and UUID of the virtual machine, all of them.
// - FQDN: the full host name.
// - Custom: at least `minimum` of the criteria.
// - PlatformDefault: by what the reference is of, see `resolve`.
// - Disable: always.
// A component is the same where one of its values is still there, PCI cards where half of them are: cards, disks and addresses are added to a
// computer without it being another one. What the reference does not have is never the same.

export const schemeNames = ['PlatformDefault', 'PMType1', 'PMType2', 'VMType1', 'FQDN', 'Disable'] as const;
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
  if (decoded?.physical === 'VMType1') faults.push(`${place}.physical: VMType1 is for virtual machines`);
  if (decoded?.virtual === 'PMType1' || decoded?.virtual === 'PMType2')
    faults.push(`${place}.virtual: ${decoded.virtual} is for physical machines`);
  return decoded;
};

const WEIGHTS: readonly (readonly [ComponentKind, number])[] = [
  ['disk', 2],
  ['board', 2],
  ['cpu', 1],
  ['ethernet_address', 1],
  ['optical', 1],
  ['pci', 1],
];
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
    case 'VMType1':
      return holds('ethernet_address') && holds('cpu') && holds('vm_uuid');
    case 'FQDN':
      return holds('fqdn');
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
