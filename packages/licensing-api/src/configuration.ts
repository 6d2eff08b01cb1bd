import { LicensingError, Status } from '@keyhaven/core/errors';
import { DEFAULT_NEAR_SETTINGS, type NearOverrides, withOverrides } from '@keyhaven/core/near-settings';
import { fieldsOf, flag, optional, reading, text, wrong } from './arguments.ts';
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
  /** Whether the local subnets are asked by broadcast. */
  readonly broadcast?: boolean;
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

const OPTIONS = ['vendorCode', 'directory', 'searchAddresses', 'broadcast', 'externalLm', 'callTimeoutMs', 'telemetry'] as const;

const path = (value: unknown, name: string): string => {
  if (typeof value !== 'string' || value === '' || value.includes('\0')) throw wrong(name, 'a path', value);
  return value;
};
const addresses = (value: unknown): readonly string[] => {
  if (!Array.isArray(value)) throw wrong('searchAddresses', 'a list of host names and addresses', value);
  const list = value.map((each: unknown, index) => text(each, `searchAddresses[${index}]`));
  withOverrides(DEFAULT_NEAR_SETTINGS, { addresses: list });
  return list;
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
    searchAddresses: optional(fields.searchAddresses, addresses),
    broadcast: optional(fields.broadcast, (each) => flag(each, 'broadcast')),
    callTimeoutMs: optional(fields.callTimeoutMs, callTimeout),
  };
  const named = Object.fromEntries(Object.entries(settings).filter(([, each]) => each !== undefined)) as Partial<typeof settings>;
  return { vendor: optional(fields.vendorCode, vendorOf)?.vendor, tracer: optional(fields.telemetry, tracerIn), settings: named };
};
type Settings = ReturnType<typeof read>['settings'];

export const createConfiguration = (): ConfigurationStore => {
  let general: Settings = {};
  let tracer: TelemetryTracer | undefined;
  const ofVendor = new Map<number, Settings>(); // BOUNDED by the vendors that the application names
  return {
    add(configuration) {
      const given = reading(() => read(configuration));
      tracer = given.tracer ?? tracer;
      if (given.vendor === undefined) general = { ...general, ...given.settings };
      else ofVendor.set(given.vendor, { ...ofVendor.get(given.vendor), ...given.settings });
    },
    get tracer() {
      return tracer;
    },
    of(vendor) {
      const { directory, externalLm, searchAddresses, broadcast, callTimeoutMs } = { ...general, ...ofVendor.get(vendor) };
      return {
        directory,
        externalLm,
        callTimeoutMs,
        overrides: {
          ...(searchAddresses === undefined ? {} : { addresses: searchAddresses }),
          ...(broadcast === undefined ? {} : { broadcast }),
        },
      };
    },
  };
};
