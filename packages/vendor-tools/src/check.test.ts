import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatFault } from './catalog.ts';
import { checkCatalog } from './check.ts';
import { catalogText, now } from './fixtures.ts';

let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'keyhaven-check-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));
const check = async (text: string) => {
  await writeFile(join(directory, 'catalog.yaml'), text);
  return checkCatalog(directory, now);
};

describe('a check of the catalog', () => {
  it('finds nothing where licenses can be made, and counts what is sold', async () => {
    expect(await check(catalogText)).toMatchObject({ faults: [], products: 3, features: 4, warnings: ['product 3: has no features'] });
  });

  it('finds all faults at once, by line: of fields and between fields', async () => {
    const { faults } = await check(`products:
  - id: 1
    colour: red
    features:
      - { id: 42, license: { type: executions, count: 0 }, detachable: true }
      - { id: 42, license: { type: perpetual }, concurrency: { seats: 0 } }
    memory: { readOnly: 1, readOnlyData: { text: abc }, dynamic: [{ id: 1, size: 1, access: rw }, { id: 1, size: 9, access: zz }] }
  - id: 1
    features: nonsense
`);
    expect(faults.map(formatFault)).toEqual([
      'line 3: products[0].colour: is unknown',
      'line 5: products[0].features[0].license.count: must be a whole number from 1 to 16777215',
      'line 5: products[0].features[0].detachable: must be false where executions are counted',
      'line 6: products[0].features[1].concurrency.seats: must be a whole number from 1 to 32752, or unlimited',
      'line 6: products[0].features[1].id: the id 42 is there twice',
      'line 7: products[0].memory.dynamic[1].access: must be ro, rw or rwo',
      'line 7: products[0].memory.dynamic[1].id: the id 1 is there twice',
      'line 7: products[0].memory.readOnlyData: has 3 bytes, but readOnly is 1 only',
      'line 8: products[1].id: the id 1 is there twice',
      'line 9: products[1].features: must be a list of features',
    ]);
  });

  it('names each fault once', async () => {
    const { faults } = await check('products: [{ id: 1, features: [] }, { id: 1, features: [] }]');
    expect(faults.map(formatFault)).toEqual(['line 1: products[1].id: the id 1 is there twice']);
  });

  it('finds the lines of what is no YAML', async () => {
    const { faults } = await check('products:\n  - id: 1\n    features: []\n   - id: 2\n');
    expect(faults[0]).toMatchObject({ line: 4 });
  });

  it('warns of what has ended and of schemes that nothing can compare', async () => {
    const { faults, warnings } = await check(`
products:
  - id: 1
    features: [{ id: 2, license: { type: expiration, until: 2020-12-31 } }]
    protection: { physical: PMType3 }
`);
    expect(faults).toEqual([]);
    expect(warnings).toEqual([
      'product 1, feature 2: ended on 2020-12-31T23:59:59.999Z',
      'product 1: no license manager of this version can compare PMType3',
    ]);
  });

  it('says 72 where there is no catalog', async () => {
    await expect(checkCatalog(join(directory, 'nowhere'), now)).rejects.toMatchObject({ status: 72 });
  });
});
