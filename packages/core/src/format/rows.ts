import type { FeatureInfo, InfoData, KeyInfo, LicenseManagerInfo, ProductInfo, SessionInfo, VendorInfo } from './info-data.ts';

// The data flattened: one row per path from a license manager as far down as there is something. A format groups the rows as it nests.

export type Row = {
  readonly licenseManager: LicenseManagerInfo;
  readonly vendor?: VendorInfo;
  readonly key?: KeyInfo;
  readonly product?: ProductInfo;
  readonly feature?: FeatureInfo;
  readonly session?: SessionInfo;
};

/** Each of `inner`, or the row as it is where there are none. */
const each = <T>(row: Row, inner: readonly T[], rowsOfOne: (item: T) => readonly Row[]): readonly Row[] =>
  inner.length === 0 ? [row] : inner.flatMap(rowsOfOne);

const featureRows = (outer: Row, feature: FeatureInfo): readonly Row[] => {
  const row: Row = { ...outer, feature };
  return each(row, feature.sessions, (session) => [{ ...row, session }]);
};

const productRows = (outer: Row, product: ProductInfo): readonly Row[] => {
  const row: Row = { ...outer, product };
  return each(row, product.features, (feature) => featureRows(row, feature));
};

const keyRows = (outer: Row, key: KeyInfo): readonly Row[] => {
  const row: Row = { ...outer, key };
  const rows = [
    ...key.features.flatMap((feature) => featureRows(row, feature)),
    ...key.products.flatMap((product) => productRows(row, product)),
  ];
  return rows.length === 0 ? [row] : rows;
};

export const rowsOf = ({ licenseManagers }: InfoData): readonly Row[] =>
  licenseManagers.flatMap((licenseManager) => {
    const row: Row = { licenseManager };
    return each(row, licenseManager.vendors, (vendor) => {
      const ofVendor: Row = { ...row, vendor };
      return each(ofVendor, vendor.keys, (key) => keyRows(ofVendor, key));
    });
  });
