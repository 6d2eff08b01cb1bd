import { type InstanceEnd, type InstanceRow, instanceRowKey, overBecause } from '@keyhaven/core/lease';
import { decideRelease, type Release, rowsOf, type SessionRow, sessionRowKey } from '@keyhaven/core/seats';
import type { Ledger, Row, RowKey } from '@keyhaven/ledger';
import type { NearComputer } from './computer.ts';
import type { Signs } from './signs.ts';

// Gives back what near LMs left behind that are over (T3, T4). Any number of processes may do it at once, and each may be killed at any
// point: an instance is marked over, then what it held is released session by session in the same decision as a logout, then it is forgotten;
// each step looks again in its own transaction whether there is anything left to do.

export type SweepOptions = {
  readonly ledger: Ledger;
  readonly computer: NearComputer;
  readonly signs: Signs;
  /** Its own instance is not judged here. */
  readonly self: () => string;
};

const PREFIX = 'lm/instance/';
type Held = { readonly id: string; readonly key: string; readonly row: SessionRow };

export const createSweep = ({ ledger, computer, signs, self }: SweepOptions) => {
  const judge = (id: string, row: InstanceRow): InstanceEnd | undefined =>
    overBecause(row, {
      now: computer.clock.mono(),
      boot: computer.boot,
      sign: signs.read(id),
      running: row.kind !== 'external' || computer.running(row, row.space ?? ''),
    });

  const instances = async (): Promise<ReadonlyMap<string, InstanceRow>> => {
    const found = new Map<string, InstanceRow>();
    for await (const [key, row] of ledger.scan<InstanceRow>(PREFIX)) found.set(key.slice(PREFIX.length), row);
    return found;
  };
  const sessions = async (): Promise<readonly Held[]> => {
    const found: Held[] = [];
    for await (const [name, row] of ledger.scan<SessionRow>('')) {
      const [key = '', kind, id = ''] = name.split('/');
      if (kind === 'session') found.push({ id, key, row });
    }
    return found;
  };

  /** Marks it, so that whatever it does from now on counts for nothing. @returns why it is over; undefined where it is not after all */
  const mark = (id: string): Promise<InstanceEnd | undefined> =>
    ledger.update<InstanceEnd | undefined>([instanceRowKey(id)], (rows) => {
      const row = rows.get<InstanceRow>(instanceRowKey(id));
      const because = row === undefined ? 'lease ended' : judge(id, row);
      const marks = row !== undefined && because !== undefined && row.over !== true;
      return {
        changes: marks ? [{ key: instanceRowKey(id), row: { ...row, over: true } satisfies InstanceRow }] : [],
        audit: [],
        reply: because,
      };
    });

  const release = (held: Held, instance: string, cause: InstanceEnd): Promise<boolean> => {
    const { id, key, row } = held;
    const pool = { key, product: row.product, feature: row.feature };
    const command: Release = { kind: 'release', pool, session: id, consumer: row.consumer, cause };
    const names: RowKey[] = [...rowsOf(command), instanceRowKey(instance)];
    return ledger.update<boolean>(names, (rows) => {
      const of = rows.get<InstanceRow>(instanceRowKey(instance));
      const owner = rows.get<SessionRow>(sessionRowKey(key, id))?.instance;
      if (owner !== instance || (of !== undefined && of.over !== true)) return { changes: [], audit: [], reply: false };
      const decision = decideRelease(rows, command);
      return { ...decision, reply: decision.reply.kind === 'released' };
    });
  };
  const forget = async (id: string): Promise<void> => {
    await ledger.update([instanceRowKey(id)], (rows) => ({
      changes: rows.get<InstanceRow & Row>(instanceRowKey(id))?.over === true ? [{ key: instanceRowKey(id), row: undefined }] : [],
      audit: [],
      reply: undefined,
    }));
    signs.remove(id);
  };

  /** @param thorough looks at every session, also where no instance seems over */
  const sweepNow = async (thorough: boolean): Promise<boolean> => {
    const isSuspect = ([id, row]: readonly [string, InstanceRow]): boolean => id !== self() && judge(id, row) !== undefined;
    if (!thorough && ![...(await instances())].some(isSuspect)) return false;
    const signed = thorough ? signs.all() : [];
    // In this order: the instance of a session that is found has a row, or had one that is gone for good.
    const held = Map.groupBy(await sessions(), ({ row }) => row.instance ?? '');
    const known = await instances();
    for (const id of signed) if (!known.has(id) && id !== self()) signs.remove(id);
    const suspects = [...known].filter(isSuspect).map(([id]) => id);
    const lost = [...held.keys()].filter((id) => id !== '' && id !== self() && !known.has(id));
    let freed = false;
    for (const id of [...suspects, ...lost]) {
      const because = await mark(id);
      if (because === undefined) continue;
      // What it was granted between the look and the mark is found by looking again.
      const of = (await sessions()).filter(({ row }) => row.instance === id);
      for (const released of await Promise.all(of.map((each) => release(each, id, because)))) freed ||= released;
      await forget(id);
    }
    return freed;
  };

  let running: Promise<boolean> | undefined;
  let next: Promise<boolean> | undefined;
  /**
   * Begins after it was called, so what it does not find is not there. @returns whether a seat came free
   * Rejects with LicensingError DEVICE_ERR (43).
   */
  const sweep = (thorough = false): Promise<boolean> => {
    const begin = (): Promise<boolean> => {
      next = undefined;
      running = sweepNow(thorough);
      return running;
    };
    if (next !== undefined && !thorough) return next;
    next = (running ?? Promise.resolve(false)).then(begin, begin);
    return next;
  };
  return sweep;
};
