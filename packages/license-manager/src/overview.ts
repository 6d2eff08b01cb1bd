import type {
  Catalog,
  CatalogKey,
  CatalogPool,
  FeatureInfo,
  KeyInfo,
  LmRef,
  PeerInfo,
  ProductInfo,
  SessionInfo,
} from '@keyhaven/core/admin';
import { toBase64 } from '@keyhaven/core/bytes';
import { memoryInfoOf } from '@keyhaven/core/format';
import type { PoolId } from '@keyhaven/core/seats';
import type { Clock } from '@keyhaven/core/time';
import type { Authority } from './authority/index.ts';
import { type KeyProtection, protectionOf } from './key-protection.ts';
import { type Key, type Keystore, poolName } from './keystore/index.ts';
import { licenseState, poolEnds } from './license-state.ts';
import type { Peers } from './peers/index.ts';
import type { Protection } from './protection/index.ts';
import { createSessionList, type ListedSession, type SessionsOf } from './session-list.ts';

// What is here and what is known of others, in the shapes that people and programs read. Nothing here changes anything.

export type OverviewOptions = {
  readonly self: LmRef;
  readonly keystore: Keystore;
  readonly authority: Authority;
  readonly peers: Peers;
  readonly protection?: Pick<Protection, 'warnings' | 'refused' | 'guard' | 'current'>;
  /** As `Transfers.available`; absent = nothing is said of it. */
  readonly available?: (key: string, product: number) => number | null | undefined;
  /** As `Transfers.offered`; absent = nothing is lent over the network. */
  readonly offered?: (key: string, product: number) => number | null | undefined;
  /** As `Transfers.detached`; absent = nothing is. */
  readonly detached?: () => readonly { readonly key: string; readonly product: number; readonly seats: number }[];
  /** Who lent the license of a key here over the network; absent = nobody. */
  readonly ownerOf?: (key: string) => { readonly guid: string; readonly key: string } | undefined;
  /** The name that an administrator gave to a key here; absent = none has one. */
  readonly nameOf?: (key: string) => string | undefined;
  /** When sessions end that nobody uses, by their holder; absent = no `idleRemaining`. */
  readonly idle?: { readonly clock: Pick<Clock, 'mono'>; timeoutMsOf(holder: string): number };
};

export type Overview = {
  catalog(): Catalog;
  /** The same with what is lent over the network (K26). */
  offered(): Catalog;
  /** Keys here that must not be served, and why. */
  damaged(): { readonly key: string; readonly vendor: number; readonly reason: string }[];
  keys(): KeyInfo[];
  products(): ProductInfo[];
  features(): Promise<FeatureInfo[]>;
  /** Of a product of a key here, or of all of them together. */
  protectionOf(key: Key, product?: number): KeyProtection;
  /** Of keys here where nothing else is said. */
  sessions(which?: SessionsOf): SessionInfo[];
  /** Those that `sessions` shows, as they run: for lists that need few of them. */
  listedSessions(which: SessionsOf): Iterable<ListedSession>;
  sessionInfo(session: ListedSession): SessionInfo;
  peers(): PeerInfo[];
};

const poolsOf = (key: Key, authority: Authority): CatalogPool[] =>
  [...(key.license?.pools.values() ?? [])].flatMap(({ product, feature, terms }) =>
    product === undefined
      ? []
      : [
          {
            product: product.id,
            productName: product.name,
            feature: feature.id,
            name: feature.name,
            license: feature.license,
            limit: terms.seats ?? 'unlimited',
            used: authority.used({ key: key.identity.id, product: product.id, feature: feature.id }),
            executions: authority.pool({ key: key.identity.id, product: product.id, feature: feature.id }).executions,
            count: terms.count,
            network: terms.network,
            ...poolEnds(terms, authority.pool({ key: key.identity.id, product: product.id, feature: feature.id })),
            ...waitingIn(authority, { key: key.identity.id, product: product.id, feature: feature.id }),
          },
        ],
  );

const waitingIn = (authority: Authority, pool: PoolId): { readonly waiting?: number } => {
  const waiting = authority.waiting(pool);
  return waiting === 0 ? {} : { waiting };
};

export type WaitingInfo = {
  readonly key: string;
  readonly product: number;
  readonly feature: number;
  readonly place: number;
  readonly user: string;
  readonly host: string;
  readonly address: string;
  readonly pid: number;
  readonly application: string;
  readonly seats: number;
  readonly priority: number;
  readonly since: string;
};
export const waitingInfo = (authority: Pick<Authority, 'waitingPlaces'>): readonly WaitingInfo[] =>
  authority.waitingPlaces().map(({ pool, place, applicant: { user, host, address, pid, application }, seats, priority, since }) => ({
    ...pool,
    place,
    user,
    host,
    address,
    pid,
    application,
    seats,
    priority,
    since: new Date(since).toISOString(),
  }));

const fewest = (pools: readonly CatalogPool[]): number | null => {
  const limits = pools.flatMap(({ limit }) => (limit === 'unlimited' ? [] : [limit]));
  return limits.length === 0 ? null : Math.min(...limits);
};

export const createOverview = (options: OverviewOptions): Overview => {
  const { self, keystore, authority, peers, protection, available, offered, ownerOf, nameOf, idle } = options;
  const entryOf = (key: Key): CatalogKey => ({
    key: key.identity.id,
    type: key.identity.type,
    vendor: key.identity.vendor,
    vendorKey: toBase64(key.identity.vendorKey),
    counter: key.counter,
    pools: poolsOf(key, authority),
  });
  const own = (): Catalog => [...keystore.keys()].filter((key) => key.license !== undefined && key.damage === undefined).map(entryOf);
  const everywhere = (): { readonly local: boolean; readonly lm: LmRef; readonly keys: Catalog }[] => [
    { local: true, lm: self, keys: [...keystore.keys()].map(entryOf) },
    ...peers
      .all()
      .filter((peer) => peer.state === 'linked')
      .map((peer) => ({ local: false, lm: { guid: peer.guid, hostname: peer.hostname, address: peer.address.host }, keys: peer.catalog })),
  ];
  const warningsOf = (local: boolean, id: string): { readonly warnings?: readonly string[] } => {
    const key = local ? keystore.get(id) : undefined;
    const warnings = key === undefined ? [] : (protection?.warnings(key) ?? []);
    return warnings.length === 0 ? {} : { warnings };
  };
  const withOffers = (entry: CatalogKey): CatalogKey => {
    const products = [...new Set(entry.pools.map(({ product }) => product))];
    const detachable = products.flatMap((product) => {
      const seats = offered?.(entry.key, product);
      return seats === undefined ? [] : [{ product, seats }];
    });
    return detachable.length === 0 ? entry : { ...entry, detachable };
  };
  const availableOf = (local: boolean, { key, detachable }: CatalogKey, product: number): Pick<ProductInfo, 'detachable'> => {
    const seats = local ? available?.(key, product) : detachable?.find((each) => each.product === product)?.seats;
    return seats === undefined ? {} : { detachable: seats };
  };
  const sessionList = createSessionList({ self, authority, peers, idle });
  const countBy = <T>(rows: Iterable<T>, nameOf: (row: T) => string, of: (row: T) => number): ReadonlyMap<string, number> => {
    const counts = new Map<string, number>(); // BOUNDED by the keys here, or their pools
    for (const row of rows) counts.set(nameOf(row), (counts.get(nameOf(row)) ?? 0) + of(row));
    return counts;
  };
  const sessionCounts = () =>
    countBy(
      sessionList.rows('keys here'),
      ({ pool }) => pool.key,
      () => 1,
    );
  const lentOf = (local: boolean, id: string): Pick<KeyInfo, 'lent'> => {
    const delegation = local ? keystore.get(id)?.license?.delegation : undefined;
    if (delegation === undefined) return {};
    const owner = ownerOf?.(id);
    return { lent: { by: delegation.parent, until: delegation.until, ...(owner === undefined ? {} : { owner }) } };
  };
  const nameAndLight = (local: boolean, id: string): Pick<KeyInfo, 'name' | 'blinking'> => {
    const name = local ? nameOf?.(id) : undefined;
    const blinking = local ? keystore.devices.blinking(id) : undefined;
    return { ...(name === undefined ? {} : { name }), ...(blinking === undefined ? {} : { blinking }) };
  };
  const allowedOf = (
    local: boolean,
    key: string,
    product: number,
    feature: number,
  ): Pick<FeatureInfo, 'remoteDesktop' | 'virtualMachine' | 'detachable'> => {
    const of = local ? keystore.get(key)?.license?.pools.get(poolName(product, feature))?.feature : undefined;
    if (of === undefined) return {};
    const { remoteDesktop, virtualMachine } = of.concurrency;
    return { remoteDesktop, virtualMachine, detachable: of.detachable };
  };
  const memoryOf = (local: boolean, id: string): Pick<KeyInfo, 'memory'> => {
    const license = local ? keystore.get(id)?.license : undefined;
    return license === undefined
      ? {}
      : { memory: memoryInfoOf(license.certificate.memory).map(({ file, size, access = 'rw' }) => ({ file, size, access })) };
  };
  return {
    catalog: own,
    offered: () => own().map(withOffers),
    damaged: () =>
      [...keystore.keys()].flatMap(({ identity, damage }) =>
        damage === undefined ? [] : [{ key: identity.id, vendor: identity.vendor, reason: damage }],
      ),
    keys: () => {
      const sessions = sessionCounts();
      return everywhere().flatMap(({ local, lm, keys }) =>
        keys.map((key) => ({
          key: key.key,
          type: key.type,
          vendor: key.vendor,
          local,
          licenseManager: lm,
          updateCounter: key.counter,
          damage: local ? (keystore.get(key.key)?.damage ?? null) : (protection?.refused(lm.guid, key.key)?.detail ?? null),
          ...warningsOf(local, key.key),
          ...memoryOf(local, key.key),
          ...(local ? { sessions: sessions.get(key.key) ?? 0 } : {}),
          ...lentOf(local, key.key),
          ...nameAndLight(local, key.key),
        })),
      );
    },
    products: () =>
      everywhere().flatMap(({ local, lm, keys }) =>
        keys.flatMap((key) => {
          const products = new Map<number, CatalogPool[]>();
          for (const pool of key.pools) products.set(pool.product, [...(products.get(pool.product) ?? []), pool]);
          return [...products].map(([product, pools]) => ({
            product,
            name: pools[0]?.productName ?? '',
            key: key.key,
            vendor: key.vendor,
            local,
            features: pools.length,
            ...availableOf(local, key, product),
            licenseManager: lm,
            seats: fewest(pools),
          }));
        }),
      ),
    protectionOf: (key, product) => protectionOf(key, product, protection),
    async features() {
      const sessions = countBy(
        sessionList.rows('all'),
        (each) => `${'remote' in each ? each.remote.peer.guid : ''}.${each.pool.key}.${each.pool.product}.${each.pool.feature}`,
        () => 1,
      );
      const detached = countBy(
        options.detached?.() ?? [],
        ({ key, product }) => `${key}.${product}`,
        ({ seats }) => seats,
      );
      return everywhere().flatMap(({ local, lm, keys }) =>
        keys.flatMap((key) =>
          key.pools.map((pool) => ({
            feature: pool.feature,
            name: pool.name,
            product: pool.product,
            key: key.key,
            vendor: key.vendor,
            local,
            licenseManager: lm,
            license: { ...pool.license, ...licenseState(pool) },
            seats: {
              limit: pool.limit === 'unlimited' ? null : pool.limit,
              used: pool.used,
              waiting: pool.waiting ?? 0,
              ...(local ? { peak: authority.peak({ key: key.key, product: pool.product, feature: pool.feature }) } : {}),
            },
            count: pool.count,
            network: pool.network,
            sessions: sessions.get(`${local ? '' : lm.guid}.${key.key}.${pool.product}.${pool.feature}`) ?? 0,
            ...(local ? { detached: detached.get(`${key.key}.${pool.product}`) ?? 0 } : {}),
            ...allowedOf(local, key.key, pool.product, pool.feature),
          })),
        ),
      );
    },
    sessionInfo: sessionList.info,
    sessions: (which = 'keys here') => [...sessionList.rows(which)].map(sessionList.info),
    listedSessions: sessionList.rows,
    peers: () =>
      peers
        .all()
        .filter((peer) => peer.state !== 'connecting')
        .map((peer) => ({
          guid: peer.guid,
          hostname: peer.hostname,
          address: `${peer.address.host}:${peer.address.port}`,
          state: peer.state === 'linked' ? 'linked' : 'lost',
          keys: peer.catalog.length,
        })),
  };
};
