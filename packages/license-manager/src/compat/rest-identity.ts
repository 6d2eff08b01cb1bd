import type { Buffer } from 'node:buffer';
import {
  DATE_WINDOW_MS,
  faultOfIdentity,
  IDENTITY_HEADER,
  type Identity,
  type IdentityRight,
  identityKey,
  isSignedBy,
  type SignedRequest,
  signedRequestIn,
} from '@keyhaven/core/compat';
import { LicensingError, Status } from '@keyhaven/core/errors';
import type { Clock } from '@keyhaven/core/time';
import type { RuleBar } from '../access/access.ts';
import type { Delivery } from '../http/route.ts';
import type { Identities } from './identities.ts';
import { bearerIn } from './rest-tokens.ts';

// Who asks through the REST licensing API, checked over the bytes as they came (C6).

export type RestRequest = {
  readonly method: string;
  /** As it was sent, with its query. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Buffer;
  readonly address: string;
  /** The address where the client is on another computer; undefined = this one. What a proxy here passes on is from another one. */
  readonly place: string | undefined;
  /** Nobody on the way can read it: it came by TLS, or from this computer. */
  readonly sealed: boolean;
  readonly delivery: Delivery;
};
export type Asker = { readonly identity: Identity } & Pick<RestRequest, 'address' | 'place' | 'sealed'>;
export type Signer = Asker & { readonly signed: SignedRequest };

const unauthenticated = (detail: string, remedy?: string): LicensingError =>
  new LicensingError(Status.IDENTITY_UNAUTHENTICATED, { detail, ...(remedy === undefined ? {} : { remedy }) });

const pathOf = (target: string): string => {
  const [path = ''] = target.split('?', 1);
  try {
    return decodeURIComponent(path);
  } catch {
    throw unauthenticated('The path is not encoded as a path.');
  }
};

export type IdentityCheck = {
  /** By the signature; a token is for no such request. */
  signer(request: RestRequest, right: IdentityRight): Signer;
  /** For what is done with a session: by the signature, or by the token of the session. */
  owner(request: RestRequest, vendor: number, session: string): Asker & { readonly signed?: SignedRequest };
};

const USER_HEADER = 'x-ldk-user-id';

/** @throws by the check: LicensingError 87, 88, 89, 90, 103, 111, and what the rules of access say */
export const createIdentityCheck = (options: {
  readonly identities: Pick<Identities, 'find' | 'used'>;
  readonly clock: Clock;
  /** Against another computer, as far as rules speak of computers (R9). */
  readonly against: (address: string) => RuleBar | undefined;
  /** The identity whose token of this session it is. */
  readonly ofToken: (vendor: number, session: string, token: string, place: string | undefined) => string | undefined;
  /** Somebody who has proven who he is may not. */
  readonly onRefused: (identity: string, address: string, error: LicensingError) => void;
}): IdentityCheck => {
  const { identities, clock } = options;
  // A name that nobody has takes as long as one that somebody has.
  const nobody = identityKey('nobody');

  const allowed = (identity: Identity, right: IdentityRight, { address, place, sealed }: RestRequest): Asker => {
    const bar = place === undefined ? undefined : options.against(address);
    const fault = faultOfIdentity(identity, right, clock.wall()) ?? bar;
    if (fault === undefined) {
      identities.used(identity.id);
      return { identity, address, place, sealed };
    }
    const error = new LicensingError(fault.status, { detail: fault.detail });
    options.onRefused(identity.id, address, error);
    throw error;
  };
  const signer = (request: RestRequest, right: IdentityRight): Signer => {
    const header = request.headers[IDENTITY_HEADER];
    const bearer = bearerIn(request.headers['authorization']);
    if (bearer !== undefined && header !== undefined)
      throw new LicensingError(Status.CONFLICTING_AUTHENTICATION_METHODS, {
        detail: 'The request has a signature and a token.',
        remedy: 'Send one of them.',
      });
    if (bearer !== undefined)
      throw unauthenticated('A token is for the session that it came with, and for nothing else.', 'Sign logins and lists.');
    if (typeof header !== 'string') throw new LicensingError(Status.IDENTITY_REQUIRED);
    const signed = signedRequestIn(header);
    if (signed === undefined) throw unauthenticated('The header with the identity has not its form.');
    const found = identities.find(signed.identity);
    const holds = isSignedBy(found?.key ?? nobody, signed, pathOf(request.target), request.body);
    if (found === undefined || !holds) throw unauthenticated('The signature does not hold.');
    if (Math.abs(signed.at - clock.wall()) > DATE_WINDOW_MS)
      throw unauthenticated(
        'The request was made more than five minutes from now.',
        'Set the clocks of the client and of the license manager right.',
      );
    return { ...allowed(found.identity, right, request), signed };
  };

  return {
    signer,
    owner(request, vendor, session) {
      const token = bearerIn(request.headers['authorization']);
      if (token === undefined || request.headers[IDENTITY_HEADER] !== undefined) return signer(request, 'login');
      if (!request.sealed) throw unauthenticated('Whoever reads the network could use the token.', 'Use HTTPS, or sign the request.');
      const id = options.ofToken(vendor, session, token, request.place);
      const found = id === undefined ? undefined : identities.find(id);
      if (found === undefined) throw unauthenticated('The token is none of this session.', 'Sign the request.');
      const user = request.headers[USER_HEADER];
      if (user !== undefined && user !== id) throw unauthenticated('The token is of another identity than X-LDK-User-Id names.');
      return allowed(found.identity, 'login', request);
    },
  };
};
