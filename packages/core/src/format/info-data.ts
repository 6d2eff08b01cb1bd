// What can be told of license managers and what they hold, as plain data (A1): license managers > vendors > keys > products > features >
// sessions. It is what the typed API returns, what JSON carries, and what every XML form is made of.
//
// Ids are texts, so that 64 bits survive in any language. Times are whole seconds, moments are seconds since 1970 in UTC. Whatever is not known is
// absent; nothing is made up.

export type InfoData = { readonly licenseManagers: readonly LicenseManagerInfo[] };

export type LicenseManagerInfo = {
  /** GUID. */
  readonly id: string;
  readonly hostname?: string;
  readonly name?: string;
  readonly ip?: string;
  readonly version?: string;
  readonly osName?: string;
  readonly osVersion?: string;
  readonly architecture?: string;
  readonly uptime?: number;
  readonly time?: number;
  readonly hostFingerprints?: readonly FingerprintInfo[];
  /** It runs in the process of the application. */
  readonly embedded?: boolean;
  readonly vendors: readonly VendorInfo[];
  /** The ID of its computer in its text form, for a license to be detached or a key to be moved to it. */
  readonly recipient?: string;
};

export type FingerprintInfo = {
  readonly type: 'SL-AdminMode' | 'SL-UserMode';
  readonly crc: string;
  readonly vendor: string;
  readonly base64: string;
};

export type VendorInfo = { readonly id: string; readonly name?: string; readonly keys: readonly KeyInfo[] };

/** A protection key. */
export type KeyInfo = {
  readonly id: string;
  /** As the XML spells it: HASP-SL-AdminMode. */
  readonly type?: string;
  /** Likewise: haspsl-adminmode. */
  readonly configuration?: string;
  readonly model?: string;
  readonly cloneProtected?: boolean;
  readonly disabled?: boolean;
  readonly detachable?: boolean;
  /** A detached license: who received it, and the key that it came from. */
  readonly recipient?: string;
  readonly parent?: string;
  readonly attached?: boolean;
  readonly productionDate?: number;
  readonly hardwareVersion?: string;
  readonly version?: string;
  readonly updateCounter?: number;
  readonly clockEnabled?: boolean;
  readonly freeClusters?: number;
  readonly clusterSize?: number;
  readonly drives?: readonly DriveInfo[];
  readonly memory?: readonly MemoryInfo[];
  readonly port?: PortInfo;
  /** Flags of `keyCapabilities`; made from the type where absent. */
  readonly capabilities?: readonly KeyCapability[];
  /** The state of the key for its vendor, in its text form (C2V). */
  readonly c2v?: string;
  readonly products: readonly ProductInfo[];
  /** Those of no product: feature 0. */
  readonly features: readonly FeatureInfo[];
};

export const keyCapabilities = [
  'hasp4',
  'hasphl',
  'sentinelhl',
  'driverless',
  'haspsl',
  'haspsl-adminmode',
  'haspsl-usermode',
  'aes',
  'rtc',
  'newintf',
  'vclock',
] as const;
export type KeyCapability = (typeof keyCapabilities)[number];

export type DriveInfo = { readonly size?: number; readonly mountPoint?: string; readonly device?: string };
/** `access`: ro, rw, or rwo (written once). */
export type MemoryInfo = {
  readonly file: number;
  readonly size: number;
  readonly access?: 'ro' | 'rw' | 'rwo';
  readonly name?: string;
};
/** Where a key is plugged in; or how it is reached. */
export type PortInfo =
  | { readonly kind: 'device'; readonly type: string; readonly address?: string }
  | { readonly kind: 'network'; readonly protocol: string; readonly address: string };

export type ProductInfo = {
  readonly id: string;
  readonly name?: string;
  readonly detachable?: boolean;
  readonly fingerprintChange?: 'accepted' | 'cloned';
  readonly cloneProtected?: boolean;
  readonly features: readonly FeatureInfo[];
};

export type FeatureInfo = {
  readonly id: string;
  readonly name?: string;
  /** Bound to its key. */
  readonly locked?: boolean;
  readonly usable?: boolean;
  readonly disabled?: boolean;
  readonly expired?: boolean;
  readonly detachable?: boolean;
  readonly virtualMachine?: boolean;
  readonly license?: LicenseInfo;
  readonly concurrency?: ConcurrencyInfo;
  readonly maxLogins?: number | 'unlimited';
  readonly currentLogins?: number;
  readonly sessions: readonly SessionInfo[];
};

export type LicenseInfo =
  | { readonly type: 'perpetual' }
  | { readonly type: 'expiration'; readonly expires: number }
  | { readonly type: 'executions'; readonly total: number; readonly used?: number }
  /** So long from the first use; `started` is absent before it. */
  | { readonly type: 'trial'; readonly duration: number; readonly started?: number };

export type ConcurrencyInfo = {
  /** From where logins are accepted. */
  readonly export: readonly ('local' | 'network' | 'display')[];
  readonly count: 'login' | 'process' | 'station';
  readonly seats: number | 'unlimited';
};

export type SessionInfo = {
  readonly username?: string;
  readonly userId?: string;
  readonly hostname?: string;
  readonly hostId?: string;
  readonly apiVersion?: string;
  readonly ip?: string;
  readonly idleTimeout?: number;
  readonly idleRemaining?: number;
};
