import { LicensingError, Status } from '@keyhaven/core/errors';
import { type NearOverrides, overrideFaults } from '@keyhaven/core/near-settings';
import { fieldsOf, optional, reading, wrong } from './arguments.ts';
import { callTimeout } from './call-timeout.ts';
import { vendorOf } from './login-options.ts';
import type { TelemetryTracer } from './telemetry.ts';

// What an application says of its own license managers instead of the file `keyhaven_<vendorid>.ini`. It holds for those that are started afterwards.

export type Configuration = {
  /** For the keys of this vendor; for those of all vendors where it is left out. */
  readonly vendorCode?: string;
  /** Where the keys of the user are. Only with a vendor code: each vendor has a directory of its own. */
  readonly directory?: string;
  /** License managers of other computers: host names, addresses, broadcast addresses. */
  readonly searchAddresses?: readonly string[];
  /** Another name of `searchAddresses`; one of the two at a time. */
  readonly addresses?: readonly string[];
  /** Whether the local subnets are asked by broadcast. */
  readonly broadcast?: boolean;
  /** Minutes between two searches, 5 to 1440. */
  readonly searchMinutes?: number;
  /** Whether keys of other computers may be used. */
  readonly remoteLicenses?: boolean;
  /** Minutes without a call after which a session ends, 1 to 525600. */
  readonly sessionIdleMinutes?: number;
  /** The HTTP proxy to license managers of other computers; the port is 3128 where it is left out. */
  readonly proxy?: 'none' | { readonly host: string; readonly port?: number };
  /** Whether logins, logouts and refusals are written to `logs/access.log` in the directory of the keys. */
  readonly requestLog?: boolean;
  /** Whether warnings and errors are written to `logs/error.log` there. */
  readonly errorLog?: boolean;
  /** What a line of the request log has. */
  readonly logPattern?: string;
  /** The file of the External LM; the one beside the application where it is left out. */
  readonly externalLm?: string;
  /** How long one call may take, in milliseconds, from 1,000 to 3,600,000 (A6); 10,000, or what the file says, where it is left out. Holds at once. */
  readonly callTimeoutMs?: number;
  /** The application's OpenTelemetry: logins and calls of sessions make spans from then on. Of all vendors. */
  readonly telemetry?: { readonly tracer: TelemetryTracer };
};

/** What holds for one vendor. */
export type Configured = {
  readonly directory: string | undefined;
  readonly externalLm: string | undefined;
  readonly callTimeoutMs?: number | undefined;
  readonly overrides: NearOverrides;
};

export type ConfigurationStore = {
  /** What it does not name stays as it was. @throws LicensingError INV_VCODE (22), INVALID_PARAMETER (501) */
  add(configuration: Configuration): void;
  of(vendor: number): Configured;
  /** Who makes spans; undefined = nobody. */
  readonly tracer: TelemetryTracer | undefined;
};

/** Settings of near LMs under the names that they have there. */
const NEAR = [
  'addresses',
  'broadcast',
  'searchMinutes',
  'remoteLicenses',
  'sessionIdleMinutes',
  'proxy',
  'requestLog',
  'errorLog',
  'logPattern',
] as const;
const OPTIONS = ['vendorCode', 'directory', 'searchAddresses', 'externalLm', 'callTimeoutMs', 'telemetry', ...NEAR] as const;

const path = (value: unknown, name: string): string => {
  if (typeof value !== 'string' || value === '' || value.includes('\0')) throw wrong(name, 'a path', value);
  return value;
};
/** @throws LicensingError INVALID_PARAMETER (501) that names every setting that is not valid. */
const overridesIn = (fields: { readonly [N in (typeof NEAR)[number] | 'searchAddresses']?: unknown }): NearOverrides => {
  const { searchAddresses } = fields;
  if (searchAddresses !== undefined && fields.addresses !== undefined)
    throw new LicensingError(Status.INVALID_PARAMETER, {
      detail: 'searchAddresses and addresses are one setting.',
      remedy: 'Pass searchAddresses alone.',
    });
  const own = Object.fromEntries(NEAR.flatMap((name) => (fields[name] === undefined ? [] : [[name, fields[name]]])));
  const overrides = searchAddresses === undefined ? own : { ...own, addresses: searchAddresses };
  const named = (fault: string): string => (searchAddresses === undefined ? fault : fault.replace(/^addresses\b/, 'searchAddresses'));
  const faults = overrideFaults(overrides).map(named);
  if (faults.length === 0) return overrides;
  throw new LicensingError(Status.INVALID_PARAMETER, {
    detail: `The options of configure are not valid: ${faults.join('; ')}.`,
    remedy: 'Correct the named settings; docs/guide/near-settings.md lists all of them. Nothing of this call was taken over.',
  });
};
const tracerIn = (value: unknown): TelemetryTracer => {
  const { tracer } = fieldsOf(value, 'telemetry', ['tracer']);
  if (typeof tracer !== 'object' || tracer === null || typeof (tracer as Partial<TelemetryTracer>).startSpan !== 'function')
    throw wrong('telemetry.tracer', 'a tracer of OpenTelemetry, with startSpan', tracer);
  return tracer as TelemetryTracer;
};

const read = (value: unknown) => {
  const fields = fieldsOf(value, 'the options of configure', OPTIONS);
  if (fields.directory !== undefined && fields.vendorCode === undefined) {
    throw new LicensingError(Status.INVALID_PARAMETER, {
      detail: 'A directory needs the vendorCode of the vendor whose keys it holds.',
      remedy: 'Pass vendorCode with the directory.',
    });
  }
  const settings = {
    directory: optional(fields.directory, (each) => path(each, 'directory')),
    externalLm: optional(fields.externalLm, (each) => path(each, 'externalLm')),
    callTimeoutMs: optional(fields.callTimeoutMs, callTimeout),
  };
  const named = Object.fromEntries(Object.entries(settings).filter(([, each]) => each !== undefined)) as Partial<typeof settings>;
  return {
    vendor: optional(fields.vendorCode, vendorOf)?.vendor,
    tracer: optional(fields.telemetry, tracerIn),
    settings: named,
    overrides: overridesIn(fields),
  };
};
type Settings = ReturnType<typeof read>['settings'] & { readonly overrides: NearOverrides };

const over = (before: Settings, { overrides, ...settings }: Settings): Settings => ({
  ...before,
  ...settings,
  overrides: { ...before.overrides, ...overrides },
});
const NOTHING: Settings = { overrides: {} };

export const createConfiguration = (): ConfigurationStore => {
  let general = NOTHING;
  let tracer: TelemetryTracer | undefined;
  const ofVendor = new Map<number, Settings>(); // BOUNDED by the vendors that the application names
  return {
    add(configuration) {
      const given = reading(() => read(configuration));
      const settings = { ...given.settings, overrides: given.overrides };
      tracer = given.tracer ?? tracer;
      if (given.vendor === undefined) general = over(general, settings);
      else ofVendor.set(given.vendor, over(ofVendor.get(given.vendor) ?? NOTHING, settings));
    },
    get tracer() {
      return tracer;
    },
    of(vendor) {
      const { directory, externalLm, callTimeoutMs, overrides } = over(general, ofVendor.get(vendor) ?? NOTHING);
      return { directory, externalLm, callTimeoutMs, overrides };
    },
  };
};
