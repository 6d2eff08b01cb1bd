import { HOUR, SECOND } from '@keyhaven/core/time';
import { whole } from './arguments.ts';

// How long one call of the API may take (A6).

const CALL_TIMEOUT_MS = 10 * SECOND;
/** Under a second a busy computer is not silent, only slow. */
const MIN_CALL_TIMEOUT_MS = SECOND;
const MAX_CALL_TIMEOUT_MS = HOUR;

/** @throws LicensingError INVALID_PARAMETER (501) */
export const callTimeout = (value: unknown = CALL_TIMEOUT_MS): number =>
  whole(value, 'callTimeoutMs', MIN_CALL_TIMEOUT_MS, MAX_CALL_TIMEOUT_MS);
