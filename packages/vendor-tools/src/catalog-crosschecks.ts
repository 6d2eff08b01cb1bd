import { MAX_READ_ONLY, MAX_READ_WRITE } from './catalog-memory.ts';
import { contents } from './catalog-words.ts';

// Faults of a catalog that lie between fields. The schema finds them only where each field by itself is right; a person wants all of them at once, so they
// are looked for in the raw document, too.

export type PlacedFault = { readonly path: readonly PropertyKey[]; readonly message: string };

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const fieldOf = (value: unknown, name: string): unknown => (isRecord(value) ? value[name] : undefined);

/** Ids that are there a second time. */
const repeatedIds = (items: unknown, path: readonly PropertyKey[]): PlacedFault[] => {
  const seen = new Set<unknown>();
  return listOf(items).flatMap((item, index) => {
    const id = fieldOf(item, 'id');
    const again = typeof id === 'number' && seen.has(id);
    seen.add(id);
    return again ? [{ path: [...path, index, 'id'], message: `the id ${id} is there twice` }] : [];
  });
};

const wrongDetachable = (feature: unknown, path: readonly PropertyKey[]): PlacedFault[] => {
  const type = fieldOf(fieldOf(feature, 'license'), 'type');
  if (fieldOf(feature, 'detachable') !== true || (type !== 'executions' && type !== 'period')) return [];
  const counted = type === 'executions' ? 'executions are counted' : 'days count from the first use';
  return [{ path: [...path, 'detachable'], message: `must be false where ${counted}` }];
};

/** Contents that are larger than their file. */
const tooLarge = (memory: unknown, path: readonly PropertyKey[]): PlacedFault[] =>
  (
    [
      ['readOnly', MAX_READ_ONLY],
      ['readWrite', MAX_READ_WRITE],
    ] as const
  ).flatMap(([file, most]) => {
    const size = fieldOf(memory, file) ?? most;
    const data = contents.safeParse(fieldOf(memory, `${file}Data`));
    if (!data.success || typeof size !== 'number' || data.data.length <= size) return [];
    return [{ path: [...path, `${file}Data`], message: `has ${data.data.length} bytes, but ${file} is ${size} only` }];
  });

const inProduct = (product: unknown, path: readonly PropertyKey[]): PlacedFault[] => {
  const features = fieldOf(product, 'features');
  return [
    ...repeatedIds(features, [...path, 'features']),
    ...listOf(features).flatMap((feature, index) => wrongDetachable(feature, [...path, 'features', index])),
    ...repeatedIds(fieldOf(fieldOf(product, 'memory'), 'dynamic'), [...path, 'memory', 'dynamic']),
    ...tooLarge(fieldOf(product, 'memory'), [...path, 'memory']),
  ];
};

/** @param catalog as YAML reads it */
export const crossFaults = (catalog: unknown): readonly PlacedFault[] => {
  const products = fieldOf(catalog, 'products');
  return [...repeatedIds(products, ['products']), ...listOf(products).flatMap((product, index) => inProduct(product, ['products', index]))];
};
