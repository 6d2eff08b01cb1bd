import type { Product } from '@keyhaven/core/license';
import type { SoldProduct } from './record.ts';

/** What a license sells, as the record keeps it. */
export const soldOf = (products: readonly Product[]): SoldProduct[] =>
  products.map(({ id, name, features }) => ({
    product: id,
    name,
    features: features.map(({ id: feature, name: title, license, concurrency }) => ({
      feature,
      name: title,
      license: { ...license },
      seats: concurrency.seats,
    })),
  }));
