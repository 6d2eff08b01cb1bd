import { LicensingError, Status } from '@keyhaven/core/errors';
import { patternFault } from '@keyhaven/core/log';
import type { SettingNote } from './ini-settings.ts';

// A wrong pattern of the access log (field-facts 2.9). In a file it is told and lines are written all the same, for files of the field may have values
// that nobody knows here; whoever sets one is refused.

export const patternNotes = (pattern: unknown, line: number | undefined, name: string): readonly SettingNote[] => {
  const fault = typeof pattern === 'string' && line !== undefined ? patternFault(pattern) : undefined;
  return fault === undefined || line === undefined ? [] : [{ line, level: 'warn', text: `${name}: ${fault}` }];
};

/** Where a TOML file says the pattern; the first line where that is not found. */
export const patternLineIn = (toml: string): number => {
  const at = toml.search(/^[ \t]*(?:log[ \t]*\.[ \t]*)?["']?pattern["']?[ \t]*=/m);
  return toml.slice(0, Math.max(0, at)).split('\n').length;
};

/** @throws LicensingError INVALID_PARAMETER (501) */
export const checkPattern = (pattern: unknown): void => {
  const fault = typeof pattern === 'string' ? patternFault(pattern) : undefined;
  if (fault === undefined) return;
  throw new LicensingError(Status.INVALID_PARAMETER, { detail: `log.pattern: ${fault}.`, remedy: 'Write the pattern with these values.' });
};
