import { LicensingError, Status, type StatusCode, statusOf } from '@keyhaven/core/errors';
import { MINUTE, type Mono, mono } from '@keyhaven/core/time';
import { type PeerAddress, PeerRefusal } from './post.ts';

// Other LMs that are there and whose keys cannot be used: with which this one has no version of the link in common (T6), or which serve
// identifiable clients only (R9). Whoever misses one of these keys is to hear of it.

/** For so long a refusal for want of an identity counts: two searches and more, and every search renews it. */
const IDENTITY_MS = 15 * MINUTE;

/** HTTP 400. The body is then a status, a space, and a sentence on which side to upgrade (docs/protocol/link.md K5). */
const BAD_REQUEST = 400;
const FORBIDDEN = 403;
/** Identities are for clients of the REST licensing API; license managers have none. */
const REST_CLIENTS_ONLY =
  'It serves only clients of its REST licensing API that have an identity. Ask its administrator to set access.remoteClients to "all", or use that API.';

export const isVersionRefusal = (error: unknown): error is LicensingError =>
  error instanceof LicensingError && (error.status === Status.OLD_LM || error.status === Status.OLD_DRIVER);

const asksIdentity = (error: unknown): error is LicensingError =>
  error instanceof LicensingError && error.status === Status.IDENTITY_REQUIRED;

export const refuseVersion = ({ status, detail }: LicensingError): PeerRefusal => new PeerRefusal(BAD_REQUEST, `${status} ${detail ?? ''}`);

/** What a peer refused for, where that was the version, or that it wants an identity (HTTP 403, R9). */
export const refusedVersion = (error: unknown, { host, port }: PeerAddress): LicensingError | undefined => {
  if (!(error instanceof PeerRefusal)) return undefined;
  const form = error.code === BAD_REQUEST ? /^(11|42) (.{1,500})/ : error.code === FORBIDDEN ? /^(87) (.{1,500})/ : undefined;
  const [, status, said] = form?.exec(error.message) ?? [];
  if (status === undefined || said === undefined) return undefined;
  // The text is a stranger's: one line of it, without control characters.
  const detail = `${host}:${port}: ${said.replaceAll(/\p{Cc}+/gu, ' ')}`;
  return new LicensingError(statusOf(Number(status)) ?? Status.OLD_DRIVER, { detail, cause: error });
};

/** BOUNDED: such LMs remembered; the oldest goes first. */
const MAX_UNSPOKEN = 64;

type Told = { readonly status: StatusCode; readonly detail: string };
export type Unspoken = {
  /** @returns what is news of it */
  note(address: PeerAddress, error: unknown): Told | undefined;
  /** It answers by now. */
  forget(address: PeerAddress): void;
  /** A sentence for each with which there is no common version. */
  all(): readonly string[];
  /** A sentence for each that wants an identity. */
  identities(): readonly string[];
};

export const createUnspoken = (now: () => Mono = () => mono(0)): Unspoken => {
  const known = new Map<string, Told & { readonly at: Mono }>(); // BOUNDED by MAX_UNSPOKEN
  const nameOf = ({ host, port }: PeerAddress): string => `${host} ${port}`;
  const wantsIdentity = ({ status }: Told): boolean => status === Status.IDENTITY_REQUIRED;
  return {
    note(address, error) {
      const refused = isVersionRefusal(error) || asksIdentity(error) ? error : refusedVersion(error, address);
      if (refused === undefined) return undefined;
      const told = { status: refused.status, detail: refused.detail ?? refused.message, at: now() };
      const news = known.get(nameOf(address))?.detail !== told.detail;
      known.set(nameOf(address), told);
      const [oldest] = known.keys();
      if (known.size > MAX_UNSPOKEN && oldest !== undefined) known.delete(oldest);
      return news ? told : undefined;
    },
    forget: (address) => void known.delete(nameOf(address)),
    all: () => [...known.values()].flatMap((told) => (wantsIdentity(told) ? [] : [told.detail])),
    identities: () => [...known.values()].flatMap((told) => (wantsIdentity(told) && now() - told.at < IDENTITY_MS ? [told.detail] : [])),
  };
};

/** A search that found nothing says whom it could not ask, and is refused with 87 where somebody wants an identity for it. */
export const tellUnspoken = (error: unknown, unspoken: readonly string[], identities: readonly string[] = []): unknown => {
  const empty =
    error instanceof LicensingError &&
    (error.status === Status.KEY_NOT_FOUND || error.status === Status.FEATURE_NOT_FOUND || error.status === Status.SCOPE_RESULTS_EMPTY);
  if (!empty) return error;
  const more = (list: readonly string[]): string => (list.length === 1 ? '' : ` (and ${list.length - 1} more)`);
  const [wanting] = identities;
  if (wanting !== undefined) {
    const detail = `${error.detail ?? ''} A license manager asks for an identity${more(identities)}: ${wanting}`;
    return new LicensingError(Status.IDENTITY_REQUIRED, { detail, remedy: REST_CLIENTS_ONLY, cause: error });
  }
  const [first] = unspoken;
  if (first === undefined) return error;
  const detail = `${error.detail ?? ''} A license manager is there that could not be asked${more(unspoken)}: ${first}`;
  return new LicensingError(error.status, { detail, remedy: 'Upgrade the side that the message names, then search again.', cause: error });
};
