import { randomBytes } from 'node:crypto';
import { openDocument, readC2v, unarmor } from '@keyhaven/core/license';
import { type Wall, wall } from '@keyhaven/core/time';
import { issueLicense, issueTrial, readCatalog, systemEntropy, vendorCodeOf, vendorFromSecrets } from '@keyhaven/vendor-tools';

// A vendor in memory, with a catalog given as YAML.

export type TestVendor = {
  readonly vendorCode: string;
  /** The V2C for the key of a C2V, with all products of the catalog. */
  issue(c2v: string, catalog?: string, options?: { readonly acknowledge?: boolean; readonly after?: string }): string;
  /** A trial license of a product, issued at a time (K8). */
  trial(product: number, days: number, now: Wall): string;
};

export const createTestVendor = (catalog: string, id = 7): TestVendor => {
  const vendor = vendorFromSecrets({ id, name: `Vendor ${id}` }, { signingSeed: randomBytes(32), masterSecret: randomBytes(32) });
  return {
    vendorCode: vendorCodeOf(vendor),
    issue(c2v, changed = catalog, options = {}) {
      const products = readCatalog(changed);
      const ids = products.products.map((product) => product.id);
      // By the clock of the computer that made the C2V, which may be a simulated one: a license from its future would set that clock back (K6).
      const { created } = readC2v(openDocument('C2V', unarmor(c2v).bytes).payload);
      const now = wall(Date.parse(created));
      return issueLicense({ vendor, catalog: products, c2v, products: ids, now, entropy: systemEntropy, ...options }).v2c;
    },
    trial: (product, days, now) => issueTrial({ vendor, catalog: readCatalog(catalog), product, days, now, entropy: systemEntropy }).text,
  };
};
