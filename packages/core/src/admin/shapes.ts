import { type KeyType, keyId, keyTypes, type License, license, MAX_ID } from '../license/index.ts';
import { boolean, type Decoder, either, integer, list, literal, object, optional, parseJson, text } from '../parse/index.ts';

// Shapes that the admin API and `keyhaven --json` keep (INTERFACES), and the catalog that LMs show each other (R3). More fields may
// join; none changes its meaning.

export type LmRef = { readonly guid: string; readonly hostname: string; readonly address: string };
export type KeyInfo = {
  readonly key: string;
  readonly type: KeyType;
  readonly vendor: number;
  readonly local: boolean;
  readonly licenseManager: LmRef;
  readonly updateCounter: number;
  /** Why the key is not served; null where all is well. */
  readonly damage: string | null;
  /** What is wrong with it that does not stop all of it: clones of it, or of its computer (K6, K9). Absent where nothing is. */
  readonly warnings?: readonly string[];
  /** Memory files with their sizes in bytes; of keys of this computer (K3). */
  readonly memory?: readonly { readonly file: number; readonly size: number; readonly access: 'ro' | 'rw' | 'rwo' }[];
  /** Sessions that run with it; of keys of this computer. */
  readonly sessions?: number;
  /** Where its license is lent: by which key, and until when (K5); `owner`: the LM that lent it over the network, and its key. */
  readonly lent?: {
    readonly by: string;
    readonly until: string;
    readonly owner?: { readonly guid: string; readonly key: string };
  };
  /** That an administrator gave it on its computer; of keys of this computer. */
  readonly name?: string;
  /** Whether its light blinks; only of keys of this computer that can (K7). */
  readonly blinking?: boolean;
};
export type ProductInfo = {
  readonly product: number;
  readonly name: string;
  readonly key: string;
  readonly vendor: number;
  readonly local: boolean;
  readonly features: number;
  /**
   * Seats of it that may be detached now, null = any number. Absent where it cannot be detached, and of keys of other computers where those do not
   * lend it over the network, or do not say so (K5).
   */
  readonly detachable?: number | null;
  readonly licenseManager: LmRef;
  /** Seats of the feature that has fewest of them; null = any number. */
  readonly seats: number | null;
};
export type FeatureInfo = {
  readonly feature: number;
  readonly name: string;
  readonly product: number;
  readonly key: string;
  readonly vendor: number;
  readonly local: boolean;
  readonly licenseManager: LmRef;
  readonly license: License & LicenseState;
  /** `peak`: most at once since the license manager began; of keys of this computer. */
  readonly seats: { readonly limit: number | null; readonly used: number; readonly waiting: number; readonly peak?: number };
  readonly count: 'login' | 'process' | 'station';
  readonly network: boolean;
  /** Sessions that run with it: all of them of keys of this computer, of other keys those of applications here. */
  readonly sessions: number;
  /** Seats of its product that are detached; of keys of this computer. */
  readonly detached?: number;
  /** Of keys of this computer: what else the vendor allows (K1, K5). */
  readonly remoteDesktop?: boolean;
  readonly virtualMachine?: boolean;
  readonly detachable?: boolean;
};
/** Of a license as it is used; moments in UTC. `graceEnds`: the last one at which logins are granted, where that is later than `ends`. */
export type LicenseState = {
  /** Executions taken so far. */
  readonly used?: number;
  readonly firstUse?: string;
  readonly ends?: string;
  readonly graceEnds?: string;
};
export type SessionInfo = {
  readonly id: string;
  readonly key: string;
  /** null where the LM of the key is of an earlier release, which does not tell it; likewise `feature` and `seats`. */
  readonly product: number | null;
  readonly feature: number | null;
  readonly user: string;
  readonly host: string;
  readonly address: string;
  readonly pid: number;
  readonly application: string;
  readonly since: string;
  readonly seats: number | null;
  /** Whether the key is on this computer; else the application is, and its key is elsewhere (T1). */
  readonly local: boolean;
  /** The name of the LM that holds the key. */
  readonly location: string;
  readonly licenseManager: LmRef;
  /** `local`, or the GUID of the LM that answers for the application. */
  readonly holder: string;
  /** Seconds without a call after which it ends; absent where another LM or process knows (T4). */
  readonly idleRemaining?: number;
};
export type PeerInfo = {
  readonly guid: string;
  readonly hostname: string;
  readonly address: string;
  readonly state: 'linked' | 'lost';
  readonly keys: number;
};
export type LmStatus = {
  readonly guid: string;
  readonly name: string;
  readonly version: string;
  /** Seconds. */
  readonly uptime: number;
  readonly tcp: readonly string[];
  readonly udp: readonly string[];
  readonly sessions: number;
  readonly keys: number;
  readonly peers: number;
  /** `degraded`: it serves, and something needs an administrator. Absent where an older version answers. */
  readonly state?: 'ready' | 'degraded' | 'not ready';
  /** Why it is degraded, or not ready. */
  readonly reasons?: readonly string[];
  /** Where page and admin API are, where they have a port of their own (R9). */
  readonly adminPort?: number;
  /** Other computers that use the GUID of this one, or say so (R5, K9); absent = none of late. */
  readonly duplicates?: readonly Duplicate[];
  /** A new LM id that waits for a start: its GUID, and the sessions over the network that it waits for. */
  readonly newId?: { readonly guid: string; readonly waitsFor: number };
  /** What the computer is inside of (K6, 51): hypervisor and container, null = none was found. Absent before it was looked at. */
  readonly computer?: { readonly virtualMachine: string | null; readonly container: string | null };
};
/** `proven`: it has the private key of the identity, so it is a copy of this computer's state; else it only says so. */
export type Duplicate = { readonly address: string; readonly host: string | null; readonly proven: boolean; readonly at: string };

/** One pool of a remote key, as its LM tells it. `used` is a hint for the order of candidates. */
export type CatalogPool = {
  readonly product: number;
  readonly productName: string;
  readonly feature: number;
  readonly name: string;
  readonly license: License;
  readonly limit: number | 'unlimited';
  readonly used: number;
  readonly executions: number;
  readonly count: 'login' | 'process' | 'station';
  readonly network: boolean;
  /** Milliseconds since 1970: the first use where days count from there, the end, and the last moment of its grace. Absent = none such. */
  readonly firstUse?: number;
  readonly ends?: number;
  readonly graceEnds?: number;
  /** Who waits for a seat; absent = nobody. */
  readonly waiting?: number;
};
export type CatalogKey = {
  readonly key: string;
  readonly type: KeyType;
  readonly vendor: number;
  /** The vendor's public key, base64url. */
  readonly vendorKey: string;
  readonly counter: number;
  readonly pools: readonly CatalogPool[];
  /** Products that its LM lends over the network, and how many seats of each now; null = any number. Only on links from version 3 on (K26). */
  readonly detachable?: readonly { readonly product: number; readonly seats: number | null }[];
};
export type Catalog = readonly CatalogKey[];

const pool: Decoder<CatalogPool> = object({
  product: integer(0, MAX_ID),
  productName: text(50),
  feature: integer(0, MAX_ID),
  name: text(50),
  license,
  limit: either<number | 'unlimited'>('a number or "unlimited"', integer(1, 0xffff), literal('unlimited')),
  used: integer(0, Number.MAX_SAFE_INTEGER),
  executions: integer(0, Number.MAX_SAFE_INTEGER),
  count: literal('login', 'process', 'station'),
  network: boolean,
  firstUse: optional(integer(0, Number.MAX_SAFE_INTEGER)),
  ends: optional(integer(0, Number.MAX_SAFE_INTEGER)),
  graceEnds: optional(integer(0, Number.MAX_SAFE_INTEGER)),
  waiting: optional(integer(0, Number.MAX_SAFE_INTEGER)),
});
const none: Decoder<null> = (value, place, faults) => {
  if (value === null) return null;
  faults.push(`${place}: must be null`);
  return undefined;
};
const catalog: Decoder<Catalog> = list(
  object({
    key: keyId,
    type: literal(...keyTypes),
    vendor: integer(1, 0xffff_ffff),
    vendorKey: text(64),
    counter: integer(0, 0xffff_ffff),
    pools: list(pool, 4_096),
    detachable: optional(
      list(object({ product: integer(0, MAX_ID), seats: either<number | null>('a number or null', integer(0, 0xffff), none) }), 4_096),
    ),
  }),
  4_096,
);

/** A peer's catalog. @throws ParseError */
export const parseCatalog = (json: string): Catalog => parseJson(catalog, json, 'catalog');
