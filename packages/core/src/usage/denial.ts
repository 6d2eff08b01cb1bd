import { Status, type StatusCode } from '../errors/index.ts';

// What a denial is (C2): a login that was refused, once, where it ended. The access log, the list of denials, the history of use, the metrics and
// the Control Center count these and no others, so that they agree on one number.

type Entry = { readonly kind: string; readonly detail: Readonly<Record<string, unknown>> };

/** Refusals of other things have no feature: computers that rules turn away, identities, administrators, detaching. */
export const isDenial = ({ kind, detail }: Entry): boolean => kind === 'refused' && typeof detail['feature'] === 'number';

/** The pool of denials for which no key was found: of no key, product and feature. */
export const NO_POOL = { key: '-', product: 0, feature: 0 } as const;

/**
 * Why logins are refused. Counters begin at 0 for each of these, or the first burst of denials would be no increase to a monitoring system that has never
 * seen the series.
 */
export const denialStatuses: readonly StatusCode[] = [
  Status.ACCESS_DENIED,
  Status.KEY_NOT_FOUND,
  Status.TS_DETECTED,
  Status.FEATURE_NOT_FOUND,
  Status.UNKNOWN_VCODE,
  Status.INV_SCOPE,
  Status.TOO_MANY_USERS,
  Status.FEATURE_EXPIRED,
  Status.OLD_LM,
  Status.DEVICE_ERR,
  Status.TIME_ERR,
  Status.STORAGE_CORRUPT,
  Status.SCOPE_RESULTS_EMPTY,
  Status.VM_DETECTED,
  Status.CLONE_DETECTED,
  Status.FEATURE_INSUFFICIENT_EXECUTION_COUNT,
  Status.USER_DENIED,
  Status.IDENTITY_REQUIRED,
  Status.IDENTITY_DENIED,
  Status.DUPLICATE_HOSTNAME,
  Status.LICENSE_REHOSTED,
  Status.FEATURE_START_DATE_NOT_REACHED,
];
