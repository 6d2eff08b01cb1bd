import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { openSqliteLedger } from '@keyhaven/ledger';
import { createAuditWriter } from '../acts/index.ts';
import { openBinding, systemClock, systemEntropy } from '../machine/index.ts';
import { openAdministration } from './administration.ts';
import { MAX_PASSWORD, MIN_PASSWORD } from './password.ts';

// A forgotten password (S7): whoever owns the files of a license manager can do all that its password could keep from him, so he is asked for
// nothing else. No request over a socket comes here.

const refused = (detail: string, remedy: string): LicensingError => new LicensingError(Status.ACCESS_DENIED, { detail, remedy });

/** A file that root leaves behind would be one that the license manager cannot open at its next start. */
const ownerOf = async (path: string): Promise<number | undefined> => {
  try {
    const found = await lstat(path);
    if (found.isSymbolicLink()) throw refused(`${path} is a symbolic link.`, 'Name the state directory itself.');
    return found.uid;
  } catch (error) {
    if (error instanceof LicensingError) throw error;
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new LicensingError(Status.CANNOT_READ_FILE, {
      detail: `${path} cannot be looked at.`,
      remedy: 'Run this as the user of the license manager.',
      cause: error,
    });
  }
};

const stillRuns = (cause: unknown): unknown =>
  cause instanceof LicensingError && cause.status === Status.SHARING_VIOLATION
    ? new LicensingError(Status.SHARING_VIOLATION, {
        detail: 'The license manager of this directory is running.',
        remedy: 'Stop it, reset the password, and start it again.',
        cause,
      })
    : cause;

/**
 * Takes the password away, or sets `next`, with an audit record; the license manager of this directory does not run meanwhile.
 * @param user the numeric id of whoever asks; undefined = the system has none, and its own rights on the files decide
 * @returns whether there was one
 * @throws LicensingError INVALID_PARAMETER (501) for a new one of another length, ACCESS_DENIED (5) where the files are another user's, CANNOT_READ_FILE (72) where there is no license manager,
 * SHARING_VIOLATION (25) while it runs, and as the ledger and its binding do: where it is of another computer (52) or damaged (47)
 */
export const resetPassword = async (
  directory: string,
  user: number | undefined,
  next: string | undefined,
  marks?: readonly string[],
): Promise<{ readonly wasSet: boolean }> => {
  if (next !== undefined && (next.length < MIN_PASSWORD || next.length > MAX_PASSWORD))
    throw new LicensingError(Status.INVALID_PARAMETER, {
      detail: `The new password has ${next.length} characters.`,
      remedy: `Choose one of ${MIN_PASSWORD} to ${MAX_PASSWORD}.`,
    });
  for (const path of [directory, join(directory, 'identity'), join(directory, 'ledger.db')]) {
    const owner = await ownerOf(path);
    if (owner === undefined)
      throw new LicensingError(Status.CANNOT_READ_FILE, {
        detail: `${directory} is no state directory of a license manager: it has no ${path.slice(directory.length + 1) || 'such place'}.`,
        remedy: 'Name the directory that the license manager was started with: keyhaven password reset --state DIR',
      });
    if (user !== undefined && owner !== user)
      throw refused(
        `${path} belongs to user ${owner}, and this is user ${user}.`,
        `Run this as the user of the license manager, for example with: sudo -u '#${owner}' keyhaven password reset`,
      );
  }
  const { seal } = await openBinding(directory, systemEntropy, marks);
  const ledger = await openSqliteLedger({
    directory,
    now: () => systemClock.wall(),
    authenticationKey: seal.key('ledger'),
  }).catch((cause: unknown) => {
    throw stillRuns(cause);
  });
  try {
    const administration = await openAdministration({
      ledger,
      audit: createAuditWriter({ ledger, clock: systemClock, onEvent: () => undefined }),
      clock: systemClock,
      entropy: systemEntropy,
    });
    const { passwordSet: wasSet } = administration;
    if (wasSet || next !== undefined) await administration.setPassword(next, 'keyhaven password reset');
    return { wasSet };
  } finally {
    await ledger.close();
  }
};
