import { hex } from '@keyhaven/core/bytes';
import type { Entropy } from '@keyhaven/core/crypto';
import { BELIEVED_MS, type InstanceRow, instanceRowKey, overBecause, RENEW_MS, SIGN_MS } from '@keyhaven/core/lease';
import { type Mono, mono, SECOND } from '@keyhaven/core/time';
import type { Ledger, RowKey, Rows } from '@keyhaven/ledger';
import type { NearComputer } from './computer.ts';
import type { Signs } from './signs.ts';

// This near LM among those that share its store (T3, T4): one row in the ledger that it renews, and signs beside it. The rules are in
// core/lease/instances.ts. When it finds itself over, because it was stopped for too long, its sessions end, and it goes on as another one.

export type Instance = {
  readonly id: string;
  readonly row: RowKey;
  /** In a decision that names `row`: this one may be granted seats. */
  holds(rows: Rows): boolean;
  /**
   * undefined while what it holds is believed; else resolves when the ledger has said whether it is over, and then after its sessions ended.
   * Rejects where the ledger cannot say.
   */
  verified(): Promise<void> | undefined;
  /** Asks the ledger now. */
  renew(): Promise<void>;
  /** Nothing is held any more. */
  close(): Promise<void>;
};

export type InstanceOptions = {
  readonly kind: InstanceRow['kind'];
  readonly ledger: Ledger;
  readonly computer: NearComputer;
  readonly entropy: Entropy;
  readonly signs: Signs;
  /** It is over: whatever it held has ended. Resolves when that is told to everybody here. */
  readonly onOver: () => Promise<void>;
};

/** After a renewal that the ledger refused. */
const AGAIN_MS = 5 * SECOND;
/** Between a look at the clock and what is done by it. */
const MARGIN_MS = SECOND;

/** @throws LicensingError DEVICE_ERR (43) */
export const openInstance = async (options: InstanceOptions): Promise<Instance> => {
  const { kind, ledger, computer, signs } = options;
  const { clock, boot, space } = computer;
  let id = '';
  let renewed: Mono;
  let signed: Mono;
  let renewAt: Mono;
  let renewing: Promise<void> | undefined;
  let closed = false;
  let cancel = (): void => undefined;

  const begin = async (): Promise<void> => {
    const next = hex(options.entropy.bytes(16));
    const now = clock.mono();
    const row: InstanceRow = { kind, ...computer.process, boot, renewed: now, ...(space === '' ? {} : { space }) };
    await ledger.update([], () => ({ changes: [{ key: instanceRowKey(next), row }], audit: [], reply: undefined }));
    [id, renewed, signed, renewAt] = [next, now, now, mono(now + RENEW_MS)];
    // After its row, so that who finds a sign without a row may remove it.
    signs.write(id, now);
  };
  /** By what this process knows of itself. */
  const isOver = (row: InstanceRow, now: Mono): boolean =>
    overBecause(row, { now: mono(now + MARGIN_MS), boot, sign: signed, running: true }) !== undefined;

  const renewNow = async (): Promise<void> => {
    const key = instanceRowKey(id);
    const at = await ledger.update<Mono | undefined>([key], (rows) => {
      const now = clock.mono();
      const row = rows.get<InstanceRow>(key);
      if (row === undefined) return { changes: [], audit: [], reply: undefined };
      if (isOver(row, now)) return { changes: [{ key, row: { ...row, over: true } satisfies InstanceRow }], audit: [], reply: undefined };
      return { changes: [{ key, row: { ...row, renewed: now } satisfies InstanceRow }], audit: [], reply: now };
    });
    if (at !== undefined) {
      [renewed, signed, renewAt] = [at, at, mono(at + RENEW_MS)];
      signs.write(id, at);
      return;
    }
    await options.onOver();
    await begin();
  };
  const renew = (): Promise<void> => {
    renewing ??= renewNow().finally(() => {
      renewing = undefined;
    });
    return renewing;
  };

  const tick = (): void => {
    if (closed) return;
    const now = clock.mono();
    // One that was stopped for too long must not say that it has lived all the time.
    if (now + MARGIN_MS < signed + BELIEVED_MS) {
      signs.write(id, now);
      signed = now;
    } else renewAt = now;
    if (now >= renewAt && renewing === undefined) {
      renewAt = mono(now + AGAIN_MS);
      renew().catch(() => undefined); // Tried again, and asked for by the next call that needs it.
    }
    cancel = clock.after(SIGN_MS, tick);
  };
  await begin();
  cancel = clock.after(SIGN_MS, tick);

  return {
    get id() {
      return id;
    },
    get row() {
      return instanceRowKey(id);
    },
    holds(rows) {
      const row = rows.get<InstanceRow>(instanceRowKey(id));
      return row !== undefined && !isOver(row, clock.mono());
    },
    verified: () => (clock.mono() < renewed + BELIEVED_MS ? undefined : renew()),
    renew,
    async close() {
      closed = true;
      cancel();
      await renewing?.catch(() => undefined);
      const key = instanceRowKey(id);
      await ledger.update([key], (rows) => ({
        changes: rows.get(key) === undefined ? [] : [{ key, row: undefined }],
        audit: [],
        reply: undefined,
      }));
      signs.remove(id);
    },
  };
};
