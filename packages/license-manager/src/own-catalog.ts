import { Buffer } from 'node:buffer';
import type { Catalog } from '@keyhaven/core/admin';
import type { Entropy } from '@keyhaven/core/crypto';
import { type CatalogChanges, createCatalogLog } from '@keyhaven/core/link';

// What this LM tells other LMs of its keys, and in which version (R3). An LM of the first release knows one number, and gets everything or nothing
// (K12); later ones get what is different since the version that they know (K21).

export type OwnCatalog = {
  /** A key has come, gone or changed: others are to ask again. */
  touch(): void;
  /** For links of version 1. */
  current(): { readonly version: number; readonly keys: () => Catalog };
  /** What is different since, for a link of this version. `fresh`: seats in use are looked at anew. */
  changes(since: number, fresh: boolean, linkVersion: number): CatalogChanges;
};

export const createOwnCatalog = ({
  boot,
  entropy,
  keys,
  offered = keys,
}: {
  readonly boot: number;
  readonly entropy: Entropy;
  /** As the first releases know it, whose readers take no other fields. */
  readonly keys: () => Catalog;
  /** The same with what is lent over the network, for links from version 3 on (K26). */
  readonly offered?: () => Catalog;
}): OwnCatalog => {
  let version = Math.max(1, boot) * 65_536;
  const telling = (of: () => Catalog) => ({
    of,
    touched: true,
    log: createCatalogLog(() => Buffer.from(entropy.bytes(4)).readUInt32BE(0)),
  });
  const [plain, lending] = [telling(keys), telling(offered)];
  return {
    touch() {
      version += 1;
      plain.touched = true;
      lending.touched = true;
    },
    current: () => ({ version, keys }),
    changes(since, fresh, linkVersion) {
      const told = linkVersion < 3 ? plain : lending;
      if (told.touched || fresh) told.log.learn(told.of().map((key) => [key.key, JSON.stringify(key)] as const));
      told.touched = false;
      return told.log.since(since);
    },
  };
};
