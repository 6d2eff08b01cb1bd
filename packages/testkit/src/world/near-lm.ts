import { lmIdentityFrom } from '@keyhaven/core/link';
import { type Clock, HOUR, mono, SECOND, wall } from '@keyhaven/core/time';
import { createMemoryLedger } from '@keyhaven/ledger';
import type { Keystore } from '@keyhaven/license-manager/keystore';
import { openKeystore } from '@keyhaven/license-manager/keystore';
import { type Lm, openLm } from '@keyhaven/license-manager/lm';
import { serveLocalConnection } from '@keyhaven/license-manager/local';
import type { MachineSeal } from '@keyhaven/license-manager/machine';
import { createSweep, type NearComputer, openInstance } from '@keyhaven/license-manager/near';
import type { NearStore } from './near-store.ts';
import type { Random } from './random.ts';
import { type SimSocket, socketPair } from './sockets.ts';
import { type Life, type Timeline, WORLD_BEGINS } from './timeline.ts';

// An External or Integrated LM of the world: the real one from its instance to its sessions, as near/near-lm.ts joins it, on a simulated store.

export type SimNear = {
  readonly lm: Lm;
  readonly keystore: Keystore;
  /** The stream of the application that it serves. */
  dial(life: Life): SimSocket;
};

const SWEEP_MS = 10 * SECOND;

export const startNear = async (options: {
  readonly kind: 'external' | 'integrated';
  readonly timeline: Timeline;
  readonly store: NearStore;
  readonly seal: MachineSeal;
  readonly random: Random;
  readonly life: Life;
  readonly pid: number;
  readonly running: (pid: number) => boolean;
  /** By how much the computer's clock is wrong. */
  readonly ahead: () => number;
  readonly onEvent: (event: string) => void;
}): Promise<SimNear> => {
  const { kind, timeline, store, seal, life, pid } = options;
  const { entropy } = options.random;
  const clock: Clock = {
    mono: () => mono(timeline.now),
    wall: () => wall(Math.floor(WORLD_BEGINS + timeline.now + options.ahead())),
    after: (milliseconds, task) => timeline.after(milliseconds, life, task),
  };
  const computer: NearComputer = {
    clock,
    boot: 'one',
    process: { pid, start: 1 },
    space: '',
    running: (process) => options.running(process.pid),
  };
  const ledger = store.open(life);
  const { signs } = store;
  const late: { lm?: Lm } = {};
  const instance = await openInstance({ kind, ledger, computer, entropy, signs, onOver: async () => late.lm?.authority.stopped() });
  const sweep = createSweep({ ledger, computer, signs, self: () => instance.id });
  await sweep(true);
  const keystore = await openKeystore(ledger, seal, entropy, undefined, kind);
  const lm = await openLm({
    self: lmIdentityFrom(entropy.bytes(32)),
    host: kind,
    vendor: 7,
    hostname: 'near',
    ledger,
    forwarded: createMemoryLedger({ now: () => clock.wall() }),
    sharing: { instance, sweep: () => sweep(), onForeign: (listener) => ledger.onForeign(listener) },
    keystore,
    clock,
    entropy,
    post: () => Promise.reject(new Error('it speaks to nobody')),
    boot: 1,
    idleConnectionMs: 480 * HOUR,
    idleSessionMs: 12 * HOUR,
    remoteLicenses: false,
    running: (process) => options.running(process.pid),
    onKeysChanged: () => undefined,
    onPeersChanged: () => undefined,
    onEvent: ({ event, ...detail }) => options.onEvent(`${event} ${JSON.stringify(detail)}`),
  });
  late.lm = lm;
  lm.searched();
  const turn = (): void => {
    void sweep()
      .then((freed) => (freed ? lm.authority.refresh() : undefined))
      .catch(() => undefined);
    timeline.after(SWEEP_MS, life, turn);
  };
  timeline.after(SWEEP_MS, life, turn);
  return {
    lm,
    keystore,
    dial(caller) {
      const [near, far] = socketPair(timeline, caller, life, () => options.random.between(0.02, 0.2));
      timeline.after(0.1, caller, () => {
        if (near.destroyed) return;
        serveLocalConnection(far, lm.local);
        near.emit('connect');
      });
      return near;
    },
  };
};
