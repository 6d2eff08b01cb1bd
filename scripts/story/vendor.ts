import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { initVendor, issueLicenseFile, unlockVendor, type Vendor, vendorCodeOf, vendorPaths } from '@keyhaven/vendor-tools';

// The demo vendor and what it sells.

export const FEATURE = 42;
export const SEATS = 2;
const PRODUCT = 1;

const catalog = `products:
  - id: ${PRODUCT}
    name: Survey
    features:
      - id: ${FEATURE}
        name: Echo sounder
        license: { type: perpetual }
        concurrency: { seats: ${SEATS}, count: login, network: true }
`;

export type DemoVendor = {
  readonly vendor: Vendor;
  readonly vendorCode: string;
  /** A license for the key of a C2V file; the update counter that it carries. */
  issue(c2v: string, out: string): Promise<{ readonly key: string; readonly counter: number; readonly bytes: number }>;
};

export const createDemoVendor = async (directory: string): Promise<DemoVendor> => {
  const passphrase = randomBytes(16).toString('hex');
  await initVendor(directory, { id: 7, name: 'Demo Vendor', passphrase });
  await writeFile(vendorPaths(directory).catalog, catalog);
  const vendor = await unlockVendor(directory, passphrase);
  return {
    vendor,
    vendorCode: vendorCodeOf(vendor),
    async issue(c2v, out) {
      const { certificate, counter, v2c } = await issueLicenseFile(directory, { vendor, c2v, products: [PRODUCT], out });
      return { key: certificate.key, counter, bytes: v2c.length };
    },
  };
};
