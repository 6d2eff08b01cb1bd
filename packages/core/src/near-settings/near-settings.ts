import { decodeIni, entriesOf, type IniFault, iniFlag, iniHost, iniNumber, iniText, many, one, parseIni, placeOf } from '../ini/index.ts';
import { DEFAULT_PATTERN, patternFault } from '../log/index.ts';

// The settings of an External or Integrated LM: `keyhaven_<vendorid>.ini`, with the keys of the field's own files, and the same as values through the
// Licensing API (overrides.ts). docs/guide/near-settings.md. Every key has an effect, or the notes of the file say why not.

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
  /** The HTTP proxy through which license managers of other computers are reached. */
  readonly proxy: 'none' | NearProxy;
  /** Logins, logouts and refusals are written to `logs/access.log` in the directory of the keys. */
  readonly requestLog: boolean;
  /** Warnings and errors are written to `logs/error.log` there. */
  readonly errorLog: boolean;
  /** What a line of the request log has. */
  readonly logPattern: string;
};
export type NearProxy = { readonly host: string; readonly port: number };

export const DEFAULT_PROXY_PORT = 3_128;

export const DEFAULT_NEAR_SETTINGS: NearSettings = Object.freeze({
  remoteLicenses: true,
  addresses: Object.freeze([]),
  broadcast: false,
  searchMinutes: 5,
  sessionIdleMinutes: 720,
  callTimeoutSeconds: 10,
  proxy: 'none',
  requestLog: false,
  errorLog: false,
  logPattern: DEFAULT_PATTERN,
});

/** BOUNDED: addresses of the search, and characters of a pattern. */
export const MAX_ADDRESSES = 1_024;
export const MAX_PATTERN = 1_024;

/** Why the second of the field's three choices does nothing (field-facts 2.7). */
export const NO_WPAD =
  'WPAD is not supported: it runs a program that whoever answers first on the network hands out. Name the proxy with "manual", host and port';

export const nearIniKeys = {
  idle: one('SERVER', 'idle_session_timeout_mins', iniNumber(1, 525_600)),
  callTimeout: one('SERVER', 'call_timeout_secs', iniNumber(1, 3_600)),
  remoteLicenses: one('SERVER', 'accesstoremote', iniFlag),
  broadcast: one('REMOTE', 'broadcastsearch', iniFlag),
  interval: one('REMOTE', 'serversearchinterval', iniNumber(1, 86_400)),
  addresses: many('REMOTE', 'serveraddr', iniHost),
  aggressive: one('REMOTE', 'aggressive', iniFlag),
  requestLog: one('SERVER', 'requestlog', iniFlag),
  errorLog: one('SERVER', 'errorlog', iniFlag),
  proxyConnect: one('SERVER', 'proxyconnect', iniNumber(0, 2)),
  proxyHost: one('SERVER', 'proxyhost', iniHost),
  proxyPort: one('SERVER', 'proxyport', iniNumber(1, 65_535)),
  logText: one('LOGPARAMETERS', 'text', iniText(MAX_PATTERN)),
};

/** `warn`: the file asks for something that it does not get. */
export type NearNote = { readonly line: number; readonly level: 'info' | 'warn'; readonly text: string };

export type NearIni = {
  readonly settings: NearSettings;
  readonly faults: readonly IniFault[];
  /** What the file says and what has no effect, or another one than it says, with the reason. */
  readonly notes: readonly NearNote[];
};

const NONE = 0;
const WPAD = 1;
const MANUAL = 2;
/** R4: seconds; the least there is. */
const LEAST_INTERVAL = 300;

type Values = ReturnType<typeof decodeIni<typeof nearIniKeys>>['values'];

const notesOf = (values: Values, lineOf: (name: keyof typeof nearIniKeys) => number | undefined): readonly NearNote[] => {
  const note = (name: keyof typeof nearIniKeys, isSo: boolean, text: string, level: NearNote['level'] = 'info'): NearNote[] => {
    const line = lineOf(name);
    return line === undefined || !isSo ? [] : [{ line, level, text: `${placeOf(nearIniKeys[name])}: ${text}` }];
  };
  const { proxyConnect = NONE, remoteLicenses = true, requestLog = false, interval, logText } = values;
  const off = 'no effect without accesstoremote = 1';
  const unproxied = proxyConnect !== MANUAL;
  const pattern = logText === undefined ? undefined : patternFault(logText);
  return [
    ...note('aggressive', true, 'not applicable: an External or Integrated LM always asks single addresses by TCP'),
    ...note('addresses', !remoteLicenses, off),
    ...note('broadcast', !remoteLicenses, off),
    ...note('interval', (interval ?? LEAST_INTERVAL) < LEAST_INTERVAL, `raised to ${LEAST_INTERVAL}, the least there is`),
    ...note('proxyConnect', proxyConnect === WPAD, `no proxy is used: ${NO_WPAD}`, 'warn'),
    ...note('proxyConnect', !remoteLicenses && proxyConnect !== NONE, off),
    ...note('proxyHost', unproxied && values.proxyHost !== undefined, 'no effect without proxyconnect = 2'),
    ...note('proxyPort', unproxied && values.proxyPort !== undefined, 'no effect without proxyconnect = 2'),
    ...note('logText', !requestLog, 'no effect without requestlog = 1'),
    ...note('logText', pattern !== undefined, pattern ?? '', 'warn'),
  ];
};

const defined = <T extends object>(values: T): Partial<{ [N in keyof T]: Exclude<T[N], undefined> }> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<{
    [N in keyof T]: Exclude<T[N], undefined>;
  }>;

/** R4: a search interval in seconds as the field writes it, in minutes and not under the floor. */
const minutesOf = (seconds: number | undefined): number | undefined =>
  seconds === undefined ? undefined : Math.max(LEAST_INTERVAL, seconds) / 60;

/** Never throws; where there are faults, `settings` has the defaults in their place. */
export const readNearIni = (text: string): NearIni => {
  const { ini, faults } = parseIni(text);
  const { values, faults: wrong, lines } = decodeIni(entriesOf(ini), nearIniKeys);
  const lineOf = (name: keyof typeof nearIniKeys): number | undefined => lines.get(name)?.[0];
  const { proxyConnect, proxyHost: host, proxyPort: port = DEFAULT_PROXY_PORT } = values;
  const isProxied = proxyConnect === MANUAL;
  const tooMany = lines.get('addresses')?.[MAX_ADDRESSES];
  const needed = isProxied && host === undefined && !wrong.some(({ line }) => line === lineOf('proxyHost'));
  const said = defined({
    remoteLicenses: values.remoteLicenses,
    broadcast: values.broadcast,
    searchMinutes: minutesOf(values.interval),
    sessionIdleMinutes: values.idle,
    callTimeoutSeconds: values.callTimeout,
    requestLog: values.requestLog,
    errorLog: values.errorLog,
    logPattern: values.logText,
    proxy: isProxied && host !== undefined ? { host, port } : undefined,
  });
  return {
    settings: { ...DEFAULT_NEAR_SETTINGS, ...said, addresses: values.addresses.slice(0, MAX_ADDRESSES) },
    faults: [
      ...faults,
      ...wrong,
      ...(tooMany === undefined ? [] : [{ line: tooMany, fault: `[REMOTE] serveraddr: there are more than ${MAX_ADDRESSES}` }]),
      ...(needed ? [{ line: lineOf('proxyConnect') ?? 1, fault: '[SERVER] proxyconnect: 2 needs proxyhost' }] : []),
    ].toSorted((a, b) => a.line - b.line),
    notes: notesOf(values, lineOf).toSorted((a, b) => a.line - b.line),
  };
};
