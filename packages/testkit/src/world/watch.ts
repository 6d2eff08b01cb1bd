import type { SessionRow } from '@keyhaven/core/seats';
import type { DetachRow } from '@keyhaven/core/transfer';
import type { AuditEntry, Row } from '@keyhaven/ledger';
import { type Computer, sessionsIn } from './computer.ts';
import type { DiskWatcher } from './disk.ts';
import { createFairness } from './fairness.ts';

// What must be true after every event of a world, whatever happened in it.
//
// I1  In every owner's ledger, `used` of each pool is the sum over its sessions, consumers and detached copies, and at most what its license
//     sells; a key that was lent seats never has more in use than its owner has put aside for it at that moment.
// I2  Who believes in a seat is in the owner's ledger. For an application: each call that succeeds was answered by a session that was in
//     the ledger when the call was made. For its LM: every session held under a confirmed lease that has not ended by its own clock is in
//     the owner's ledger, unless it was ended on purpose (logout, process end, killed, license changed).
// I3  A login that was acknowledged is in the durable snapshot, and stays there through every crash until its release is durable.
// A4  Where nothing is lost on the way, nobody who waits is overtaken (fairness.ts).
// I6  A release has a cause that is true; an application that ended leaves no session behind for longer than its LM or the lease takes.

export type Watch = {
  watcher(owner: () => Computer): DiskWatcher;
  /** After every event. */
  check(): void;
  /** Now and then. */
  checkLeftovers(now: number): void;
  acknowledged(session: string, owner: Computer): void;
  callSucceeded(session: string, owner: Computer, begun: number): void;
  /** To be called before it happens. */
  mayEnd(session: string, cause: 'logout' | 'killed'): void;
  mayChangeLicense(): void;
  /** This key is about to get seats of that one (K5). */
  lends(child: string, owner: Computer, parent: string): void;
  crashed(owner: Computer): void;
  processEnded(name: string, at: number): void;
  fault(text: string): void;
  readonly counts: { granted: number; released: Record<string, number> };
};

export type Sold = { readonly seats: number | undefined; readonly executions: number | undefined };
/** What the license of a key in force sells, by `product.feature`. */
export type SoldBy = (key: string, counter: number) => ReadonlyMap<string, Sold> | undefined;

type Owned = {
  version: number;
  readonly released: Map<string, { readonly cause: string; readonly at: number }>;
  readonly everDurable: Set<string>;
  readonly releaseDurable: Set<string>;
  readonly acknowledged: Set<string>;
};

/** A local application's seat is back within looks at its process; a remote one's when a lease and a sweep are over, after a disagreement. */
const LOCAL_LEFTOVER_MS = 30_000;
const REMOTE_LEFTOVER_MS = 420_000;
/** Feature 0, which is in every key and counts no seats. */
const DEFAULT_POOL = '0.0';

export const createWatch = (options: {
  readonly now: () => number;
  readonly computers: () => readonly Computer[];
  readonly sold: SoldBy;
  /** Causes that this world has no reason for. */
  readonly never: ReadonlySet<string>;
  /** Features in which nobody may be overtaken who waits; absent = none. */
  readonly fair?: ReadonlySet<number>;
}): Watch => {
  const { now, computers } = options;
  const faults: string[] = [];
  const owned = new Map<string, Owned>();
  const mayEnd = new Set<string>();
  const endedProcesses = new Map<string, number>();
  const lenders = new Map<string, { readonly owner: Computer; readonly parent: string }>();
  const counts: Watch['counts'] = { granted: 0, released: {} };
  let licenseMayChange = false;
  const fairness = createFairness({
    counts: (feature) => options.fair?.has(feature) ?? false,
    hasEnded: (pid) => [...endedProcesses.keys()].some((name) => name.includes(` ${pid}.`)),
    fault: (text) => void faults.push(text),
  });

  const of = (computer: Computer): Owned => {
    let found = owned.get(computer.name);
    if (found === undefined) {
      found = { version: -1, released: new Map(), everDurable: new Set(), releaseDurable: new Set(), acknowledged: new Set() };
      owned.set(computer.name, found);
    }
    return found;
  };
  const byGuid = (guid: string): Computer | undefined => computers().find((each) => each.identity.guid === guid);
  const fault = (text: string): void => void faults.push(text);
  const processOf = (owner: Computer, row: SessionRow): { readonly computer: Computer | undefined; readonly name: string } => ({
    computer: row.holder === 'local' ? owner : byGuid(row.holder),
    name: `${row.pid}.${row.start}`,
  });

  const checkCause = (owner: Computer, session: string, cause: string, entry: AuditEntry): void => {
    const { holder, pid, application } = entry.detail;
    const say = (why: string): void => fault(`I6: session ${session} at ${owner.name} was released for "${cause}", but ${why}`);
    if (options.never.has(cause)) say('this world has no reason for that');
    // A seat that came after waiting and was not taken goes back: another key was first, or the application waits no longer.
    // So does the seat of a login that was not answered in time. Of neither was any application told.
    const untaken = cause === 'logout' && !of(owner).acknowledged.has(session);
    if ((cause === 'logout' || cause === 'killed') && !mayEnd.has(`${session} ${cause}`) && !untaken) say('nobody asked for it');
    if (cause === 'license changed' && !licenseMayChange) say('no license changed');
    if (cause === 'lease ended' && holder === 'local') say('a local session has no lease');
    if (cause !== 'process ended') return;
    const computer = holder === 'local' ? owner : byGuid(String(holder));
    if ([...(computer?.processes ?? [])].some((name) => name.startsWith(`${pid}.`))) say(`process ${pid} of ${application} still runs`);
  };

  /** What a key got of another one: what its owner has put aside for it, and nothing once the owner has it back. */
  const lentTo = (child: string, pool: string): Sold => {
    const { owner, parent } = lenders.get(child) ?? {};
    const row = owner?.disk.rows.get(`${parent ?? ''}/detach/${child}`);
    const [product, feature] = pool.split('.').map(Number);
    if (pool === DEFAULT_POOL) return { seats: undefined, executions: undefined };
    if (row === undefined || !isDetached(row) || row.product !== product) return { seats: 0, executions: undefined };
    const reserved = row.reserved.find((each) => each.feature === feature);
    // A feature of unlimited seats is lent without any number.
    return { seats: reserved?.seats, executions: undefined };
  };

  const checkPools = (computer: Computer): void => {
    const pools = new Map<string, { used: number; executions: number; sum: number }>();
    const consumers = new Map<string, { readonly sessions: number; found: number }>();
    const poolOf = (key: string, id: string) => {
      const found = pools.get(`${key} ${id}`) ?? { used: 0, executions: 0, sum: 0 };
      pools.set(`${key} ${id}`, found);
      return found;
    };
    const sessions: { readonly key: string; readonly row: SessionRow }[] = [];
    for (const [name, row] of computer.disk.rows) {
      const [key = '', kind, id = ''] = name.split('/');
      if (kind === 'pool' && isPool(row)) Object.assign(poolOf(key, id), { used: row.used, executions: row.executions });
      if (kind === 'session' && isSession(row)) sessions.push({ key, row });
      if (kind === 'detach' && isDetached(row))
        for (const { feature, seats } of row.reserved) poolOf(key, `${row.product}.${feature}`).sum += seats;
      if (kind === 'consumer' && isConsumer(row)) {
        const [product, feature, ...rest] = id.split('.');
        poolOf(key, `${product}.${feature}`).sum += row.seats;
        consumers.set(`${key} ${product}.${feature} ${rest.join('.')}`, { sessions: row.sessions, found: 0 });
      }
    }
    for (const { key, row } of sessions) {
      const id = `${row.product}.${row.feature}`;
      if (row.consumer === undefined) poolOf(key, id).sum += row.seats;
      else {
        const consumer = consumers.get(`${key} ${id} ${row.consumer}`);
        if (consumer === undefined) fault(`I1: a session of ${id} counts with ${row.consumer}, which counts nothing`);
        else consumer.found += 1;
      }
    }
    for (const [name, { sessions: said, found }] of consumers)
      if (said !== found) fault(`I1: ${name} has ${found} sessions and says ${said}`);
    for (const [name, { used, executions, sum }] of pools) {
      const [key = '', id = ''] = name.split(' ');
      const license = computer.disk.rows.get(`${key}/key/license`);
      const sold = lenders.has(key)
        ? lentTo(key, id)
        : license !== undefined && isLicense(license)
          ? options.sold(key, license.counter)?.get(id)
          : undefined;
      if (used !== sum) fault(`I1: pool ${name} at ${computer.name} says ${used} seats in use, its sessions have ${sum}`);
      if (sold === undefined && used > 0 && id !== DEFAULT_POOL) fault(`I1: ${used} seats of pool ${name} are out, which is not sold`);
      if (sold?.seats !== undefined && used > sold.seats)
        fault(`I1: ${used} of ${sold.seats} seats of pool ${name} at ${computer.name} are out`);
      if (sold?.executions !== undefined && executions > sold.executions)
        fault(`I1: ${executions} of ${sold.executions} executions of ${name} were used`);
    }
  };

  return {
    counts,
    fault,
    watcher: (owner) => ({
      onDecided(_changes, audit) {
        const { released } = of(owner());
        fairness.saw(owner().name, audit);
        for (const entry of audit) {
          if (entry.kind === 'granted') {
            counts.granted += 1;
            released.delete(String(entry.detail['session']));
          }
          if (entry.kind !== 'released') continue;
          const [session, cause] = [String(entry.detail['session']), String(entry.detail['cause'])];
          counts.released[cause] = (counts.released[cause] ?? 0) + 1;
          // A changed license is in force, and ends sessions, when it is durable: until then no seat of theirs is anybody else's (I3).
          released.set(session, { cause, at: cause === 'license changed' ? Number.POSITIVE_INFINITY : now() });
          checkCause(owner(), session, cause, entry);
        }
      },
      onDurable(rows, audit) {
        const { everDurable, released, releaseDurable } = of(owner());
        for (const session of sessionsIn(rows).keys()) everDurable.add(session);
        for (const entry of audit) {
          const session = String(entry.detail['session']);
          // Granted and released within one commit, it was durable all the same: the audit says so.
          if (entry.kind === 'granted') everDurable.add(session);
          if (entry.kind !== 'released') continue;
          releaseDurable.add(session);
          const release = released.get(session);
          if (release?.at === Number.POSITIVE_INFINITY) released.set(session, { ...release, at: now() });
        }
      },
    }),
    check() {
      for (const computer of computers()) {
        const state = of(computer);
        if (state.version !== computer.disk.version) {
          state.version = computer.disk.version;
          checkPools(computer);
        }
        for (const { peer, session } of computer.lm?.peers.believed() ?? []) {
          const owner = byGuid(peer);
          if (owner === undefined) continue;
          if (owner.disk.sessions.has(session)) continue;
          const release = of(owner).released.get(session);
          if (release === undefined || release.cause === 'lease ended') {
            fault(
              `I2: ${computer.name} believes in session ${session} at ${owner.name}, where it is not (${release?.cause ?? 'never was'})`,
            );
          }
        }
      }
      if (faults.length > 0) throw new Error(faults.splice(0).join('\n'));
    },
    checkLeftovers(at) {
      for (const owner of computers()) {
        if (owner.lm === undefined) continue;
        for (const [session, row] of sessionsIn(owner.disk.rows)) {
          const { name, computer } = processOf(owner, row);
          const ended = endedProcesses.get(`${computer?.name} ${name}`);
          if (ended === undefined) continue;
          const idle = at - Math.max(ended, owner.since);
          if (idle > (row.holder === 'local' ? LOCAL_LEFTOVER_MS : REMOTE_LEFTOVER_MS)) {
            fault(
              `I6: session ${session} at ${owner.name} is left over from process ${name} of ${computer?.name} for ${Math.round(idle / 1000)} s`,
            );
          }
        }
      }
    },
    acknowledged(session, owner) {
      const state = of(owner);
      if (!state.everDurable.has(session))
        fault(`I3: the login of session ${session} at ${owner.name} was acknowledged before it was durable`);
      state.acknowledged.add(session);
    },
    callSucceeded(session, owner, begun) {
      const release = of(owner).released.get(session);
      if (release !== undefined && release.at < begun) {
        fault(`I2: a call begun at ${begun} succeeded in session ${session}, which was released at ${release.at} for ${release.cause}`);
      }
    },
    mayEnd: (session, cause) => void mayEnd.add(`${session} ${cause}`),
    mayChangeLicense() {
      licenseMayChange = true;
    },
    lends: (child, owner, parent) => void lenders.set(child, { owner, parent }),
    crashed(owner) {
      const { released, acknowledged, releaseDurable } = of(owner);
      const durable = sessionsIn(owner.disk.durable);
      for (const session of durable.keys()) released.delete(session);
      for (const session of acknowledged) {
        if (!durable.has(session) && !releaseDurable.has(session))
          fault(`I3: the acknowledged session ${session} did not survive the crash of ${owner.name}`);
      }
    },
    processEnded: (name, at) => void endedProcesses.set(name, at),
  };
};

const isPool = (row: Row): row is { readonly used: number; readonly executions: number } => 'used' in row && 'executions' in row;
const isSession = (row: Row): row is SessionRow => 'holder' in row && 'seats' in row;
const isDetached = (row: Row): row is DetachRow => 'reserved' in row && 'sequence' in row;
const isConsumer = (row: Row): row is { readonly sessions: number; readonly seats: number } => 'sessions' in row && 'seats' in row;
const isLicense = (row: Row): row is { readonly counter: number } => 'counter' in row;
