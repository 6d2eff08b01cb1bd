import type { RecordFaces } from '../records.ts';

export type Health = {
  /** `degraded`: it serves, and something needs an administrator. */
  readonly state: 'ready' | 'degraded' | 'not ready';
  /** For people, each a sentence without its full stop; first what keeps it from serving. */
  readonly reasons: readonly string[];
};

/**
 * Whether the license manager serves, and why not (C5). `full`: for callers who may read what it has; `readyz` is open to everybody and gets no text of files. The ledger is probed at most every five seconds, however many ask.
 */
export const healthOf = async (records: Pick<RecordFaces, 'unready' | 'degraded'>, full: boolean): Promise<Health> => {
  const unready = await records.unready();
  const degraded = records.degraded(full);
  const state = unready.length > 0 ? 'not ready' : degraded.length > 0 ? 'degraded' : 'ready';
  return { state, reasons: [...unready, ...degraded] };
};
