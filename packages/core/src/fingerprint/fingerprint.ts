import { Buffer } from 'node:buffer';
import { fromBase64, toBase64 } from '../bytes/index.ts';
import { sha256 } from '../crypto/index.ts';
import { type Decoder, list, literal, object } from '../parse/index.ts';

// What a computer is recognised by (K6): named components, each a set of hashes. Promised:
// - nothing readable leaves the computer, and one computer looks different to every vendor, for the vendor's key goes into each hash;
// - the same observation gives the same bytes, whatever its order, case and spacing;
// - what board makers leave unfilled is no component.
// Not promised: that nobody finds a value again by trying all of them. A MAC address has too few of them for that.

export const componentKinds = [
  'machine_id',
  'board',
  'disk',
  'cpu',
  'ethernet_address',
  'optical',
  'pci',
  'fqdn',
  'ip_address',
  'sid',
  'vm_uuid',
  'vm_generation_id',
  'container',
  'custom',
  'cloud_instance',
  'android_id',
] as const;
export type ComponentKind = (typeof componentKinds)[number];

export const hostKinds = ['physical', 'virtual', 'container'] as const;
export type HostKind = (typeof hostKinds)[number];

/** What a collector read, in clear; never stored and never sent. */
export type Observation = {
  /** What it is recognised as; goes into fingerprints. A container on a virtual machine is a container. */
  readonly host: HostKind;
  readonly values: Readonly<Partial<Record<ComponentKind, readonly string[]>>>;
  /** The hypervisor of the virtual machine that it is, or that the container is on; null = none was found, absent = as `host` says. In no fingerprint. */
  readonly virtual?: string | null;
  /** The container that it is; null or absent = none was found. In no fingerprint. */
  readonly container?: string | null;
};

/** Whether licenses that exclude virtual machines are refused here (27, 51, 74): in a container it is the computer around it that counts. */
export const isVirtualMachine = ({ host, virtual }: Observation): boolean =>
  virtual === undefined ? host === 'virtual' : virtual !== null;

/** `values` are hashes in base64url, sorted, each once. */
export type Component = { readonly kind: ComponentKind; readonly values: readonly string[] };
/** Components in the order of `componentKinds`, none without a value. */
export type Fingerprint = { readonly version: 1; readonly host: HostKind; readonly components: readonly Component[] };

/** BOUNDED: values of one component; a server with more disks is recognised by these. */
const MAX_VALUES = 64;
const HASH_BYTES = 12;

const UNFILLED: ReadonlySet<string> = new Set([
  'to be filled by o.e.m.',
  'default string',
  'not specified',
  'not applicable',
  'none',
  'n/a',
  'unknown',
  'uninitialized',
  'empty',
  'invalid',
  'system serial number',
  'base board serial number',
  'chassis serial number',
  '(none)',
  'o.e.m.',
  'oem',
  '123456789',
  '03000200-0400-0500-0006-000700080009', // In every board of one maker.
]);

/** One spelling of a value; undefined where it says nothing. */
export const normalise = (value: string): string | undefined => {
  const text = value.replaceAll('\0', '').replaceAll(/\s+/gu, ' ').trim().toLowerCase();
  return text === '' || UNFILLED.has(text) || /^[0.:\-\s]*$|^[f.:\-\s]*$|^x+$/u.test(text) ? undefined : text;
};

const hashOf = (kind: ComponentKind, value: string, salt: Uint8Array): string =>
  toBase64(
    sha256(
      Buffer.concat([Buffer.from(`keyhaven fingerprint 1\0${kind}\0${salt.length}\0`, 'utf8'), salt, Buffer.from(value, 'utf8')]),
    ).subarray(0, HASH_BYTES),
  );

/** @param salt the public key of the vendor who gets it. */
export const fingerprintOf = (observed: Observation, salt: Uint8Array): Fingerprint => ({
  version: 1,
  host: observed.host,
  components: componentKinds.flatMap((kind): Component[] => {
    const hashes = (observed.values[kind] ?? []).flatMap((value) => {
      const text = normalise(value);
      return text === undefined ? [] : [hashOf(kind, text, salt)];
    });
    return hashes.length === 0 ? [] : [{ kind, values: [...new Set(hashes)].sort().slice(0, MAX_VALUES) }];
  }),
});

const hash: Decoder<string> = (value, place, faults) => {
  if (typeof value === 'string' && value.length === 16 && toBase64(fromBase64(value) ?? Buffer.alloc(0)) === value) return value;
  faults.push(`${place}: must be ${HASH_BYTES} bytes in base64url`);
  return undefined;
};
const ascending = (items: readonly (string | number)[]): boolean =>
  items.every((item, index) => index === 0 || (items[index - 1] ?? item) < item);
const fields = object({
  version: literal(1),
  host: literal(...hostKinds),
  components: list(object({ kind: literal(...componentKinds), values: list(hash, MAX_VALUES) }), componentKinds.length),
});

/** A fingerprint inside a C2V or a certificate; only its one spelling. */
export const fingerprint: Decoder<Fingerprint> = (value, place, faults) => {
  const before = faults.length;
  const decoded = fields(value, place, faults);
  if (decoded === undefined || faults.length > before) return undefined;
  if (!ascending(decoded.components.map(({ kind }) => componentKinds.indexOf(kind))))
    faults.push(`${place}.components: must be in order, each once`);
  for (const { kind, values } of decoded.components) {
    if (values.length === 0 || !ascending(values))
      faults.push(`${place}.components: the values of ${kind} must be sorted, each once, and at least one`);
  }
  return decoded;
};
