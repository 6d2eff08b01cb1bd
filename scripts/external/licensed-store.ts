import { wall } from '@keyhaven/core/time';
import { openNearLm } from '@keyhaven/license-manager/near';
import { issueLicense, readCatalog, systemEntropy, vendorCodeOf, vendorFromSecrets } from '@keyhaven/vendor-tools';

/** Makes a user's store with a key in it, licensed for product 1 of the catalog by a vendor made up here. @returns the vendor code */
export const licensedStore = async (directory: string, vendorId: number, catalog: string): Promise<string> => {
  const entropy = systemEntropy;
  const secrets = { signingSeed: Buffer.from(entropy.bytes(32)), masterSecret: Buffer.from(entropy.bytes(32)) };
  const vendor = vendorFromSecrets({ id: vendorId, name: 'Made up' }, secrets);
  const vendorCode = vendorCodeOf(vendor);
  const lm = await openNearLm({ kind: 'external', vendor: vendorId, directory });
  try {
    const c2v = await lm.c2v({ vendorCode });
    await lm.apply(issueLicense({ vendor, catalog: readCatalog(catalog), c2v, products: [1], now: wall(Date.now()), entropy }).v2c);
  } finally {
    await lm.close();
  }
  return vendorCode;
};
