// What a protected application embeds.

import type { FormatInput, InfoData } from '@keyhaven/core/format';
import type { Candidate } from '@keyhaven/core/wire';
import type { Updated } from './acknowledge.ts';
import { fieldsOf, given } from './arguments.ts';
import { type Configuration, type ConfigurationStore, createConfiguration } from './configuration.ts';
import { lmAddressFrom, ownIdentity, ownSurroundings, systemEntropy } from './environment.ts';
import { createLicensing, type Licensing, type LoginOptions } from './licensing.ts';
import type { KeyRequest } from './request-key.ts';
import type { Session } from './session.ts';
import {
  actionAttributes,
  featureAttributes,
  formatAttributes,
  type SpanAttributes,
  seatAttributes,
  traced,
  tracedSession,
} from './telemetry.ts';
import type { RecipientOptions, TransferOptions } from './transfer.ts';
import type { VersionOptions, Versions } from './version.ts';

export { LicensingError, Status, type StatusCode } from '@keyhaven/core/errors';
export type { Format, FormatInput, InfoData } from '@keyhaven/core/format';
export type { Scope, ScopeInput } from '@keyhaven/core/scope';
export type { Configuration } from './configuration.ts';
export { type DateTime, datetimeToHasptime, hasptimeToDatetime } from './hasp-time.ts';
export type { LoginOptions } from './licensing.ts';
export type { Session, SessionEvent, SessionInfo } from './session.ts';
export type { TelemetrySpan, TelemetryTracer } from './telemetry.ts';
export type { RecipientOptions, TransferOptions } from './transfer.ts';
export { apiVersion, type LicenseManagerVersion, type Version, type VersionOptions, type Versions } from './version.ts';

/**
 * The one connection of this process to each of its license managers, made at the first call that needs it. All sessions share it: that is what makes
 * logins cheap.
 */
const shared: { licensing?: Licensing; readonly configuration: ConfigurationStore } = { configuration: createConfiguration() };
const licensing = (): Licensing => {
  shared.licensing ??= createLicensing(
    lmAddressFrom(process.env['KEYHAVEN_LOCAL_LM']),
    ownIdentity(),
    systemEntropy,
    ownSurroundings(shared.configuration.of),
  );
  return shared.licensing;
};

/**
 * Settings of the calls of this process, and of the license managers of the application's own (External and Integrated LM) instead of those in
 * `keyhaven_<vendorid>.ini`. The latter hold for license managers that are started afterwards, so this is to be called before the first login.
 * @throws LicensingError INV_VCODE 22, INVALID_PARAMETER 501
 */
export const configure = (configuration: Configuration): void => shared.configuration.add(configuration);

/**
 * Asks for a seat of a feature, from a key on this computer or on the network.
 * @throws LicensingError: KEY_NOT_FOUND 7, FEATURE_NOT_FOUND 31, LOCAL_COMM_ERR 33, TOO_MANY_USERS 38, REMOTE_COMM_ERR 40,
 * FEATURE_EXPIRED 41, SCHAN_ERR 46, SCOPE_RESULTS_EMPTY 50 and others of docs/errors.md
 */
export const login = async (options: LoginOptions): Promise<Session> => {
  const { tracer } = shared.configuration;
  const session = await traced(
    tracer,
    'login',
    () => featureAttributes(options),
    () => licensing().login(options),
    seatAttributes,
  );
  return tracedSession(session, tracer);
};

/** A call that is of no session. */
const tracing = <T>(name: string, attributes: () => SpanAttributes, work: () => Promise<T>): Promise<T> =>
  traced(shared.configuration.tracer, name, attributes, work);
const none = (): SpanAttributes => ({});

type Question = Pick<LoginOptions, 'vendorCode' | 'scope' | 'lm'>;
type InfoOptions = Question & { readonly feature?: number; readonly format?: FormatInput | undefined };

/**
 * What is there, without taking a seat: without a format, where a feature could be had; as `data`, everything in the scope; with any other format
 * the XML that it asks for.
 * @throws LicensingError: KEY_NOT_FOUND 7, INV_FORMAT 15, LOCAL_COMM_ERR 33, INV_SPEC 35, INV_SCOPE 36, SCOPE_RESULTS_EMPTY 50 and others
 */
export function getInfo(options: Question & { readonly feature?: number; readonly format?: undefined }): Promise<readonly Candidate[]>;
export function getInfo(options: Question & { readonly format: 'data' }): Promise<InfoData>;
export function getInfo(options: Question & { readonly format: FormatInput }): Promise<string>;
export function getInfo(options: InfoOptions): Promise<readonly Candidate[] | InfoData | string> {
  const reader = () => fieldsOf(options, 'the options of getInfo', ['vendorCode', 'scope', 'lm', 'feature', 'format']);
  return given<ReturnType<typeof reader>, readonly Candidate[] | InfoData | string>(reader, (fields) => {
    const { format, feature, ...rest } = fields;
    // They are read where they are used; what is of the wrong type is refused there.
    const question = rest as Question;
    return tracing<readonly Candidate[] | InfoData | string>(
      'get_info',
      () => formatAttributes(format),
      () => {
        if (format === undefined)
          return licensing().find({ ...question, ...(feature === undefined ? {} : { feature: feature as number }) });
        const withFormat = { ...question, ...(feature === undefined ? {} : { feature }) };
        return format === 'data'
          ? licensing().information(withFormat)
          : licensing().information({ ...withFormat, format: format as FormatInput });
      },
    );
  });
}

/**
 * The state (C2V) of a first SL UserMode key of this vendor for the user of this application, for its vendor to license; the same key until it is
 * licensed. No Admin LM and no administrator is needed. What the vendor sends for it is applied with `update`.
 * @throws LicensingError: REQ_NOT_SUPP 16, INV_VCODE 22, LOCAL_COMM_ERR 33, OLD_LM 42
 */
export const requestKey = async (request: KeyRequest): Promise<string> =>
  tracing('request_key', none, () => licensing().requestKey(request));

/**
 * The versions of this package and of the license managers that calls for this vendor go to.
 * @throws LicensingError: INV_VCODE 22, LOCAL_COMM_ERR 33 where none answers
 */
export const getVersion = async (options: VersionOptions): Promise<Versions> =>
  tracing('get_version', none, () => licensing().version(options));

/** Applies a license document (V2C, V2CP, H2R, R2H, H2H) to keys of this computer. */
export const update = (options: { readonly data: string }): Promise<Updated> =>
  given(
    () => fieldsOf(options, 'the options of update', ['data']),
    ({ data }) => tracing('update', none, () => licensing().update(data as string)),
  );

/**
 * Detaches a license to another computer for a time, extends that, gives a detached license back, or moves a whole key. The text of a file
 * (H2R, R2H or H2H) that the other computer applies with `update`. The license manager has to allow it to applications (detach.enabled).
 * @throws LicensingError: ACCESS_DENIED 5, TOO_MANY_KEYS 37, TOO_MANY_USERS 38, SCOPE_RESULTS_EMPTY 50, INV_RECIPIENT 58, INV_ACTION 59,
 * TOO_MANY_PRODUCTS 60, INV_DURATION 63, NO_DETACHABLE_FEATURE 67, REHOST_NOT_ALLOWED 69, DETACHED_LICENSE_FOUND 76 and others
 */
export const transfer = async (options: TransferOptions): Promise<string> =>
  tracing(
    'transfer',
    () => actionAttributes(options.action),
    () => licensing().transfer(options),
  );

/**
 * The ID of this computer, for another one to detach a license or move a key to it: the text of a file that its `transfer` takes as `recipient`. Each ID is good
 * for one license. With a scope, that of the key with a detached license which is to have it longer. The Admin LM of this computer makes it.
 * @throws LicensingError: REQ_NOT_SUPP 16, LOCAL_COMM_ERR 33, TOO_MANY_KEYS 37, OLD_LM 42, SCOPE_RESULTS_EMPTY 50 and others
 */
export const recipient = async (options: RecipientOptions = {}): Promise<string> =>
  tracing('recipient', none, () => licensing().recipient(options));
