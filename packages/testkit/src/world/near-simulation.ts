import { createHash } from 'node:crypto';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { armor, parseVendorCode } from '@keyhaven/core/license';
import type { SessionRow } from '@keyhaven/core/seats';
import { HOUR, MINUTE, SECOND, wall } from '@keyhaven/core/time';
import { createMachineSeal } from '@keyhaven/license-manager/machine';
import type { Session } from '@keyhaven/licensing-api';
import { createLicensing, type Licensing } from '@keyhaven/licensing-api/licensing';
import { issueLicense, readCatalog, vendorCodeOf } from '@keyhaven/vendor-tools';
import { type SimNear, startNear } from './near-lm.ts';
import { createNearStore } from './near-store.ts';
import { createRandom } from './random.ts';
import type { SimSocket } from './sockets.ts';
import { createTimeline, type Life, WORLD_BEGINS } from './timeline.ts';
import { makeVendor } from './world.ts';

// A seeded run of one user's computer: applications with near LMs of their own, which share his store (T3, T4). They are killed and stopped at any
// moment, and the computer's clock is set. After every event: no seat is out twice (I1), and no call succeeds in a session that the store does
// not have (I2). At the end everybody goes, and nothing is left (I6).

export type NearReport = {
  readonly seed: string;
  readonly hash: string;
  readonly steps: number;
  readonly logins: number;
  readonly calls: number;
};

type Actor = {
  readonly pid: number;
  readonly life: Life;
  readonly near: SimNear;
  readonly licensing: Licensing;
  readonly sessions: Set<Session>;
};

const SOLD = { 41: 3, 42: 2 } as const;
const CATALOG = `
products:
  - id: 1
    features:
      - { id: 41, license: { type: perpetual }, concurrency: { seats: ${SOLD[41]}, count: login } }
      - { id: 42, license: { type: perpetual }, concurrency: { seats: ${SOLD[42]}, count: process } }
    memory: { readWrite: 64, readOnly: 16 }
`;
const USER: Life = { alive: true };
/** Longer than a lease, and longer than what an instance believes without asking. */
const LONG_MS = 4 * MINUTE;

export const simulateNear = async (options: {
  readonly seed: string;
  readonly minutes: number;
  readonly applications: number;
}): Promise<NearReport> => {
  const { seed } = options;
  const random = createRandom(`${seed}/near`);
  const digest = createHash('sha256');
  const lines: string[] = [];
  const faults: string[] = [];
  let [logins, calls, nextPid, ahead, seen] = [0, 0, 100, 0, -1];
  const processes = new Set<number>();
  const actors = new Set<Actor>();

  const check = (): void => {
    if (store.version !== seen) {
      seen = store.version;
      const sums = new Map<string, number>();
      const pools = new Map<string, number>();
      for (const [name, row] of store.rows) {
        const [, kind, id = ''] = name.split('/');
        if (kind === 'pool' && 'used' in row) pools.set(id, Number(row.used));
        if (kind === 'session' && isSession(row) && row.consumer === undefined)
          sums.set(`${row.product}.${row.feature}`, (sums.get(`${row.product}.${row.feature}`) ?? 0) + row.seats);
        if (kind === 'consumer' && 'seats' in row) {
          const pool = id.split('.').slice(0, 2).join('.');
          sums.set(pool, (sums.get(pool) ?? 0) + Number(row.seats));
        }
      }
      for (const [id, used] of pools) {
        const sold = { '1.41': SOLD[41], '1.42': SOLD[42] }[id];
        if (used !== (sums.get(id) ?? 0)) faults.push(`I1: pool ${id} says ${used} seats in use, its sessions have ${sums.get(id) ?? 0}`);
        if (sold !== undefined && used > sold) faults.push(`I1: ${used} of ${sold} seats of pool ${id} are out`);
      }
    }
    if (faults.length > 0) throw new Error(faults.splice(0).join('\n'));
  };
  const timeline = createTimeline(check);
  const log = (text: string): void => {
    const line = `${timeline.now.toFixed(3)} ${text}`;
    digest.update(line);
    lines.push(line);
    if (lines.length > 120) lines.splice(0, 60);
  };
  const store = createNearStore(
    timeline,
    () => WORLD_BEGINS + timeline.now + ahead,
    () => random.between(0.1, random.chance(0.05) ? 80 : 3),
  );
  const seal = createMachineSeal(['near'], random.entropy.bytes(32), random.entropy);
  const vendor = makeVendor(random, 7);
  const vendorCode = vendorCodeOf(vendor);
  const later = (from: number, to: number, life: Life, task: () => void): void => void timeline.after(random.between(from, to), life, task);

  const settle = async <T>(work: Promise<T>): Promise<T> => {
    let done = false;
    const end = (): void => {
      done = true;
    };
    work.then(end, end);
    const until = timeline.now + MINUTE;
    while (!done && (await timeline.step(until)));
    return work;
  };
  const begin = async (kind: 'external' | 'integrated'): Promise<Actor> => {
    const pid = nextPid++;
    const life: Life = { alive: true };
    processes.add(pid);
    const near = await startNear({
      kind,
      timeline,
      store,
      seal,
      random: random.fork(`process ${pid}`),
      life,
      pid,
      running: (of) => processes.has(of),
      ahead: () => ahead,
      onEvent: (event) => log(`${pid} ${event}`),
    });
    const sockets: SimSocket[] = [];
    const licensing = createLicensing(
      { host: '127.0.0.1', port: 0 },
      { pid, start: 1, user: 'ada', host: 'near', application: 'simulated' },
      random.fork(`application ${pid}`).entropy,
      {
        dial() {
          const socket = near.dial(life);
          sockets.push(socket);
          return socket;
        },
        time: {
          now: () => timeline.now,
          pause: (milliseconds) => new Promise((done) => timeline.after(milliseconds, life, done)),
          later: (milliseconds, task) => timeline.after(milliseconds, life, task),
        },
      },
    );
    log(`${pid} begins as ${kind}`);
    return { pid, life, near, licensing, sessions: new Set() };
  };
  const kill = (actor: Actor): void => {
    actors.delete(actor);
    actor.life.alive = false;
    processes.delete(actor.pid);
    log(`${actor.pid} is killed`);
  };

  const login = async ({ pid, licensing, sessions }: Actor): Promise<void> => {
    const session = await licensing.login({ vendorCode, feature: random.pick([41, 41, 42]) });
    logins += 1;
    log(`${pid} login ${session.feature} ${session.id}`);
    if (!store.rows.has(`${session.key}/session/${session.id}`))
      faults.push(`I3: the session ${session.id} was acknowledged and is not in the store`);
    sessions.add(session);
  };
  const call = async (session: Session): Promise<void> => {
    const begun = timeline.now;
    await session.info();
    calls += 1;
    const gone = store.removed.get(`${session.key}/session/${session.id}`);
    if (gone !== undefined && gone < begun)
      faults.push(`I2: a call begun at ${begun} succeeded in session ${session.id}, which was released at ${gone}`);
  };
  const act = (actor: Actor): void => {
    later(random.chance(0.4) ? 1 : 500, random.chance(0.4) ? 300 : 40_000, actor.life, () => {
      const { sessions } = actor;
      const choice = random.next();
      const session = sessions.size === 0 || (choice < 0.4 && sessions.size < 3) ? undefined : random.pick([...sessions]);
      const work =
        session === undefined ? login(actor) : choice < 0.6 ? session.logout().then(() => void sessions.delete(session)) : call(session);
      work
        .catch((error: unknown) => {
          log(`${actor.pid} ${error instanceof LicensingError ? `${error.status}` : String(error)}`);
          if (!(error instanceof LicensingError)) faults.push(`an application saw ${String(error)}`);
          else if (error.status === Status.BROKEN_SESSION && session !== undefined) sessions.delete(session);
        })
        .finally(() => {
          if (actors.has(actor)) act(actor);
        });
    });
  };

  try {
    const first = await settle(begin('integrated'));
    const key = await settle(first.near.keystore.unlicensed('sl-usermode', parseVendorCode(vendorCode)));
    const c2v = armor('C2V', await settle(first.near.keystore.state(key, 'near', wall(WORLD_BEGINS))));
    const catalog = readCatalog(CATALOG);
    const { v2c } = issueLicense({ vendor, catalog, c2v, products: [1], now: wall(WORLD_BEGINS), entropy: random.entropy });
    await settle(first.near.lm.apply(v2c));
    actors.add(first);
    act(first);

    const end = timeline.now + options.minutes * MINUTE;
    const again = (from: number, to: number, task: () => void): void =>
      later(from, to, USER, () => {
        if (timeline.now >= end) return;
        task();
        again(from, to, task);
      });
    let starting = 0;
    again(SECOND, 20 * SECOND, () => {
      if (actors.size + starting >= options.applications) return;
      starting += 1;
      begin(random.chance(0.5) ? 'external' : 'integrated').then(
        (actor) => {
          starting -= 1;
          actors.add(actor);
          act(actor);
        },
        (error: unknown) => faults.push(`a near LM does not start: ${String(error)}`),
      );
    });
    again(5 * SECOND, 2 * MINUTE, () => {
      if (actors.size > 1) kill(random.pick([...actors]));
    });
    again(5 * SECOND, 90 * SECOND, () => {
      const actor = random.pick([...actors]);
      if (actor.life.held !== undefined) return;
      actor.life.held = [];
      log(`${actor.pid} is stopped`);
      later(...(random.chance(0.5) ? ([100, 20_000] as const) : ([LONG_MS / 2, LONG_MS] as const)), USER, () => {
        log(`${actor.pid} goes on`);
        timeline.resume(actor.life);
      });
    });
    again(20 * SECOND, 4 * MINUTE, () => {
      ahead = random.pick([0, 0, -HOUR, 30 * MINUTE, -400 * 24 * HOUR, 400 * 24 * HOUR]);
      log(`the clock is ${ahead} ms ahead`);
    });
    await timeline.run(end);

    const [last, ...others] = [...actors];
    actors.clear();
    for (const actor of others) {
      timeline.resume(actor.life);
      kill(actor);
    }
    if (last !== undefined) timeline.resume(last.life);
    // What it is about to ask for is asked for; nothing new is.
    await timeline.run(timeline.now + 2 * MINUTE);
    for (const session of last?.sessions ?? []) session.logout().catch(() => undefined);
    await timeline.run(timeline.now + 10 * MINUTE);
    for (const [name, row] of store.rows)
      if (/\/(?:session|consumer)\//.test(name) || (/\/pool\//.test(name) && 'used' in row && row.used !== 0))
        faults.push(`I6: the store is left with ${name} ${JSON.stringify(row)}`);
    check();
    return { seed, hash: digest.digest('hex'), steps: timeline.steps, logins, calls };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new Error(
      `${text}\nnear, seed ${JSON.stringify(seed)}, step ${timeline.steps}. Replay it with SEED=${seed}. The last events:\n${lines.slice(-60).join('\n')}`,
      {
        cause: error,
      },
    );
  }
};

const isSession = (row: object): row is SessionRow => 'holder' in row && 'seats' in row;
