import type { InfoData } from '@keyhaven/core/format';
import type { LmChoice } from '@keyhaven/core/hosts';
import { fieldsOf } from './arguments.ts';
import { type Asked, readQuestion } from './login-options.ts';

// The versions of the API and of the license managers in use (hasp_get_version).

export type Version = {
  /** As releases are named, such as `0.1.0`. */
  readonly text: string;
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
};

export type LicenseManagerVersion = {
  readonly guid: string;
  readonly hostname: string;
  /** undefined where it does not say, or does not name it as releases are named. */
  readonly version: Version | undefined;
};

export type Versions = {
  /** Of this package. */
  readonly api: Version;
  /** Of the license managers that calls for this vendor go to and that answer; those on other computers, which serve them with keys, are not among them. */
  readonly licenseManagers: readonly LicenseManagerVersion[];
};

export type VersionOptions = {
  readonly vendorCode: string;
  /** Which license manager; `auto` where it is left out (T5). */
  readonly lm?: LmChoice;
};

/** The release of this package; a test keeps it equal to package.json. */
const API_VERSION = '0.1.0';

export const versionOf = (text: string): Version | undefined => {
  const [, major, minor, patch] = /^(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:[-+].{0,100})?$/.exec(text) ?? [];
  if (major === undefined || minor === undefined || patch === undefined) return undefined;
  return { text, major: Number(major), minor: Number(minor), patch: Number(patch) };
};
export const apiVersion = (): Version => versionOf(API_VERSION) ?? { text: API_VERSION, major: 0, minor: 0, patch: 0 };

/** @throws LicensingError INV_VCODE (22), INVALID_PARAMETER (501) */
export const readVersionOptions = (value: unknown): Asked => {
  const { vendorCode, lm } = fieldsOf(value, 'the options of getVersion', ['vendorCode', 'lm']);
  return readQuestion({ vendorCode, scope: undefined, lm });
};

/** Of the one that answered: it names its version, and of others only their keys. */
export const lmVersionIn = ({ licenseManagers }: InfoData): readonly LicenseManagerVersion[] => {
  const own = licenseManagers.find(({ version }) => version !== undefined) ?? licenseManagers[0];
  if (own === undefined) return [];
  return [{ guid: own.id, hostname: own.hostname ?? '', version: own.version === undefined ? undefined : versionOf(own.version) }];
};
