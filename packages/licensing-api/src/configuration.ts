import { LicensingError, Status } from '@keyhaven/core/errors';
import { parseVendorCode } from '@keyhaven/core/license';
import { DEFAULT_NEAR_SETTINGS, type NearOverrides, withOverrides } from '@keyhaven/core/near-settings';
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
  /** The application's OpenTelemetry: logins and calls of sessions make spans from then on. Of all vendors. */
  readonly telemetry?: { readonly tracer: TelemetryTracer };
};

/** What holds for one vendor. */
export type Configured = {
  readonly directory: string | undefined;
  readonly externalLm: string | undefined;
  readonly overrides: NearOverrides;
};

export type ConfigurationStore = {
  /** What it does not name stays as it was. @throws LicensingError INV_VCODE (22), INVALID_PARAMETER (501) */
  add(configuration: Configuration): void;
  of(vendor: number): Configured;
  /** Who makes spans; undefined = nobody. */
  readonly tracer: TelemetryTracer | undefined;
};

const isText = (value: unknown): boolean => value === undefined || (typeof value === 'string' && value !== '' && !value.includes('\0'));
const wrong = (detail: string): LicensingError => new LicensingError(Status.INVALID_PARAMETER, { detail });

const check = ({ vendorCode, directory, externalLm, searchAddresses, broadcast, telemetry }: Configuration): void => {
  if (telemetry !== undefined && typeof telemetry?.tracer?.startSpan !== 'function')
    throw wrong('telemetry.tracer must be a tracer of OpenTelemetry, with startSpan.');
  if (!isText(directory) || !isText(externalLm)) throw wrong('directory and externalLm must be paths.');
  if (directory !== undefined && vendorCode === undefined)
    throw wrong('A directory needs the vendorCode of the vendor whose keys it holds.');
  if (broadcast !== undefined && typeof broadcast !== 'boolean') throw wrong('broadcast must be true or false.');
  if (searchAddresses !== undefined && !Array.isArray(searchAddresses))
    throw wrong('searchAddresses must be a list of host names and addresses.');
  withOverrides(DEFAULT_NEAR_SETTINGS, { addresses: searchAddresses });
};

export const createConfiguration = (): ConfigurationStore => {
  let general: Configuration = {};
  let tracer: TelemetryTracer | undefined;
  const ofVendor = new Map<number, Configuration>(); // BOUNDED by the vendors that the application names
  return {
    add(configuration) {
      check(configuration);
      tracer = configuration.telemetry?.tracer ?? tracer;
      if (configuration.vendorCode === undefined) {
        general = { ...general, ...configuration };
        return;
      }
      const { vendor } = parseVendorCode(configuration.vendorCode);
      ofVendor.set(vendor, { ...ofVendor.get(vendor), ...configuration });
    },
    get tracer() {
      return tracer;
    },
    of(vendor) {
      const { directory, externalLm, searchAddresses, broadcast } = { ...general, ...ofVendor.get(vendor) };
      return {
        directory,
        externalLm,
        overrides: {
          ...(searchAddresses === undefined ? {} : { addresses: searchAddresses }),
          ...(broadcast === undefined ? {} : { broadcast }),
        },
      };
    },
  };
};
