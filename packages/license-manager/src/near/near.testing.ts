import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LicensingError } from '@keyhaven/core/errors';
import type { PoolRow, SessionRow } from '@keyhaven/core/seats';
import type { Clock } from '@keyhaven/core/time';
import { openSharedLedger, type Row, type RowKey, type SharedLedger } from '@keyhaven/ledger';
import { createManualClock, createTestVendor, type ManualClock } from '@keyhaven/testkit/local-lm';
import { type NearApplication, startNearApplication } from '@keyhaven/testkit/near';
import { openBinding, systemEntropy } from '../machine/index.ts';
import { type NearComputer, type NearLm, openNearLm } from './index.ts';

// Several near LMs of one user in this process, each on its own connection to one store, on one simulated clock. One can be killed or stopped
// as the system does it: from then on it neither runs nor answers, and what it had under way is gone or waits.

const MARKS = ['id:test'];
export const catalog = (seats: number, more = '') => `
products:
  - id: 1
    name: Survey
    features:
      - { id: 42, name: Echo sounder, license: { type: perpetual }, concurrency: { seats: ${seats} } }
      - { id: 43, name: Count, license: { type: executions, count: 100 } }
      - { id: 44, name: Station, license: { type: perpetual }, concurrency: { seats: 2, count: station } }
      - { id: 45, name: Process, license: { type: perpetual }, concurrency: { seats: 2, count: process } }
${more}
    memory: { readWrite: 4032, readOnly: 16, readOnlyData: { text: fleet } }
`;

/** `busy`: questions to the ledger that are under way. */
type Life = { state: 'running' | 'stopped' | 'killed'; deferred: (() => void)[]; busy: number };

const never = <T>(): Promise<T> => new Promise<T>(() => undefined);
/** What a process does when it is let: at once, when it goes on, or never. */
const when = (life: Life, task: () => void): void => {
  if (life.state === 'running') task();
  else if (life.state === 'stopped') life.deferred.push(task);
};
const mortal = (ledger: SharedLedger, life: Life): SharedLedger => {
  const lived = <T>(work: () => Promise<T>): Promise<T> =>
    new Promise<T>((resolve) =>
      when(life, () => {
        life.busy += 1;
        const done = (): void => void (life.busy -= 1);
        const outcome = work().finally(done);
        const answer = (): void => when(life, () => resolve(outcome));
        outcome.then(answer, answer);
      }),
    );
  return {
    update: (keys, decide, options) => lived(() => ledger.update(keys, decide, options)),
    async *scan<R extends Row>(prefix: string) {
      yield* await lived(async () => {
        const found: (readonly [RowKey, R])[] = [];
        for await (const row of ledger.scan<R>(prefix)) found.push(row);
        return found;
      });
    },
    audit: (query) => lived(() => ledger.audit(query)),
    verifyAudit: () => lived(() => ledger.verifyAudit()),
    damage: () => ledger.damage(),
    onForeign: (listener) => ledger.onForeign(() => when(life, listener)),
    close: () => (life.state === 'running' ? ledger.close() : never()),
  };
};

export type TestNear = {
  readonly lm: NearLm;
  readonly pid: number;
  readonly application: NearApplication;
  login(feature?: number, more?: object): ReturnType<NearApplication['licensing']['login']>;
  /** SIGKILL of its process. */
  kill(): void;
  /** SIGSTOP and SIGCONT. */
  stop(): void;
  go(): void;
};

/** What the ledger of a store says, read as another process would. */
export const lookAt = async (directory: string, marks: readonly string[], clock: Pick<Clock, 'wall'>) => {
  const { seal } = await openBinding(directory, systemEntropy, marks);
  const ledger = await openSharedLedger({ directory, now: () => clock.wall(), authenticationKey: seal.key('ledger') });
  const [sessions, pools, instances]: [Map<string, SessionRow>, Map<string, PoolRow>, string[]] = [new Map(), new Map(), []];
  try {
    for await (const [name, row] of ledger.scan<SessionRow & PoolRow>('')) {
      const [, kind, id = ''] = name.split('/');
      if (kind === 'session') sessions.set(id, row);
      if (kind === 'pool') pools.set(id, row);
      if (kind === 'instance') instances.push(id);
    }
    return { sessions, used: (pool = '1.42') => pools.get(pool)?.used ?? 0, instances, audit: await ledger.audit() };
  } finally {
    await ledger.close();
  }
};

export const createStore = async (seats = 2) => {
  const directory = await mkdtemp(join(tmpdir(), 'keyhaven-near-'));
  const clock: ManualClock = createManualClock();
  const vendor = createTestVendor(catalog(seats));
  const running = new Set<string>();
  const ledgers: SharedLedger[] = [];
  const opened: { readonly near: NearLm; readonly life: Life }[] = [];
  let nextPid = 100;
  let boot = 'boot 1';

  /** @param says the process that the application says it is; absent = what is true */
  const open = async (kind: 'external' | 'integrated' = 'integrated', space = '', says?: number): Promise<TestNear> => {
    const pid = nextPid++;
    const life: Life = { state: 'running', deferred: [], busy: 0 };
    running.add(`${space}${pid}`);
    const computer: NearComputer = {
      clock: { ...clock, after: (milliseconds, task) => clock.after(milliseconds, () => when(life, task)) },
      boot,
      process: { pid, start: 1 },
      space,
      running: (process, of) => of !== space || running.has(`${of}${process.pid}`),
    };
    const lm = await openNearLm({
      kind,
      vendor: 7,
      directory,
      computer,
      application: { pid, start: 1 },
      marks: MARKS,
      observe: async () => ({ host: 'physical', values: {} }),
      async openLedger(options) {
        const ledger = await openSharedLedger(options);
        ledgers.push(ledger);
        return mortal(ledger, life);
      },
    });
    opened.push({ near: lm, life });
    const application = startNearApplication(lm, { pid: says ?? pid });
    return {
      lm,
      pid,
      application,
      login: (feature = 42, more = {}) => application.licensing.login({ vendorCode: vendor.vendorCode, feature, ...more }),
      kill() {
        life.state = 'killed';
        running.delete(`${space}${pid}`);
      },
      stop() {
        life.state = 'stopped';
      },
      go() {
        life.state = 'running';
        for (const task of life.deferred.splice(0)) task();
      },
    };
  };

  const look = () => lookAt(directory, MARKS, clock);

  /** Lets what is under way come to its end, however long the disk takes. */
  const quiet = async (): Promise<void> => {
    do await settle();
    while (opened.some(({ life }) => life.busy > 0));
  };

  return {
    directory,
    clock,
    vendor,
    open,
    look,
    /** A key with the catalog of so many seats; or its next update. */
    async license(near: TestNear, of = seats): Promise<void> {
      const [key] = near.lm.keys();
      const c2v = await near.lm.c2v(key === undefined ? { vendorCode: vendor.vendorCode } : { key });
      await near.lm.apply(vendor.issue(c2v, catalog(of)));
    },
    /** The computer starts again: its processes are gone. */
    reboot() {
      boot += '+';
      running.clear();
      for (const { life } of opened) life.state = 'killed';
    },
    /** Lets time pass in small steps, in which everybody acts. */
    async pass(milliseconds: number, step = 1_000) {
      for (let left = milliseconds; left > 0; left -= step) {
        clock.advance(Math.min(step, left));
        await quiet();
      }
    },
    async close() {
      for (const { near, life } of opened) if (life.state === 'running') await near.close();
      for (const ledger of ledgers) await ledger.close().catch(() => undefined);
      await rm(directory, { recursive: true, force: true });
    },
  };
};
export type Store = Awaited<ReturnType<typeof createStore>>;

/** Lets what is under way in this process come to its end, a transaction or two. */
export const settle = async (turns = 6): Promise<void> => {
  for (let turn = 0; turn < turns; turn += 1) await new Promise<void>((done) => setImmediate(done));
};

export const statusOf = async (work: Promise<unknown>): Promise<number> => {
  try {
    await work;
  } catch (error) {
    if (error instanceof LicensingError) return error.status;
    throw error;
  }
  return 0;
};
