// What a protected application embeds.

import { LicensingError, Status } from '@keyhaven/core/errors';
import { lmAddressFrom, ownIdentity, systemEntropy } from './environment.ts';
import { createLicensing, type Licensing, type LoginOptions } from './licensing.ts';
import type { Session } from './session.ts';

export { LicensingError, Status, type StatusCode } from '@keyhaven/core/errors';
export type { Scope, ScopeInput } from '@keyhaven/core/scope';
/** For hosts and simulations that bring their own way to the LM and their own time; applications use `login`. */
export type { Surroundings } from './environment.ts';
export { createLicensing, type Licensing, type LoginOptions } from './licensing.ts';
export type { LmSocket } from './lm-connection.ts';
export type { Session, SessionEvent, SessionInfo } from './session.ts';

/** The one connection of this process to its LM, made at the first call. All sessions share it: that is what makes logins cheap. */
const shared: { licensing?: Licensing } = {};
const licensing = (): Licensing => {
  shared.licensing ??= createLicensing(lmAddressFrom(process.env['KEYHAVEN_LOCAL_LM']), ownIdentity(), systemEntropy);
  return shared.licensing;
};

/**
 * Asks for a seat of a feature, from a key on this computer or on the network.
 * @throws LicensingError: KEY_NOT_FOUND 7, FEATURE_NOT_FOUND 31, LOCAL_COMM_ERR 33, TOO_MANY_USERS 38, REMOTE_COMM_ERR 40,
 * FEATURE_EXPIRED 41, SCHAN_ERR 46, SCOPE_RESULTS_EMPTY 50 and others of docs/errors.md
 */
export const login = async (options: LoginOptions): Promise<Session> => licensing().login(options);

/** Where a feature could be had, without taking a seat. */
export const getInfo = async (options: Pick<LoginOptions, 'vendorCode' | 'feature' | 'scope'>) => licensing().find(options);

/** Applies a license document (V2C) to a key of this computer. */
export const update = async ({ data }: { readonly data: string }): Promise<{ readonly message: string }> => ({
  message: await licensing().update(data),
});

export type TransferOptions = {
  readonly action: 'detach' | 'cancel' | 'rehost';
  readonly vendorCode: string;
  readonly scope?: LoginOptions['scope'];
  readonly recipient?: string;
};

/** Detach, return and rehost come with a later version. @throws LicensingError REQ_NOT_SUPP (16) */
export const transfer = async (_options: TransferOptions): Promise<never> => {
  throw new LicensingError(Status.REQ_NOT_SUPP, {
    detail: 'This version does not move licenses between computers.',
    remedy: 'Use a version that has it; licenses stay where they are.',
  });
};
