import { dirname } from 'node:path';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { holderOf } from './shared-holder.ts';
import { diskError, refusalError } from './sqlite-errors.ts';
import { BUSY, codeOf, refusalOf } from './sqlite-schema.ts';

// What a shared ledger says when its file is held, refused or not what it should be.

const PERMISSION = 3;
const READ_ONLY = 8;
const CANNOT_OPEN = 14;
/** SQLite's name for losing a race for its own locks again and again. */
const PROTOCOL = 15;

/** True for what another try may bring. */
export const isBusy = (error: unknown): boolean => codeOf(error) === BUSY || codeOf(error) === PROTOCOL;

/** `patience` in milliseconds. */
export function heldError(file: string, patience: number, cause: unknown): LicensingError {
  const holder = holderOf(file) ?? 'another process';
  return new LicensingError(Status.DEVICE_ERR, {
    detail: `The ledger ${file} has been held for ${patience / 1_000} s by ${holder}`,
    remedy: `End ${holder}, or let it go on if it was stopped (a debugger, SIGSTOP); its unfinished change is taken back and all others stay.`,
    cause,
  });
}

export function storeError(file: string, error: unknown): LicensingError {
  if (error instanceof LicensingError) return error;
  switch (codeOf(error)) {
    case PERMISSION:
    case READ_ONLY:
    case CANNOT_OPEN: {
      const directory = dirname(file);
      return new LicensingError(Status.DEVICE_ERR, {
        detail: `The ledger ${file} cannot be written by this user: ${error instanceof Error ? error.message : String(error)}`,
        remedy: `See that ${directory} and all files in it belong to this user, and that its disk is not mounted read-only.`,
        cause: error,
      });
    }
    default: {
      const refusal = refusalOf(error);
      return refusal.reason === 'device' ? diskError(file, refusal.detail, error) : refusalError(file, refusal);
    }
  }
}
