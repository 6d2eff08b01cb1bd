import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { type Clock, SECOND } from '@keyhaven/core/time';
import { systemClock } from '../machine/index.ts';
import { type Configuration, parseConfiguration, readConfigurationFile } from './load.ts';

// Follows a file of settings while the license manager runs. A file with a fault changes nothing: the settings that hold go on to hold, and
// the faults are told. The folder is watched, not the file, since editors write a new one in its place.

export type WatchOptions = {
  readonly file: string;
  readonly overrides: Readonly<Record<string, unknown>>;
  readonly clock?: Clock;
  /** The file says something new. */
  readonly onConfiguration: (configuration: Configuration) => void;
  /** It says something that is not valid, or cannot be read any more; once for each text. */
  readonly onFault: (error: unknown) => void;
};

export type ConfigurationWatch = { close(): void };

/** An editor may write in several steps. */
const QUIET_MS = 250;
/** Some file systems tell nothing, those of networks above all; so the file is looked at without being told, too. */
const LOOK_MS = 10 * SECOND;

export const watchConfiguration = (options: WatchOptions): ConfigurationWatch => {
  const { file, clock = systemClock } = options;
  let seen: Buffer | string | undefined;
  let looking: Promise<void> = Promise.resolve();
  let closed = false;
  let cancelQuiet = (): void => undefined;
  let cancelLook = (): void => undefined;
  let watcher: FSWatcher | undefined;

  const look = async (first: boolean): Promise<void> => {
    let bytes: Buffer;
    try {
      bytes = await readConfigurationFile(file);
    } catch (error) {
      const said = String(error);
      if (!closed && !first && seen !== said) options.onFault(error);
      seen = said;
      return;
    }
    if (closed || (seen instanceof Buffer && bytes.equals(seen))) return;
    seen = bytes;
    if (first) return;
    try {
      options.onConfiguration(parseConfiguration(file, bytes, options.overrides));
    } catch (error) {
      options.onFault(error);
    }
  };
  const again = (first = false): void => {
    looking = looking.then(() => (closed ? undefined : look(first)));
  };
  const soon = (): void => {
    if (closed) return;
    cancelQuiet();
    cancelQuiet = clock.after(QUIET_MS, () => again());
  };
  const patiently = (): void => {
    cancelLook = clock.after(LOOK_MS, () => {
      again();
      if (!closed) patiently();
    });
  };

  again(true);
  patiently();
  try {
    watcher = watch(dirname(file), { persistent: false }, (_, name) => {
      if (name === null || name === basename(file)) soon();
    });
    watcher.on('error', () => watcher?.close());
  } catch {
    // It is looked at every ten seconds.
  }

  return {
    close() {
      closed = true;
      cancelQuiet();
      cancelLook();
      watcher?.close();
    },
  };
};
