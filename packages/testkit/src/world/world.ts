import { createHash } from 'node:crypto';
import { armor, parseVendorCode } from '@keyhaven/core/license';
import { wall } from '@keyhaven/core/time';
import { issueLicense, readCatalog, type Vendor, vendorCodeOf, vendorFromSecrets } from '@keyhaven/vendor-tools';
import { type Application, startApplication } from './application.ts';
import { type Computer, type ComputerOptions, createComputer } from './computer.ts';
import { createNetwork, type Network } from './network.ts';
import { createRandom, type Random } from './random.ts';
import { createTimeline, drain, type Timeline, WORLD_BEGINS } from './timeline.ts';
import { createWatch, type Sold, type Watch } from './watch.ts';

// A world of computers that run the real license manager and the real Licensing API, in simulated time, over a simulated network and
// disk, watched by the invariants of DESIGN after every event. The same seed gives the same run (I7).

export type WorldOptions = {
  readonly seed: string;
  readonly computers: number;
  /** Clocks run apart by up to this share of one; at most 0.005 either way, which is one percent between two. */
  readonly drift?: number;
  readonly idleSessionMs?: number;
  /** Causes of release that must not come up. */
  readonly never?: readonly string[];
  /** Features in which nobody may be overtaken who waits. */
  readonly fair?: readonly number[];
  /** Makes the LM of the computer of this number hostile. */
  readonly meddle?: (computer: number, random: Random) => ComputerOptions['meddle'];
};

export type World = {
  readonly timeline: Timeline;
  readonly network: Network;
  readonly random: Random;
  readonly computers: readonly Computer[];
  readonly watch: Watch;
  readonly applications: ReadonlySet<Application>;
  computer(number: number): Computer;
  /** Lets time pass until the promise is settled; at most so long. */
  settle<T>(promise: Promise<T>, milliseconds?: number): Promise<T>;
  /** Makes a key at a computer whose LM runs, and licenses it. @returns its id and the vendor code. */
  makeKey(computer: Computer, vendor: Vendor, catalog: string): Promise<{ readonly key: string; readonly vendorCode: string }>;
  /** Issues another license for a key and applies it. */
  license(computer: Computer, vendor: Vendor, key: string, catalog: string): Promise<void>;
  application(computer: Computer): Application;
  crashApplication(application: Application): void;
  crashLm(computer: Computer): void;
  startLm(computer: Computer): Promise<void>;
  /** Everybody hears of everybody, as by discovery. */
  introduce(): void;
  log(text: string): void;
  /** Of everything logged. */
  hash(): string;
  /** The end of the log, for people. */
  lastLines(): readonly string[];
};

export const makeVendor = (random: Random, id: number): Vendor =>
  vendorFromSecrets({ id, name: `Vendor ${id}` }, { signingSeed: random.entropy.bytes(32), masterSecret: random.entropy.bytes(32) });

const KEPT_LINES = 60;

export const createWorld = async (options: WorldOptions): Promise<World> => {
  const random = createRandom(options.seed);
  const digest = createHash('sha256');
  const lines: string[] = [];
  const sold = new Map<string, ReadonlyMap<string, Sold>>();
  const applications = new Set<Application>();
  const computers: Computer[] = [];
  let nextPid = 100;

  const timeline = createTimeline(() => watch.check());
  const log = (text: string): void => {
    const line = `${timeline.now.toFixed(3)} ${text}`;
    digest.update(line);
    lines.push(line);
    if (lines.length > 2 * KEPT_LINES) lines.splice(0, KEPT_LINES);
  };
  const watch = createWatch({
    now: () => timeline.now,
    computers: () => computers,
    sold: (key, counter) => sold.get(`${key} ${counter}`),
    never: new Set(options.never ?? []),
    fair: new Set(options.fair ?? []),
  });
  const network = createNetwork(timeline, random.fork('network'));

  const settle = async <T>(promise: Promise<T>, milliseconds = 60_000): Promise<T> => {
    let done = false;
    const end = (): void => {
      done = true;
    };
    promise.then(end, end);
    const until = timeline.now + milliseconds;
    await drain();
    while (!done) {
      if (!(await timeline.step(until)) && !done) throw new Error(`not settled after ${milliseconds} ms`);
    }
    return promise;
  };

  const license: World['license'] = async (computer, vendor, key, catalogText) => {
    const { keystore, lm } = computer;
    const found = keystore?.get(key);
    if (keystore === undefined || lm === undefined || found === undefined) throw new Error('the license manager does not run');
    const c2v = armor('C2V', await keystore.state(found, computer.name, wall(WORLD_BEGINS)));
    const catalog = readCatalog(catalogText);
    const products = catalog.products.map(({ id }) => id);
    const request = { vendor, catalog, c2v, products, now: wall(WORLD_BEGINS), entropy: random.entropy };
    const { v2c, certificate, counter } = issueLicense(request);
    const pools = certificate.products.flatMap(({ id, features }) =>
      features.map(({ id: feature, concurrency, license: terms }) => {
        const seats = concurrency.seats === 'unlimited' ? undefined : concurrency.seats;
        return [`${id}.${feature}`, { seats, executions: terms.type === 'executions' ? terms.count : undefined }] as const;
      }),
    );
    sold.set(`${key} ${counter}`, new Map(pools));
    await lm.apply(v2c);
  };

  const world: World = {
    timeline,
    network,
    random,
    computers,
    watch,
    applications,
    log,
    settle,
    license,
    computer(number) {
      const found = computers[number];
      if (found === undefined) throw new RangeError(`no computer ${number}`);
      return found;
    },
    async makeKey(computer, vendor, catalog) {
      const vendorCode = vendorCodeOf(vendor);
      const { keystore } = computer;
      if (keystore === undefined) throw new Error('the license manager does not run');
      const key = await settle(keystore.unlicensed('sl-adminmode', parseVendorCode(vendorCode)));
      await settle(license(computer, vendor, key.identity.id, catalog));
      return { key: key.identity.id, vendorCode };
    },
    application(computer) {
      const pid = nextPid++;
      const application = startApplication(computer, timeline, random.fork(`application ${pid}`).entropy, pid, `user${pid % 7}`);
      applications.add(application);
      return application;
    },
    crashApplication(application) {
      application.crash();
      applications.delete(application);
      watch.processEnded(`${application.computer.name} ${application.pid}.${application.start}`, timeline.now);
      log(`${application.computer.name} process ${application.pid} is gone`);
    },
    crashLm(computer) {
      computer.crash();
      watch.crashed(computer);
      log(`${computer.name} crashed`);
    },
    async startLm(computer) {
      await computer.start();
      log(`${computer.name} started`);
      world.introduce();
    },
    introduce() {
      for (const { lm } of computers) {
        for (const { identity, address, lm: other } of computers) {
          if (other !== undefined) lm?.peers.found(identity.guid, { host: address, port: 1947 });
        }
      }
    },
    hash: () => digest.copy().digest('hex'),
    lastLines: () => lines.slice(-KEPT_LINES),
  };

  for (let number = 0; number < options.computers; number++) {
    const fork = random.fork(`computer ${number}`);
    const drift = options.drift ?? 0;
    const meddle = options.meddle?.(number, fork);
    const computer: Computer = createComputer({
      name: `host-${number}`,
      address: `10.0.0.${number + 1}`,
      timeline,
      network,
      random: fork,
      clockRate: 1 + fork.between(-drift, drift),
      ...(options.idleSessionMs === undefined ? {} : { idleSessionMs: options.idleSessionMs }),
      ...(meddle === undefined ? {} : { meddle }),
      watcher: watch.watcher(() => computer),
      onEvent: (event) => log(`host-${number} ${event}`),
    });
    computers.push(computer);
    await settle(computer.start());
  }
  return world;
};
