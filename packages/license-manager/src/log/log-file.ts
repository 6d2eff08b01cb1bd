import { constants, createReadStream, createWriteStream } from 'node:fs';
import { chmod, type FileHandle, lstat, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { type LogAct, type LogFile, type LogRules, logActs, PART } from '@keyhaven/core/log';
import { type Clock, MINUTE, SECOND, type Wall, wall } from '@keyhaven/core/time';

// One log on disk: lines are taken at once and written soon, files are rotated, compressed and deleted by the rules of core/log. Whatever the disk
// refuses costs lines and nothing else: no caller waits, none is refused (C5). How many lines were lost is written when the disk works again.

/** BOUNDED: bytes of lines that are not written yet. */
const MOST_WAITING = 1024 * 1024;
const WRITE_MS = SECOND / 4;
const UPKEEP_MS = MINUTE;
/** How often a log that the disk refuses is told. */
const TELL_MS = 10 * MINUTE;

export type LogWriter = {
  /** With its end of line. */
  write(line: string): void;
  /** Lines that the disk refused and that no notice in the log tells of yet. */
  lost(): number;
  /** Resolves when all lines are written, or lost. */
  flush(): Promise<void>;
  close(): Promise<void>;
};

export type LogFileOptions = {
  readonly directory: string;
  /** `access` or `error`. */
  readonly log: string;
  readonly clock: Clock;
  readonly rules: () => LogRules;
  /** Told seldom; never of a single line. */
  readonly onProblem: (problem: string, error: unknown) => void;
};

const FLAGS = constants.O_APPEND | constants.O_CREAT | constants.O_WRONLY | (constants.O_NOFOLLOW ?? 0);

export const openLogFile = ({ directory, log, clock, rules, onProblem }: LogFileOptions): LogWriter => {
  const path = join(directory, `${log}.log`);
  let waiting: string[] = []; // BOUNDED by MOST_WAITING
  let bytes = 0;
  let lost = 0;
  let handle: FileHandle | undefined;
  /** When the file that is written was begun, and how long it is; undefined until it was looked at. */
  let begun: Wall | undefined;
  let size = 0;
  let told = Number.NEGATIVE_INFINITY;
  let upkept: number | undefined;
  let work: Promise<void> = Promise.resolve();
  let cancel: (() => void) | undefined;
  let isClosed = false;

  const tell = (error: unknown): void => {
    if (clock.mono() - told < TELL_MS) return;
    told = clock.mono();
    onProblem(`lines of the ${log} log are lost`, error);
  };

  const release = async (): Promise<void> => {
    const open = handle;
    handle = undefined;
    await open?.close().catch(() => undefined);
  };

  const opened = async (): Promise<FileHandle> => {
    if (handle !== undefined) return handle;
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const made = await open(path, FLAGS, 0o600);
    handle = made;
    const { size: found, mtimeMs, mode } = await made.stat();
    if ((mode & 0o077) !== 0) await chmod(path, 0o600).catch(() => undefined);
    size = found;
    begun = wall(found === 0 ? clock.wall() : (begun ?? mtimeMs));
    return made;
  };

  const listing = async (): Promise<LogFile[]> => {
    const names = (await readdir(directory)).filter((name) => name.startsWith(log));
    const files = await Promise.all(
      names.map(async (name) => {
        // A symbolic link is no file of this log (S11).
        const found = await lstat(join(directory, name)).catch(() => undefined);
        return found?.isFile() === true ? [{ name, bytes: found.size, modified: wall(found.mtimeMs) }] : [];
      }),
    );
    return files.flat();
  };

  const act = async (act: LogAct): Promise<void> => {
    const from = join(directory, act.name);
    switch (act.kind) {
      case 'rotate':
        await release();
        await rename(from, join(directory, act.to));
        begun = undefined;
        return;
      case 'compress': {
        const part = join(directory, `${act.to}${PART}`);
        await pipeline(createReadStream(from), createGzip(), createWriteStream(part, { mode: 0o600, flags: 'wx' }));
        await rename(part, join(directory, act.to));
        await rm(from);
        return;
      }
      case 'delete':
        await rm(from, { force: true });
        return;
    }
  };

  /** Each by itself: what one file refuses keeps no other one from its turn. */
  const upkeep = async (): Promise<void> => {
    upkept = clock.mono();
    try {
      for (const each of logActs(log, await listing(), clock.wall(), rules(), begun)) await act(each).catch(tell);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) tell(error);
    }
  };

  const isDue = (): boolean => {
    const { daily, maxBytes } = rules();
    const day = (at: Wall): string => new Date(at).toISOString().slice(0, 10);
    const isOld = daily && begun !== undefined && day(begun) < day(clock.wall());
    return upkept === undefined || clock.mono() - upkept >= UPKEEP_MS || isOld || (maxBytes > 0 && size >= maxBytes);
  };

  const write = async (): Promise<void> => {
    if (isDue()) await upkeep();
    const lines = waiting;
    const before = lost;
    waiting = [];
    bytes = 0;
    if (lines.length === 0) return;
    const notice = before === 0 ? '' : `${new Date(clock.wall()).toISOString()} ${before} lines were lost\n`;
    const text = Buffer.from(notice + lines.join(''));
    try {
      const file = await opened();
      const { bytesWritten } = await file.write(text);
      size += bytesWritten;
      if (bytesWritten < text.length) throw new Error('no space left on the disk');
      lost -= before;
    } catch (error) {
      lost += lines.length;
      await release();
      tell(error);
    }
  };

  const next = (): Promise<void> => {
    work = work.then(write);
    return work;
  };
  const schedule = (milliseconds: number): void => {
    cancel = clock.after(milliseconds, () => {
      cancel = undefined;
      void next().then(() => {
        if (!isClosed && cancel === undefined) schedule(waiting.length > 0 ? WRITE_MS : UPKEEP_MS);
      });
    });
  };
  schedule(UPKEEP_MS);

  return {
    write(line) {
      if (isClosed || bytes + line.length > MOST_WAITING) {
        lost += 1;
        return;
      }
      if (waiting.length === 0) {
        cancel?.();
        schedule(WRITE_MS);
      }
      waiting.push(line);
      bytes += line.length;
    },
    lost: () => lost,
    flush: next,
    async close() {
      isClosed = true;
      cancel?.();
      await next();
      await release();
    },
  };
};
