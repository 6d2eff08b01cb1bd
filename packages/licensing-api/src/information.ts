import { LicensingError, Status } from '@keyhaven/core/errors';
import {
  type Format,
  type FormatObject,
  featureInfoOf,
  type InfoData,
  keyTypeNames,
  type LicenseManagerInfo,
  memoryInfoOf,
  renderInfo,
} from '@keyhaven/core/format';
import type { Certificate, Feature } from '@keyhaven/core/license';
import type { PartName } from '@keyhaven/core/scope';
import type { ApplicationIdentity } from '@keyhaven/core/session';
import { ASK, type Candidate } from '@keyhaven/core/wire';
import type { SessionInfo } from './session.ts';

// What is asked of the license manager for a format, and what a session knows by itself. Of a session everything but the license manager comes
// from the key: from its certificate, and through its channel (K10).

const asks = (format: Format, ...parts: readonly PartName[]): boolean => {
  const within = ({ object, objects }: FormatObject): boolean => parts.includes(object) || objects.some(within);
  return format.kind === 'tree' && format.objects.some(within);
};
const isUpdate = (format: Format): boolean =>
  format.kind === 'predefined' && (format.name === 'updateinfo' || format.name === 'fastupdateinfo');
const isFingerprint = (format: Format): boolean => format.kind === 'predefined' && format.name === 'host_fingerprint';
/** As all that is asked for, or as a part. */
const asksFingerprint = (format: Format): boolean => {
  const within = ({ fields, objects }: FormatObject): boolean =>
    fields.some(({ name }) => name === 'host_fingerprint' || name === '*') || objects.some(within);
  return isFingerprint(format) || (asks(format, 'licenseManager') && format.kind === 'tree' && format.objects.some(within));
};

/** Bits of the question (docs/protocol/local.md W22). */
export const wantedBy = (format: Format): number => {
  if (isUpdate(format)) return ASK.c2v;
  const sessions = asks(format, 'session') || (format.kind === 'predefined' && format.name === 'sessioninfo');
  return (sessions ? ASK.sessions : 0) | (asksFingerprint(format) ? ASK.fingerprint : 0);
};

/** Whether a session cannot say it by itself. */
export const needsLicenseManager = (format: Format): boolean => isUpdate(format) || isFingerprint(format) || asks(format, 'licenseManager');

/** @throws LicensingError KEY_NOT_FOUND (7) where the format is about keys and there is none; those of `renderInfo` */
export const render = (format: Format, data: InfoData): string => {
  const aboutKeys = isFingerprint(format)
    ? false
    : format.kind === 'predefined' || asks(format, 'vendor', 'key', 'product', 'feature', 'session');
  if (aboutKeys && data.licenseManagers.every(({ vendors }) => vendors.length === 0)) {
    throw new LicensingError(Status.KEY_NOT_FOUND, { detail: 'No key of this vendor lies in the scope.' });
  }
  return renderInfo(format, data);
};

export type SessionFacts = {
  readonly info: SessionInfo;
  readonly certificate: Certificate;
  readonly sold: Feature;
  readonly candidate: Candidate;
  readonly identity: ApplicationIdentity;
  /** What the license manager says of itself and of the key, where it was asked. */
  readonly told: InfoData | undefined;
};

/** One license manager, one key, one feature and one session. */
export const sessionData = ({ info, certificate, sold, candidate, identity, told }: SessionFacts): InfoData => {
  const { guid, hostname, address } = candidate.licenseManager;
  const asked = told?.licenseManagers.find(({ id }) => id === guid);
  const known: LicenseManagerInfo = { id: guid, hostname, ip: address, vendors: [] };
  const c2v = asked?.vendors.flatMap(({ keys }) => keys).find(({ id }) => id === certificate.key)?.c2v;
  const used = info.executions;
  const feature = {
    ...featureInfoOf(sold, used),
    currentLogins: info.used,
    sessions: [{ username: identity.user, hostname: identity.host, idleTimeout: info.idleTimeout, idleRemaining: info.idleRemaining }],
  };
  const product = certificate.products.find(({ id }) => id === info.product);
  const key = {
    id: certificate.key,
    ...keyTypeNames[certificate.type],
    updateCounter: certificate.counter,
    memory: memoryInfoOf(certificate.memory),
    ...(candidate.licenseManager.address === '127.0.0.1' ? {} : { port: { kind: 'network', protocol: 'IP', address } as const }),
    ...(c2v === undefined ? {} : { c2v }),
    products: product === undefined ? [] : [{ id: String(product.id), name: product.name, features: [feature] }],
    features: product === undefined ? [feature] : [],
  };
  return { licenseManagers: [{ ...known, ...asked, vendors: [{ id: String(certificate.vendor), keys: [key] }] }] };
};
