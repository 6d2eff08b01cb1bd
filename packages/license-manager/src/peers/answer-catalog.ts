import type { Catalog } from '@keyhaven/core/admin';
import type { Block, CatalogChanges } from '@keyhaven/core/link';

// What another LM is told of the keys here (R3): everything or nothing by K12, or by K21 only what is different since the version that it knows.

/** Where the answers come from. */
export type CatalogSource = {
  readonly catalog: () => { readonly version: number; readonly keys: () => Catalog };
  /** Absent = every other version than the present one is answered with everything. */
  readonly changes?: (since: number, fresh: boolean, linkVersion: number) => CatalogChanges;
};

/** Characters of a part of a catalog. */
const CATALOG_PART = 256 * 1024;

/** JSON of the keys in parts that fit into a block each, at least one. */
const partsOf = (texts: readonly string[], limit: number): string[] => {
  const parts: string[][] = [[]];
  let length = 0;
  for (const json of texts) {
    if (length > 0 && length + json.length > limit) {
      parts.push([]);
      length = 0;
    }
    parts.at(-1)?.push(json);
    length += json.length;
  }
  return parts.map((part) => `[${part.join(',')}]`);
};
export const catalogParts = (keys: Catalog, limit = CATALOG_PART): string[] =>
  partsOf(
    keys.map((key) => JSON.stringify(key)),
    limit,
  );

export const answerCatalog = ({ catalog }: CatalogSource, known: number): Block[] => {
  const { version, keys } = catalog();
  // The same version costs a few bytes; the caller knows it already.
  if (version === known) return [{ kind: 'catalog', version, json: '' }];
  const parts = catalogParts(keys());
  return [
    ...parts.slice(0, -1).map((json): Block => ({ kind: 'catalog part', version, json })),
    { kind: 'catalog', version, json: parts.at(-1) ?? '[]' },
  ];
};

const allOrNothing = ({ catalog }: CatalogSource, known: number): CatalogChanges => {
  const { version, keys } = catalog();
  if (version === known) return { since: known, version, keys: [], removed: [] };
  return { since: 0, version, keys: keys().map((key) => JSON.stringify(key)), removed: [] };
};

export const answerChanges = (source: CatalogSource, known: number, fresh: boolean, linkVersion: number, limit = CATALOG_PART): Block[] => {
  const { since, version, keys, removed } = source.changes?.(known, fresh, linkVersion) ?? allOrNothing(source, fresh ? 0 : known);
  const parts = partsOf(keys, limit);
  return parts.map((json, index) => ({
    kind: 'changes',
    since,
    version,
    more: index < parts.length - 1,
    removed: index === 0 ? removed : [],
    json,
  }));
};
