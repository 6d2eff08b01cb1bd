import { type FSWatcher, watch } from 'node:fs';
import { constants, link, lstat, mkdir, open, readdir, rename, unlink } from 'node:fs/promises';
import { join, parse } from 'node:path';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { type Clock, MINUTE, SECOND } from '@keyhaven/core/time';

// A folder in which license files are put to be applied (K4). A file is applied as soon as it is whole and moved to `<vendor>/` beside an
// acknowledgement, or to `invalid/` beside a .txt that says why. What cannot be decided now (a full disk) stays and is tried again.
//
// Promised: a file is moved after it is applied and durable, so that a crash in between applies it a second time, which changes nothing (65)
// and counts as done. Links, folders and hidden files are left alone. Nothing of a file's name reaches a path but its last part.

/** BOUNDED: bytes of a file, as of the text of any document. */
const MAX_FILE = 12 * 1024 * 1024;
/** BOUNDED: files looked at in one go; the others come after. */
const MAX_FILES = 1_000;
/** A file that is not whole yet is waited for so long since its last change. */
const COPYING_MS = 10 * SECOND;
const LOOK_AGAIN_MS = SECOND;
/** Watching tells at once, but not on every file system. */
const SCAN_MS = MINUTE;
/** What the file says is decided elsewhere; these say nothing of the file. */
const notOfTheFile: ReadonlySet<number> = new Set([Status.DEVICE_ERR, Status.INT_ERR, Status.SYS_ERR, Status.INSUF_MEM]);

export type DroppedFile =
  | { readonly file: string; readonly result: 'applied'; readonly key: string; readonly counter: number; readonly to: string }
  | { readonly file: string; readonly result: 'applied before'; readonly to: string }
  | { readonly file: string; readonly result: 'refused'; readonly status: number; readonly cause: string; readonly to: string };

export type DropFolderOptions = {
  readonly directory: string;
  readonly clock: Pick<Clock, 'after' | 'wall'>;
  readonly apply: (text: string) => Promise<{ readonly key: string; readonly updateCounter: number; readonly ack?: string }>;
  /** The vendor of a key here. */
  readonly vendorOf: (key: string) => number | undefined;
  /** The vendor that a file names, where its signature holds. */
  readonly vendorIn: (text: string) => number | undefined;
  /** Resolves when it is on record. */
  readonly onFile: (file: DroppedFile) => Promise<void>;
  readonly onProblem: (problem: string, error: unknown) => void;
};
export type DropFolder = {
  /** Looks now; resolves when all that is there is decided. */
  scan(): Promise<void>;
  close(): Promise<void>;
};

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '');

type Content = { readonly text: string } | { readonly fault: LicensingError } | 'not whole' | undefined;

/** Reads through a link to nowhere else, and no more than a license file has. */
const contentOf = async (path: string, now: number): Promise<Content> => {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    if (!(await lstat(path)).isFile()) return undefined;
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    return codeOf(error) === 'ENOENT' || codeOf(error) === 'ELOOP' ? undefined : 'not whole';
  }
  try {
    const { size, mtimeMs } = await file.stat();
    if (size > MAX_FILE)
      return { fault: new LicensingError(Status.INV_FORMAT, { detail: 'The file is larger than a license file can be.' }) };
    const text = (await file.readFile()).toString('latin1');
    // Whoever copies slowly writes the last line last.
    const whole = /-----END KEYHAVEN [A-Za-z0-9]+-----\s*$/.test(text);
    return whole || Math.abs(now - mtimeMs) > COPYING_MS ? { text } : 'not whole';
  } finally {
    await file.close();
  }
};

/** Moves without taking the place of a file that is there; its new path. */
const moveInto = async (path: string, folder: string, name: string): Promise<string> => {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const { name: stem, ext } = parse(name);
  for (let copy = 0; ; copy += 1) {
    const to = join(folder, copy === 0 ? name : `${stem}.${copy}${ext}`);
    try {
      await link(path, to);
    } catch (error) {
      if (codeOf(error) === 'EEXIST' && copy < 100_000) continue;
      if (codeOf(error) === 'ENOENT') throw error;
      // A file system without hard links.
      await rename(path, to);
      return to;
    }
    await unlink(path);
    return to;
  }
};

const writeNew = async (path: string, text: string): Promise<void> => {
  const file = await open(path, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
};

/** @throws LicensingError SYS_ERR (13) where the folder cannot be made. */
export const openDropFolder = async (options: DropFolderOptions): Promise<DropFolder> => {
  const { directory, clock, onProblem } = options;
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new LicensingError(Status.SYS_ERR, {
      detail: `The folder ${directory} for license files cannot be made.`,
      remedy: 'Set updates.folder to a folder that the license manager may write.',
      cause,
    });
  }
  let closed = false;
  let scanning: Promise<void> | undefined;
  let again = false;
  let cancel = (): void => undefined;

  const invalid = async (path: string, name: string, error: LicensingError): Promise<void> => {
    const to = await moveInto(path, join(directory, 'invalid'), name);
    await writeNew(
      `${to}.txt`,
      `${name} was not applied.\nError ${error.status} ${error.name}: ${error.message}\nRemedy: ${error.remedy}\n`,
    );
    await options.onFile({ file: name, result: 'refused', status: error.status, cause: error.detail ?? error.message, to });
  };

  /** True where it has to be looked at again soon. */
  const take = async (name: string): Promise<boolean> => {
    const path = join(directory, name);
    const content = await contentOf(path, clock.wall());
    if (content === undefined) return false;
    if (content === 'not whole') return true;
    if ('fault' in content) {
      await invalid(path, name, content.fault);
      return false;
    }
    const folderOf = (vendor: number | undefined): string => join(directory, vendor === undefined ? 'other' : String(vendor));
    try {
      const { key, updateCounter, ack } = await options.apply(content.text);
      const to = await moveInto(path, folderOf(options.vendorOf(key) ?? options.vendorIn(content.text)), name);
      if (ack !== undefined) await writeNew(`${to}.ack.c2v`, ack);
      await options.onFile({ file: name, result: 'applied', key, counter: updateCounter, to });
    } catch (error) {
      const known = error instanceof LicensingError ? error : undefined;
      if (known === undefined || notOfTheFile.has(known.status)) {
        onProblem('a license file cannot be applied now', error);
        return true;
      }
      if (known.status === Status.UPDATE_ALREADY_ADDED) {
        const to = await moveInto(path, folderOf(options.vendorIn(content.text)), name);
        await options.onFile({ file: name, result: 'applied before', to });
      } else await invalid(path, name, known);
    }
    return false;
  };

  const look = async (): Promise<void> => {
    cancel();
    let soon = false;
    do {
      again = false;
      let names: string[] = [];
      try {
        names = (await readdir(directory, { withFileTypes: true }))
          .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
          .map((entry) => entry.name)
          .toSorted();
      } catch (error) {
        onProblem('the folder for license files cannot be read', error);
      }
      soon = names.length > MAX_FILES;
      for (const name of names.slice(0, MAX_FILES)) {
        if (closed) return;
        try {
          soon = (await take(name)) || soon;
        } catch (error) {
          onProblem('a license file cannot be moved', error);
        }
      }
    } while (again && !closed);
    if (!closed) cancel = clock.after(soon ? LOOK_AGAIN_MS : SCAN_MS, () => void scan());
  };
  const scan = (): Promise<void> => {
    if (scanning !== undefined) again = true;
    scanning ??= look().finally(() => {
      scanning = undefined;
    });
    return scanning;
  };

  let watcher: FSWatcher | undefined;
  try {
    watcher = watch(directory, { persistent: false }, () => void scan());
    watcher.on('error', (error) => onProblem('the folder for license files is looked at only now and then', error));
  } catch (error) {
    onProblem('the folder for license files is looked at only now and then', error);
  }
  scan().catch((error: unknown) => onProblem('the folder for license files cannot be read', error));

  return {
    scan,
    async close() {
      closed = true;
      cancel();
      watcher?.close();
      await scanning?.catch(() => undefined);
    },
  };
};
