import { mkdir, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { z } from 'zod';
import { cannotWrite, errorCode, readLines, readWhole, syncDirectory, writeFileAtomically } from './files.ts';
import { vendorPaths } from './vendor-paths.ts';

// What a vendor issued: a line each in issued.jsonl. A license that is being issued is in `pending` from before its file is in its place until its line is in
// the record. So after a crash it is known what may have gone out, and it can be had again as it was.

/** A feature as it was sold. */
const soldFeature = z.object({
  feature: z.number(),
  name: z.string().optional(),
  license: z.looseObject({ type: z.string(), until: z.string().optional(), days: z.number().optional(), count: z.number().optional() }),
  seats: z.union([z.number(), z.literal('unlimited')]).optional(),
});
const soldProduct = z.object({ product: z.number(), name: z.string().optional(), features: z.array(soldFeature) });
/** Versions before 0.2 wrote no `sold`, `request`, `host` and `file`. */
const issuedLine = z.looseObject({
  at: z.string(),
  key: z.string().optional(),
  type: z.string().optional(),
  counter: z.number().optional(),
  license: z.string().optional(),
  trial: z.string().optional(),
  days: z.number().optional(),
  products: z.array(z.number()).optional(),
  actions: z.array(z.string()).optional(),
  /** Name of the customer's computer. */
  host: z.string().optional(),
  /** Where the file was written. */
  file: z.string().optional(),
  sold: z.array(soldProduct).optional(),
  /** SHA-256 of everything that the license was made from. */
  request: z.string().optional(),
  /** SHA-256 of the text of the file. */
  sha256: z.string().optional(),
});
export type IssuedLine = z.infer<typeof issuedLine>;
export type SoldProduct = z.infer<typeof soldProduct>;

const pendingFile = z.object({ format: z.literal(1), out: z.string(), text: z.string(), line: issuedLine });
export type Pending = z.infer<typeof pendingFile>;

const MAX_PENDING = 64 * 1024 * 1024;

const parsed = <T>(shape: z.ZodType<T>, text: string): T | undefined => {
  try {
    return shape.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
};

/** The lines of the record, oldest first. A line that a crash cut is passed over: its license is in `pending`. */
export async function* issuedLines(directory: string): AsyncIterable<IssuedLine> {
  for await (const text of readLines(vendorPaths(directory).issued)) {
    const line = text === '' ? undefined : parsed(issuedLine, text);
    if (line !== undefined) yield line;
  }
}

/** The last line of a key with the highest counter that went out for it; undefined where none did. */
export const lastIssued = async (directory: string, key: string): Promise<IssuedLine | undefined> => {
  let last: IssuedLine | undefined;
  for await (const line of issuedLines(directory)) {
    if (line.key === key && line.counter !== undefined && line.counter >= (last?.counter ?? 0)) last = line;
  }
  return last;
};

/** Appends a line and returns when it is on the disk; where that fails the record is as it was. @throws LicensingError SYS_ERR (13) */
export const appendIssued = async (directory: string, line: IssuedLine): Promise<void> => {
  const path = vendorPaths(directory).issued;
  try {
    const file = await open(path, 'a+', 0o600);
    try {
      const { size } = await file.stat();
      const last = Buffer.alloc(1);
      if (size > 0) await file.read(last, 0, 1, size - 1);
      // A line that a crash cut must not take this one with it.
      const begin = size > 0 && last[0] !== 0x0a ? '\n' : '';
      try {
        await file.appendFile(`${begin}${JSON.stringify(line)}\n`);
        await file.sync();
      } catch (error) {
        await file.truncate(size).catch(() => undefined);
        throw error;
      }
    } finally {
      await file.close();
    }
  } catch (error) {
    throw cannotWrite(path, error);
  }
};

const pendingPath = (directory: string, id: string): string => join(vendorPaths(directory).pending, `${id}.json`);

/** What a command that was killed had begun to write. Only one command at a time writes here (the vendor's lock), so nobody is writing it now. */
const removeUnfinished = async (folder: string): Promise<void> => {
  const unfinished = (await readdir(folder)).filter((name) => /^\.[a-z0-9-]+\.json\.[0-9a-f]{12}\.tmp$/.test(name));
  await Promise.all(unfinished.map((name) => rm(join(folder, name), { force: true })));
};

/** From when this returns on, the license counts as issued. @throws LicensingError SYS_ERR (13) */
export const writePending = async (directory: string, id: string, pending: Omit<Pending, 'format'>): Promise<void> => {
  try {
    const made = await mkdir(vendorPaths(directory).pending, { recursive: true, mode: 0o700 });
    if (made !== undefined) await syncDirectory(directory);
    await removeUnfinished(vendorPaths(directory).pending);
  } catch (error) {
    throw cannotWrite(vendorPaths(directory).pending, error);
  }
  await writeFileAtomically(pendingPath(directory, id), JSON.stringify({ format: 1, ...pending }), { mode: 0o600 });
};

export const removePending = (directory: string, id: string): Promise<void> => rm(pendingPath(directory, id), { force: true });

/** What was being issued when a command was interrupted, by id. */
export const pendingIssues = async (directory: string): Promise<ReadonlyMap<string, Pending>> => {
  let names: string[];
  try {
    names = await readdir(vendorPaths(directory).pending);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return new Map();
    throw cannotWrite(vendorPaths(directory).pending, error);
  }
  const found = new Map<string, Pending>();
  for (const name of names.filter((each) => /^[a-z0-9-]+\.json$/.test(each))) {
    const id = name.slice(0, -'.json'.length);
    const pending = parsed(pendingFile, (await readWhole(pendingPath(directory, id), MAX_PENDING)).toString('utf8'));
    if (pending === undefined) {
      throw new LicensingError(Status.STORAGE_CORRUPT, {
        detail: `The file ${pendingPath(directory, id)} is damaged.`,
        remedy:
          'It holds a license whose issuing was interrupted. Put the backup of it back, or remove it if the customer never got that license.',
      });
    }
    found.set(id, pending);
  }
  return found;
};
