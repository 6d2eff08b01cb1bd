import {
  CLOCK_MARK,
  type ClockMarkRow,
  COUNTED_TIME,
  type CountedRow,
  countedTime,
  isSetBack,
  type LicenseClock,
  learnTime,
  licenseTime,
  readClock,
  startClock,
} from '@keyhaven/core/license-clock';
import { type Clock, MINUTE, SECOND, type Wall, wall } from '@keyhaven/core/time';
import type { Change, Ledger, Rows } from '@keyhaven/ledger';

// The license clock joined to this computer's clocks and to the ledger (K6). The mark is one row, written at most once a minute while
// nothing happens, and before a login by it is answered, there at most once a second. The counted time is another one, which detached licenses
// need (K5): whoever has some stores it.

export type LicenseTime = {
  now(): Wall;
  /** The computer's clock is set back by more than the tolerance (45). */
  setBack(): boolean;
  /** A time that a vendor signed: it is not earlier than that. */
  learn(signed: Wall): void;
  /** Resolves when the mark is durable, up to a second; undefined where it is. Rejects where the disk refuses. */
  keep(): Promise<void> | undefined;
  /** Milliseconds that license managers with this state have run in all; no clock that is set changes it. */
  counted(): number;
  /** Stores the counted time; with `mark` the license time as well. Durable when it resolves. */
  store(how?: { readonly mark: boolean }): Promise<void>;
  close(): void;
};

export const openLicenseTime = async (options: {
  readonly ledger: Ledger;
  readonly clock: Clock;
  /** Whether a license here is bound to time; without one nothing is written. */
  readonly matters: () => boolean;
  /** The clock was found set back, or right again. */
  readonly onSetBack: (setBack: boolean, behindMs: number) => void;
}): Promise<LicenseTime> => {
  const { ledger, clock } = options;
  let stored: number | undefined;
  for await (const [, row] of ledger.scan<ClockMarkRow>(CLOCK_MARK)) stored = row.at;
  let counted = 0;
  for await (const [, row] of ledger.scan<CountedRow>(COUNTED_TIME)) counted = row.ms;
  let state: LicenseClock = startClock(stored === undefined ? undefined : wall(stored), clock.wall(), clock.mono(), counted);
  let told = false;
  let writing: { readonly at: number; readonly done: Promise<void> } | undefined;
  let closed = false;

  const note = (next: LicenseClock): void => {
    state = next;
    if (isSetBack(state) === told) return;
    told = !told;
    options.onSetBack(told, state.behindMs);
  };
  const look = (): Wall => {
    note(readClock(state, clock.wall(), clock.mono()));
    return licenseTime(state);
  };

  const write = async (at: number): Promise<void> => {
    await ledger.update<undefined>([CLOCK_MARK], (rows) => ({ changes: risen(rows, at, undefined), audit: [], reply: undefined }));
    stored = Math.max(stored ?? at, at);
  };
  const store = async (mark: boolean): Promise<void> => {
    const at = mark ? look() : undefined;
    const ms = countedTime(state);
    await ledger.update<undefined>([CLOCK_MARK, COUNTED_TIME], (rows) => ({ changes: risen(rows, at, ms), audit: [], reply: undefined }));
    if (at !== undefined) stored = Math.max(stored ?? at, at);
  };
  const keepWithin = (slack: number): Promise<void> | undefined => {
    const at = look();
    if (stored !== undefined && at - stored < slack) return undefined;
    if (writing === undefined || at - writing.at >= slack) {
      const own = { at, done: write(at) };
      writing = own;
      const finished = (): void => {
        if (writing === own) writing = undefined;
      };
      own.done.then(finished, finished);
    }
    return writing.done;
  };

  const tick = (): void => {
    if (closed) return;
    look();
    // What the disk refuses now is written by the next tick, or refuses the login that needs it.
    if (options.matters()) keepWithin(MINUTE)?.catch(() => undefined);
    cancel = clock.after(MINUTE, tick);
  };
  let cancel = clock.after(MINUTE, tick);
  look();

  return {
    now: look,
    setBack() {
      look();
      return isSetBack(state);
    },
    learn: (signed) => note(learnTime(state, signed)),
    keep: () => keepWithin(SECOND),
    counted() {
      look();
      return countedTime(state);
    },
    store: ({ mark } = { mark: false }) => store(mark),
    close() {
      closed = true;
      cancel();
    },
  };
};

/** What is to be written of the two rows: neither ever falls, also where several processes write them. */
const risen = (rows: Rows, at: number | undefined, ms: number | undefined): Change[] => [
  ...(at === undefined || at <= (rows.get<ClockMarkRow>(CLOCK_MARK)?.at ?? Number.NEGATIVE_INFINITY)
    ? []
    : [{ key: CLOCK_MARK, row: { at } satisfies ClockMarkRow }]),
  ...(ms === undefined || ms <= (rows.get<CountedRow>(COUNTED_TIME)?.ms ?? 0)
    ? []
    : [{ key: COUNTED_TIME, row: { ms } satisfies CountedRow }]),
];
