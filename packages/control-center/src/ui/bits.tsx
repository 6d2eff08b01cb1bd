import type { FeatureInfo, KeyInfo, LmRef, PeerInfo } from '@keyhaven/core/admin';
import { useLive } from '../app-context.ts';
import { linkTo } from '../router.ts';
import { daysLeft, hasEnded, hasNotBegun, sayLicense, sayMoment } from './format.ts';
import { Badge } from './notice.tsx';

// Small things that many tables show alike.

/** The page of another license manager, where it shows one. `address` is that of a peer, with its port. */
const pageOfPeer = (address: string): string | undefined => {
  const [, host = '', port = ''] = /^([\w.:-]+):(\d{1,5})$/.exec(address) ?? [];
  if (host === '' || port === '') return undefined;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}/`;
};

/** The name of another license manager, with the way to its own pages. */
export const PeerLink = ({ hostname, address }: { readonly hostname: string; readonly address: string }) => {
  const href = pageOfPeer(address);
  return href === undefined ? (
    <span title={address}>{hostname}</span>
  ) : (
    <a href={href} title={`${hostname}, ${address}: its own pages, in a new tab`} target="_blank" rel="noopener noreferrer">
      {hostname}
    </a>
  );
};

const Elsewhere = ({ of: { guid, hostname, address } }: { readonly of: LmRef }) => {
  const { value } = useLive<{ readonly items: readonly PeerInfo[] }>('/api/v1/list/peers?limit=1000', 'peers');
  const peer = value?.items.find((each) => each.guid === guid);
  return peer === undefined ? <span title={address}>{hostname}</span> : <PeerLink hostname={hostname} address={peer.address} />;
};

/** Where a key is; elsewhere with the way to the pages of that license manager. */
export const Location = ({ local, licenseManager }: { readonly local: boolean; readonly licenseManager: LmRef }) =>
  local ? <span title="This computer">Local</span> : <Elsewhere of={licenseManager} />;

const TYPES: Readonly<Record<KeyInfo['type'], string>> = {
  'sl-adminmode': 'SL AdminMode',
  'sl-usermode': 'SL UserMode',
  'sl-legacy': 'SL Legacy',
  'hl-driverless': 'HL driverless',
  'hl-hasp': 'HL HASP',
};
export const sayType = (type: KeyInfo['type']): string => TYPES[type];

export const KeyLink = ({ id }: { readonly id: string }) => (
  <a class="id" href={linkTo('key', { id })}>
    {id}
  </a>
);

/** As lists of keys show them: a name is easier to find than an id. */
export const KeyAndName = ({ id, name }: { readonly id: string; readonly name: string | undefined }) => (
  <>
    <KeyLink id={id} />
    {name === undefined ? null : <span class="key-name"> {name}</span>}
  </>
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
    {sayLicense(license, now)} {hasNotBegun(license, now) ? <Badge kind="warn">Not begun</Badge> : null}
    {hasEnded(license, now) ? <Badge kind="bad">Ended</Badge> : endsSoon(license, now) ? <Badge kind="warn">Soon</Badge> : null}
  </>
);

/** Broken between day and time only. */
export const Moment = ({ at }: { readonly at: string | number }) => {
  const [day = '', ...time] = sayMoment(at).split(', ');
  return (
    <time dateTime={new Date(at).toISOString()}>
      <span class="tight">{day},</span> <span class="tight">{time.join(', ')}</span>
    </time>
  );
};
