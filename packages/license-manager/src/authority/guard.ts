import type { StatusCode } from '@keyhaven/core/errors';
import type { Wall } from '@keyhaven/core/time';
import type { Key, KeyLicense, Pool } from '../keystore/index.ts';

/** Why a login is refused, whatever seats are free. */
export type Bar = { readonly status: StatusCode; readonly detail: string };

/** What an LM knows against logins apart from their seats, and the time that licenses live by (K6, K9). */
export type LoginGuard = {
  /**
   * Resolves when all that a login to this product is judged by is known, and the time that it is granted by is durable; undefined where
   * that is so. Rejects where the disk refuses.
   */
  ready(key: Key, product: number, pool: Pool | undefined): Promise<void> | undefined;
  /** `pool` is undefined where the key has no such feature. */
  against(key: Key, product: number, pool: Pool | undefined): Bar | undefined;
  /** The license time: forward only. */
  time(): Wall;
  /** This computer is a virtual machine, as far as is known. */
  virtualMachine(): boolean;
};

/** The first use of trial licenses on this computer (K8). */
export type TrialUse = {
  /** As it is marked here; undefined before it, and for licenses that are no trial. */
  firstUse(license: KeyLicense): Wall | undefined;
  /** A login was granted; resolves when its first use is marked. undefined where it is. */
  used(license: KeyLicense, firstUse: Wall): Promise<void> | undefined;
};
