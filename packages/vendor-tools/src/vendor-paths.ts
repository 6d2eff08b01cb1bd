import { join } from 'node:path';

/** Files of a vendor's directory. */
export const vendorPaths = (directory: string) => ({
  /** Public: id, name, public key. */
  info: join(directory, 'vendor.json'),
  /** What vendor.json will be, while the vendor is being created. */
  newInfo: join(directory, 'vendor.json.new'),
  /** Secrets under the passphrase. */
  key: join(directory, 'vendor.key'),
  catalog: join(directory, 'catalog.yaml'),
  /** One JSON line for each license that was issued. */
  issued: join(directory, 'issued.jsonl'),
  /** Licenses whose issuing was interrupted. */
  pending: join(directory, 'pending'),
  lock: join(directory, 'vendor.lock'),
});
