import { LicensingError, Status } from '@keyhaven/core/errors';
import { type FeatureInfo, featureInfoOf, type KeyInfo, keyTypeNames, memoryInfoOf, type SessionInfo } from '@keyhaven/core/format';
import { DEFAULT_FEATURE, type Feature } from '@keyhaven/core/license';
import { isOver, poolRowKey, storedUse } from '@keyhaven/core/seats';
import { type Clock, SECOND, type Wall } from '@keyhaven/core/time';
import type { Authority, LiveSession } from '../authority/index.ts';
import { type Key, poolName } from '../keystore/index.ts';
import type { InScope } from './in-scope.ts';

// What is told of a key here: all of it that lies in the scope.

export type LocalKeysOptions = {
  readonly authority: Pick<Authority, 'sessions' | 'used' | 'pool'>;
  readonly clock: Clock;
  /** The time that licenses live by (K6). */
  readonly time: () => Wall;
  /** After how long without a call a session of this holder ends. */
  readonly idleTimeoutMsOf: (holder: string) => number;
};

/** BOUNDED: sessions of one key in one answer. */
const MAX_SESSIONS = 10_000;

/** Tells of a key; undefined where nothing of it lies in the scope. */
export const createLocalKeys = ({ authority, clock, time, idleTimeoutMsOf }: LocalKeysOptions) => {
  const sessionsOf = (key: string): ReadonlyMap<string, readonly LiveSession[]> => {
    const live = [...authority.sessions()].filter(({ pool, ending }) => pool.key === key && ending === undefined);
    if (live.length > MAX_SESSIONS) {
      throw new LicensingError(Status.INVALID_PARAMETER, {
        detail: `Key ${key} has ${live.length} sessions; at most ${MAX_SESSIONS} are told at a time.`,
        remedy: 'Ask for less: a scope with one feature, or a format without sessions.',
      });
    }
    return Map.groupBy(live, ({ pool }) => poolRowKey(pool));
  };

  const sessionInfo = ({ row, lastUse }: LiveSession): SessionInfo => {
    const idle = Math.max(0, clock.mono() - lastUse);
    const idleTimeoutMs = idleTimeoutMsOf(row.holder);
    return {
      username: row.user,
      hostname: row.host,
      ip: row.address,
      idleTimeout: Math.floor(idleTimeoutMs / SECOND),
      idleRemaining: Math.floor(Math.max(0, idleTimeoutMs - idle) / SECOND),
    };
  };

  return async (key: Key, inScope: InScope, withSessions: boolean): Promise<KeyInfo | undefined> => {
    const { identity, license } = key;
    if (license === undefined) return undefined;
    const { certificate } = license;
    const kept = (product: number, feature: number): boolean => inScope(identity, product, feature);
    const sessions = withSessions ? sessionsOf(identity.id) : new Map<string, LiveSession[]>();
    const featureInfo = (product: number, feature: Feature): FeatureInfo => {
      const pool = { key: identity.id, product, feature: feature.id };
      const terms = license.pools.get(poolName(product, feature.id))?.terms;
      const row = authority.pool(pool);
      const expired = terms !== undefined && isOver(terms, row, time());
      const disabled = key.damage !== undefined;
      return {
        ...featureInfoOf(feature, key.damage === undefined ? row.executions : undefined, terms && storedUse(terms, row)),
        usable: !expired && !disabled && (terms?.from === undefined || time() >= terms.from),
        disabled,
        expired,
        currentLogins: authority.used(pool),
        sessions: (sessions.get(poolRowKey(pool)) ?? []).map(sessionInfo),
      };
    };
    const products = certificate.products.flatMap(({ id, name, features }) => {
      const inside = features.filter((feature) => kept(id, feature.id));
      if (inside.length === 0) return [];
      return [
        {
          id: String(id),
          name,
          detachable: inside.some(({ detachable }) => detachable),
          features: inside.map((each) => featureInfo(id, each)),
        },
      ];
    });
    const features = kept(0, 0) ? [featureInfo(0, DEFAULT_FEATURE)] : [];
    if (products.length + features.length === 0) return undefined;
    const { type, configuration } = keyTypeNames[identity.type];
    return {
      id: identity.id,
      type,
      configuration,
      disabled: key.damage !== undefined,
      detachable: products.some(({ detachable }) => detachable),
      attached: true,
      updateCounter: key.counter,
      memory: memoryInfoOf(certificate.memory),
      products,
      features,
    };
  };
};
