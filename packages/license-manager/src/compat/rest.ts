import { Buffer } from 'node:buffer';
import {
  type Exact,
  exactJson,
  featureModel,
  type Identity,
  keyModel,
  listOf,
  mayUse,
  type PageQuery,
  type ProtectionFacts,
  pageQueryOf,
  productModel,
} from '@keyhaven/core/compat';
import { LicensingError, Status, type StatusCode } from '@keyhaven/core/errors';
import { MAX_CALL_BYTES } from '@keyhaven/core/session';
import { type Clock, SECOND } from '@keyhaven/core/time';
import type { Authority } from '../authority/index.ts';
import { httpStatusOf } from '../http/problem.ts';
import { restProblemOf } from '../http/refused.ts';
import { type Key, type Keystore, poolName } from '../keystore/index.ts';
import type { Overview } from '../overview.ts';
import type { AheadLogins } from './ahead.ts';
import { createReplays, type OnceWork } from './replays.ts';
import { keysOf } from './rest-candidates.ts';
import type { Asker, IdentityCheck, RestRequest, Signer } from './rest-identity.ts';
import { loginCallIn } from './rest-login.ts';
import type { RestSession, RestSessions } from './rest-sessions.ts';

// The REST licensing API (C6): requests and answers. Whoever asks is checked first, over the bytes as they came; what changes something is done once.

export type RestAnswer = { readonly code: number; readonly text: string };
export type Rest = {
  login(request: RestRequest, vendor: number): Promise<RestAnswer>;
  refresh(request: RestRequest, vendor: number, session: string): Promise<RestAnswer>;
  read(request: RestRequest, vendor: number, session: string, query: Readonly<Record<string, unknown>>): Promise<RestAnswer>;
  logout(request: RestRequest, vendor: number, session: string): Promise<RestAnswer>;
  list(
    request: RestRequest,
    vendor: number,
    what: 'keys' | 'products' | 'features',
    query: Readonly<Record<string, unknown>>,
  ): Promise<RestAnswer>;
  close(): void;
};

const UNPROVEN: readonly StatusCode[] = [
  Status.IDENTITY_REQUIRED,
  Status.IDENTITY_UNAUTHENTICATED,
  Status.IDENTITY_DISABLED,
  Status.IDENTITY_EXPIRED,
  Status.CONFLICTING_AUTHENTICATION_METHODS,
];
const MISSING: readonly StatusCode[] = [
  Status.KEY_NOT_FOUND,
  Status.FEATURE_NOT_FOUND,
  Status.SCOPE_RESULTS_EMPTY,
  Status.INV_HND,
  Status.BROKEN_SESSION,
  Status.KILLED_SESSION,
  Status.INV_FILEID,
];
const codeOf = (status: StatusCode): number => {
  if (UNPROVEN.includes(status)) return 401;
  if (MISSING.includes(status)) return 404;
  if (status === Status.INVALID_PARAMETER || status === Status.MEM_RANGE) return 400;
  if (status === Status.IDENTITY_RATE_LIMIT_EXCEEDED) return 429;
  const http = httpStatusOf(status);
  return http >= 500 ? http : 403;
};
const refusal = (error: unknown): RestAnswer => {
  const known = error instanceof LicensingError ? error : new LicensingError(Status.INT_ERR, { cause: error });
  const code = codeOf(known.status);
  return { code, text: JSON.stringify(restProblemOf(known, code)) };
};
const success = (code: number, more: { readonly [name: string]: Exact }): RestAnswer => ({
  code,
  text: exactJson({ errorCode: Status.OK, message: 'OK', ...more }),
});
const numberIn = (query: Readonly<Record<string, unknown>>, name: string): number => {
  const value = query[name];
  if (typeof value === 'string' && /^\d{1,10}$/.test(value) && Number(value) <= 0xffff_ffff) return Number(value);
  throw new LicensingError(Status.INVALID_PARAMETER, { detail: `${name} is missing, or no whole number of 32 bits.` });
};

/** How soon after a login its seat is looked after. */
const REVIEW_MS = 5 * SECOND;
const isLogin = (made: unknown): made is RestSession => typeof made === 'object' && made !== null && 'session' in made;
/** Headers that tell apart the clients behind one address; they are believed for nothing else. */
const clientOf = ({ address, place, headers }: RestRequest): string =>
  [address, place, headers['x-ldk-instance'], headers['forwarded'], headers['x-forwarded-for']].map(String).join('\n');

export const createRest = (options: {
  readonly check: IdentityCheck;
  /** Before a login of an identity from a computer; rejects where that is one too many. */
  readonly register: (identity: string, machine: string, address: string) => Promise<void>;
  /** Logins of clients whose clocks are ahead carry moments after the next start; these are kept over it (compat/ahead.ts). */
  readonly ahead: AheadLogins;
  readonly sessions: RestSessions;
  readonly keystore: Keystore;
  readonly authority: Authority;
  readonly overview: Pick<Overview, 'keys' | 'catalog' | 'protectionOf'>;
  readonly clock: Clock;
}): Rest => {
  const { check, sessions, keystore, authority, overview, clock } = options;
  const replays = createReplays();
  const startedAt = clock.wall();

  const answered = async (work: () => RestAnswer | Promise<RestAnswer>): Promise<RestAnswer> => {
    try {
      return await work();
    } catch (error) {
      return refusal(error);
    }
  };
  /** What `work` did, or for a retry what its first request did. */
  const once = <T>(asker: Signer, request: RestRequest, work: OnceWork<T>): Promise<T> => {
    const { method, target, sealed, delivery } = request;
    return replays.once(
      { signed: asker.signed, target: `${method} ${target}`, sealed, client: clientOf(request), delivery },
      clock.wall(),
      work,
    );
  };
  /** For one session, done as often as it is asked for at once. A token has no moment: what is done by it changes nothing more. */
  const ofSession = <T>(asker: ReturnType<IdentityCheck['owner']>, request: RestRequest, run: () => Promise<T>, holds: () => boolean) =>
    asker.signed === undefined ? run() : once({ ...asker, signed: asker.signed }, request, { shared: false, run, holds });
  let cancelReview: (() => void) | undefined;
  /** Logins whose answers nobody got, not even by a retry, give their seats back. */
  const review = (): void => {
    const { results, later } = replays.unclaimed(clock.wall());
    cancelReview = later ? clock.after(REVIEW_MS, review) : undefined;
    for (const result of results) result.then((made) => isLogin(made) && sessions.abandon(made.session)).catch(() => undefined);
  };
  /** What the last minutes before a start had is not remembered. */
  const refuseForgotten = ({ signed }: Signer): void => {
    if (signed.at > options.ahead.before && signed.at >= Math.floor(startedAt / SECOND) * SECOND) {
      if (signed.at > clock.wall()) options.ahead.note(signed.at);
      return;
    }
    throw new LicensingError(Status.IDENTITY_UNAUTHENTICATED, {
      detail: 'The request was made before this license manager was started, and may have been done already.',
      remedy: 'Sign each request anew, with the moment at which it is sent.',
    });
  };
  const said = (
    { session, key, product, feature }: RestSession,
    { identity, place, sealed }: Asker,
  ): { readonly [name: string]: Exact } => ({
    sessionId: session,
    sessionInfo: { currentlogins: authority.used({ key, product, feature }), idleTimeout: sessions.idleSeconds() },
    featureId: feature,
    productId: product,
    keyId: BigInt(key),
    lmAccessToken: sealed ? sessions.tokenOf(session, identity.id, place) : undefined,
  });

  const flagsOf = (key: Key, product: number, feature: number) => {
    const pool = key.license?.pools.get(poolName(product, feature));
    return {
      detachable: pool?.feature.detachable === true,
      virtualMachine: pool?.feature.concurrency.virtualMachine === true,
      usable: pool !== undefined,
    };
  };
  const listed = (vendor: number, identity: Identity, what: 'keys' | 'products' | 'features', page: PageQuery): Exact => {
    const keys = keysOf(keystore, vendor).filter((key) => mayUse(identity, key.identity.id));
    const byId = new Map(keys.map((key) => [key.identity.id, key]));
    const infos = overview.keys().filter((info) => info.local && byId.has(info.key));
    const detachable = (id: string, product?: number): boolean =>
      [...(byId.get(id)?.license?.pools.values() ?? [])].some(
        (pool) => pool.product !== undefined && (product === undefined || pool.product.id === product) && pool.feature.detachable,
      );
    const protectionOf = (id: string, product?: number): ProtectionFacts => {
      const key = byId.get(id);
      return key === undefined ? { cloneProtected: false, fingerprintChanged: false } : overview.protectionOf(key, product);
    };
    if (what === 'keys')
      return listOf(
        'keys',
        'key',
        infos.map((info) => keyModel(info, detachable(info.key), protectionOf(info.key))),
        page,
      );
    const now = authority.time();
    const catalog = overview.catalog().filter((entry) => byId.has(entry.key));
    const pools = catalog.flatMap(({ key, pools: of }) =>
      of.filter((pool) => mayUse(identity, key, pool.product)).map((pool) => ({ key, pool })),
    );
    if (what === 'features') {
      const models = pools.flatMap(({ key, pool }) => {
        const owner = byId.get(key);
        const last = pool.graceEnds ?? pool.ends;
        const out = pool.license.type === 'executions' && pool.executions >= pool.license.count;
        const expired = out || (last !== undefined && last < now);
        const begun = pool.license.from === undefined || Date.parse(pool.license.from) <= now;
        const flags = { expired, begun };
        return owner === undefined ? [] : [featureModel(key, pool, { ...flagsOf(owner, pool.product, pool.feature), ...flags }, false)];
      });
      return listOf('features', 'feature', models, page);
    }
    const products = new Map(pools.map(({ key, pool }) => [`${key}.${pool.product}`, { key, pool }]));
    const models = [...products.values()].flatMap(({ key, pool }) => {
      const info = infos.find((each) => each.key === key);
      return info === undefined
        ? []
        : [productModel(info, pool.product, pool.productName, detachable(key, pool.product), protectionOf(key, pool.product))];
    });
    return listOf('products', 'product', models, page);
  };

  return {
    login: (request, vendor) =>
      answered(async () => {
        const asker = check.signer(request, 'login');
        refuseForgotten(asker);
        cancelReview ??= clock.after(REVIEW_MS, review);
        const made = await once(asker, request, {
          shared: true,
          async run(ordinal) {
            const call = loginCallIn(request.body, asker);
            await options.register(asker.identity.id, call.machine, asker.address);
            return await sessions.login(vendor, call, asker, ordinal);
          },
          holds: ({ session }) => sessions.runs(session, asker.identity.id),
        });
        return success(201, said(made, asker));
      }),
    refresh: (request, vendor, session) =>
      answered(async () => {
        const asker = check.owner(request, vendor, session);
        const run = () => sessions.refresh(vendor, session, asker.identity);
        return success(200, said(await ofSession(asker, request, run, () => false), asker));
      }),
    logout: (request, vendor, session) =>
      answered(async () => {
        const asker = check.owner(request, vendor, session);
        // A retry is told that the session has ended by this logout, not that there is none.
        const run = async () => {
          await sessions.logout(vendor, session, asker.identity);
          return true;
        };
        await ofSession(asker, request, run, () => true);
        return success(200, {});
      }),
    read: (request, vendor, session, query) =>
      answered(async () => {
        const { identity } = check.owner(request, vendor, session);
        const at = { file: numberIn(query, 'memoryId'), offset: numberIn(query, 'offset'), length: numberIn(query, 'length') };
        if (at.length > MAX_CALL_BYTES) throw new LicensingError(Status.MEM_RANGE);
        const content = Buffer.from(await sessions.read(vendor, session, identity, at)).toString('base64');
        return success(200, { content });
      }),
    list: (request, vendor, what, query) =>
      answered(() => {
        const { identity } = check.signer(request, 'list');
        return { code: 200, text: exactJson(listed(vendor, identity, what, pageQueryOf(query))) };
      }),
    close: () => cancelReview?.(),
  };
};
