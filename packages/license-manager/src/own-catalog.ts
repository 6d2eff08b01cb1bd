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
  /** What is different since. `fresh`: seats in use are looked at anew. */
  changes(since: number, fresh: boolean): CatalogChanges;
};

export const createOwnCatalog = ({
  boot,
  entropy,
  keys,
}: {
  readonly boot: number;
  readonly entropy: Entropy;
  readonly keys: () => Catalog;
}): OwnCatalog => {
  let version = Math.max(1, boot) * 65_536;
  let touched = true;
  const log = createCatalogLog(() => Buffer.from(entropy.bytes(4)).readUInt32BE(0));
  return {
    touch() {
      version += 1;
      touched = true;
    },
    current: () => ({ version, keys }),
    changes(since, fresh) {
      if (touched || fresh) log.learn(keys().map((key) => [key.key, JSON.stringify(key)] as const));
      touched = false;
      return log.since(since);
    },
  };
};
