import { LicensingError, Status } from '@keyhaven/core/errors';
import { openTrial } from '@keyhaven/core/license';
import type { PoolRow } from '@keyhaven/core/seats';
import { DAY, HOUR, type Wall, wall } from '@keyhaven/core/time';
import type { Ledger } from '@keyhaven/ledger';
import type { TrialUse } from '../authority/index.ts';
import { type Key, type Keystore, trialName } from '../keystore/index.ts';
import type { TrialMarks } from '../machine/index.ts';

// The days of trial licenses on this computer (K8). They begin with the first login that is granted, which is kept in three places: the row of
// the pool, the row of the key's trial where it was known before, and a mark outside of the state directory. The earliest counts. So
// neither applying the file again nor a new state directory begins them anew; deleting all three does.

export type Trials = TrialUse & {
  /**
   * Makes a key for a trial license.
   * @throws LicensingError as `openTrial`; FEATURE_EXPIRED (41) where its days are over here, TIME_ERR (45) where the clock is set back behind
   * its last use, UPDATE_ALREADY_ADDED (65).
   */
  apply(document: Uint8Array): Promise<Key>;
};

/** How far the clock may be behind the last use of a trial that comes again. */
const TOLERANCE_MS = 2 * HOUR;
/** The last use is marked so often. */
const SEEN_MS = HOUR;

export const openTrials = async (options: {
  readonly ledger: Ledger;
  readonly keystore: Keystore;
  /** Absent where the host has no place outside of its state directory. */
  readonly marks: TrialMarks | undefined;
  readonly time: () => Wall;
  /** A mark could not be written or read: logins go on. */
  readonly onProblem: (error: unknown) => void;
}): Promise<Trials> => {
  const { ledger, keystore, marks, time, onProblem } = options;
  const starts = new Map<string, Wall>(); // BOUNDED by the trials that were here
  /** When each was marked last. BOUNDED likewise. */
  const seen = new Map<string, Wall>();

  const learn = (trial: string, start: Wall | undefined): void => {
    if (start !== undefined) starts.set(trial, wall(Math.min(starts.get(trial) ?? start, start)));
  };
  const mark = async (trial: string, start: Wall): Promise<void> => {
    const now = time();
    seen.set(trial, now);
    try {
      await marks?.write(trial, { start, seen: now });
    } catch (error) {
      onProblem(error);
    }
  };

  for (const { key, trial, start } of keystore.trials.all()) {
    learn(trial, start);
    for await (const [, row] of ledger.scan<PoolRow>(`${key}/pool/`)) learn(trial, row.trialUse);
    const marked = await marks?.read(trial).catch(onProblem);
    learn(trial, marked?.start);
    const known = starts.get(trial);
    // Deleted meanwhile, or the computer stopped before it was written.
    if (known !== undefined && marked?.start !== known) await mark(trial, known);
  }

  return {
    firstUse: (license) => (license.trial === undefined ? undefined : starts.get(trialName(license.trial))),
    used(license, firstUse) {
      if (license.trial === undefined) return undefined;
      const trial = trialName(license.trial);
      const known = starts.get(trial);
      const last = seen.get(trial);
      learn(trial, firstUse);
      if (known !== undefined && known <= firstUse && last !== undefined && time() - last < SEEN_MS) return undefined;
      return mark(trial, starts.get(trial) ?? firstUse);
    },
    async apply(document) {
      const of = openTrial(document);
      const trial = trialName(of);
      const marked = await marks?.read(trial);
      if (marked !== undefined && !keystore.trials.all().some((each) => each.trial === trial)) {
        const now = time();
        const ends = marked.start + of.days * DAY;
        if (marked.seen - now > TOLERANCE_MS)
          throw new LicensingError(Status.TIME_ERR, {
            detail: `This trial license was used here at ${new Date(marked.seen).toISOString()}, and the clock is behind that.`,
          });
        if (now > ends)
          throw new LicensingError(Status.FEATURE_EXPIRED, {
            detail: `The trial began on this computer at ${new Date(marked.start).toISOString()} and ended at ${new Date(ends).toISOString()}.`,
          });
      }
      const key = await keystore.trials.apply(document, marked?.start);
      learn(trial, marked?.start);
      return key;
    },
  };
};
