import type { FeatureInfo, KeyInfo, ProductInfo, SessionInfo } from '../admin/index.ts';
import { keyTypeNames } from '../format/index.ts';
import type { KeyType } from '../license/index.ts';
import { isHere } from '../seats/index.ts';
import { type FeedRow, feedText } from './feed.ts';
import { licenseStateAt, momentText, validityText } from './validity-text.ts';

// Rows of the feeds, field by field as monitoring scripts know them (C6). Fields whose meaning nobody knows are empty.

const flag = (value: boolean): string => (value ? '1' : '0');
const countings = { login: 'Login', process: 'Process', station: 'Station' } as const;

/** Keys in hardware are found by the words at the beginning, and software keys by `-SL`. */
const typeText = (type: KeyType): string => (type.startsWith('hl-') ? 'Sentinel HL' : keyTypeNames[type].type);

/** What is known of a key besides its features. */
export type KeyFacts = Pick<KeyInfo, 'type' | 'damage' | 'name'>;
/** What is known of its product. */
export type ProductFacts = Pick<ProductInfo, 'name' | 'detachable'>;

/** @param now milliseconds since 1970, by the license time */
export const featureRow = (
  index: number,
  of: FeatureInfo,
  key: KeyFacts | undefined,
  product: ProductFacts | undefined,
  now: number,
): FeedRow => {
  const { license, seats, licenseManager } = of;
  const { expired, begun } = licenseStateAt(license, now);
  return {
    ndx: String(index),
    ven: String(of.vendor),
    haspname: feedText(key?.name ?? ''),
    haspid: of.key,
    file: '',
    ip: feedText(licenseManager.address),
    fid: String(of.feature),
    fn: feedText(of.name),
    loc: of.local ? 'Local' : feedText(licenseManager.hostname),
    isloc: flag(of.local),
    acc: of.network ? 'Net' : 'Loc',
    cnt: countings[of.count],
    logc: String(seats.used),
    logl: seats.limit === null ? '-1' : String(seats.limit),
    // Of keys of other computers only what is in use is known here.
    logp: String(seats.peak ?? seats.used),
    // Of keys of other computers: what those lend over the network.
    det: flag(of.local ? of.detachable === true : product?.detachable !== undefined),
    detc: String(of.detached ?? 0),
    locked: flag(!('trial' in license && license.trial === true)),
    dis: flag((key?.damage ?? null) !== null),
    ex: flag(expired),
    unusable: flag(expired || !begun || (key?.damage ?? null) !== null),
    lic: validityText(license),
    sesc: String(of.sessions),
    prname: feedText(product?.name ?? ''),
    prid: String(of.product),
    typ: key === undefined ? '' : typeText(key.type),
  };
};

export type SessionFacts = {
  readonly vendor: number | undefined;
  readonly productName: string;
  readonly featureName: string;
  /** That an administrator gave it; absent = none. */
  readonly keyName?: string | undefined;
};

export const sessionRow = (index: number, of: SessionInfo, facts: SessionFacts): FeedRow => ({
  index: String(index),
  sid: of.id,
  // The key and the application are on one computer.
  acc: of.local && isHere(of.holder) ? 'Loc' : 'Net',
  vendorid: facts.vendor === undefined ? '' : String(facts.vendor),
  haspid: of.key,
  haspname: feedText(facts.keyName ?? ''),
  prid: String(of.product ?? ''),
  productname: feedText(facts.productName),
  prv: '',
  fid: String(of.feature ?? ''),
  fn: feedText(facts.featureName),
  cli: feedText(of.address),
  usr: feedText(of.user),
  scrn: '',
  mch: feedText(of.host),
  pid: String(of.pid),
  seats: String(of.seats ?? ''),
  lt: momentText(Date.parse(of.since)),
  rt: '',
  lm_version: '',
  lm_version_full: '',
  lm_build: '',
  api_version: '',
  ddis: '0',
});

export const deviceRow = (index: number, of: KeyInfo): FeedRow => ({
  ndx: String(index),
  ven: String(of.vendor),
  vid: String(of.vendor),
  haspid: of.key,
  typ: typeText(of.type),
  loc: of.local ? 'Local' : feedText(of.licenseManager.hostname),
  isloc: flag(of.local),
  configuration: keyTypeNames[of.type].configuration,
  cloned: flag((of.warnings ?? []).length > 0 || /clone|copy/i.test(of.damage ?? '')),
  key_disabled: flag(of.damage !== null),
});

export const productNameOf = (products: Iterable<ProductInfo>): ((key: string, product: number) => string) => {
  const names = new Map<string, string>();
  for (const { key, product, name } of products) names.set(`${key}.${product}`, name);
  return (key, product) => names.get(`${key}.${product}`) ?? '';
};
