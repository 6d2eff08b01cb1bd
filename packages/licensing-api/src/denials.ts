import { Buffer } from 'node:buffer';
import { LicensingError, Status } from '@keyhaven/core/errors';
import type { AttemptDenial, Call, LoginCall, Reply, WaitCall } from '@keyhaven/core/session';
import type { KeyPath } from './key-path.ts';

// One login is one denial, however many keys and license managers it is tried at (C2): a refusal counts at the last place only, and where the
// login is granted it counts nowhere. An application that is told of a refusal that has not counted asks that place once more.

export type AnsweredLogin = { readonly reply: Reply; readonly denial: AttemptDenial | undefined };
export type LoginCalls = {
  /** `denial` of the answer: how the key counts a refusal; undefined also where the key is too old to be told anything. */
  ask(
    path: KeyPath,
    call: LoginCall | WaitCall,
    denial: AttemptDenial | undefined,
    send: (call: Call) => Promise<Reply>,
  ): Promise<AnsweredLogin>;
  /** The error of an answer that is a refusal. */
  refusal(answered: AnsweredLogin): LicensingError;
  /** The same error, of a search that found no key; `counted`: the license manager counts that. */
  nothingFound(error: LicensingError, counted: boolean): LicensingError;
  /** Whether this refusal counts where it was made; undefined where it is none of a key, or of a search. */
  counts(error: unknown): boolean | undefined;
};

export const createLoginCalls = (): LoginCalls => {
  const unaware = new WeakSet<KeyPath>();
  const refusals = new WeakMap<LicensingError, boolean>();
  return {
    async ask(path, call, denial, send) {
      if (denial !== undefined && !unaware.has(path)) {
        const reply = await send({ kind: 'attempt', denial, of: call });
        if (reply.status !== Status.REQ_NOT_SUPP) return { reply, denial };
        unaware.add(path);
      }
      return { reply: await send(call), denial: undefined };
    },
    refusal({ reply, denial }) {
      const status = reply.status === Status.OK ? Status.INT_ERR : reply.status;
      const error = new LicensingError(status, { detail: Buffer.from(reply.body).toString('utf8') });
      refusals.set(error, denial === undefined || (denial === 'when full' && status === Status.TOO_MANY_USERS));
      return error;
    },
    nothingFound(error, counted) {
      refusals.set(error, counted);
      return error;
    },
    counts: (error) => (error instanceof LicensingError ? refusals.get(error) : undefined),
  };
};

export type Denials<At> = {
  /** How the next attempt is to be counted. */
  next(isLast: boolean): AttemptDenial | undefined;
  refused(at: At, error: unknown): void;
  /** The place that is to be asked once more, that of `told` if it has one; undefined where one has counted the login, or none has refused it. */
  uncounted(told?: unknown): At | undefined;
  /** A place has counted it. */
  readonly counted: boolean;
};

export const createDenials = <At>({ counts }: Pick<LoginCalls, 'counts'>): Denials<At> => {
  const places = new WeakMap<LicensingError, { readonly at: At }>();
  let best: { readonly at: At } | undefined;
  let counted = false;
  return {
    // The last place may refuse for something else than what the application is told: no seat is free.
    next: (isLast) => (isLast ? (best === undefined ? undefined : 'when full') : 'never'),
    refused(at, error) {
      const counting = counts(error);
      if (counting === undefined || !(error instanceof LicensingError)) return;
      places.set(error, { at });
      counted ||= counting;
      const full = error.status === Status.TOO_MANY_USERS;
      if (best === undefined || full) best = { at };
    },
    uncounted: (told) => (counted ? undefined : ((told instanceof LicensingError ? places.get(told) : undefined) ?? best)?.at),
    get counted() {
      return counted;
    },
  };
};
