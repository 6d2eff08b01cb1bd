import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { type Environment, externalLmFile, USER_STORE_FILE, userStoreDirectory } from '@keyhaven/core/hosts';
import { iniTextOf } from '@keyhaven/core/ini';
import {
  DEFAULT_NEAR_SETTINGS,
  type NearOverrides,
  type NearPlace,
  type NearSettings,
  nearFiles,
  readNearIni,
} from '@keyhaven/core/near-settings';
import { SECOND } from '@keyhaven/core/time';
import type { Configured } from './configuration.ts';
import { startExternalLm } from './external-lm.ts';
import type { NearSurroundings } from './near-surroundings.ts';

// The license managers of an application's own as they are on a real system: which files are there, and how each is started.

export type SystemNearOptions = {
  readonly env: Environment;
  /** As Node.js names it. */
  readonly platform: string;
  readonly home: string;
  /** The directory of the application. */
  readonly beside: string;
  readonly configured: (vendor: number) => Configured;
  readonly print: (line: string) => void;
};

/** What the file says; `faulty` where it cannot be read, or not all of it, which is for the license manager that needs it to tell. Never throws. */
const settingsIn = (place: NearPlace, vendor: number): { readonly settings: NearSettings; readonly faulty: boolean } => {
  const file = nearFiles(place, vendor).find((each) => existsSync(each));
  if (file === undefined) return { settings: DEFAULT_NEAR_SETTINGS, faulty: false };
  try {
    const { settings, faults } = readNearIni(iniTextOf(readFileSync(file)).text);
    return { settings, faulty: faults.length > 0 };
  } catch {
    return { settings: DEFAULT_NEAR_SETTINGS, faulty: true };
  }
};
const searches = (place: NearPlace, vendor: number, overrides: NearOverrides): boolean => {
  const { settings, faulty } = settingsIn(place, vendor);
  // Somebody wrote settings for a near LM: it says what is wrong with them.
  if (faulty) return true;
  const { remoteLicenses = settings.remoteLicenses, addresses = settings.addresses, broadcast = settings.broadcast } = overrides;
  return remoteLicenses && (addresses.length > 0 || broadcast);
};

/** The Integrated LM comes with the package of license managers; an application that needs none does without. */
const findIntegrated = (): boolean => {
  try {
    return import.meta.resolve('@keyhaven/license-manager/integrated') !== '';
  } catch {
    return false;
  }
};

export const systemNear = (options: SystemNearOptions): NearSurroundings & { callTimeoutMs(vendor: number): number } => {
  const { env, platform, home, beside, configured, print } = options;
  let integratedAvailable: boolean | undefined;
  const place = { beside, env, platform, home };
  const timeouts = new Map<number, number>(); // BOUNDED by the vendors in use
  const fileOf = (vendor: number): string => configured(vendor).externalLm ?? join(beside, externalLmFile(platform));
  const directoryOf = (vendor: number): string => configured(vendor).directory ?? userStoreDirectory(env, platform, home, vendor);
  return {
    look(vendor) {
      integratedAvailable ??= findIntegrated();
      const { externalLm, overrides } = configured(vendor);
      return {
        // A file that the application names is asked even where it is missing: that has to be told.
        externalBeside: externalLm !== undefined || existsSync(fileOf(vendor)),
        integratedAvailable,
        userStore: existsSync(join(directoryOf(vendor), USER_STORE_FILE)),
        nearSearch: searches(place, vendor, overrides),
      };
    },
    callTimeoutMs(vendor) {
      const known = timeouts.get(vendor);
      if (known !== undefined) return known;
      // Read once: a call looks at no file.
      const milliseconds = settingsIn(place, vendor).settings.callTimeoutSeconds * SECOND;
      timeouts.set(vendor, milliseconds);
      return milliseconds;
    },
    startExternal: (vendor) =>
      startExternalLm({ file: fileOf(vendor), vendor, directory: directoryOf(vendor), overrides: configured(vendor).overrides }),
    async openIntegrated(vendor) {
      const { overrides } = configured(vendor);
      const module = await import('@keyhaven/license-manager/integrated').catch((cause: unknown) => {
        throw new LicensingError(Status.REQ_NOT_SUPP, {
          detail: 'The Integrated LM cannot be loaded.',
          remedy: 'Install the package @keyhaven/license-manager with the application, or put an External LM beside it.',
          cause,
        });
      });
      return module.openIntegratedLm({ vendor, directory: directoryOf(vendor), beside, overrides });
    },
    explain: (env['KEYHAVEN_DEBUG'] ?? '').split(',').includes('select') ? print : undefined,
  };
};
