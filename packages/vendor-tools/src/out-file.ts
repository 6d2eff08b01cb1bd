import { createHash } from 'node:crypto';
import { access, constants, type FileHandle, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { cannotWrite, errorCode, syncDirectory } from './files.ts';

// Where an issued license goes. All that can fail is tried before the license is issued: the whole text is on the disk beside its place before its number is
// used, and is then moved there. Pipes and devices are written to and never replaced.

/** A path, or what takes the text itself, such as standard output. */
export type Out = string | { readonly name: string; write(text: string): Promise<void> };

export type OutFile = {
  /** For people and for the record. */
  readonly name: string;
  /** Puts the text in its place. @throws LicensingError SYS_ERR (13); `NotPlaced` as its cause where nothing of the text is there. */
  place(): Promise<void>;
  /** Removes what was prepared. */
  discard(): Promise<void>;
};
/** Nothing of the text reached its place. */
export class NotPlaced extends Error {
  override readonly name = 'NotPlaced';
}

const NOTHING = ' Nothing was issued, and no update number was used.';

type Kind = { readonly kind: 'file'; readonly path: string; readonly mode: number } | { readonly kind: 'stream'; readonly path: string };

const isSame = async (path: string, other: string): Promise<boolean> => {
  try {
    const [a, b] = [await stat(path), await stat(other)];
    return a.ino === b.ino && a.dev === b.dev;
  } catch {
    return resolve(path) === resolve(other);
  }
};

const wrongPlace = (detail: string, remedy: string): LicensingError => new LicensingError(Status.INVALID_PARAMETER, { detail, remedy });

const kindOf = async (out: string): Promise<Kind> => {
  if (out === '') throw wrongPlace('The name of the file to write is empty.', 'Name the file with --out.');
  try {
    const found = await stat(out);
    if (found.isDirectory()) throw wrongPlace(`${out} is a directory.`, 'Name the file to write in it with --out.');
    if (!found.isFile()) return { kind: 'stream', path: out };
    await access(out, constants.W_OK);
    return { kind: 'file', path: await realpath(out), mode: found.mode & 0o777 };
  } catch (error) {
    if (error instanceof LicensingError) throw error;
    if (errorCode(error) === 'ENOENT') return { kind: 'file', path: out, mode: 0o644 };
    throw cannotWrite(out, error, NOTHING);
  }
};

/**
 * Checks where the text is to go, and writes it beside that place, to the disk.
 * @param owner the vendor's directory: of one vendor only one command at a time writes, so what an interrupted one left is removed.
 * @param inputs files that are read: none of them is overwritten.
 * @throws LicensingError INVALID_PARAMETER (501) where the path is a directory or one of the inputs, SYS_ERR (13) where it cannot be written.
 */
export const prepareOut = async (out: Out, text: string, owner: string, inputs: readonly string[]): Promise<OutFile> => {
  if (typeof out !== 'string') return { name: out.name, place: () => out.write(text), discard: () => Promise.resolve() };
  const target = await kindOf(out);
  for (const input of inputs) {
    if (await isSame(out, input)) throw wrongPlace(`--out names ${out}, which this command needs itself.`, 'Name another file with --out.');
  }
  if (target.kind === 'stream') return { name: out, place: () => writeStream(target.path, text), discard: () => Promise.resolve() };
  const { path, mode } = target;
  const tag = createHash('sha256').update(resolve(owner)).digest('hex').slice(0, 12);
  const beside = join(dirname(path), `.${basename(path).slice(0, 200)}.${tag}.tmp`);
  const discard = (): Promise<void> => rm(beside, { force: true });
  try {
    await discard();
    await writeSynced(beside, text, mode);
  } catch (error) {
    await discard().catch(() => undefined);
    throw cannotWrite(out, error, NOTHING);
  }
  return { name: resolve(out), discard, place: () => move(beside, path, out) };
};

const writeSynced = async (path: string, text: string, mode: number): Promise<void> => {
  const file = await open(path, 'wx', mode);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
};

const move = async (from: string, to: string, name: string): Promise<void> => {
  try {
    await rename(from, to);
  } catch (error) {
    throw cannotWrite(name, new NotPlaced(error instanceof Error ? error.message : String(error), { cause: error }), NOTHING);
  }
  try {
    await syncDirectory(dirname(to));
  } catch (error) {
    throw cannotWrite(name, error);
  }
};

const writeStream = async (path: string, text: string): Promise<void> => {
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'w');
    await file.writeFile(text);
  } catch (error) {
    throw cannotWrite(path, error);
  } finally {
    await file?.close();
  }
};
