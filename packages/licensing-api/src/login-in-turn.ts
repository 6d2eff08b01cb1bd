import { LicensingError, Status, statusOf } from '@keyhaven/core/errors';
import type { Candidate } from '@keyhaven/core/wire';
import { createDenials, type Denials, type LoginCalls } from './denials.ts';
import type { Limit } from './limits.ts';
import type { LmLink } from './lm-link.ts';
import type { AskedLogin } from './login-options.ts';
import type { Attempt, Logins } from './logins.ts';
import type { Session } from './session.ts';
import { inShare } from './turns.ts';

// A login that is tried at one license manager after the other, and at each of them at one key after the other. Where all refuse it, it is one denial,
// at the place whose refusal the application is told (C2): that place is asked once more where it has not counted yet.

/**
 * Where a login can be tried.
 * @param denial how it is counted that there is nothing: `never` as no denial, absent = as one
 * @throws LicensingError of the license manager; `LoginCalls` know whether it has counted it
 */
export type Search = (link: LmLink, asked: AskedLogin, limit: Limit, denial?: 'never') => Promise<readonly Candidate[]>;

const refusal = (status: number, detail: string): LicensingError => {
  const known = statusOf(status);
  return new LicensingError(known === undefined || known === Status.OK ? Status.INT_ERR : known, { detail });
};

export const createSearch =
  (calls: Pick<LoginCalls, 'nothingFound'>): Search =>
  (link, { vendor, feature, scope }, limit, denial) =>
    link.using(limit, async (via) => {
      const found = await via.find({ vendor: vendor.vendor, vendorKey: vendor.publicKey, feature, scope }, limit, denial);
      if (found.status !== Status.OK) throw calls.nothingFound(refusal(found.status, found.detail), found.counted);
      return found.candidates;
    });

/** A key, or the search of a license manager that found none. */
type Place = { readonly attempt: Attempt; readonly candidate?: Candidate };

/** One login. */
export type LoginInTurn = {
  /** At one license manager. `isLast`: no other one is asked after it. */
  at(attempt: Attempt, limit: Limit, isLast: boolean): Promise<Session>;
  /** When all have refused it, and `told` is what the application is told of: granted after all, or rejects with `error`, and is one denial. */
  end(told: LicensingError | undefined, error: unknown, limit: Limit): Promise<Session>;
};

type LoginInTurnOptions = {
  readonly search: Search;
  readonly logins: Logins;
  readonly calls: LoginCalls;
  readonly signal: AbortSignal | undefined;
};

export const createLoginInTurn = ({ search, logins, calls, signal }: LoginInTurnOptions): LoginInTurn => {
  const tryAt = async (attempt: Attempt, limit: Limit, isLast: boolean, denials: Denials<Place>): Promise<Session> => {
    const { link, asked } = attempt;
    const candidates = await search(link, asked, limit, denials.next(isLast) === undefined ? undefined : 'never').catch(
      (error: unknown) => {
        denials.refused({ attempt }, error);
        throw error;
      },
    );
    let refused: LicensingError | undefined;
    for (const [index, candidate] of candidates.entries()) {
      const denial = denials.next(isLast && index === candidates.length - 1);
      try {
        return await inShare(limit, candidates.length - index, (part) => logins.loginAt(attempt, candidate, part, signal, denial));
      } catch (error) {
        if (!(error instanceof LicensingError)) throw error;
        denials.refused({ attempt, candidate }, error);
        // All seats taken says more than what another key refused for.
        if (refused === undefined || error.status === Status.TOO_MANY_USERS) refused = error;
        if (limit.over) break;
      }
    }
    throw refused ?? new LicensingError(Status.KEY_NOT_FOUND);
  };
  /** The same login, as if there were no other place. What it counts does not end without a denial, or a seat. */
  const tryAgain = async ({ attempt, candidate }: Place, limit: Limit): Promise<Session> => {
    if (candidate !== undefined) return logins.loginAt(attempt, candidate, limit, signal);
    const denials = createDenials<Place>(calls);
    return tryAt(attempt, limit, true, denials).catch((error: unknown) => {
      const again = denials.uncounted(error);
      if (again?.candidate === undefined || limit.over) throw error;
      return logins.loginAt(again.attempt, again.candidate, limit, signal);
    });
  };

  const denials = createDenials<Place>(calls);
  return {
    at: (attempt, limit, isLast) => tryAt(attempt, limit, isLast, denials),
    async end(told, error, limit) {
      const again = denials.uncounted(told);
      if (again === undefined || limit.over || signal?.aborted === true) throw error;
      return tryAgain(again, limit).catch(() => {
        throw error;
      });
    },
  };
};
