import { LicensingError, Status } from '@keyhaven/core/errors';
import type { Refusal } from './sqlite-protocol.ts';

// What the SQLite adapters say when a file does not open, the disk refuses, or a scope does not authenticate.

export const diskError = (file: string, detail: string, cause?: unknown): LicensingError =>
  new LicensingError(Status.DEVICE_ERR, {
    detail: `The ledger ${file} could not be written or read: ${detail}`,
    remedy: 'See that the disk has free space and works; what was refused can then be tried again.',
    cause,
  });

export const damagedError = (file: string, scope: string, reason: string): LicensingError =>
  new LicensingError(Status.STORAGE_CORRUPT, {
    detail: `The state of ${scope} in ${file} was changed by something else: ${reason}`,
    remedy: `Put ${file} back from a backup, or have the license of ${scope} issued again.`,
  });

export function refusalError(file: string, { reason, detail }: Refusal): LicensingError {
  switch (reason) {
    case 'shared':
      return new LicensingError(Status.SHARING_VIOLATION, {
        detail: `The ledger ${file} is in use by another license manager`,
        remedy: 'Stop the other license manager, or give this one a state directory of its own.',
      });
    case 'kind':
      return new LicensingError(Status.SHARING_VIOLATION, {
        detail: `The ledger ${file} belongs to a license manager of another kind: ${detail}`,
        remedy: `Give this license manager a state directory of its own. ${file} was not changed.`,
      });
    case 'newer':
      return new LicensingError(Status.STORAGE_CORRUPT, {
        detail: `The ledger ${file} was written by a newer version: ${detail}`,
        remedy: `Use that version again. ${file} was not changed.`,
      });
    case 'foreign':
    case 'corrupt':
      return new LicensingError(Status.STORAGE_CORRUPT, {
        detail: `${file} is not a sound ledger: ${detail}`,
        remedy: `Put ${file} back from a backup, or move it away to begin anew. It was not changed.`,
      });
    case 'device':
      return diskError(file, detail);
  }
}
