import type { FeatureInfo, LmRef } from '@keyhaven/core/admin';
import { linkTo } from '../router.ts';
import { daysLeft, hasEnded, sayLicense, sayMoment } from './format.ts';
import { Badge } from './notice.tsx';

// Small things that many tables show alike.

export const Location = ({ local, licenseManager }: { readonly local: boolean; readonly licenseManager: LmRef }) =>
  local ? <>This computer</> : <span title={licenseManager.address}>{licenseManager.hostname}</span>;

export const KeyLink = ({ id }: { readonly id: string }) => (
  <a class="id" href={linkTo('key', { id })}>
    {id}
  </a>
);

export const Seats = ({ seats }: { readonly seats: FeatureInfo['seats'] }) => (
  <span class="seats">
    {seats.limit === null ? `${seats.used} in use` : `${seats.used} of ${seats.limit}`}
    {seats.limit === null ? null : (
      <meter min={0} max={seats.limit} value={seats.used} aria-label={`${seats.used} of ${seats.limit} seats in use`} />
    )}
    {seats.waiting > 0 ? <Badge kind="warn">{seats.waiting} waiting</Badge> : null}
  </span>
);

const SOON_DAYS = 30;
export const endsSoon = (license: FeatureInfo['license'], now: number): boolean => {
  const left = daysLeft(license, now);
  return left !== undefined && left < SOON_DAYS;
};

export const LicenseText = ({ license, now }: { readonly license: FeatureInfo['license']; readonly now: number }) => (
  <>
    {sayLicense(license, now)}{' '}
    {hasEnded(license, now) ? <Badge kind="bad">Ended</Badge> : endsSoon(license, now) ? <Badge kind="warn">Soon</Badge> : null}
  </>
);

export const Moment = ({ at }: { readonly at: string | number }) => <time dateTime={new Date(at).toISOString()}>{sayMoment(at)}</time>;
