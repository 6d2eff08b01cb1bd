import { constants } from 'node:fs';
import { lstat, open, readdir, rm, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, DAY, HOUR, MINUTE } from '@keyhaven/core/time';
import { writeFileAtomically } from './files.ts';

// Files of the state directory that are not its state: what a crash left behind in the middle of a write, and the number of the process.

/** What `writeFileAtomically`, `createFileAtomically` and changes of the settings write before they rename: nothing else is ever deleted. */
const LEFT = [
  { folder: '', name: /^\.(?:identity(?:\.next|\.[0-9a-f]{16})?|keyhaven\.pid)\.new$/ },
  { folder: 'config', name: /^\.keyhaven\.ini\.new$/ },
] as const;

/** Deletes what was left so many days ago, by its names. A file that cannot be deleted stays. */
export const deleteLeftFiles = async (directory: string, days: number, now: number): Promise<readonly string[]> => {
  const deleted: string[] = [];
  if (days <= 0) return deleted;
  for (const { folder, name } of LEFT) {
    const within = join(directory, folder);
    // A link to a folder is somebody else's.
    const isOwn = await lstat(within)
      .then((found) => found.isDirectory())
      .catch(() => false);
    const names = isOwn ? await readdir(within).catch(() => []) : [];
    for (const each of names.filter((one) => name.test(one))) {
      const found = await lstat(join(within, each)).catch(() => undefined);
      if (found?.isFile() !== true || found.mtimeMs > now - days * DAY) continue;
      if (
        await unlink(join(within, each)).then(
          () => true,
          () => false,
        )
      )
        deleted.push(join(folder, each));
    }
  }
  return deleted;
};

/** Does so soon after the start and every hour, for as many days as the setting then says. */
export const sweepLeftFiles = (options: {
  readonly directory: string;
  readonly clock: Clock;
  readonly days: () => number;
  readonly onDeleted: (file: string) => void;
}): { close(): void } => {
  const { directory, clock, days, onDeleted } = options;
  let cancel = (): void => undefined;
  let closed = false;
  const sweep = (): void => {
    if (closed) return;
    deleteLeftFiles(directory, days(), clock.wall()).then(
      (files) => {
        for (const file of files) onDeleted(file);
      },
      () => undefined,
    );
    cancel = clock.after(HOUR, sweep);
  };
  cancel = clock.after(MINUTE, sweep);
  return {
    close() {
      closed = true;
      cancel();
    },
  };
};

const PID_FILE = 'keyhaven.pid';

/** "Write PID file"; removed by `close`, where it is still of this process. Rejects where it cannot be written. */
export const writePidFile = async (directory: string, pid: number): Promise<{ close(): Promise<void> }> => {
  await writeFileAtomically(directory, PID_FILE, `${pid}\n`);
  const path = join(directory, PID_FILE);
  const isOwn = async (): Promise<boolean> => {
    await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    return (await file.readFile('latin1')).trim() === String(pid);
  };
  return {
    async close() {
      if (await isOwn().catch(() => false)) await rm(path, { force: true }).catch(() => undefined);
    },
  };
};
