import { type Mono, mono, SECOND } from '../time/index.ts';
import { LEASE_MS, RENEW_MS } from './holder.ts';

// The near LMs that share one store, and when one of them is over (T3, T4). Pure. All times are on one clock, which all processes of this
// computer read and which begins with its start (`boot`), so nobody's clock runs apart. Promised:
// - an instance that lives and renews is never over; one that stops, or dies, is over three minutes after its last sign of life;
// - of an External LM whose process is gone, at once;
// - what is over stays over: it is marked in the ledger before anything of it is released, and nobody is granted anything by a marked one;
// - an instance that did not renew for almost three minutes asks the ledger before it serves a call, so it never goes on with a seat that
//   others may have by now (I2).
//
// Signs: every SIGN_MS an instance says beside the ledger, without a commit, that it lives. They say when it died or was stopped to within
// SIGN_MS, where renewals say it to within a minute. They are not authenticated, so they count only within what the next renewal would
// have said: who forges them keeps his own seats taken a little longer.

export type InstanceRow = {
  readonly kind: 'external' | 'integrated';
  readonly pid: number;
  /** When the process started, in the units of its system. */
  readonly start: number;
  readonly boot: string;
  readonly renewed: number;
  /** Which numbers of processes are meant, where a computer has several (containers); absent = those of the computer. */
  readonly space?: string;
  /** Somebody found it over: whatever it holds is being released. */
  readonly over?: true;
};

export const instanceRowKey = (id: string): `${string}/${string}/${string}` => `lm/instance/${id}`;

export const SIGN_MS = 2 * SECOND;
/** A renewal may be so late while the file is busy. */
const LATE_MS = 30 * SECOND;
/** Between the look at the clock and what is done by it. */
const MARGIN_MS = SECOND;
/** Its own renewal counts for so long without asking the ledger. */
export const BELIEVED_MS = LEASE_MS * 0.99 - MARGIN_MS;

/** @param sign the last sign of life beside the ledger */
export const instanceEnds = (row: InstanceRow, sign: Mono | undefined): Mono => {
  const latest = row.renewed + RENEW_MS + LATE_MS;
  return mono(Math.min(Math.max(row.renewed, sign ?? row.renewed), latest) + LEASE_MS);
};

export type Sighting = {
  readonly now: Mono;
  readonly boot: string;
  readonly sign: Mono | undefined;
  /** False: its process is known to be gone. */
  readonly running: boolean;
};

export type InstanceEnd = 'process ended' | 'lease ended';

/** Why an instance is over; undefined where it is not. */
export const overBecause = (row: InstanceRow, { now, boot, sign, running }: Sighting): InstanceEnd | undefined => {
  const gone = row.kind === 'external' && !running;
  if (row.boot !== boot || gone) return 'process ended';
  // Renewed in the future: the computer started again, and its system does not number its starts.
  const future = row.renewed > now + LEASE_MS;
  return row.over === true || future || now >= instanceEnds(row, sign) ? 'lease ended' : undefined;
};
