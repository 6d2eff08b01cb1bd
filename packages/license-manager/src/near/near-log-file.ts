import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MINUTE, SECOND } from '@keyhaven/core/time';
import type { LogFileOptions, LogWriter } from '../log/log-file.ts';

// A log of the External and Integrated LMs of one user and vendor, which all append to the same file. Bounded: when it has a megabyte it becomes `NAME.1.log`, in
// the place of the one before. Lines are taken at once and written four times a second, several in one write, so that no call of an application waits
// for the disk. What the disk refuses costs lines and nothing else.

/** BOUNDED: bytes of a file; two of them are kept. */
export const NEAR_LOG_BYTES = 1_000_000;
/** BOUNDED: bytes of lines that are not written yet. */
const MOST_WAITING = 256 * 1024;
const WRITE_MS = SECOND / 4;
/** How often it is reported that lines are lost. */
const TELL_MS = 10 * MINUTE;
/** After it, the turn of a process that moves a file is over, by the clock of the disk. */
const TURN_MS = 10 * SECOND;

const FLAGS = constants.O_APPEND | constants.O_CREAT | constants.O_WRONLY | (constants.O_NOFOLLOW ?? 0);

export const openNearLogFile = ({ directory, log, clock, onProblem }: Omit<LogFileOptions, 'rules'>): LogWriter => {
  const path = join(directory, `${log}.log`);
  let waiting: string[] = []; // BOUNDED by MOST_WAITING
  let bytes = 0;
  let lost = 0;
  let handle: FileHandle | undefined;
  let told = Number.NEGATIVE_INFINITY;
  let work: Promise<void> = Promise.resolve();
  let cancel: (() => void) | undefined;
  let isClosed = false;

  const release = async (): Promise<void> => {
    const file = handle;
    handle = undefined;
    await file?.close().catch(() => undefined);
  };
  /** Another process may have put a new file in the place of the one that is open here. */
  const isInPlace = async (file: FileHandle): Promise<boolean> => {
    const [here, there] = await Promise.all([file.stat(), stat(path).catch(() => undefined)]);
    return there !== undefined && here.ino === there.ino && here.dev === there.dev;
  };
  const opened = async (): Promise<FileHandle> => {
    if (handle !== undefined && !(await isInPlace(handle))) await release();
    if (handle === undefined) {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      handle = await open(path, FLAGS, 0o600);
    }
    return handle;
  };
  /** One process at a time moves the file, and only the one that it has open: of two that find it full at once, the second must not move the new one, too. */
  const rotate = async (file: FileHandle): Promise<void> => {
    const turn = join(directory, `${log}.turn`);
    try {
      await (await open(turn, 'wx', 0o600)).close();
    } catch {
      const left = await stat(turn).catch(() => undefined);
      // Its process was killed in the middle.
      if (left !== undefined && Date.now() - left.mtimeMs > TURN_MS) await rm(turn, { force: true });
      return;
    }
    try {
      if (await isInPlace(file)) await rename(path, join(directory, `${log}.1.log`));
    } finally {
      await rm(turn, { force: true });
    }
  };
  const rotated = async (text: Buffer): Promise<FileHandle> => {
    const file = await opened();
    const { size } = await file.stat();
    if (size === 0 || size + text.length <= NEAR_LOG_BYTES) return file;
    await rotate(file);
    return opened();
  };
  const write = async (): Promise<void> => {
    const lines = waiting;
    const before = lost;
    waiting = [];
    bytes = 0;
    if (lines.length === 0) return;
    const notice = before === 0 ? '' : `${new Date(clock.wall()).toISOString()} ${before} lines were lost\n`;
    const text = Buffer.from(notice + lines.join(''));
    try {
      const file = await rotated(text);
      const { bytesWritten } = await file.write(text);
      if (bytesWritten < text.length) throw new Error('no space left on the disk');
      lost -= before;
    } catch (error) {
      lost += lines.length;
      await release();
      if (clock.mono() - told < TELL_MS) return;
      told = clock.mono();
      onProblem(`lines of the ${log} log are lost`, error);
    }
  };
  const next = (): Promise<void> => {
    work = work.then(write);
    return work;
  };

  return {
    write(line) {
      if (isClosed || bytes + line.length > MOST_WAITING) {
        lost += 1;
        return;
      }
      waiting.push(line);
      bytes += line.length;
      cancel ??= clock.after(WRITE_MS, () => {
        cancel = undefined;
        void next();
      });
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
