import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { LicensingError, Status } from '@keyhaven/core/errors';
import type { Command } from 'commander';
import { say } from './print.ts';

// --out of commands that do something once: detach, return, rehost. That the file can be written is known before anything is done, and what is done is
// not lost where it cannot be written even so (decision 0037).

export type OutOptions = {
  /** `-` is standard output. */
  readonly out: string;
  readonly json?: boolean | undefined;
  /** Files that the command reads. */
  readonly inputs?: readonly string[];
  /** How to get the text once more. */
  readonly again: string;
};

/** Bytes; more than all but the largest license files take. */
const ROOM = 256 * 1024;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** For lists a reader who has had enough is no failure (main.ts); for a license file it is one. */
export const toStandardOutput = async (text: string): Promise<void> => {
  const others = process.stdout.listeners('error') as ((error: Error) => void)[];
  process.stdout.removeAllListeners('error');
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  process.stdout.once('error', reject);
  process.stdout.write(text, (error) => (error ? reject(error) : resolve()));
  await promise;
  process.stdout.off('error', reject);
  for (const each of others) process.stdout.on('error', each);
};

const DONE = 'What was asked for is done.';
const closed = (detail: string, again: string, cause: unknown): LicensingError =>
  new LicensingError(Status.SYS_ERR, { detail, remedy: again, cause });

/** The last place for a text that is not to be lost. */
const rescue = async (text: string, failed: LicensingError, { json, again }: OutOptions): Promise<LicensingError> => {
  try {
    await toStandardOutput(json === true ? `${JSON.stringify({ file: null, text })}\n` : text);
  } catch {
    return closed(`${failed.detail} ${DONE} Standard output does not take the text either.`, again, failed);
  }
  const where = 'The text of the file is on standard output instead.';
  return closed(`${failed.detail} ${DONE} ${where}`, `Save the text from there. ${again}`, failed);
};

const withoutTraces = async <T>(beside: string | undefined, work: () => Promise<T>): Promise<T> => {
  const end = (signal: NodeJS.Signals): void => {
    if (beside !== undefined) rmSync(beside, { force: true });
    process.kill(process.pid, signal);
  };
  for (const signal of SIGNALS) process.once(signal, end);
  try {
    return await work();
  } finally {
    for (const signal of SIGNALS) process.off(signal, end);
  }
};

/**
 * Does `act`, and writes what `textOf` finds in its answer into the file, whole or not at all; nothing where that is undefined.
 * @throws LicensingError INVALID_PARAMETER (501), SYS_ERR (13) before `act` where the file cannot be written; SYS_ERR after it, with the text on standard
 * output; as `act`
 */
export const intoFile = async <T>(
  options: OutOptions,
  command: Command,
  act: () => Promise<T>,
  textOf: (answer: T) => string | undefined,
): Promise<T> => {
  const { out, json, inputs = [], again } = options;
  if (out === '-') {
    if (json === true) return command.error("error: option '--json' cannot be used with '--out -'", { exitCode: 2 });
    const answer = await act();
    try {
      await toStandardOutput(textOf(answer) ?? '');
    } catch (cause) {
      throw closed(`Standard output was closed before the whole file was written. ${DONE}`, again, cause);
    }
    return answer;
  }
  const { openOut } = await import('@keyhaven/vendor-tools/out-file');
  const tag = randomBytes(6).toString('hex');
  const file = await openOut(out, { tag, inputs, room: ROOM, nothing: ' Nothing was done.', afterwards: '' });
  return withoutTraces(file.beside, async () => {
    try {
      const answer = await act();
      const text = textOf(answer);
      if (text !== undefined) await put(file, text, options);
      return answer;
    } finally {
      await file.discard().catch(() => undefined);
    }
  });
};

type Place = { fill(text: string): Promise<void>; place(): Promise<void> };
const put = async (file: Place, text: string, options: OutOptions): Promise<void> => {
  try {
    await file.fill(text);
    await file.place();
  } catch (error) {
    throw error instanceof LicensingError ? await rescue(text, error, options) : error;
  }
};

export const sayWritten = ({ out, json }: Pick<OutOptions, 'out' | 'json'>): void => {
  if (out !== '-') say(json, `written: ${out}`, { file: out });
};

/** The text of `act`, into the file. @throws LicensingError as `intoFile` */
export const writeInto = async (options: OutOptions, command: Command, act: () => Promise<string>): Promise<void> => {
  await intoFile(options, command, act, (text) => text);
  sayWritten(options);
};
