import { Buffer } from 'node:buffer';
import type { Entropy } from '@keyhaven/core/crypto';
import { LicensingError } from '@keyhaven/core/errors';
import { type FormatInput, type InfoData, parseInfoData } from '@keyhaven/core/format';
import { scopeToXml, toScope } from '@keyhaven/core/scope';
import type { ApplicationIdentity } from '@keyhaven/core/session';
import { ASK, type Candidate } from '@keyhaven/core/wire';
import { abortable } from './abortable.ts';
import { acknowledge, type Updated } from './acknowledge.ts';
import { fieldsOf, given, text } from './arguments.ts';
import { type Asking, createAsking, isElsewhere } from './asking.ts';
import { callTimeout } from './call-timeout.ts';
import { createDenials, createLoginCalls } from './denials.ts';
import { type LmAddress, type Surroundings, systemSurroundings } from './environment.ts';
import { render, wantedBy } from './information.ts';
import { createLimits, type Limit } from './limits.ts';
import { createLinks } from './links.ts';
import type { LmLink } from './lm-link.ts';
import { createLoginInTurn, createSearch } from './login-in-turn.ts';
import {
  type Asked,
  type AskedLogin,
  type LoginOptions,
  type Question,
  type ReadLogin,
  readFind,
  readLogin,
  readQuestion,
} from './login-options.ts';
import { type Attempt, createLogins, isCounted } from './logins.ts';
import { createOwnTime } from './own-time.ts';
import { c2vOfNewKey, type KeyRequest, readKeyRequest } from './request-key.ts';
import { createSelector } from './selector.ts';
import type { Session } from './session.ts';
import { readFormat } from './session-arguments.ts';
import { idIn, type RecipientOptions, readRecipient, readTransfer, type TransferOptions } from './transfer.ts';
import { fromAll, inTurn } from './turns.ts';
import { apiVersion, lmVersionIn, readVersionOptions, type VersionOptions, type Versions } from './version.ts';
import { waitForSeat } from './waiting.ts';

// Everything one process does with licenses: the license managers that it asks (T5), one connection to each, one path per key, and the sessions in
// them.

/** For hosts and simulations that bring their own way to the LM and their own time; applications use `login` of index.ts. */
export { type Surroundings, systemSurroundings } from './environment.ts';
export type { LmSocket, NearSocket } from './lm-end.ts';
export type { LoginOptions } from './login-options.ts';
export type { IntegratedLm, NearLook, NearSurroundings } from './near-surroundings.ts';

export type Licensing = {
  login(options: LoginOptions): Promise<Session>;
  find(options: Question & { readonly feature?: number }): Promise<readonly Candidate[]>;
  /** What is here and at other LMs, within the scope; without taking a seat. The LM says it, and nobody proves it. */
  information(options: Question): Promise<InfoData>;
  /** The same as the XML that the format asks for. */
  information(options: Question & { readonly format: FormatInput }): Promise<string>;
  /** Applies a license document of this text; `ack` where its vendor asks for an acknowledgement. */
  update(document: string): Promise<Updated>;
  /** Of the API, and of the license managers that calls for this vendor go to. */
  version(options: VersionOptions): Promise<Versions>;
  /** The text of the C2V. */
  requestKey(request: KeyRequest): Promise<string>;
  /** The text of the file. */
  transfer(options: TransferOptions): Promise<string>;
  /** The text of the ID of this computer. */
  recipient(options?: RecipientOptions): Promise<string>;
  /**
   * Closes all connections for good: no timer, socket or attempt is left. Sessions are not logged out: their license manager ends them with the process.
   * Calls reject at once: of sessions with INV_HND (9), others with LOCAL_COMM_ERR (33).
   */
  close(): void;
};

const ofKey = (key: string): string => scopeToXml(toScope({ key: { id: key } }));

const askAt = (link: LmLink, { vendor, scope }: Pick<Asked, 'vendor' | 'scope'>, bits: number, limit: Limit): Promise<InfoData> =>
  link.using(limit, async (via) =>
    parseInfoData(await via.ask({ vendor: vendor.vendor, vendorKey: vendor.publicKey, wanted: bits, scope }, limit)),
  );

export const createLicensing = (
  address: LmAddress,
  identity: ApplicationIdentity,
  entropy: Entropy,
  surroundings: Surroundings = systemSurroundings,
): Licensing => {
  const time = createOwnTime(surroundings.time);
  const limits = createLimits(time);
  const links = createLinks({ address, identity, entropy, surroundings, time });
  const selector = createSelector(links, surroundings.near, time);
  const limitFor = (vendor: number, longer = 0): Limit => limits.begin(callTimeout(surroundings.callTimeoutMs?.(vendor)) + longer);
  /** One call of the API. */
  const within = async <T>(vendor: number, work: (limit: Limit) => Promise<T>): Promise<T> => {
    if (time.closed !== undefined) throw time.closed;
    const limit = limitFor(vendor);
    try {
      return await work(limit);
    } finally {
      limit.end();
    }
  };
  const calls = createLoginCalls();
  const search = createSearch(calls);
  const logins = createLogins({
    identity,
    calls,
    entropy,
    remoteDesktop: surroundings.remoteDesktop,
    time,
    limit: limitFor,
    ask: (link, { vendor, candidate }, bits, limit) => askAt(link, { vendor, scope: ofKey(candidate.key) }, bits, limit),
  });
  const askingFor = (asked: Asked): Asking => createAsking(selector.select(asked));
  const oneOf = <T>(
    vendor: number,
    asking: Asking,
    limit: Limit,
    work: (link: LmLink, part: Limit) => Promise<T>,
    goesOn: (error: LicensingError) => boolean = () => true,
  ): Promise<T> =>
    inTurn(asking, limit, (kind) => links.to(kind, vendor), work, goesOn).catch((error: unknown) => {
      selector.forget();
      throw error;
    });
  const eachOf = <T>({ vendor }: Asked, asking: Asking, limit: Limit, work: (link: LmLink, part: Limit) => Promise<T>) =>
    fromAll(asking, limit, (kind) => links.to(kind, vendor.vendor), work);

  const loginNow = (asked: AskedLogin, signal: AbortSignal | undefined): Promise<Session> =>
    within(asked.vendor.vendor, (limit) => {
      const asking = askingFor(asked);
      const login = createLoginInTurn({ search, logins, calls, signal });
      const work = (link: LmLink, part: Limit) => login.at({ link, asked, asking }, part, asking.ask.at(-1) === link.kind);
      return oneOf(asked.vendor.vendor, asking, limit, work).catch((error: unknown) => login.end(asking.told(), error, limit));
    });

  const loginWaiting = (asked: AskedLogin, timeoutMs: number, { signal, onWaiting }: ReadLogin): Promise<Session> => {
    const { vendor } = asked;
    const asking = askingFor(asked);
    const attempts = new WeakMap<Candidate, Attempt>();
    const at = (candidate: Candidate): Attempt => attempts.get(candidate) ?? { link: links.admin, asked, asking };
    const findThere = async (link: LmLink, part: Limit, denial?: 'never') => {
      const candidates = await search(link, asked, part, denial);
      for (const candidate of candidates) attempts.set(candidate, { link, asked, asking });
      return candidates;
    };
    const onlyLm = asking.ask.length === 1;
    /** One denial where none of them has a key when the login begins; to look again later is no login. */
    const find = (isFirst: boolean) =>
      within(vendor.vendor, async (limit) => {
        const denials = createDenials<LmLink>(calls);
        const work = (link: LmLink, part: Limit) =>
          findThere(link, part, isFirst && onlyLm ? undefined : 'never').catch((error: unknown) => {
            denials.refused(link, error);
            throw error;
          });
        return eachOf(asked, asking, limit, work).then(
          (found) => found.flat(),
          async (error: unknown) => {
            const again = isFirst ? denials.uncounted(asking.told()) : undefined;
            if (again === undefined || limit.over) throw error;
            return findThere(again, limit).catch(() => {
              throw error;
            });
          },
        );
      });
    return waitForSeat({
      find,
      path: (candidate, limit, keepsAlive) => at(candidate).link.pathTo({ candidate, vendor }, limit, keepsAlive),
      limit: (longer) => limitFor(vendor.vendor, longer),
      silence: (candidate, limit) => at(candidate).link.silence({ candidate, vendor }, limit),
      request: (candidate, nonce) => logins.requestFor(candidate, asked, nonce),
      accept: (candidate, grant, path) => logins.sessionWith(at(candidate), candidate, grant, path),
      loginAt: (candidate, denial) => within(vendor.vendor, (limit) => logins.loginAt(at(candidate), candidate, limit, signal, denial)),
      calls,
      onlyLm,
      isCounted: ({ product }, path) => isCounted(path, product, asked.feature),
      nonce: () => entropy.bytes(16),
      time,
      timeoutMs,
      signal,
      onWaiting,
    }).catch((error: unknown) => {
      throw error instanceof LicensingError ? asking.explained(error) : error;
    });
  };

  const ask = (asked: Asked, bits: number): Promise<InfoData> =>
    within(asked.vendor.vendor, async (limit) => {
      const answers = await eachOf(asked, askingFor(asked), limit, (link, part) => askAt(link, asked, bits, part));
      return { licenseManagers: answers.flatMap(({ licenseManagers }) => licenseManagers) };
    });
  function information(options: Question): Promise<InfoData>;
  function information(options: Question & { readonly format: FormatInput }): Promise<string>;
  function information(options: Question & { readonly format?: FormatInput }): Promise<InfoData | string> {
    const reader = () => {
      const fields = fieldsOf(options, 'the options of getInfo', ['vendorCode', 'scope', 'lm', 'format']);
      return { asked: readQuestion(fields), format: fields.format === undefined ? undefined : readFormat(fields.format) };
    };
    return given<ReturnType<typeof reader>, InfoData | string>(reader, async ({ asked, format }) =>
      format === undefined ? ask(asked, ASK.sessions | ASK.fingerprint) : render(format, await ask(asked, wantedBy(format))),
    );
  }

  const updateAt = async (link: LmLink, document: string, limit: Limit): Promise<Updated> => {
    const message = await link.using(limit, (via) => via.update(Buffer.from(document, 'utf8'), limit));
    const ack = await acknowledge(document, (vendor, key) => askAt(link, { vendor, scope: ofKey(key) }, ASK.c2v, limit));
    return { message, ...(ack === undefined ? {} : { ack }) };
  };
  const update = async (document: string): Promise<Updated> => {
    // What reads documents is loaded by the few applications that apply some.
    const { homeOf } = await import('./document-home.ts');
    const home = homeOf(document);
    return within(home?.vendor ?? 0, async (limit) => {
      if (home === undefined) return updateAt(links.admin, document, limit);
      try {
        const asking = createAsking(selector.selectFor(home));
        return await oneOf(home.vendor, asking, limit, (link, part) => updateAt(link, document, part), isElsewhere);
      } finally {
        // It may have been the first key of the user.
        selector.forget();
      }
    });
  };
  const requestKey = (asked: Asked): Promise<string> =>
    within(asked.vendor.vendor, async (limit) => {
      const { vendor } = asked;
      const work = async (link: LmLink, part: Limit) => c2vOfNewKey(await askAt(link, { vendor, scope: '' }, ASK.newKey, part));
      try {
        return await oneOf(vendor.vendor, askingFor(asked), limit, work, isElsewhere);
      } finally {
        // The user has a store from now on.
        selector.forget();
      }
    });
  const transfer = ({ wish, asked }: ReturnType<typeof readTransfer>): Promise<string> =>
    within(asked.vendor.vendor, (limit) => {
      const { vendor, scope } = asked;
      const question = { vendor: vendor.vendor, vendorKey: vendor.publicKey, scope, ...wish };
      const work = (link: LmLink, part: Limit) => link.using(part, (via) => via.transfer(question, part));
      return oneOf(vendor.vendor, askingFor(asked), limit, work, isElsewhere);
    });

  return {
    login: (options) =>
      given(
        () => readLogin(options),
        async (read) => {
          const { asked, wait, signal } = read;
          signal?.throwIfAborted();
          if (time.closed !== undefined) throw time.closed;
          return wait === undefined ? abortable(loginNow(asked, signal), signal) : loginWaiting(asked, wait.timeoutMs, read);
        },
      ),
    find: (options) =>
      given(
        () => readFind(options),
        (asked) =>
          within(asked.vendor.vendor, async (limit) =>
            (await eachOf(asked, askingFor(asked), limit, (link, part) => search(link, asked, part, 'never'))).flat(),
          ),
      ),
    information,
    version: (options) =>
      given(
        () => readVersionOptions(options),
        (asked) =>
          within(asked.vendor.vendor, async (limit) => {
            const answers = await eachOf(asked, askingFor(asked), limit, (link, part) => askAt(link, asked, 0, part));
            return { api: apiVersion(), licenseManagers: answers.flatMap(lmVersionIn) };
          }),
      ),
    update: (document) => given(() => text(document, 'data'), update),
    requestKey: (request) => given(() => readKeyRequest(request), requestKey),
    transfer: (options) => given(() => readTransfer(options), transfer),
    // What comes from another computer comes to the Admin LM.
    recipient: (options = {}) =>
      given(
        () => readRecipient(options),
        (of) => within(of.vendor.vendor, async (limit) => idIn(await askAt(links.admin, of, ASK.recipient, limit))),
      ),
    close() {
      if (time.closed === undefined) links.close(time.close());
    },
  };
};
