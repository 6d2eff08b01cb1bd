import { hex } from '@keyhaven/core/bytes';
import { sha256 } from '@keyhaven/core/crypto';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { readWhole } from './files.ts';
import { withVendorLock } from './lock.ts';
import { NotPlaced, type Out, prepareOut } from './out-file.ts';
import {
  appendIssued,
  type IssuedLine,
  issuedLines,
  lastIssued,
  type Pending,
  pendingIssues,
  removePending,
  writePending,
} from './record.ts';
import { vendorPaths } from './vendor-paths.ts';

// From a license in memory to a file and a line in the record, so that no number is lost and none is used twice:
//
//   1. the whole text is on the disk beside --out            (fails: nothing was issued)
//   2. text and line are in DIR/pending                      (from here on the license is issued)
//   3. the file is moved to --out
//   4. the line is in issued.jsonl
//   5. DIR/pending has it no more
//
// A command that is killed before 2 has used no number. After 2 the same command, run again, gives the same file; any other command for that number is refused.

/** What is about to be issued. */
export type Issue = {
  /** Names the license in `pending`: a key and its counter, or a trial. */
  readonly id: string;
  readonly text: string;
  readonly line: IssuedLine;
  /** Of licenses that have a number. */
  readonly number?: { readonly key: string; readonly counter: number; readonly refusal: (last: number) => LicensingError } | undefined;
};
export type IssueTarget = {
  readonly out: Out;
  /** Files that are read. */
  readonly inputs: readonly string[];
  /** SHA-256 of everything that the license is made from, as `digestOf` makes it. */
  readonly request: string;
  /** The license issued last is void, and this one has its number. */
  readonly replace?: boolean | undefined;
};
export type Issued = {
  readonly text: string;
  /** The license was issued before by the same command, and this is its file. */
  readonly again: boolean;
};

export const digestOf = (...parts: readonly unknown[]): string => hex(sha256(Buffer.from(JSON.stringify(parts), 'utf8')));
export const textDigest = (text: string): string => hex(sha256(Buffer.from(text, 'utf8')));

/** Lines of interrupted commands get into the record. Their files stay in `pending`, where they are not in their place. */
const settle = async (directory: string): Promise<ReadonlyMap<string, Pending>> => {
  const pending = await pendingIssues(directory);
  if (pending.size === 0) return pending;
  const recorded = new Set<string | undefined>();
  for await (const { sha256: digest } of issuedLines(directory)) recorded.add(digest);
  for (const { line } of pending.values()) if (!recorded.has(line.sha256)) await appendIssued(directory, line);
  return pending;
};

const holds = async (out: Out, digest: string | undefined): Promise<string | undefined> => {
  if (typeof out !== 'string' || digest === undefined) return undefined;
  try {
    const text = (await readWhole(out, 16 * 1024 * 1024)).toString('utf8');
    return textDigest(text) === digest ? text : undefined;
  } catch {
    return undefined;
  }
};

/**
 * Issues what `make` makes into the file.
 * @throws LicensingError as `prepareOut` and `make`; what `refusal` says where the number was used already.
 */
export const issueInto = async (directory: string, target: IssueTarget, make: () => Promise<Issue> | Issue): Promise<Issued> =>
  withVendorLock(directory, async () => {
    const pending = await settle(directory);
    const issue = await make();
    const interrupted = pending.get(issue.id);
    if (interrupted?.line.request === target.request) {
      await deliver(directory, target, issue.id, interrupted.text);
      return { text: interrupted.text, again: true };
    }
    const { number } = issue;
    if (number !== undefined && target.replace !== true) {
      const last = await lastIssued(directory, number.key);
      if (last?.counter !== undefined && number.counter <= last.counter) {
        // The same command once more, and its file is there: there is nothing to do.
        const same = last.counter === number.counter && last.request === target.request ? await holds(target.out, last.sha256) : undefined;
        if (same !== undefined) return { text: same, again: true };
        throw interrupted === undefined ? number.refusal(last.counter) : notDelivered(interrupted, number.refusal(last.counter));
      }
    }
    await deliver(directory, target, issue.id, issue.text, issue.line);
    // The key is past what was interrupted before, so its customer has it.
    for (const [id, { line }] of pending)
      if (number !== undefined && line.key === number.key && (line.counter ?? 0) < number.counter) await removePending(directory, id);
    return { text: issue.text, again: false };
  });

const notDelivered = ({ line, out }: Pending, refusal: LicensingError): LicensingError =>
  new LicensingError(refusal.status, {
    detail: `Update ${line.counter} of key ${line.key} was being issued into ${out} on ${line.at} when the command was interrupted.`,
    remedy: 'Run that same command again to get its file; or add --replace to this one if that file was never given out.',
  });

/** Without a line the license is issued already. */
const deliver = async (directory: string, target: IssueTarget, id: string, text: string, line?: IssuedLine): Promise<void> => {
  const paths = vendorPaths(directory);
  const own = [paths.info, paths.key, paths.catalog, paths.issued, paths.lock];
  const file = await prepareOut(target.out, text, directory, [...own, ...target.inputs]);
  try {
    if (line !== undefined) {
      const entry = { ...line, file: file.name, request: target.request, sha256: textDigest(text) };
      await writePending(directory, id, { out: file.name, text, line: entry });
      await placeNew(directory, id, file.place);
      await appendIssued(directory, entry);
    } else await file.place();
  } finally {
    await file.discard();
  }
  await removePending(directory, id);
};

const placeNew = async (directory: string, id: string, place: () => Promise<void>): Promise<void> => {
  try {
    await place();
  } catch (error) {
    // Nothing is there, so nothing was issued. Where something may be there, the license stays issued.
    if (error instanceof LicensingError && error.cause instanceof NotPlaced) await removePending(directory, id);
    throw error;
  }
};

/** A file that has no number, such as a package. @throws LicensingError as `prepareOut` */
export const writeOut = async (directory: string, out: Out, text: string, inputs: readonly string[]): Promise<void> =>
  withVendorLock(directory, async () => {
    const paths = vendorPaths(directory);
    const file = await prepareOut(out, text, directory, [paths.info, paths.key, paths.catalog, paths.issued, ...inputs]);
    try {
      await file.place();
    } finally {
      await file.discard();
    }
  });

/** Of a C2V that is older than what was issued. */
export const outOfDate = (detail: string, remedy: string): LicensingError =>
  new LicensingError(Status.UPDATE_OUT_OF_SYNC, { detail, remedy });
