import { LicensingError, Status } from '@keyhaven/core/errors';
import { type AttemptDenial, decodeGrant, decodeWaitAnswer, type Grant, type LoginCall, TICKET_BYTES } from '@keyhaven/core/session';
import { MINUTE, SECOND } from '@keyhaven/core/time';
import type { Candidate } from '@keyhaven/core/wire';
import { createDenials, type LoginCalls } from './denials.ts';
import { insist } from './insisting.ts';
import { callWithin, type KeyPath, PathLost } from './key-path.ts';
import type { Limit } from './limits.ts';
import type { OwnTime } from './own-time.ts';
import type { Session } from './session.ts';

// login({ wait }): stands in line at every key that may grant, and takes the first seat (A4). Whatever the others have given or give later
// is given back, and so is everything when the time is over or the application gives up. Its place in line is the key's word; the application only
// asks again, with the same nonce, so that nothing it repeats takes a second place or a second seat.

export type WaitOptions = {
  /** Where the feature can be had, in the order of preference. `isFirst`: the login begins with it. */
  find(isFirst: boolean): Promise<readonly Candidate[]>;
  /** @throws PathLost; LicensingError where the limit is over */
  path(candidate: Candidate, limit: Limit, keepsAlive?: 'quietly'): Promise<KeyPath>;
  /** For one question, and so much longer. */
  limit(longer?: number): Limit;
  silence(candidate: Candidate, limit: Limit): Promise<LicensingError>;
  request(candidate: Candidate, nonce: Uint8Array): LoginCall;
  /** @throws LicensingError SCHAN_ERR (46) where the grant is not what was asked for */
  accept(candidate: Candidate, grant: Grant, path: KeyPath): Session;
  /** Without waiting. */
  loginAt(candidate: Candidate, denial: AttemptDenial): Promise<Session>;
  readonly calls: LoginCalls;
  /** One license manager is asked for it, and no other. */
  readonly onlyLm: boolean;
  /** Whether the license counts executions: then two grants would cost two. */
  isCounted(candidate: Candidate, path: KeyPath): boolean;
  nonce(): Uint8Array;
  readonly time: OwnTime;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly onWaiting: ((place: number) => void) | undefined;
};

/** A place at one key. */
type Standing = {
  readonly candidate: Candidate;
  readonly login: LoginCall;
  place: number;
  ticket: Uint8Array;
  /** The key may have heard of it. */
  sent: boolean;
  /** The key was told that its refusal, or a wait in vain, is no denial. */
  uncounted: boolean;
  done: boolean;
};

const RETRY_MS = 100;
const LONGEST_RETRY_MS = 2 * SECOND;
/** Keys that come to the network meanwhile are joined. */
const LOOK_MS = MINUTE;
/** How long the key holds a question; longer than that, and it says nothing. */
const HELD_MS = 30 * SECOND;
/** Longest time of a timer. */
const LONGEST_MS = 0x7fff_ffff;
const NO_TICKET = new Uint8Array(TICKET_BYTES);

const asRefusal = (error: unknown): LicensingError => {
  if (error instanceof LicensingError) return error;
  if (error instanceof PathLost) return error.reason;
  return new LicensingError(Status.SCHAN_ERR, { cause: error });
};

/** Nothing came in time, which may be otherwise later. */
const isSilence = (error: unknown): error is LicensingError =>
  error instanceof LicensingError && (error.status === Status.LOCAL_COMM_ERR || error.status === Status.REMOTE_COMM_ERR);

export const waitForSeat = (options: WaitOptions): Promise<Session> => {
  const { time, signal, onWaiting } = options;
  const { promise, resolve, reject } = Promise.withResolvers<Session>();
  const standings = new Map<string, Standing>(); // BOUNDED by the candidates of an answer, and the keys that come
  const began = time.now();
  const denials = createDenials<Candidate>(options.calls);
  /** One key of one license manager was found at the beginning. */
  let onlyKey = false;
  let settled = false;
  /** Every key was asked once; before that nothing is over. */
  let passed = false;
  let expired = false;
  let best: number | undefined;
  let refused: LicensingError | undefined;
  let unreachable: LicensingError | undefined;

  /** Of the questions under way, which are given up when this is settled. */
  const questions = new Set<Limit>(); // BOUNDED by the standings
  const within = async <T>(limit: Limit, work: () => Promise<T>): Promise<T> => {
    questions.add(limit);
    try {
      return await work();
    } finally {
      questions.delete(limit);
      limit.end();
    }
  };
  const withdraw = (standing: Standing): void => {
    standing.done = true;
    if (!standing.sent) return;
    const { candidate, login } = standing;
    insist(time, async () => {
      const limit = options.limit();
      try {
        const path = await options.path(candidate, limit, 'quietly');
        const silence = () => options.silence(candidate, limit);
        await callWithin(path, { kind: 'withdraw', nonce: login.nonce }, limit, { silence, quietly: true });
      } finally {
        limit.end();
      }
    });
  };
  const settle = (act: () => void): void => {
    if (settled) return;
    settled = true;
    signal?.removeEventListener('abort', abort);
    forget();
    for (const standing of standings.values()) if (!standing.done) withdraw(standing);
    act();
    for (const limit of [...questions]) limit.cancel();
  };
  const forget = time.whenClosed((why) => settle(() => reject(why)));
  function abort(): void {
    try {
      signal?.throwIfAborted();
    } catch (reason) {
      settle(() => reject(reason));
    }
  }
  /** A login that counts, at a key that has just been asked. Rejects where it is refused, or not answered in time. */
  const loginCounted = async (candidate: Candidate): Promise<Session> => {
    const limit = options.limit();
    const silence = () => options.silence(candidate, limit);
    const login = options.request(candidate, options.nonce());
    /** A grant that comes too late is given back. */
    const late = (): void => withdraw({ candidate, login, place: 0, ticket: NO_TICKET, sent: true, uncounted: true, done: false });
    try {
      const path = await options.path(candidate, limit);
      const reply = await callWithin(path, login, limit, { silence, late });
      if (reply.status !== Status.OK) throw options.calls.refusal({ reply, denial: undefined });
      return options.accept(candidate, decodeGrant(reply.body), path);
    } finally {
      limit.end();
    }
  };
  /** One denial: that of the key that counts the withdrawal or has counted a refusal, or of one more login that this key refuses. */
  const fail = (error: LicensingError): void => {
    const waits = [...standings.values()].filter(({ sent, done }) => sent && !done).toSorted((a, b) => a.place - b.place);
    const isDenied = denials.counted || waits.some(({ uncounted }) => !uncounted);
    const at = isDenied ? undefined : (waits.find(({ place }) => place > 0)?.candidate ?? denials.uncounted());
    settle(() => (at === undefined ? reject(error) : void loginCounted(at).then(resolve, () => reject(error))));
  };
  const expire = (): void => {
    expired = true;
    if (!passed) return;
    const waited = Math.round((time.now() - began) / SECOND);
    const detail = best === undefined ? undefined : `No seat came free within ${waited} s; the place in line was ${best}.`;
    fail((best === undefined ? (unreachable ?? refused) : undefined) ?? new LicensingError(Status.TOO_MANY_USERS, { detail }));
  };
  const refuse = (error: LicensingError): void => {
    // All seats taken says more than what another key refused for.
    if (refused === undefined || error.status === Status.TOO_MANY_USERS) refused = error;
  };
  const report = (): void => {
    if (!passed || settled) return;
    const places = [...standings.values()].flatMap(({ place, done }) => (place > 0 && !done ? [place] : []));
    const place = places.length === 0 ? undefined : Math.min(...places);
    if (place === undefined || place === best) return;
    best = place;
    try {
      onWaiting?.(place);
    } catch (error) {
      settle(() => reject(error));
    }
  };

  const drop = (standing: Standing, error: unknown): void => {
    const why = asRefusal(error);
    // A grant that somebody spoiled on its way was given too.
    if (why.status === Status.SCHAN_ERR) withdraw(standing);
    standing.done = true;
    refuse(why);
    denials.refused(standing.candidate, error);
    if (passed && [...standings.values()].every(({ done }) => done)) fail(refused ?? why);
  };
  const ask = async (standing: Standing): Promise<void> => {
    const { candidate, login, place, ticket } = standing;
    const first = options.limit();
    const path = await within(first, () => options.path(candidate, first));
    if (settled) return;
    standing.sent = true;
    // Where it has a place, the key holds the question until there is something to say.
    const limit = options.limit(place > 0 ? HELD_MS : 0);
    const silence = () => options.silence(candidate, limit);
    const denial = onlyKey && standings.size === 1 ? undefined : 'never';
    standing.uncounted = denial !== undefined;
    const answered = await within(limit, () =>
      options.calls.ask(path, { kind: 'wait', login, place, ticket }, denial, (call) => callWithin(path, call, limit, { silence })),
    );
    if (settled) return; // What it gave goes back by the withdrawal.
    const { reply } = answered;
    if (reply.status !== Status.OK) throw options.calls.refusal(answered);
    const answer = decodeWaitAnswer(reply.body);
    if (answer.kind === 'granted') {
      const session = options.accept(candidate, answer.grant, path);
      standing.done = true;
      settle(() => resolve(session));
      return;
    }
    standing.place = answer.place;
    standing.ticket = new Uint8Array(answer.ticket);
  };
  /** `answered` when the key has answered for the first time, or cannot be reached. */
  const stand = async (standing: Standing, answered: () => void): Promise<void> => {
    let pause = RETRY_MS;
    while (!settled && !standing.done) {
      try {
        await ask(standing);
        pause = RETRY_MS;
        unreachable = undefined;
      } catch (error) {
        if (settled) break;
        // Somebody on the way interferes: no time is spent on that.
        if (!isSilence(error) && (!(error instanceof PathLost) || error.reason.status === Status.SCHAN_ERR)) {
          drop(standing, error);
          break;
        }
        unreachable = error instanceof PathLost ? error.reason : error;
        standing.place = 0;
        answered();
        await time.pause(pause);
        pause = Math.min(2 * pause, LONGEST_RETRY_MS);
      }
      answered();
      report();
    }
    answered();
  };
  const standAt = (candidate: Candidate): Promise<void> => {
    const standing: Standing = {
      candidate,
      login: options.request(candidate, options.nonce()),
      place: 0,
      ticket: NO_TICKET,
      sent: false,
      uncounted: false,
      done: false,
    };
    standings.set(nameOf(candidate), standing);
    return new Promise((answered, failed) => {
      stand(standing, answered).catch(failed);
    });
  };

  /** The first key where executions are counted and no seat is free: one is enough, for two grants would cost two executions. */
  let counted: Candidate | undefined;
  const join = async (candidate: Candidate): Promise<void> => {
    let isCounted = false;
    const limit = options.limit();
    try {
      isCounted = options.isCounted(candidate, await within(limit, () => options.path(candidate, limit)));
    } catch (error) {
      if (!(error instanceof PathLost) && !isSilence(error)) return refuse(asRefusal(error));
    }
    if (settled) return;
    if (!isCounted) return standAt(candidate);
    try {
      const session = await options.loginAt(candidate, 'never');
      if (settled) insist(time, () => session.logout());
      else settle(() => resolve(session));
    } catch (error) {
      denials.refused(candidate, error);
      if (error instanceof LicensingError && error.status === Status.TOO_MANY_USERS) counted ??= candidate;
      refuse(asRefusal(error));
    }
  };
  const look = (): void => {
    if (settled) return;
    options
      .find(false)
      .then(async (found) => {
        for (const candidate of found) if (!settled && counted === undefined && !standings.has(nameOf(candidate))) await join(candidate);
      })
      .catch(() => undefined)
      .finally(() => {
        if (!settled) time.later(LOOK_MS, look);
      });
  };
  const begin = async (): Promise<void> => {
    const found = await options.find(true);
    onlyKey = options.onlyLm && found.length === 1;
    for (const candidate of found) {
      if (settled) return;
      await join(candidate);
    }
    if (settled) return;
    if (counted !== undefined && standings.size === 0) await standAt(counted);
    passed = true;
    if ([...standings.values()].every(({ done }) => done)) fail(refused ?? new LicensingError(Status.KEY_NOT_FOUND));
    report();
    if (expired) expire();
    time.later(LOOK_MS, look);
  };

  signal?.addEventListener('abort', abort, { once: true });
  if (options.timeoutMs <= LONGEST_MS) time.later(options.timeoutMs, expire);
  begin().catch((error: unknown) => settle(() => reject(error)));
  return promise;
};

const nameOf = ({ key, product, licenseManager }: Candidate): string => `${key} ${product} ${licenseManager.guid}`;
