import { realpathSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

// "Beside the application": the directory of its main script, or of its executable where it is one file.

/** @param main what was started, absent where nothing was named; a directory is one with an index file in it. Never throws. */
export const applicationDirectory = (main: string | undefined, executable: string): string => {
  const named = resolve(main ?? executable);
  try {
    const real = realpathSync(named);
    return statSync(real).isDirectory() ? real : dirname(real);
  } catch {
    return dirname(named);
  }
};
