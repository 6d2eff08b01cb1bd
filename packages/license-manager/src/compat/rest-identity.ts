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
import { isLoopback } from '@keyhaven/core/discovery';
import { LicensingError, Status } from '@keyhaven/core/errors';
import type { Clock } from '@keyhaven/core/time';
import type { RuleBar } from '../access/access.ts';
import type { Identities } from './identities.ts';

// Who asks through the REST licensing API, checked over the bytes as they came (C6).

export type RestRequest = {
  readonly method: string;
  /** As it was sent, with its query. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Buffer;
  readonly address: string;
};
export type Asker = { readonly identity: Identity; readonly signed: SignedRequest; readonly address: string };

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

export type IdentityCheck = (request: RestRequest, right: IdentityRight) => Asker;

/** @throws by the check: LicensingError 87, 88, 89, 90, 103, and what the rules of access say */
export const createIdentityCheck = (options: {
  readonly identities: Pick<Identities, 'find'>;
  readonly clock: Clock;
  /** Against another computer, as far as rules speak of computers (R9). */
  readonly against: (address: string) => RuleBar | undefined;
  /** Somebody who has proven who he is may not. */
  readonly onRefused: (identity: string, address: string, error: LicensingError) => void;
}): IdentityCheck => {
  const { identities, clock } = options;
  // A name that nobody has takes as long as one that somebody has.
  const nobody = identityKey('nobody');

  return (request, right) => {
    const header = request.headers[IDENTITY_HEADER];
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
    const { identity } = found;
    const bar = isLoopback(request.address) ? undefined : options.against(request.address);
    const fault = faultOfIdentity(identity, right, clock.wall()) ?? bar;
    if (fault === undefined) return { identity, signed, address: request.address };
    const error = new LicensingError(fault.status, { detail: fault.detail });
    options.onRefused(identity.id, request.address, error);
    throw error;
  };
};
