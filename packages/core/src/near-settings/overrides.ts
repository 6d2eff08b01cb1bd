import { LicensingError, Status } from '../errors/index.ts';
import { iniHost } from '../ini/index.ts';
import { patternFault } from '../log/index.ts';
import { DEFAULT_PROXY_PORT, MAX_ADDRESSES, MAX_PATTERN, type NearSettings } from './near-settings.ts';

// What an application says instead of the settings file (`configure` of the Licensing API). It crosses to an External LM as JSON and to the thread of an
// Integrated LM, and its author may write JavaScript: so every name and every type is checked, and nothing that is not known is passed over.

export type NearOverrides = {
  readonly [N in Exclude<keyof NearSettings, 'proxy'>]?: NearSettings[N] | undefined;
} & {
  /** Without a port: 3128. */
  readonly proxy?: 'none' | { readonly host: string; readonly port?: number | undefined } | undefined;
};

type Check = (value: unknown, name: string, faults: string[]) => void;

const flag: Check = (value, name, faults) => {
  if (typeof value !== 'boolean') faults.push(`${name} must be true or false`);
};
const within =
  (min: number, max: number): Check =>
  (value, name, faults) => {
    if (!(typeof value === 'number' && value >= min && value <= max)) faults.push(`${name} must be a number from ${min} to ${max}`);
  };
const host: Check = (value, name, faults) => {
  if (typeof value === 'string') iniHost(value, name, faults);
  else faults.push(`${name} must be a host name or an address`);
};
const addresses: Check = (value, name, faults) => {
  if (!Array.isArray(value)) faults.push(`${name} must be a list of host names and addresses`);
  else if (value.length > MAX_ADDRESSES) faults.push(`${name} may be ${MAX_ADDRESSES} at most`);
  else for (const each of value) host(each, name, faults);
};
const pattern: Check = (value, name, faults) => {
  if (typeof value !== 'string' || value.length > MAX_PATTERN) faults.push(`${name} must be a text of ${MAX_PATTERN} characters at most`);
  else {
    const fault = patternFault(value);
    if (fault !== undefined) faults.push(`${name}: ${fault}`);
  }
};
const proxy: Check = (value, name, faults) => {
  if (value === 'none') return;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    faults.push(`${name} must be 'none' or { host, port }`);
    return;
  }
  const of: { readonly host?: unknown; readonly port?: unknown } = value;
  for (const unknown of Object.keys(of).filter((each) => each !== 'host' && each !== 'port'))
    faults.push(`${name} has no ${unknown.slice(0, 80)}: it has host and port`);
  host(of.host, `${name}.host`, faults);
  if (of.port !== undefined && !(Number.isInteger(of.port) && Number(of.port) >= 1 && Number(of.port) <= 65_535))
    faults.push(`${name}.port must be a whole number from 1 to 65535`);
};

const checks: { readonly [N in keyof NearSettings]: Check } = {
  remoteLicenses: flag,
  addresses,
  broadcast: flag,
  searchMinutes: within(5, 1_440),
  sessionIdleMinutes: within(1, 525_600),
  callTimeoutSeconds: within(1, 3_600),
  proxy,
  requestLog: flag,
  errorLog: flag,
  logPattern: pattern,
};

/** Names of the settings that an application may say. */
export const overrideNames: readonly string[] = Object.keys(checks);

/** All that is wrong, each with the name of its setting. `undefined` says nothing of a setting. */
export const overrideFaults = (overrides: Readonly<Record<string, unknown>>): readonly string[] => {
  const faults: string[] = [];
  for (const [name, value] of Object.entries(overrides)) {
    const check = Object.entries(checks).find(([each]) => each === name)?.[1];
    if (check === undefined) faults.push(`${name.slice(0, 80)} is unknown: there are ${overrideNames.join(', ')}`);
    else if (value !== undefined) check(value, name, faults);
  }
  return faults;
};

/**
 * What the application says wins over what the file says.
 * @throws LicensingError INVALID_PARAMETER (501) that names every setting that is unknown or out of its bounds.
 */
export const withOverrides = (settings: NearSettings, overrides: NearOverrides): NearSettings => {
  const faults = overrideFaults(overrides);
  if (faults.length > 0)
    throw new LicensingError(Status.INVALID_PARAMETER, {
      detail: `The settings of the license manager are not valid: ${faults.join('; ')}.`,
      remedy: 'Correct the named settings; docs/guide/near-settings.md lists all of them.',
    });
  const { proxy: through, ...said } = overrides;
  const given = Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined));
  const own = typeof through === 'object' ? { host: through.host, port: through.port ?? DEFAULT_PROXY_PORT } : through;
  return { ...settings, ...given, ...(own === undefined ? {} : { proxy: own }) };
};
