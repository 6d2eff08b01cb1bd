import { Buffer } from 'node:buffer';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { DAY, HOUR, MINUTE, SECOND } from '@keyhaven/core/time';
import type { Session } from '@keyhaven/licensing-api';
import type { Application } from './application.ts';
import type { Computer } from './computer.ts';
import { createLending, farAway, type Lending } from './lending.ts';
import { CALM, type Weather } from './network.ts';
import { createRandom, type Random } from './random.ts';
import { type Life, WORLD_BEGINS } from './timeline.ts';
import { createWorld, makeVendor, type World, type WorldOptions } from './world.ts';

// A seeded run of a whole site: computers with keys of few seats, dozens of applications that log in, call, log out and crash, LMs that
// crash and start again, bad weather and partitions; at the end everybody goes, and nothing may be left.

export type SimulationOptions = {
  readonly seed: string;
  /** Simulated minutes of trouble. */
  readonly minutes?: number;
  readonly applications?: number;
  /** Licenses are lent and given back, and clocks are set; the end takes three hours more, in which all that is lent comes back. */
  readonly lends?: boolean;
  /** Without crashes, partitions and loss, in which nothing at all may fail. */
  readonly calm?: boolean;
  readonly meddle?: WorldOptions['meddle'];
  /** Numbers of computers whose applications cannot count on an answer. */
  readonly hostile?: readonly number[];
};

export type Report = {
  readonly seed: string;
  readonly hash: string;
  readonly steps: number;
  readonly computers: number;
  readonly logins: number;
  readonly calls: number;
  /** How often an application was told its place in line. */
  readonly places: number;
  readonly refusals: Readonly<Record<string, number>>;
  readonly released: Readonly<Record<string, number>>;
  readonly lending: Lending['counts'];
};

const catalog = (seats: number): string => `
products:
  - id: 1
    features:
      - { id: 41, detachable: true, license: { type: perpetual }, concurrency: { seats: ${seats}, count: login, network: true } }
      - { id: 42, detachable: true, license: { type: perpetual }, concurrency: { seats: ${seats}, count: process, network: true } }
      - { id: 43, detachable: true, license: { type: perpetual }, concurrency: { seats: ${Math.max(1, seats - 1)}, count: station, network: true } }
      - { id: 44, detachable: true, license: { type: perpetual }, concurrency: { network: true } }
      - { id: 45, license: { type: executions, count: 40 }, concurrency: { seats: 4, network: true } }
      - { id: 46, license: { type: perpetual }, concurrency: { seats: 2, network: false } }
    memory: { readWrite: 64, readOnly: 32, readOnlyData: { text: "the memory of this key" } }
`;
const FEATURES = [0, 41, 41, 41, 42, 42, 43, 43, 44, 45, 46];
const READ_ONLY = Buffer.from('the memory of this key');

/** An answer or a refusal comes within this time, whatever happens to the network and the LMs. */
const PATIENCE_MS = 90_000;
const SITE: Life = { alive: true };

type Actor = {
  readonly application: Application;
  readonly sessions: Set<Session>;
  /** Holds on to what it has, so that there is somebody to be cut off for longer than a lease. */
  readonly steady: boolean;
  busy: { readonly what: string; readonly since: number } | undefined;
};

export const simulate = async (options: SimulationOptions): Promise<Report> => {
  const { seed, calm = false, minutes = 20, hostile = [] } = options;
  const random = createRandom(`${seed}/site`);
  const computers = 3 + random.below(4);
  const world = await createWorld({
    seed,
    computers,
    drift: 0.004,
    never: calm ? ['lease ended', 'idle', 'killed', 'license changed'] : ['idle'],
    fair: calm ? [41, 45] : [],
    ...(options.meddle === undefined ? {} : { meddle: options.meddle }),
  });
  try {
    return await run(world, random, { ...options, calm, minutes, hostile });
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    const where = `seed ${JSON.stringify(seed)}, step ${world.timeline.steps}, ${(world.timeline.now / SECOND).toFixed(3)} s`;
    throw new Error(`${text}\n${where}\nReplay it with SEED=${seed}. The last events:\n${world.lastLines().join('\n')}`, { cause: error });
  }
};

const run = async (
  world: World,
  random: Random,
  options: SimulationOptions & { readonly calm: boolean; readonly minutes: number; readonly hostile: readonly number[] },
): Promise<Report> => {
  const { timeline, watch, network } = world;
  const { calm } = options;
  const actors = new Set<Actor>();
  const refusals: Record<string, number> = {};
  let [logins, calls, places] = [0, 0, 0];
  const waiting = (): void => {
    places += 1;
  };

  const vendor = makeVendor(world.random, 7);
  const keys: { readonly key: string; readonly owner: Computer }[] = [];
  const owners = Math.min(world.computers.length - 1, 1 + random.below(3));
  let vendorCode = '';
  for (let number = 0; number < owners; number++) {
    const owner = world.computer(number);
    const made = await world.makeKey(owner, vendor, catalog((options.lends === true ? 5 : 2) + random.below(3)));
    vendorCode = made.vendorCode;
    keys.push({ key: made.key, owner });
  }
  world.introduce();
  await timeline.run(timeline.now + 3 * SECOND);

  const lending = createLending(world, random.fork('lending'), keys, SITE);
  const ownerOf = (session: Session): Computer | undefined => [...keys, ...lending.lent].find(({ key }) => key === session.key)?.owner;

  const outcome = (actor: Actor, what: string, error: unknown): void => {
    const status = error instanceof LicensingError ? `${error.status} ${error.name}` : String(error);
    refusals[status] = (refusals[status] ?? 0) + 1;
    world.log(`${actor.application.computer.name} process ${actor.application.pid}: ${what}: ${status}`);
    if (!(error instanceof LicensingError)) watch.fault(`an application saw ${String(error)}`);
    if (calm && error instanceof LicensingError) {
      const expected = [Status.TOO_MANY_USERS, Status.FEATURE_EXPIRED, Status.FEATURE_NOT_FOUND, Status.ACCESS_DENIED];
      if (!expected.some((each) => each === error.status)) watch.fault(`in calm weather ${what} failed: ${error.message}`);
    }
    const known = options.hostile.some((number) => world.computer(number) === actor.application.computer);
    if (error instanceof LicensingError && error.status === Status.SCHAN_ERR && !known)
      watch.fault(`I4: ${what} met 46 where nobody meddles`);
  };

  const login = async (actor: Actor): Promise<void> => {
    const feature = random.pick(FEATURES);
    const seats = random.chance(0.2) ? 2 : 1;
    const waits = random.chance(0.4);
    const gaveUp = new AbortController();
    if (waits && random.chance(0.3)) timeline.after(random.between(0, 20_000), actor.application.life, () => gaveUp.abort());
    const wait = waits ? { wait: { timeoutMs: random.between(0, 40_000) }, onWaiting: waiting, signal: gaveUp.signal } : {};
    let session: Session;
    try {
      session = await actor.application.licensing.login({ vendorCode, feature, seats, ...wait });
    } catch (error) {
      if (gaveUp.signal.aborted && !(error instanceof LicensingError)) return;
      throw error;
    }
    const owner = ownerOf(session);
    if (owner === undefined) return watch.fault(`a session of the unknown key ${session.key}`);
    logins += 1;
    world.log(`${actor.application.computer.name} process ${actor.application.pid}: login ${feature} ${session.id} at ${owner.name}`);
    watch.acknowledged(session.id, owner);
    if (session.feature !== feature) watch.fault(`I4: feature ${feature} was asked for and ${session.feature} granted`);
    actor.sessions.add(session);
  };
  const logout = async (actor: Actor, session: Session): Promise<void> => {
    watch.mayEnd(session.id, 'logout');
    await session.logout();
    actor.sessions.delete(session);
    world.log(`${actor.application.computer.name} process ${actor.application.pid}: logout ${session.id}`);
  };
  const call = async (actor: Actor, session: Session): Promise<void> => {
    const begun = timeline.now;
    const kind = random.below(4);
    try {
      if (kind === 0) {
        const data = await session.read({ file: 0xfff5, offset: 0, length: READ_ONLY.length });
        if (!READ_ONLY.equals(data)) watch.fault(`I4: session ${session.id} read what is not in the key`);
      } else if (kind === 1 && session.feature !== 0) {
        const plain = Buffer.from(`sixteen bytes or more ${session.id}`);
        if (!plain.equals(await session.decrypt(await session.encrypt(plain)))) watch.fault('I4: what was encrypted came back changed');
      } else if (kind === 2) await session.info();
      else await session.write({ file: 0xfff4, offset: random.below(48), data: Buffer.alloc(16, random.below(256)) });
    } catch (error) {
      if (error instanceof LicensingError && [Status.BROKEN_SESSION, Status.KILLED_SESSION].some((each) => each === error.status))
        actor.sessions.delete(session);
      throw error;
    }
    calls += 1;
    const owner = ownerOf(session);
    if (owner !== undefined) watch.callSucceeded(session.id, owner, begun);
  };

  const act = (actor: Actor): void => {
    const { application } = actor;
    timeline.after(random.chance(0.3) ? random.between(1, 200) : random.between(200, 30_000), application.life, () => {
      const [session] = actor.sessions;
      const choice = random.next();
      let what = 'login';
      let work: Promise<void>;
      if (session === undefined || (choice < 0.3 && actor.sessions.size < 4)) work = login(actor);
      else if (choice < 0.5 && !actor.steady) {
        what = 'logout';
        work = logout(actor, session);
      } else {
        what = 'call';
        work = call(actor, random.pick([...actor.sessions]));
      }
      actor.busy = { what, since: timeline.now };
      strike(actor);
      work
        .catch((error: unknown) => outcome(actor, what, error))
        .finally(() => {
          actor.busy = undefined;
          if (actors.has(actor)) act(actor);
        });
    });
  };
  const begin = (): void => {
    const application = world.application(random.pick(world.computers));
    const actor: Actor = { application, sessions: new Set(), steady: random.chance(0.3), busy: undefined };
    actors.add(actor);
    act(actor);
  };
  const leave = (actor: Actor): void => {
    actors.delete(actor);
    world.crashApplication(actor.application);
  };

  /** Trouble at the worst moment: while something is under way. */
  const strike = (actor: Actor): void => {
    const soon = (probability: number, task: () => void): void => {
      if (random.chance(probability) && timeline.now < end) timeline.after(random.between(0, random.chance(0.5) ? 5 : 40), SITE, task);
    };
    soon(0.04, () => {
      if (actors.has(actor) && !actor.steady) leave(actor);
    });
    if (calm) return;
    soon(0.003, () => failLm(random.chance(0.5) ? actor.application.computer : random.pick(keys).owner));
    soon(0.02, () => changeLicense());
    soon(0.01, () => cutSome());
  };
  const failLm = (computer: Computer): void => {
    if (computer.lm === undefined) return;
    world.crashLm(computer);
    const pause = random.chance(0.8) ? random.between(20, 5_000) : random.between(5_000, 300_000);
    timeline.after(pause, SITE, () => settled(world.startLm(computer)));
  };
  const cutSome = (): void => {
    const [a, b] = [random.pick(world.computers), random.pick(world.computers)];
    if (a === b) return;
    const both = random.chance(0.5);
    network.cut(a.address, b.address);
    if (both) network.cut(b.address, a.address);
    world.log(`cut ${a.name} ${both ? '<->' : '->'} ${b.name}`);
    timeline.after(random.chance(0.5) ? random.between(100, 20_000) : random.between(100_000, 400_000), SITE, () => {
      network.mend(a.address, b.address);
      network.mend(b.address, a.address);
      world.log(`mended ${a.name} and ${b.name}`);
    });
  };
  /** Whose license is being changed, and by which run of its LM: two updates of one number would be one of two. */
  const changing = new Map<string, Computer['lm']>();
  const changeLicense = (): void => {
    const { key, owner } = random.pick(keys);
    if (owner.lm === undefined || changing.get(key) === owner.lm) return;
    changing.set(key, owner.lm);
    watch.mayChangeLicense();
    const seats = (options.lends === true ? 3 : 1) + random.below(4);
    world.log(`license of ${key}: ${seats} seats`);
    settled(world.license(owner, vendor, key, catalog(seats)).finally(() => changing.delete(key)));
  };
  const settled = (work: Promise<unknown>): void => {
    work.catch((error: unknown) => world.log(`the administrator saw ${String(error)}`));
  };

  // What goes on besides: applications come and go, LMs fail, the network changes, licenses change.
  const again = (from: number, to: number, task: () => void): void => {
    timeline.after(random.between(from, to), SITE, () => {
      if (timeline.now >= end) return;
      task();
      again(from, to, task);
    });
  };
  const wanted = options.applications ?? 24;
  const start = timeline.now;
  const end = start + options.minutes * MINUTE;
  for (let count = 0; count < wanted; count++) begin();
  again(2 * SECOND, 40 * SECOND, () => {
    const brief = [...actors].filter(({ steady }) => !steady);
    if (brief.length > 0) leave(random.pick(brief));
  });
  again(SECOND, 20 * SECOND, () => {
    if (actors.size < wanted) begin();
  });
  again(2 * MINUTE, 5 * MINUTE, () => world.introduce());
  // Seats go by leases, and leases by no date: whoever sets a clock ends and prolongs nothing (I1, I2), in calm weather, too.
  again(30 * SECOND, 3 * MINUTE, () => {
    if (options.lends === true) return lending.setClock();
    const computer = random.pick(world.computers);
    const ahead = random.chance(0.3) ? 0 : random.between(-1, 1) * random.pick([MINUTE, HOUR, 30 * DAY, 3_650 * DAY]);
    computer.setClock(ahead);
    world.log(`the clock of ${computer.name} is set ${ahead} ms ahead`);
  });
  if (!calm) {
    const weather: Weather = { delay: [0.2, random.between(5, 600)], loss: random.between(0, 0.05), duplication: random.between(0, 0.05) };
    network.weather = weather;
    world.log(`weather ${JSON.stringify(weather)}`);
    again(MINUTE, 6 * MINUTE, () => failLm(random.pick(world.computers)));
    again(20 * SECOND, 3 * MINUTE, cutSome);
    again(MINUTE, 6 * MINUTE, changeLicense);
    again(MINUTE, 5 * MINUTE, () => {
      const owner = random.pick(keys).owner;
      const sessions = [...(owner.lm?.authority.sessions() ?? [])];
      if (sessions.length === 0 || owner.lm === undefined) return;
      const session = random.pick(sessions);
      watch.mayEnd(session.id, 'killed');
      world.log(`kill ${session.id}`);
      settled(owner.lm.authority.release(session, 'killed'));
    });
  }
  if (options.lends === true) again(2 * SECOND, 20 * SECOND, () => lending.act());
  const look = (): void => {
    watch.checkLeftovers(timeline.now);
    for (const { busy, application } of actors) {
      const mayWait = options.hostile.some((number) => world.computer(number) === application.computer);
      if (busy !== undefined && timeline.now - busy.since > PATIENCE_MS && !mayWait) {
        watch.fault(`${busy.what} of process ${application.pid} at ${application.computer.name} has no answer since ${busy.since}`);
      }
    }
    timeline.after(10 * SECOND, SITE, look);
  };
  look();
  await timeline.run(end);

  // The end: everybody goes, the network is whole, LMs run. Whatever was taken comes back by itself (I6).
  network.mendAll();
  network.weather = CALM;
  for (const computer of world.computers) {
    computer.setClock(0);
    if (computer.lm === undefined) await world.startLm(computer);
  }
  for (const actor of [...actors]) leave(actor);
  await timeline.run(timeline.now + (options.lends === true ? 3 * HOUR : 12 * MINUTE));
  for (const computer of world.computers) {
    for (const [name, row] of computer.disk.rows) {
      const [key = '', kind, id = ''] = name.split('/');
      const left =
        kind === 'session' ||
        kind === 'consumer' ||
        name.startsWith('lm/forwarded/') ||
        (kind === 'pool' && 'used' in row && row.used !== farAway(computer, key, id, WORLD_BEGINS + timeline.now));
      if (left) watch.fault(`I6: ${computer.name} is left with ${name} ${JSON.stringify(row)}`);
    }
  }
  watch.check();
  return {
    seed: options.seed,
    hash: world.hash(),
    steps: timeline.steps,
    computers: world.computers.length,
    logins,
    calls,
    places,
    refusals,
    released: watch.counts.released,
    lending: lending.counts,
  };
};
