import { uploadPage } from '@keyhaven/core/compat';
import type { LicensingError } from '@keyhaven/core/errors';
import { PROBLEM_TYPE, type Problem, problemOf } from './problem.ts';

// What a refusal looks like is decided by its path, whoever refuses: the parser, the shape of the request, the gate, the router or the route. Programs that
// know a path read every answer there in one form (C6).

export type Refused = { readonly type: string; readonly body: string };

const REST = /^\/sentinel\/ldk_runtime(?:\/|$)/;
const UPLOAD = /^(?:\/_int_)?\/checkin_file\.html\/?$/;

/** The path of a target, decoded where it can be. */
export const pathOf = (target: string): string => {
  const [path = ''] = target.split('?', 1);
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
};

/** Problem details as clients of the REST licensing API read them: with `errorCode` and `message`. */
export const restProblemOf = (error: LicensingError, http: number): Problem & { readonly errorCode: number } => ({
  errorCode: error.status,
  ...problemOf(error, http),
});
/** @param http the status of HTTP. @param more fields of the problem */
export const refusedAt = (target: string, error: LicensingError, http: number, more: object = {}): Refused => {
  const path = pathOf(target);
  if (UPLOAD.test(path))
    return { type: 'text/html; charset=utf-8', body: uploadPage(error.status, `${error.detail ?? error.message} ${error.remedy}`) };
  const problem = REST.test(path) ? restProblemOf(error, http) : problemOf(error, http);
  return { type: PROBLEM_TYPE, body: JSON.stringify({ ...problem, ...more }) };
};
