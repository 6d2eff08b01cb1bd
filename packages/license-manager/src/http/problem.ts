import { LicensingError, Status, type StatusCode } from '@keyhaven/core/errors';

// A refusal as the admin API tells it: problem details (RFC 9457) with the status catalogue in them. `status` is that of HTTP and `code` that of the
// catalogue.

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';

export type Problem = {
  readonly type: string;
  readonly title: string;
  /** Of HTTP. */
  readonly status: number;
  readonly detail: string;
  /** Of the catalogue, docs/errors.md. */
  readonly code: StatusCode;
  readonly name: string;
  readonly message: string;
  readonly remedy: string;
};

const byMeaning: readonly (readonly [http: number, statuses: readonly StatusCode[]])[] = [
  [403, [Status.ACCESS_DENIED, Status.USER_DENIED, Status.MACHINE_DENIED, Status.IDENTITY_DENIED, Status.DETACH_DISABLED]],
  [403, [Status.REHOST_DISABLED, Status.NETWORK_DETACH_DISABLED]],
  [404, [Status.KEY_NOT_FOUND, Status.KEYID_NOT_FOUND, Status.INV_HND, Status.FEATURE_NOT_FOUND, Status.SCOPE_RESULTS_EMPTY]],
  [404, [Status.INV_PRODUCT]],
  [409, [Status.UPDATE_TOO_OLD, Status.UPDATE_TOO_NEW, Status.UPDATE_ALREADY_ADDED, Status.UPDATE_OUT_OF_SYNC, Status.UPDATE_BLOCKED]],
  [409, [Status.REHOST_ALREADY_APPLIED, Status.LICENSE_REHOSTED, Status.DETACHED_LICENSE_FOUND, Status.TOO_MANY_USERS]],
  [409, [Status.KEY_DISABLED, Status.CLONE_DETECTED, Status.HARDWARE_MODIFIED]],
  [422, [Status.INV_UPDATE_DATA, Status.INV_UPDATE_OBJ, Status.INV_FORMAT, Status.INV_SIG, Status.INV_UPDATE_NOTSUPP]],
  [422, [Status.INV_RECIPIENT, Status.UNKNOWN_RECIPIENT, Status.INV_DURATION, Status.INV_VCODE, Status.UNKNOWN_VCODE]],
  [429, [Status.TMOF, Status.IDENTITY_RATE_LIMIT_EXCEEDED]],
  [500, [Status.INT_ERR]],
  [503, [Status.DEVICE_ERR, Status.SYS_ERR, Status.STORAGE_CORRUPT]],
];
const httpStatuses: ReadonlyMap<StatusCode, number> = new Map(
  byMeaning.flatMap(([http, statuses]) => statuses.map((status) => [status, http] as const)),
);

/** What a status is in HTTP; 400 for what the request itself is wrong in. */
export const httpStatusOf = (status: StatusCode): number => httpStatuses.get(status) ?? 400;

export const problemOf = (error: LicensingError, http = httpStatusOf(error.status)): Problem => {
  const { status: code, name, message, remedy, detail = message } = error;
  return { type: `urn:keyhaven:status:${code}`, title: name, status: http, detail, code, name, message, remedy };
};

/** A refusal whose status in HTTP says more than the catalogue does: 401, 413, 415. */
export class HttpRefusal extends LicensingError {
  readonly http: number;
  readonly headers: Readonly<Record<string, string>>;
  constructor(
    http: number,
    status: StatusCode,
    options: { readonly detail: string; readonly remedy: string; readonly headers?: Readonly<Record<string, string>> },
  ) {
    super(status, options);
    this.http = http;
    this.headers = options.headers ?? {};
  }
}
