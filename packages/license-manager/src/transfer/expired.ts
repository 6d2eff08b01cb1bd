import { DAY, HOUR, MINUTE } from '@keyhaven/core/time';
import { type TransferRow, transferRowKey } from '@keyhaven/core/transfer';
import type { RowKey } from '@keyhaven/ledger';
import type { Ground } from './ground.ts';
import type { TransfersOptions } from './types.ts';

// Licenses that were lent to this computer and ended long ago: after the days of the setting nothing is kept of them, their memory neither. Their
// owner had the seats back long before. What was lent on from here, and is still out, stays.

/** Sessions have ended by then; and whoever plugs a computer in again may first have its license extended. */
const FIRST_MS = 10 * MINUTE;

export const sweepExpired = (
  { ledger, keystore, authority, clock, settings, online, onGone, onEvent }: TransfersOptions,
  { clocks }: Pick<Ground, 'clocks'>,
): { close(): void } => {
  let closed = false;
  /** What both clocks have passed: one that jumps ahead for a moment deletes nothing. */
  const passed = (): number => {
    const { now, time } = clocks();
    return Math.min(now, time);
  };
  const isOver = (id: string): boolean => {
    const { expiredDays = 0 } = settings;
    const key = keystore.get(id);
    const until = key?.license?.delegation?.until;
    return expiredDays > 0 && until !== undefined && key?.signer.kind === 'software' && passed() > Date.parse(until) + expiredDays * DAY;
  };
  const forget = (id: string): Promise<void> =>
    authority.exclusively(id, 'end', async () => {
      if (!isOver(id)) return;
      const rows: RowKey[] = [];
      for await (const [row] of ledger.scan(`${id}/`)) rows.push(row);
      const state = transferRowKey(id);
      const deleted = await ledger.update([state], (view) => {
        if ((view.get<TransferRow>(state)?.out ?? 0) > 0) return { changes: [], audit: [], reply: false };
        const audit = [
          { kind: 'expired license deleted', scope: id, detail: { parent: keystore.get(id)?.license?.delegation?.parent ?? null } },
        ];
        return { changes: rows.map((key) => ({ key, row: undefined })), audit, reply: true };
      });
      if (!deleted) return;
      keystore.transfers.forget(id);
      online?.forget(id);
      onEvent({ level: 'info', event: 'expired detached license deleted', key: id });
      onGone(id);
    });
  const sweep = async (): Promise<void> => {
    for (const id of [...keystore.keys()].map(({ identity }) => identity.id).filter(isOver)) {
      if (closed) return;
      // What the disk refuses is tried again by the next sweep.
      await forget(id).catch(() => undefined);
    }
  };
  const turn = (): void => {
    if (closed) return;
    void sweep();
    cancel = clock.after(HOUR, turn);
  };
  let cancel = clock.after(FIRST_MS, turn);
  return {
    close() {
      closed = true;
      cancel();
    },
  };
};
