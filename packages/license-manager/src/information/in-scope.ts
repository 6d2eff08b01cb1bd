import type { CatalogKey } from '@keyhaven/core/admin';
import { keyTypeNames } from '@keyhaven/core/format';
import { matches, type Scope, type ScopeSubject } from '@keyhaven/core/scope';

/** Where something is. */
export type Place = Pick<ScopeSubject, 'licenseManager' | 'vendor'>;
/** Whether a feature of a product of a key lies in the scope. */
export type InScope = (key: { readonly id: string; readonly type: CatalogKey['type'] }, product: number, feature: number) => boolean;

export const judge =
  (scope: Scope, place: Place): InScope =>
  (key, product, feature) => {
    const { type, configuration } = keyTypeNames[key.type];
    return matches(scope, {
      ...place,
      key: { id: key.id, type, configuration, attached: true },
      product: { id: product },
      feature: { id: feature },
    });
  };
