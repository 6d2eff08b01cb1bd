import type { PartName } from '../scope/index.ts';
import type { XmlNode } from '../xml/index.ts';
import type { FingerprintInfo, LicenseInfo } from './info-data.ts';
import type { Row } from './rows.ts';

// What a format can ask of each object, by the names that the field uses (field-facts 1.5), and where a row has it.

type Plain = string | number | boolean;
export type Parts = Readonly<Record<string, Plain | undefined>>;

export type Field =
  /** One text: an attribute or an element. */
  | { readonly kind: 'plain'; readonly read: (row: Row) => Plain | undefined }
  /** Any number of elements, each with these parts. */
  | { readonly kind: 'parts'; readonly names: readonly string[]; readonly read: (row: Row) => readonly Parts[] }
  /** Elements of one shape only. */
  | { readonly kind: 'nodes'; readonly read: (row: Row) => readonly XmlNode[] };

const plain = (read: (row: Row) => Plain | undefined): Field => ({ kind: 'plain', read });
const parts = (names: readonly string[], read: (row: Row) => readonly Parts[]): Field => ({ kind: 'parts', names, read });

export const licenseParts = (license: LicenseInfo): Parts => {
  switch (license.type) {
    case 'perpetual':
      return { license_type: 'perpetual' };
    case 'expiration':
      return { license_type: 'expiration', exp_date: license.expires };
    case 'executions':
      return { license_type: 'executions', counter_fix: license.total, counter_var: license.used };
    case 'trial':
      return { license_type: 'trial', time_start: license.started, total_time: license.duration };
  }
};
export const fingerprintNode = ({ type, crc, vendor, base64 }: FingerprintInfo): XmlNode => ({
  name: 'host_fingerprint',
  attributes: { type, crc, vendorid: vendor },
  content: base64,
});

const tables: Readonly<Record<PartName, ReadonlyMap<string, Field>>> = {
  licenseManager: new Map([
    ['id', plain(({ licenseManager }) => licenseManager.id)],
    ['hostname', plain(({ licenseManager }) => licenseManager.hostname)],
    ['name', plain(({ licenseManager }) => licenseManager.name)],
    ['ip', plain(({ licenseManager }) => licenseManager.ip)],
    ['version', plain(({ licenseManager }) => licenseManager.version)],
    ['osname', plain(({ licenseManager }) => licenseManager.osName)],
    ['osversion', plain(({ licenseManager }) => licenseManager.osVersion)],
    ['architecture', plain(({ licenseManager }) => licenseManager.architecture)],
    ['uptime', plain(({ licenseManager }) => licenseManager.uptime)],
    ['time', plain(({ licenseManager }) => licenseManager.time)],
    ['is_embedded_lm', plain(({ licenseManager }) => licenseManager.embedded)],
    ['host_fingerprint', { kind: 'nodes', read: ({ licenseManager }) => (licenseManager.hostFingerprints ?? []).map(fingerprintNode) }],
  ]),
  vendor: new Map([
    ['id', plain(({ vendor }) => vendor?.id)],
    ['name', plain(({ vendor }) => vendor?.name)],
  ]),
  key: new Map([
    ['id', plain(({ key }) => key?.id)],
    ['type', plain(({ key }) => key?.type)],
    ['configuration', plain(({ key }) => key?.configuration)],
    ['key_model', plain(({ key }) => key?.model)],
    ['clone_protected', plain(({ key }) => key?.cloneProtected)],
    ['disabled', plain(({ key }) => key?.disabled)],
    ['detachable', plain(({ key }) => key?.detachable)],
    ['recipient', plain(({ key }) => key?.recipient)],
    ['parentid', plain(({ key }) => key?.parent)],
    ['attached', plain(({ key }) => key?.attached)],
    ['production_date', plain(({ key }) => key?.productionDate)],
    ['hw_version', plain(({ key }) => key?.hardwareVersion)],
    ['version', plain(({ key }) => key?.version)],
    ['updatecounter', plain(({ key }) => key?.updateCounter)],
    ['vclock_enabled', plain(({ key }) => key?.clockEnabled)],
    ['free_clusters', plain(({ key }) => key?.freeClusters)],
    ['cluster_size', plain(({ key }) => key?.clusterSize)],
    [
      'drive_info',
      parts(['size', 'mount_point', 'device'], ({ key }) =>
        (key?.drives ?? []).map(({ size, mountPoint, device }) => ({ size, mount_point: mountPoint, device })),
      ),
    ],
    [
      'isv_memory',
      parts(['fileattr', 'fileid', 'filesize'], ({ key }) =>
        (key?.memory ?? []).map(({ access, file, size }) => ({ fileattr: access, fileid: file, filesize: size })),
      ),
    ],
  ]),
  product: new Map([
    ['id', plain(({ product }) => product?.id)],
    ['name', plain(({ product }) => product?.name)],
    ['detachable', plain(({ product }) => product?.detachable)],
    ['fingerprint_change', plain(({ product }) => product?.fingerprintChange)],
    ['clone_protected', plain(({ product }) => product?.cloneProtected)],
  ]),
  feature: new Map([
    ['id', plain(({ feature }) => feature?.id)],
    ['name', plain(({ feature }) => feature?.name)],
    ['locked', plain(({ feature }) => feature?.locked)],
    ['usable', plain(({ feature }) => feature?.usable)],
    ['disabled', plain(({ feature }) => feature?.disabled)],
    ['expired', plain(({ feature }) => feature?.expired)],
    ['detachable', plain(({ feature }) => feature?.detachable)],
    ['vmenabled', plain(({ feature }) => feature?.virtualMachine)],
    ['maxlogins', plain(({ feature }) => feature?.maxLogins)],
    ['currentlogins', plain(({ feature }) => feature?.currentLogins)],
    [
      'license',
      parts(['license_type', 'exp_date', 'time_start', 'total_time', 'counter_fix', 'counter_var'], ({ feature }) =>
        feature?.license === undefined ? [] : [licenseParts(feature.license)],
      ),
    ],
    [
      'concurrency',
      parts(['export', 'count', 'seats'], ({ feature }) => {
        const concurrency = feature?.concurrency;
        return concurrency === undefined ? [] : [{ ...concurrency, export: concurrency.export.join(',') }];
      }),
    ],
  ]),
  session: new Map([
    ['username', plain(({ session }) => session?.username)],
    ['userid', plain(({ session }) => session?.userId)],
    ['hostname', plain(({ session }) => session?.hostname)],
    ['hostid', plain(({ session }) => session?.hostId)],
    ['apiversion', plain(({ session }) => session?.apiVersion)],
    ['ip', plain(({ session }) => session?.ip)],
    ['idle_timeout', plain(({ session }) => session?.idleTimeout)],
    ['idle_remaining', plain(({ session }) => session?.idleRemaining)],
  ]),
};

export const formatFieldOf = (part: PartName, name: string): Field | undefined => tables[part].get(name);
export const formatFieldsOf = (part: PartName): readonly string[] => [...tables[part].keys()];
