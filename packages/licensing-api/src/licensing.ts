import { Buffer } from 'node:buffer';
import type { Entropy } from '@keyhaven/core/crypto';
import { LicensingError, Status, statusOf } from '@keyhaven/core/errors';
import { type FormatInput, type InfoData, parseInfoData, toFormat } from '@keyhaven/core/format';
import { scopeToXml, toScope } from '@keyhaven/core/scope';
import { type ApplicationIdentity, soldFeature } from '@keyhaven/core/session';
import { ASK, type Candidate } from '@keyhaven/core/wire';
import { abortable } from './abortable.ts';
import { acknowledge, type Updated } from './acknowledge.ts';
import { type Asking, createAsking, isElsewhere } from './asking.ts';
import { type LmAddress, type Surroundings, systemSurroundings } from './environment.ts';
import { render, wantedBy } from './information.ts';
import { createLinks } from './links.ts';
import type { LmLink } from './lm-link.ts';
import { type Asked, type AskedLogin, type LoginOptions, type Question, readLogin, readQuestion } from './login-options.ts';
import { type Attempt, callOn, createLogins } from './logins.ts';
import { c2vOfNewKey, type KeyRequest, readKeyRequest } from './request-key.ts';
import { createSelector } from './selector.ts';
import type { Session } from './session.ts';
import { idIn, type RecipientOptions, type TransferOptions, transferWish } from './transfer.ts';
import { checkWait, waitForSeat } from './waiting.ts';

// Everything one process does with licenses: the license managers that it asks (T5), one connection to each, one path per key, and the sessions in
// them.

/** For hosts and simulations that bring their own way to the LM and their own time; applications use `login` of index.ts. */
export { type Surroundings, systemSurroundings } from './environment.ts';
export type { LmSocket, NearSocket } from './lm-end.ts';
export type { LoginOptions } from './login-options.ts';
export type { IntegratedLm, NearLook, NearSurroundings } from './near-surroundings.ts';

export type Licensing = {
  login(options: LoginOptions): Promise<Session>;
  find(options: Question & Pick<LoginOptions, 'feature'>): Promise<readonly Candidate[]>;
  /** What is here and at other LMs, within the scope; without taking a seat. The LM says it, and nobody proves it. */
  information(options: Question): Promise<InfoData>;
  /** The same as the XML that the format asks for. */
  information(options: Question & { readonly format: FormatInput }): Promise<string>;
  /** Applies a license document of this text; `ack` where its vendor asks for an acknowledgement. */
  update(document: string): Promise<Updated>;
  /** The text of the C2V. */
  requestKey(request: KeyRequest): Promise<string>;
  /** The text of the file. */
  transfer(options: TransferOptions): Promise<string>;
  /** The text of the ID of this computer. */
  recipient(options?: RecipientOptions): Promise<string>;
  close(): void;
};

const refusal = (status: number, detail: string): LicensingError => {
  const known = statusOf(status);
  return new LicensingError(known === undefined || known === Status.OK ? Status.INT_ERR : known, { detail });
};
/** An ID without a scope is of no vendor. */
const ANY_VENDOR = { vendor: { vendor: 0, publicKey: new Uint8Array(32) }, scope: '' } as const;
const ofKey = (key: string): string => scopeToXml(toScope({ key: { id: key } }));

const findAt = (link: LmLink, { vendor, feature, scope }: AskedLogin): Promise<readonly Candidate[]> =>
  link.using(async (via) => {
    const found = await via.find({ vendor: vendor.vendor, vendorKey: vendor.publicKey, feature, scope });
    if (found.status !== Status.OK) throw refusal(found.status, found.detail);
    return found.candidates;
  });
const askAt = (link: LmLink, { vendor, scope }: Pick<Asked, 'vendor' | 'scope'>, bits: number): Promise<InfoData> =>
  link.using(async (via) => parseInfoData(await via.ask({ vendor: vendor.vendor, vendorKey: vendor.publicKey, wanted: bits, scope })));

export const createLicensing = (
  address: LmAddress,
  identity: ApplicationIdentity,
  entropy: Entropy,
  surroundings: Surroundings = systemSurroundings,
): Licensing => {
  const { time } = surroundings;
  const links = createLinks(address, identity, entropy, surroundings);
  const selector = createSelector(links, surroundings);
  const logins = createLogins({
    identity,
    entropy,
    surroundings,
    ask: (link, { vendor, candidate }, bits) => askAt(link, { vendor, scope: ofKey(candidate.key) }, bits),
  });

  const askingFor = (asked: Asked): Asking => createAsking(selector.select(asked));
  /** Asks one license manager after the other until one does it. What `goesOn` says no to is the answer. @throws LicensingError with `selection` */
  const inTurn = async <T>(
    vendor: number,
    asking: Asking,
    work: (link: LmLink) => Promise<T>,
    goesOn: (error: LicensingError) => boolean,
  ): Promise<T> => {
    for (const kind of asking.ask) {
      try {
        return await work(links.to(kind, vendor));
      } catch (error) {
        if (!(error instanceof LicensingError)) throw error;
        asking.failed(kind, error);
        if (!goesOn(error)) break;
      }
    }
    selector.forget();
    throw asking.refusal();
  };
  /** What all of them say together. @throws LicensingError where none says anything */
  const fromAll = async <T>({ vendor }: Asked, asking: Asking, work: (link: LmLink) => Promise<T>): Promise<readonly T[]> => {
    const answers: T[] = []; // BOUNDED by the kinds of license managers
    for (const kind of asking.ask) {
      try {
        answers.push(await work(links.to(kind, vendor.vendor)));
      } catch (error) {
        if (!(error instanceof LicensingError)) throw error;
        asking.failed(kind, error);
      }
    }
    if (answers.length === 0) throw asking.refusal();
    return answers;
  };

  const loginAt = async (attempt: Attempt, signal: AbortSignal | undefined): Promise<Session> => {
    let refused: LicensingError | undefined;
    for (const candidate of await findAt(attempt.link, attempt.asked)) {
      try {
        return await logins.loginAt(attempt, candidate, signal);
      } catch (error) {
        if (!(error instanceof LicensingError)) throw error;
        // All seats taken says more than what another key refused for.
        if (refused === undefined || error.status === Status.TOO_MANY_USERS) refused = error;
      }
    }
    throw refused ?? new LicensingError(Status.KEY_NOT_FOUND);
  };
  const loginSomewhere = (asked: AskedLogin, signal: AbortSignal | undefined): Promise<Session> => {
    const asking = askingFor(asked);
    return inTurn(
      asked.vendor.vendor,
      asking,
      (link) => loginAt({ link, asked, asking }, signal),
      () => true,
    );
  };

  const loginWaiting = (asked: AskedLogin, wait: { readonly timeoutMs: number }, { signal, onWaiting }: LoginOptions): Promise<Session> => {
    const { vendor } = asked;
    const asking = askingFor(asked);
    const attempts = new WeakMap<Candidate, Attempt>();
    const at = (candidate: Candidate): Attempt => attempts.get(candidate) ?? { link: links.admin, asked, asking };
    return waitForSeat({
      async find() {
        const found = await fromAll(asked, asking, async (link) => {
          const candidates = await findAt(link, asked);
          for (const candidate of candidates) attempts.set(candidate, { link, asked, asking });
          return candidates;
        });
        return found.flat();
      },
      path: (candidate) => at(candidate).link.pathTo({ candidate, vendor }),
      call: callOn,
      request: (candidate, nonce) => logins.requestFor(candidate, asked, nonce),
      accept: (candidate, grant, path) => logins.sessionWith(at(candidate), candidate, grant, path),
      loginAt: (candidate) => logins.loginAt(at(candidate), candidate, signal),
      isCounted: ({ product }, path) => soldFeature(path.certificate, product, asked.feature)?.license.type === 'executions',
      nonce: () => entropy.bytes(16),
      time,
      timeoutMs: wait.timeoutMs,
      signal,
      onWaiting,
    }).catch((error: unknown) => {
      throw error instanceof LicensingError ? asking.explained(error) : error;
    });
  };

  const ask = async (asked: Asked, bits: number): Promise<InfoData> => {
    const answers = await fromAll(asked, askingFor(asked), (link) => askAt(link, asked, bits));
    return { licenseManagers: answers.flatMap(({ licenseManagers }) => licenseManagers) };
  };
  function information(options: Question): Promise<InfoData>;
  function information(options: Question & { readonly format: FormatInput }): Promise<string>;
  async function information(options: Question & { readonly format?: FormatInput }): Promise<InfoData | string> {
    const asked = readQuestion(options);
    if (options.format === undefined) return ask(asked, ASK.sessions | ASK.fingerprint);
    const format = toFormat(options.format);
    return render(format, await ask(asked, wantedBy(format)));
  }

  const updateAt = async (link: LmLink, document: string): Promise<Updated> => {
    const message = await link.using((via) => via.update(Buffer.from(document, 'utf8')));
    const ack = await acknowledge(document, (vendor, key) => askAt(link, { vendor, scope: ofKey(key) }, ASK.c2v));
    return { message, ...(ack === undefined ? {} : { ack }) };
  };

  return {
    async login(options) {
      const { signal } = options;
      const asked = readLogin(options);
      signal?.throwIfAborted();
      if (options.wait !== undefined) {
        checkWait(options.wait);
        return loginWaiting(asked, options.wait, options);
      }
      return abortable(loginSomewhere(asked, signal), signal);
    },
    async find(options) {
      const asked = readLogin(options);
      return (await fromAll(asked, askingFor(asked), (link) => findAt(link, asked))).flat();
    },
    information,
    async update(document) {
      // What reads documents is loaded by the few applications that apply some.
      const { homeOf } = await import('./document-home.ts');
      const home = homeOf(document);
      if (home === undefined) return updateAt(links.admin, document);
      const asking = createAsking(selector.selectFor(home));
      try {
        return await inTurn(home.vendor, asking, (link) => updateAt(link, document), isElsewhere);
      } finally {
        // It may have been the first key of the user.
        selector.forget();
      }
    },
    async requestKey(request) {
      const asked = readKeyRequest(request);
      const { vendor } = asked;
      try {
        return await inTurn(
          vendor.vendor,
          askingFor(asked),
          async (link) => c2vOfNewKey(await askAt(link, { vendor, scope: '' }, ASK.newKey)),
          isElsewhere,
        );
      } finally {
        // The user has a store from now on.
        selector.forget();
      }
    },
    async transfer(options) {
      const wish = transferWish(options);
      const asked = readQuestion(options);
      const { vendor, scope } = asked;
      const question = { vendor: vendor.vendor, vendorKey: vendor.publicKey, scope, ...wish };
      return inTurn(vendor.vendor, askingFor(asked), (link) => link.using((via) => via.transfer(question)), isElsewhere);
    },
    async recipient({ vendorCode, scope } = {}) {
      if (vendorCode === undefined && scope !== undefined)
        throw new LicensingError(Status.INVALID_PARAMETER, { detail: 'A scope needs the vendor code whose keys it is about.' });
      const of = vendorCode === undefined ? ANY_VENDOR : readQuestion({ vendorCode, ...(scope === undefined ? {} : { scope }) });
      // What comes from another computer comes to the Admin LM.
      return idIn(await askAt(links.admin, of, ASK.recipient));
    },
    close: links.close,
  };
};
