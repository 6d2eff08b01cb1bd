import { type LmIdentity, lmIdentityFrom } from '@keyhaven/core/link';
import type { SessionRow } from '@keyhaven/core/seats';
import { HOUR, MINUTE } from '@keyhaven/core/time';
import { type Keystore, openKeystore } from '@keyhaven/license-manager/keystore';
import { type Lm, openLm } from '@keyhaven/license-manager/lm';
import { serveLocalConnection } from '@keyhaven/license-manager/local';
import { createMachineSeal } from '@keyhaven/license-manager/machine';
import { createDisk, type Disk, type DiskWatcher } from './disk.ts';
import type { Network } from './network.ts';
import type { Random } from './random.ts';
import { type SimSocket, socketPair } from './sockets.ts';
import type { Life, Timeline } from './timeline.ts';

// One simulated computer: its disk, its clock, its LM (the real one), the processes that run on it. The LM can crash and start again.

export type ComputerOptions = {
  readonly name: string;
  readonly address: string;
  readonly timeline: Timeline;
  readonly network: Network;
  readonly random: Random;
  /** 1 = right. */
  readonly clockRate: number;
  readonly idleSessionMs?: number;
  readonly watcher: DiskWatcher;
  readonly onEvent: (event: string) => void;
  /** Sits between applications here and keys, in both directions. */
  readonly meddle?: (send: (record: Uint8Array) => void) => (record: Uint8Array) => void;
};

export type Computer = {
  readonly name: string;
  readonly address: string;
  readonly identity: LmIdentity;
  readonly disk: Disk;
  /** undefined while the LM is down. */
  readonly lm: Lm | undefined;
  readonly keystore: Keystore | undefined;
  /** Since when the LM runs. */
  readonly since: number;
  /** Processes that run, as `pid.start`. */
  readonly processes: Set<string>;
  start(): Promise<void>;
  crash(): void;
  /** Somebody sets the date so far ahead of the right one, or behind it; that stays over restarts of the LM. */
  setClock(aheadMs: number): void;
  /** A TCP connection of a process here to the LM here. */
  dial(life: Life): SimSocket;
};

export const createComputer = (options: ComputerOptions): Computer => {
  const { name, address, timeline, network, random } = options;
  const identity = lmIdentityFrom(random.entropy.bytes(32));
  const seal = createMachineSeal([name], random.entropy.bytes(32), random.entropy);
  const disk = createDisk(timeline, () => random.between(0.5, 15), options.watcher);
  const processes = new Set<string>();
  let life: Life = { alive: false };
  let lm: Lm | undefined;
  let keystore: Keystore | undefined;
  let since = 0;
  let boot = 0;
  let accepted: SimSocket[] = [];
  let ahead = 0;

  const evil = (route: Lm['local']['open']): Lm['local']['open'] => {
    const { meddle } = options;
    if (meddle === undefined) return route;
    return (target, application, events, caller) => {
      const open = route(target, application, { ...events, record: meddle((record) => events.record(record)) }, caller);
      return { receive: meddle((record) => open.receive(record)), close: () => open.close() };
    };
  };

  return {
    name,
    address,
    identity,
    disk,
    processes,
    get lm() {
      return lm;
    },
    get keystore() {
      return keystore;
    },
    get since() {
      return since;
    },
    async start() {
      if (life.alive) return; // One that owns the disk is enough.
      const own: Life = { alive: true };
      life = own;
      boot += 1;
      const ledger = disk.open(own, () => ahead);
      const clock = timeline.clock(own, options.clockRate, () => ahead);
      const keys = await openKeystore(ledger, seal, random.entropy);
      const opened = await openLm({
        self: identity,
        hostname: name,
        ledger,
        keystore: keys,
        clock,
        entropy: random.entropy,
        post: network.post(address, own),
        boot,
        idleConnectionMs: 10 * MINUTE,
        idleSessionMs: options.idleSessionMs ?? 12 * HOUR,
        remoteLicenses: true,
        running: ({ pid, start }) => processes.has(`${pid}.${start}`),
        onKeysChanged: () => undefined,
        onPeersChanged: () => undefined,
        onEvent: ({ event, ...detail }) => options.onEvent(`${event} ${JSON.stringify(detail)}`),
      });
      lm = opened;
      keystore = keys;
      since = timeline.now;
      network.listen(address, {
        life: own,
        async serve(path, body, from) {
          if (path === '/lm/v1/hello') return opened.answerer.hello(body, from);
          if (path === '/lm/v1/confirm') return opened.answerer.confirm(body, from);
          if (path === '/lm/v1/listen') return opened.answerer.listen(body);
          return opened.answerer.exchange(body, from);
        },
      });
    },
    setClock: (aheadMs) => void (ahead = aheadMs),
    crash() {
      life.alive = false;
      lm = undefined;
      keystore = undefined;
      for (const socket of accepted) socket.cut();
      accepted = [];
      disk.crash();
    },
    dial(caller) {
      const [near, far] = socketPair(timeline, caller, life, () => random.between(0.02, 0.2));
      const serving = lm;
      timeline.after(0.1, caller, () => {
        if (near.destroyed) return;
        if (serving === undefined || serving !== lm) {
          near.destroy(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }));
          return;
        }
        accepted = accepted.filter((socket) => !socket.destroyed);
        accepted.push(far);
        serveLocalConnection(far, { ...serving.local, open: evil(serving.local.open) });
        near.emit('connect');
      });
      return near;
    },
  };
};

/** Sessions as a ledger holds them, by id. */
export const sessionsIn = (rows: ReadonlyMap<string, object>): Map<string, SessionRow> => {
  const found = new Map<string, SessionRow>();
  for (const [key, row] of rows) {
    const [, kind, id] = key.split('/');
    if (kind === 'session' && id !== undefined && isSession(row)) found.set(id, row);
  }
  return found;
};
const isSession = (row: object): row is SessionRow => 'holder' in row && 'seats' in row;
