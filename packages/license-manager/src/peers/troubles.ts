import { LicensingError } from '@keyhaven/core/errors';
import { DAY, type Mono } from '@keyhaven/core/time';
import { NO_ANSWER, NO_CONNECTION, type PeerAddress, PeerRefusal } from './post.ts';
import { refusedVersion } from './unspoken.ts';

// Something is where another LM should be, and does not behave like one: it proves nothing, says what makes no sense, redirects, never comes to an
// end. An administrator hears of it once. A computer that is switched off or out of reach is no trouble; that is every evening.

/** BOUNDED: troubles remembered; the oldest is forgotten first. */
const MAX_TROUBLES = 256;
/** So long the same trouble is not told again. */
const AGAIN_MS = DAY;

/** What a system says of a computer that is not there, or not reached. */
const ORDINARY: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'EADDRNOTAVAIL',
  'EADDRINUSE',
  'EMFILE',
  'ENFILE',
]);
/** Refusals of one that behaves: rules deny this computer, the link is not known any more, too many come at once (K16). */
const BEHAVING: ReadonlySet<number> = new Set([403, 409, 503]);

const causeOf = (error: unknown): unknown => (error instanceof LicensingError ? error.cause : error);
const isOrdinary = (error: unknown, spoke: boolean): boolean => {
  const cause = causeOf(error);
  // What this license manager says by itself (that it stops, which version it lacks) has no cause and is told elsewhere.
  if (!(cause instanceof Error)) return true;
  if ('code' in cause && typeof cause.code === 'string' && ORDINARY.has(cause.code)) return true;
  if (cause instanceof PeerRefusal && BEHAVING.has(cause.code)) return true;
  // No answer, of one that has answered before, is that of a computer that went to sleep.
  return cause.message === NO_CONNECTION || (spoke && cause.message === NO_ANSWER);
};

const detailOf = (error: unknown): string => {
  if (error instanceof LicensingError) return error.detail ?? error.message;
  return error instanceof Error ? error.message : 'it cannot be used';
};

export type Troubles = {
  /** @returns the sentence to tell; undefined for what is ordinary, told elsewhere, or told already. `spoke`: it answered before. */
  note(address: PeerAddress, error: unknown, spoke: boolean): string | undefined;
};

export const createTroubles = (now: () => Mono): Troubles => {
  const told = new Map<string, Mono>(); // BOUNDED by MAX_TROUBLES
  return {
    note(address, error, spoke) {
      if (error === undefined || isOrdinary(error, spoke) || refusedVersion(causeOf(error), address) !== undefined) return undefined;
      const detail = detailOf(error);
      const name = `${address.host} ${address.port} ${detail}`;
      const last = told.get(name);
      if (last !== undefined && now() - last < AGAIN_MS) return undefined;
      told.delete(name);
      told.set(name, now());
      const [oldest] = told.keys();
      if (told.size > MAX_TROUBLES && oldest !== undefined) told.delete(oldest);
      return detail.startsWith(`${address.host}:`) ? detail : `${address.host}:${address.port}: ${detail}`;
    },
  };
};
