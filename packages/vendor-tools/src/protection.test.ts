import { LicensingError } from '@keyhaven/core/errors';
import { fingerprintOf, type Observation } from '@keyhaven/core/fingerprint';
import { stateDocument, verifyUpdate } from '@keyhaven/core/key';
import { armor, unarmor } from '@keyhaven/core/license';
import { describe, expect, it } from 'vitest';
import { readCatalog } from './catalog.ts';
import { sampleCatalog } from './catalog-sample.ts';
import { fixedEntropy, makeKey, makeVendor, now } from './fixtures.ts';
import { issueLicense } from './issue.ts';

const vendor = makeVendor(7, 1);
const key = makeKey(vendor, 21);
const catalogWith = (protection: string) => `
products:
  - { id: 1, features: [{ id: 42, license: { type: perpetual } }], protection: ${protection} }
  - { id: 2, features: [{ id: 43, license: { type: perpetual } }] }
`;
const protectionOf = (text: string) => readCatalog(catalogWith(text)).products[0]?.protection;
const faultOf = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (error instanceof LicensingError) return `${error.status} ${error.detail}`;
    throw error;
  }
  return '';
};
const c2vOf = (observed: Observation | undefined): string =>
  armor(
    'C2V',
    stateDocument(
      key,
      {
        counter: 0,
        host: 'a',
        virtualMachine: false,
        usage: [],
        fingerprint: observed === undefined ? undefined : fingerprintOf(observed, vendor.publicKey),
      },
      now,
    ),
  );
const issue = (protection: string, observed: Observation | undefined, products: readonly number[] = [1, 2]) =>
  issueLicense({ vendor, catalog: readCatalog(catalogWith(protection)), c2v: c2vOf(observed), products, now, entropy: fixedEntropy });
const tower: Observation = { host: 'physical', values: { disk: ['d1'], board: ['b1'], cpu: ['c'] } };

describe('clone protection in a catalog (K6)', () => {
  it('is a scheme for each kind of computer, PlatformDefault where it is left out', () => {
    expect(protectionOf('{ physical: PMType2, virtual: VMType1 }')).toEqual({ physical: 'PMType2', virtual: 'VMType1' });
    expect(protectionOf('{ virtual: FQDN }')).toEqual({ physical: 'PlatformDefault', virtual: 'FQDN' });
    expect(protectionOf('{ physical: { criteria: [machine_id, disk, fqdn], minimum: 2 } }')?.physical).toEqual({
      criteria: ['machine_id', 'disk', 'fqdn'],
      minimum: 2,
    });
    expect(readCatalog(catalogWith('{}')).products[1]).not.toHaveProperty('protection');
  });

  it('is as the sample says', () => {
    const uncommented = sampleCatalog.replace('# protection:', 'protection:');
    expect(uncommented).not.toBe(sampleCatalog);
    expect(readCatalog(uncommented).products[0]?.protection).toEqual({ physical: 'PMType2', virtual: 'VMType1' });
  });

  it.each([
    [
      '{ physical: VMType1 }',
      /protection\.physical: must be PlatformDefault, PMType1, PMType2, PMType3, PMType4, FQDN, Disable, or \{criteria/,
    ],
    ['{ virtual: PMType1 }', /protection\.virtual: must be PlatformDefault, VMType1, VMType2, VMType3, VMType4, FQDN, Disable/],
    ['{ physical: { criteria: [shoes], minimum: 1 } }', /protection\.physical/],
    ['{ physical: { criteria: [disk], minimum: 2 } }', /protection\.physical/],
    ['{ physical: { criteria: [disk, disk], minimum: 1 } }', /protection\.physical/],
    ['{ fysical: PMType1 }', /protection\.fysical: is unknown/],
    ['PMType1', /protection: must be fields such as/],
  ])('%s is refused', (text, message) => {
    expect(faultOf(() => protectionOf(text))).toMatch(message);
  });
});

describe('a license with clone protection (K6)', () => {
  it('carries the scheme of each product and the fingerprint of the computer', () => {
    const { certificate, v2c } = issue('{ physical: PMType1, virtual: VMType1 }', tower);
    expect(certificate.products.map(({ protection }) => protection)).toEqual([{ physical: 'PMType1', virtual: 'VMType1' }, undefined]);
    expect(certificate.fingerprint).toEqual(fingerprintOf(tower, vendor.publicKey));
    expect(verifyUpdate(key, 0, unarmor(v2c).bytes).certificate).toEqual(certificate);
  });

  it('carries no fingerprint where no product asks for protection', () => {
    expect(issue('{}', tower, [2]).certificate).not.toHaveProperty('fingerprint');
  });

  it('is refused at issue where the computer would not pass its own comparison, naming why', () => {
    expect(faultOf(() => issue('{}', undefined))).toMatch(/^501 .*product 1 .*no fingerprint/);
    expect(faultOf(() => issue('{ physical: FQDN }', tower))).toMatch(/^501 .*product 1 .*FQDN.*physical.*it tells board, disk, cpu/);
    const container: Observation = { host: 'container', values: { fqdn: ['c1'], machine_id: ['m'] } };
    expect(faultOf(() => issue('{}', container))).toMatch(/^501 .*PlatformDefault.*container/);
    expect(issue('{}', { ...container, values: { ...container.values, custom: ['site-7'] } }).counter).toBe(1);
    expect(faultOf(() => issue('{}', undefined, [2]))).toBe('');
  });

  it('for Android devices, generation ids and clouds is refused at issue for computers that tell nothing of them', () => {
    expect(faultOf(() => issue('{ physical: PMType3 }', tower))).toMatch(
      /^501 .*product 1 .*PMType3, which goes by android_id and board; .*it tells board/,
    );
    expect(faultOf(() => issue('{ physical: PMType4 }', tower))).toMatch(/PMType4, which goes by android_id;/);
    const machine: Observation = { host: 'virtual', values: { vm_uuid: ['u'], cpu: ['c'] } };
    expect(faultOf(() => issue('{ virtual: VMType2 }', machine))).toMatch(
      /VMType2, which goes by vm_uuid and vm_generation_id; this virtual computer/,
    );
    expect(faultOf(() => issue('{ virtual: VMType3 }', machine))).toMatch(/VMType3, which goes by cloud_instance;/);
    const instance: Observation = { host: 'virtual', values: { ...machine.values, vm_generation_id: ['g'], cloud_instance: ['aws i-1'] } };
    for (const scheme of ['VMType2', 'VMType3', 'VMType4']) {
      const { certificate } = issue(`{ virtual: ${scheme} }`, instance);
      expect(certificate.products[0]?.protection?.virtual).toBe(scheme);
    }
    const device: Observation = { host: 'physical', values: { android_id: ['9774d56d682e549c'], board: ['b'] } };
    expect(issue('{ physical: PMType3 }', device).counter).toBe(1);
  });
});
