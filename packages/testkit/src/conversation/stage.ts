import { Buffer } from 'node:buffer';
import type { Entropy } from '@keyhaven/core/crypto';
import { LINK_VERSIONS, lmIdentityFrom } from '@keyhaven/core/link';
import type { ApplicationIdentity } from '@keyhaven/core/session';
import { HOUR, MINUTE } from '@keyhaven/core/time';
import type { VersionRange } from '@keyhaven/core/versions';
import { LOCAL_VERSIONS } from '@keyhaven/core/wire';
import { createMemoryLedger } from '@keyhaven/ledger';
import { openKeystore } from '@keyhaven/license-manager/keystore';
import { type Lm, openLm } from '@keyhaven/license-manager/lm';
import { createMachineSeal, systemEntropy } from '@keyhaven/license-manager/machine';
import { PeerRefusal, type Post } from '@keyhaven/license-manager/peers';
import { createLicensing, type Licensing } from '@keyhaven/licensing-api/licensing';
import { createTimeline, drain, type Life, type Timeline } from '../world/index.ts';
import type { TapeSocket } from './socket.ts';
import type { StagedLm } from './tape.ts';

// The real license manager and the real Licensing API on simulated time, as a recording says they were when it began.

export type Stage = {
  readonly timeline: Timeline;
  readonly life: Life;
  /** That of the application. */
  readonly own: Life;
  readonly processes: Set<string>;
};

export const newStage = (): Stage => ({
  timeline: createTimeline(),
  life: { alive: true },
  own: { alive: true },
  processes: new Set(), // BOUNDED by the applications of one conversation
});

/** `rows`: its state at rest. */
export type RunningLm = { readonly lm: Lm; readonly rows: () => StagedLm['rows'] };

const nobody: Post = async () => {
  throw new PeerRefusal(404, 'nobody');
};

export const stageLm = async (
  { timeline, life, processes }: Stage,
  staged: StagedLm,
  entropy: Entropy,
  post: Post = nobody,
  linkVersions: VersionRange = LINK_VERSIONS,
): Promise<RunningLm> => {
  const clock = timeline.clock(life, 1);
  const ledger = createMemoryLedger({ now: () => clock.wall(), initial: { rows: staged.rows, audit: [] } });
  const seal = createMachineSeal([staged.hostname], Buffer.from(staged.salt, 'hex'), entropy);
  const lm = await openLm({
    self: lmIdentityFrom(Buffer.from(staged.identitySeed, 'hex')),
    hostname: staged.hostname,
    ledger,
    keystore: await openKeystore(ledger, seal, entropy),
    clock,
    entropy,
    post,
    linkVersions,
    boot: staged.boot,
    idleConnectionMs: 10 * MINUTE,
    idleSessionMs: 12 * HOUR,
    remoteLicenses: post !== nobody,
    running: ({ pid, start }) => processes.has(`${pid}.${start}`),
    transfer: { enabled: true, maxDays: 14 },
    onKeysChanged: () => undefined,
    onPeersChanged: () => undefined,
    onEvent: () => undefined,
  });
  return { lm, rows: () => ledger.snapshot().rows };
};

/** What the Licensing API loads when it is first used takes real time, which a conversation does not have. */
export const loadAhead = (identity: ApplicationIdentity): Promise<void> =>
  new Promise((loaded) => {
    const time = { now: () => 0, pause: () => Promise.resolve(), later: () => () => undefined };
    const dial = (): never => {
      loaded();
      throw new Error('nobody is there');
    };
    const licensing = createLicensing({ host: '127.0.0.1', port: 1947 }, identity, systemEntropy, { dial, time });
    licensing.update('no license').then(
      () => loaded(),
      () => loaded(),
    );
  });

export const stageApplication = (
  { timeline, own, processes }: Stage,
  identity: ApplicationIdentity,
  entropy: Entropy,
  dial: () => TapeSocket,
  localVersions: VersionRange = LOCAL_VERSIONS,
): Licensing => {
  processes.add(`${identity.pid}.${identity.start}`);
  return createLicensing({ host: '127.0.0.1', port: 1947 }, identity, entropy, {
    localVersions,
    dial() {
      const socket = dial();
      timeline.after(0, own, () => socket.emit('connect'));
      return socket;
    },
    time: {
      now: () => timeline.now,
      pause: (milliseconds) => new Promise((done) => timeline.after(milliseconds, own, done)),
      later: (milliseconds, task) => timeline.after(milliseconds, own, task),
    },
  });
};

const TURNS = 5;
/** Lets time pass until it is settled, which it has to be within a minute. */
export const settleOn =
  (timeline: Timeline) =>
  async <T>(work: Promise<T>, milliseconds = MINUTE): Promise<T> => {
    let settled = false;
    const end = (): void => {
      settled = true;
    };
    work.then(end, end);
    const until = timeline.now + milliseconds;
    // What was loaded ahead is still asked for, which takes some turns and no time.
    for (let turn = 0; turn < TURNS && !settled; turn++) await drain();
    await timeline.run(timeline.now);
    while (!settled) {
      if (!(await timeline.step(until)) && !settled) throw new Error(`not settled ${milliseconds} ms later`);
    }
    return work;
  };
