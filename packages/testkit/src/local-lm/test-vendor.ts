import { randomBytes } from 'node:crypto';
import { wall } from '@keyhaven/core/time';
import { issueLicense, readCatalog, systemEntropy, vendorCodeOf, vendorFromSecrets } from '@keyhaven/vendor-tools';

// A vendor in memory, with a catalog given as YAML.

export type TestVendor = {
  readonly vendorCode: string;
  /** The V2C for the key of a C2V, with all products of the catalog. */
  issue(c2v: string, catalog?: string): string;
};

export const createTestVendor = (catalog: string, id = 7): TestVendor => {
  const vendor = vendorFromSecrets({ id, name: `Vendor ${id}` }, { signingSeed: randomBytes(32), masterSecret: randomBytes(32) });
  return {
    vendorCode: vendorCodeOf(vendor),
    issue(c2v, changed = catalog) {
      const products = readCatalog(changed);
      const ids = products.products.map((product) => product.id);
      return issueLicense({ vendor, catalog: products, c2v, products: ids, now: wall(Date.now()), entropy: systemEntropy }).v2c;
    },
  };
};
