import { LicensingError, Status } from '../errors/index.ts';
import {
  decodeIni,
  entriesOf,
  type IniEntry,
  type IniFault,
  iniFlag,
  iniHost,
  iniNumber,
  iniText,
  many,
  one,
  parseIni,
} from '../ini/index.ts';

// What an External or Integrated LM can be told: `keyhaven_<vendorid>.ini`, with the keys of the field's own files, and the same as values through
// the Licensing API. docs/guide/near-settings.md.

export type NearSettings = {
  /** Keys of other computers may be used. */
  readonly remoteLicenses: boolean;
  /** "Remote License Search Parameters" of R2: a single address or host name is asked by TCP, a broadcast address by UDP. */
  readonly addresses: readonly string[];
  /** The local subnets are asked by UDP broadcast, too. Off unless it is set: whoever starts an application has not asked for broadcasts. */
  readonly broadcast: boolean;
  /** Minutes between two searches; never under five (R4). */
  readonly searchMinutes: number;
  /** Minutes without a call after which a session ends. */
  readonly sessionIdleMinutes: number;
  /** Seconds that one call of the application may take (A6). It is for the Licensing API, whichever license manager the call goes to. */
  readonly callTimeoutSeconds: number;
};

export const DEFAULT_NEAR_SETTINGS: NearSettings = Object.freeze({
  remoteLicenses: true,
  addresses: Object.freeze([]),
  broadcast: false,
  searchMinutes: 5,
  sessionIdleMinutes: 720,
  callTimeoutSeconds: 10,
});

/** BOUNDED: addresses of the search. */
const MAX_ADDRESSES = 1_024;

export const nearIniKeys = {
  idle: one('SERVER', 'idle_session_timeout_mins', iniNumber(1, 525_600)),
  callTimeout: one('SERVER', 'call_timeout_secs', iniNumber(1, 3_600)),
  remoteLicenses: one('SERVER', 'accesstoremote', iniFlag),
  broadcast: one('REMOTE', 'broadcastsearch', iniFlag),
  interval: one('REMOTE', 'serversearchinterval', iniNumber(1, 86_400)),
  addresses: many('REMOTE', 'serveraddr', iniHost),
  // An External or Integrated LM asks single addresses by TCP in any case.
  aggressive: one('REMOTE', 'aggressive', iniFlag, { kept: true }),
  requestLog: one('SERVER', 'requestlog', iniFlag, { kept: true }),
  errorLog: one('SERVER', 'errorlog', iniFlag, { kept: true }),
  proxyConnect: one('SERVER', 'proxyconnect', iniNumber(0, 2), { kept: true }),
  proxyHost: one('SERVER', 'proxyhost', iniText(255), { kept: true }),
  proxyPort: one('SERVER', 'proxyport', iniNumber(1, 65_535), { kept: true }),
  logText: one('LOGPARAMETERS', 'text', iniText(1_024), { kept: true }),
};

export type NearIni = {
  readonly settings: NearSettings;
  readonly faults: readonly IniFault[];
  /** What the file says and nothing uses yet. */
  readonly kept: readonly IniEntry[];
};

const defined = <T extends object>(values: T): Partial<{ [N in keyof T]: Exclude<T[N], undefined> }> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<{
    [N in keyof T]: Exclude<T[N], undefined>;
  }>;

/** R4: a search interval in seconds as the field writes it, in minutes and not under the floor. */
const minutesOf = (seconds: number | undefined): number | undefined => (seconds === undefined ? undefined : Math.max(5, seconds / 60));

/** Never throws; where there are faults, `settings` has the defaults in their place. */
export const readNearIni = (text: string): NearIni => {
  const { ini, faults } = parseIni(text);
  const { values, faults: wrong, kept, lines } = decodeIni(entriesOf(ini), nearIniKeys);
  const tooMany = lines.get('addresses')?.[MAX_ADDRESSES];
  const said = defined({
    remoteLicenses: values.remoteLicenses,
    broadcast: values.broadcast,
    searchMinutes: minutesOf(values.interval),
    sessionIdleMinutes: values.idle,
    callTimeoutSeconds: values.callTimeout,
  });
  return {
    settings: { ...DEFAULT_NEAR_SETTINGS, ...said, addresses: values.addresses.slice(0, MAX_ADDRESSES) },
    faults: [
      ...faults,
      ...wrong,
      ...(tooMany === undefined ? [] : [{ line: tooMany, fault: `[REMOTE] serveraddr: there are more than ${MAX_ADDRESSES}` }]),
    ].toSorted((a, b) => a.line - b.line),
    kept,
  };
};

export type NearOverrides = { readonly [N in keyof NearSettings]?: NearSettings[N] | undefined };

/**
 * What the application says wins over what the file says.
 * @throws LicensingError 501 that names every value out of its bounds.
 */
export const withOverrides = (settings: NearSettings, overrides: NearOverrides): NearSettings => {
  const faults: string[] = [];
  const within = (name: keyof NearSettings, value: number | undefined, min: number, max: number): void => {
    if (value !== undefined && !(value >= min && value <= max)) faults.push(`${name} must be from ${min} to ${max}`);
  };
  within('searchMinutes', overrides.searchMinutes, 5, 1_440);
  within('sessionIdleMinutes', overrides.sessionIdleMinutes, 1, 525_600);
  within('callTimeoutSeconds', overrides.callTimeoutSeconds, 1, 3_600);
  if ((overrides.addresses?.length ?? 0) > MAX_ADDRESSES) faults.push(`addresses may be ${MAX_ADDRESSES} at most`);
  for (const address of overrides.addresses ?? []) iniHost(address, 'addresses', faults);
  if (faults.length > 0)
    throw new LicensingError(Status.INVALID_PARAMETER, {
      detail: `The settings of the license manager are not valid: ${faults.join('; ')}.`,
      remedy: 'Correct the named settings.',
    });
  return { ...settings, ...defined(overrides) };
};
