import { createHash } from 'node:crypto';
import { access, constants, type FileHandle, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { cannotWrite, errorCode, syncDirectory } from './files.ts';

// Where an issued license, or the file of a license manager, goes. All that can fail is tried before anything is done that cannot be done twice: a file is
// made beside the place, gets the whole text or room for it on the disk, and is then moved there. Pipes and devices are written to and never replaced.

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

const kindOf = async (out: string, nothing: string): Promise<Kind> => {
  if (out === '') throw wrongPlace('The name of the file to write is empty.', 'Name the file with --out.');
  try {
    const found = await stat(out);
    if (found.isDirectory()) throw wrongPlace(`${out} is a directory.`, 'Name the file to write in it with --out.');
    await access(out, constants.W_OK);
    if (!found.isFile()) return { kind: 'stream', path: out };
    return { kind: 'file', path: await realpath(out), mode: found.mode & 0o777 };
  } catch (error) {
    if (error instanceof LicensingError) throw error;
    if (errorCode(error) === 'ENOENT') return { kind: 'file', path: out, mode: 0o644 };
    throw cannotWrite(out, error, nothing);
  }
};

/** A place that was found good, before there is a text for it. */
export type OpenOut = OutFile & {
  /** The file beside the place; undefined for pipes and devices. */
  readonly beside: string | undefined;
  /** The text, to the disk. @throws LicensingError SYS_ERR (13) */
  fill(text: string): Promise<void>;
};
type Opening = {
  /** Names the file beside the place: of one tag only one command at a time writes, so what an interrupted one left is removed. */
  readonly tag: string;
  /** Files that are read: none of them is overwritten. */
  readonly inputs: readonly string[];
  /** What a failure says besides, now and while the text is put in its place. */
  readonly nothing: string;
  readonly afterwards: string;
  /** Bytes that the disk has to have; 0. */
  readonly room?: number;
};

/**
 * Checks where a text is to go, and makes a file beside that place.
 * @throws LicensingError INVALID_PARAMETER (501) where the path is a directory or one of the inputs, SYS_ERR (13) where it cannot be written.
 */
export const openOut = async (out: string, { tag, inputs, nothing, afterwards, room = 0 }: Opening): Promise<OpenOut> => {
  const target = await kindOf(out, nothing);
  for (const input of inputs) {
    if (await isSame(out, input)) throw wrongPlace(`--out names ${out}, which this command needs itself.`, 'Name another file with --out.');
  }
  if (target.kind === 'stream') return streamOut(out);
  const { path, mode } = target;
  const beside = join(dirname(path), `.${basename(path).slice(0, 200)}.${tag}.tmp`);
  const discard = (): Promise<void> => rm(beside, { force: true });
  try {
    await discard();
    await writeSynced(beside, 'wx', Buffer.alloc(room), mode);
  } catch (error) {
    await discard().catch(() => undefined);
    throw cannotWrite(out, error, nothing);
  }
  return {
    name: resolve(out),
    beside,
    discard,
    fill: async (text) => {
      try {
        await writeSynced(beside, 'r+', Buffer.from(text, 'utf8'), mode);
      } catch (error) {
        throw cannotWrite(out, error, afterwards);
      }
    },
    place: () => move(beside, path, out, afterwards),
  };
};

const streamOut = (path: string): OpenOut => {
  let whole = '';
  return {
    name: path,
    beside: undefined,
    fill: async (text) => void (whole = text),
    place: () => writeStream(path, whole),
    discard: () => Promise.resolve(),
  };
};

/**
 * Checks where the text is to go, and writes it beside that place, to the disk.
 * @param owner the vendor's directory, of which only one command at a time writes.
 * @param inputs files that are read: none of them is overwritten.
 * @throws LicensingError as `openOut`
 */
export const prepareOut = async (out: Out, text: string, owner: string, inputs: readonly string[]): Promise<OutFile> => {
  if (typeof out !== 'string') return { name: out.name, place: () => out.write(text), discard: () => Promise.resolve() };
  const tag = createHash('sha256').update(resolve(owner)).digest('hex').slice(0, 12);
  const file = await openOut(out, { tag, inputs, nothing: NOTHING, afterwards: NOTHING });
  try {
    await file.fill(text);
  } catch (error) {
    await file.discard().catch(() => undefined);
    throw error;
  }
  return file;
};

/** The file holds these bytes and no others. What was written there before keeps the room for them. */
const writeSynced = async (path: string, flags: 'wx' | 'r+', bytes: Buffer, mode: number): Promise<void> => {
  const file = await open(path, flags, mode);
  try {
    await file.writeFile(bytes);
    await file.truncate(bytes.length);
    if (bytes.length > 0) await file.sync();
  } finally {
    await file.close();
  }
};

const move = async (from: string, to: string, name: string, afterwards: string): Promise<void> => {
  try {
    await rename(from, to);
  } catch (error) {
    throw cannotWrite(name, new NotPlaced(error instanceof Error ? error.message : String(error), { cause: error }), afterwards);
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
