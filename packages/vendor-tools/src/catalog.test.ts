import { LicensingError } from '@keyhaven/core/errors';
import { writeCertificate } from '@keyhaven/core/license';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCatalog } from './catalog.ts';
import { sampleCatalog } from './catalog-sample.ts';
import { catalogText } from './fixtures.ts';

const faultsOf = (text: string): string => {
  try {
    readCatalog(text);
  } catch (error) {
    if (error instanceof LicensingError && error.status === 501) return error.detail ?? '';
    throw error;
  }
  return '';
};
const withLicense = (license: string) => `products: [{ id: 1, name: P, features: [{ id: 2, name: F, license: ${license} }] }]`;
const licenseOf = (license: string) => readCatalog(withLicense(license)).products[0]?.features[0]?.license;
const withMemory = (memory: string) => `products: [{ id: 1, name: P, features: [], memory: ${memory} }]`;

describe('a catalog', () => {
  it('may be the example of the interfaces', () => {
    expect(
      readCatalog(`
products:
  - id: 1
    name: Survey
    features:
      - id: 42
        name: Echo sounder
        license: { type: perpetual }          # expiration {until} | period {days} | executions {count}; optional from
        concurrency: { seats: 5, count: login, network: true, remoteDesktop: false, virtualMachine: true }  # seats: unlimited
        detachable: true
    memory: { readWrite: 4032, readOnly: 2048, dynamic: [] }
`),
    ).toEqual(readCatalog(sampleCatalog));
  });

  it('may be the sample with its other memory line taken instead', () => {
    const other = readCatalog(sampleCatalog.replace(/^ {4}memory: .*$/m, '').replace('# memory:', 'memory:'));
    expect(other.products[0]).toMatchObject({ readOnlyData: Buffer.from('for the survey fleet'), readWriteData: Buffer.alloc(4) });
  });

  it('signs how long a feature may be detached at a time, where it may at all', () => {
    const of = (fields: string) => `products: [{ id: 1, features: [{ id: 2, license: { type: perpetual }, ${fields} }] }]`;
    expect(readCatalog(of('detachable: true, detachDays: 14')).products[0]?.features[0]?.detachDays).toBe(14);
    expect(readCatalog(sampleCatalog.replace('# detachDays', 'detachDays')).products[0]?.features[0]).toMatchObject({ detachDays: 14 });
    expect(faultsOf(of('detachDays: 14'))).toContain('detachDays: is for features with detachable: true');
    for (const wrong of ['0', '3651', '1.5'])
      expect(faultsOf(of(`detachable: true, detachDays: ${wrong}`))).toContain('detachDays: must be');
  });

  it('fills in the documented defaults', () => {
    expect(readCatalog('products: [{ id: 1, features: [{ id: 2, license: { type: perpetual } }] }]')).toEqual({
      products: [
        {
          id: 1,
          name: 'Product 1',
          features: [
            {
              id: 2,
              name: 'Feature 2',
              license: { type: 'perpetual' },
              concurrency: { seats: 'unlimited', count: 'login', network: false, remoteDesktop: false, virtualMachine: true },
              detachable: false,
            },
          ],
          memory: { readWrite: 4032, readOnly: 2048 },
        },
      ],
    });
  });

  it('reads dates: a bare one counts to its end in UTC, a moment is turned into UTC', () => {
    for (const [text, until] of [
      ['2027-12-31', '2027-12-31T23:59:59.999Z'],
      ['2027-12-31T18:00:00Z', '2027-12-31T18:00:00Z'],
      ['"2027-12-31 18:00Z"', '2027-12-31T18:00:00Z'],
      ['2027-12-31T00:30:00+01:00', '2027-12-30T23:30:00Z'],
      ['2028-02-29', '2028-02-29T23:59:59.999Z'],
      ['1980-01-01', '1980-01-01T23:59:59.999Z'],
      ['2091-12-31', '2091-12-31T23:59:59.999Z'],
    ]) {
      expect(licenseOf(`{ type: expiration, until: ${text} }`), text).toEqual({ type: 'expiration', until });
    }
    for (const bad of [
      '2027-02-29',
      '2027-02-30',
      '2027-13-01',
      '2027-12-31T18:00:00',
      '2027-12-31T24:00:00Z',
      '1979-12-31',
      '2092-01-01',
      '31.12.2027',
      '2027',
      'soon',
    ]) {
      expect(faultsOf(withLicense(`{ type: expiration, until: ${bad} }`)), bad).toMatch(/license\.until: must be/);
    }
  });

  it('reads memory contents as text, hex or base64', () => {
    const [product] = readCatalog(withMemory('{ readOnlyData: { text: hé }, readWriteData: { base64: "AAEC" } }')).products;
    expect(product?.readOnlyData).toEqual(Buffer.from('hé'));
    expect(product?.readWriteData).toEqual(Buffer.of(0, 1, 2));
    expect(readCatalog(withMemory('{ readOnlyData: { hex: "00fF" } }')).products[0]?.readOnlyData).toEqual(Buffer.of(0, 255));
    expect(faultsOf(withMemory('{ readOnlyData: { hex: "0" } }'))).toContain('must be valid hex');
    expect(faultsOf(withMemory('{ readOnlyData: { base64: "*" } }'))).toContain('must be valid hex or base64');
    expect(faultsOf(withMemory('{ readOnlyData: { hex: "00", text: a } }'))).toContain('exactly one of');
    expect(faultsOf(withMemory('{ readOnlyData: { hex: 0001 } }'))).toContain('hex: must be in quotes');
    expect(faultsOf(withMemory('{ readOnlyData: {} }'))).toContain('exactly one of');
    expect(faultsOf(withMemory('{ readOnly: 1, readOnlyData: { text: ab } }'))).toContain('has 2 bytes, but readOnly is 1 only');
  });

  it('names every fault at once, each with its line and place', () => {
    const faults = faultsOf(`products:
  - id: 1
    name: Survey
    colour: blue
    features:
      - id: 0
        name: 7
        license: { type: rental }
        concurrency: { seats: 40000, count: person }
      - id: 5
        license: { type: executions, count: 0 }
        detachable: yes
      - id: 6
  - id: 1
    features: none
`);
    for (const expected of [
      'line 4: products[0].colour: is unknown',
      'line 6: products[0].features[0].id: must be a whole number from 1 to 65471',
      'line 7: products[0].features[0].name: must be a text',
      'line 8: products[0].features[0].license.type: must be {type: perpetual}',
      'line 9: products[0].features[0].concurrency.seats: must be a whole number from 1 to 32752, or unlimited',
      'line 9: products[0].features[0].concurrency.count: must be login, process or station',
      'line 11: products[0].features[1].license.count: must be a whole number from 1 to 16777215',
      'line 12: products[0].features[1].detachable: must be true or false',
      'line 13: products[0].features[2].license: must be',
      'line 15: products[1].features: must be a list of features',
    ]) {
      expect(faults).toContain(expected);
    }
  });

  it('has dynamic memory files, and names every fault in them (K3)', () => {
    const memory = '{ dynamic: [ { id: 7, size: 10, access: rw }, { id: 3, size: 2097152, access: ro, data: { text: hello } } ] }';
    expect(readCatalog(withMemory(memory)).products[0]).toMatchObject({
      memory: {
        dynamic: [
          { id: 7, size: 10, access: 'rw' },
          { id: 3, size: 2_097_152, access: 'ro' },
        ],
      },
      dynamicData: [{ id: 3, data: Buffer.from('hello') }],
    });
    for (const [files, fault] of [
      ['{ id: 1, size: 10 }', 'memory.dynamic[0].access: must be ro, rw or rwo'],
      ['{ id: 0, size: 10, access: rw }', 'memory.dynamic[0].id: must be a whole number from 1 to 65471'],
      ['{ id: 1, size: 2097153, access: rw }', 'memory.dynamic[0].size: must be a whole number from 1 to 2097152'],
      ['{ id: 1, size: 4, access: ro, data: { text: hello } }', 'memory.dynamic[0].data: has 5 bytes, but the file has 4 only'],
      ['{ id: 1, size: 4, access: ro }, { id: 1, size: 4, access: ro }', 'memory.dynamic[1].id: the id 1 is there twice'],
      ['{ id: 1, size: 2097152, access: ro }, { id: 2, size: 2097152, access: ro }', 'at most 3145728 are possible'],
      ['{ id: 1, size: 4, access: ro, owner: me }', 'memory.dynamic[0].owner: is unknown'],
    ])
      expect(faultsOf(withMemory(`{ dynamic: [ ${files} ] }`))).toContain(fault);
  });

  it('refuses detaching where executions are counted, and ids that are there twice', () => {
    expect(faultsOf('products: [{ id: 1, features: [{ id: 2, license: { type: executions, count: 1 }, detachable: true }] }]')).toContain(
      'detachable: must be false where executions are counted',
    );
    const feature = '{ id: 2, license: { type: perpetual } }';
    expect(faultsOf(`products: [{ id: 1, features: [${feature}, ${feature}] }]`)).toContain('the id 2 is there twice');
    expect(faultsOf('products: [{ id: 1, features: [] }, { id: 1, features: [] }]')).toContain('the id 1 is there twice');
  });

  it('refuses what is no catalog at all, with a line where there is one', () => {
    for (const text of ['', 'null', '[]', '5', 'products', 'other: 1', 'products: 5', '---\n---\n'])
      expect(faultsOf(text), text).not.toBe('');
    expect(faultsOf('products:\n  - id: 1\n   name: x\n')).toMatch(/line \d/);
    expect(faultsOf('products: []\nproducts: []\n')).toMatch(/line 2/);
    expect(faultsOf('x'.repeat(5_000_000))).toContain('larger than 4 MiB');
  });

  it('survives texts made to cost memory or depth', () => {
    const bomb = [
      'a0: &a0 [x, x, x, x, x, x, x, x, x]',
      ...Array.from({ length: 12 }, (_, n) => `a${n + 1}: &a${n + 1} [${`*a${n}, `.repeat(9)}]`),
    ];
    expect(faultsOf(`${bomb.join('\n')}\nproducts: []\n`)).not.toBe('');
    expect(faultsOf(`products: ${'['.repeat(20_000)}`)).not.toBe('');
    expect(faultsOf(`products: ${'['.repeat(3_000)}${']'.repeat(3_000)}`)).not.toBe('');
  });

  it('throws only LicensingError on any text', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 80 }), fc.nat(catalogText.length), (noise, at) => {
        faultsOf(catalogText.slice(0, at) + noise + catalogText.slice(at));
      }),
    );
  });

  it('accepts nothing that a certificate would refuse', () => {
    const { products } = readCatalog(catalogText);
    const certificate = {
      format: 1,
      vendor: 1,
      key: '1',
      type: 'sl-adminmode',
      signingKey: 'A'.repeat(43),
      counter: 1,
      issued: '2026-01-01T00:00:00Z',
      products: products.map(({ id, name, features }) => ({ id, name, features })),
      memory: { readWrite: 0, readOnly: 0 },
    } as const;
    expect(() => writeCertificate(certificate)).not.toThrow();
  });
});
