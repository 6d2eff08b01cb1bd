import { Buffer } from 'node:buffer';
import type { Entropy } from '@keyhaven/core/crypto';
import type { VersionRange } from '@keyhaven/core/versions';
import { serveLocalConnection } from '@keyhaven/license-manager/local';
import { type Draw, recordEntropy, replayEntropy } from './entropy.ts';
import { createLocalTape } from './local-tape.ts';
import { play, type Step } from './script.ts';
import { type TapeSocket, tapePair, WAY_MS } from './socket.ts';
import { loadAhead, newStage, settleOn, stageApplication, stageLm } from './stage.ts';
import type { Spoken, StagedApplication, StagedLm, Tape } from './tape.ts';

// Records a conversation between an application and its LM, and replays each side of a recorded one against the other side as it is today.

const bytesOf = (spoken: Spoken): Buffer | undefined =>
  'frames' in spoken ? Buffer.concat(spoken.frames.map(({ bytes }) => Buffer.from(bytes, 'hex'))) : undefined;

export type Scene = {
  readonly lm: Omit<StagedLm, 'draws'>;
  readonly application: Omit<StagedApplication, 'draws'>;
  readonly vendorCode: string;
  readonly script: readonly Step[];
  /** Bytes of applications that are not ours, each on a connection of its own. */
  readonly raw?: readonly Uint8Array[];
};

/** Both sides are real. */
export const recordLocal = async (scene: Scene, chance: { readonly lm: Entropy; readonly application: Entropy }) => {
  const stage = newStage();
  const { timeline, life, own, processes } = stage;
  const lmEntropy = recordEntropy(chance.lm);
  const chosen = recordEntropy(chance.application);
  const tape = createLocalTape(() => chosen.draws);
  const { lm } = await stageLm(stage, { ...scene.lm, draws: [] }, lmEntropy.entropy);
  let connections = 0;
  let latest: TapeSocket | undefined;
  const dial = (): TapeSocket => {
    const number = ++connections;
    const [near, far] = tapePair(
      timeline,
      life,
      // As the LM sees it: when it arrives there.
      {
        wrote: (bytes) => tape.wrote('application', number, timeline.now + WAY_MS, bytes),
        closed: () => tape.closed('application', number, timeline.now + WAY_MS),
      },
      { wrote: (bytes) => tape.wrote('lm', number, timeline.now, bytes), closed: () => tape.closed('lm', number, timeline.now) },
    );
    serveLocalConnection(far, lm.local);
    latest = near;
    return near;
  };
  await loadAhead(scene.application.identity);
  const licensing = stageApplication(stage, scene.application.identity, chosen.entropy, dial);
  const settle = settleOn(timeline);
  const script = await play(scene.script, {
    licensing,
    vendorCode: scene.vendorCode,
    settle,
    pass: (milliseconds) => timeline.run(timeline.now + milliseconds),
    cut: () => void latest?.destroy(),
    end: () => {
      own.alive = false;
      latest?.destroy();
      processes.clear();
    },
  });
  await timeline.run(timeline.now + 1_000);
  for (const bytes of scene.raw ?? []) {
    dial().write(bytes);
    await timeline.run(timeline.now + 1_000);
  }
  const spoken = [...tape.spoken];
  await lm.close();
  return { script, spoken, lmDraws: lmEntropy.draws as readonly Draw[], applicationDraws: chosen.draws as readonly Draw[] };
};

/** How long the other side may take longer than it took when it was recorded. */
const PATIENCE_MS = 60_000;

/** The applications of that release meet all that is spoken today; those of other releases, as they were imagined then, are answered as of then. */
const versionsFor = ({ spoken, versions }: Tape, number: number): VersionRange | undefined => {
  const frames = spoken.flatMap((each) =>
    each.connection === number && each.from === 'application' && 'frames' in each ? each.frames : [],
  );
  const says = frames.find(({ name }) => name === 'hello')?.says;
  const { from, to } = versions.local;
  return says?.['from'] === from && says['to'] === to ? undefined : versions.local;
};

/** The recorded application against the LM of today: what that LM says. */
export const replayApplication = async (tape: Tape, spare: Entropy): Promise<readonly Spoken[]> => {
  const stage = newStage();
  const { timeline, life, processes } = stage;
  const [staged] = tape.lms;
  if (staged === undefined) throw new Error('no license manager in the recording');
  const { pid, start } = tape.application.identity;
  processes.add(`${pid}.${start}`);
  const { lm } = await stageLm(stage, staged, replayEntropy(staged.draws, spare));
  const heard = createLocalTape(() => tape.application.draws);
  const sockets = new Map<number, TapeSocket>(); // BOUNDED by the connections of the recording
  const silent = { wrote: () => undefined, closed: () => undefined };
  const socketOf = (number: number): TapeSocket => {
    const known = sockets.get(number);
    if (known !== undefined) return known;
    const [near, far] = tapePair(timeline, life, silent, {
      wrote: (bytes) => heard.wrote('lm', number, timeline.now, bytes),
      closed: () => heard.closed('lm', number, timeline.now),
    });
    near.resume();
    serveLocalConnection(far, { ...lm.local, versions: versionsFor(tape, number) });
    sockets.set(number, near);
    return near;
  };
  const framesOf = (spoken: readonly Spoken[], connection: number): number =>
    spoken.flatMap((each) => (each.connection === connection && each.from === 'lm' && 'frames' in each ? each.frames : [])).length;
  /** An application says what it says after it has read what it read. */
  const waitFor = async (before: readonly Spoken[], connection: number): Promise<void> => {
    const until = timeline.now + PATIENCE_MS;
    const lmSpoken = (): readonly Spoken[] => heard.spoken.filter(({ from }) => from === 'lm');
    while (framesOf(lmSpoken(), connection) < framesOf(before, connection)) if (!(await timeline.step(until))) return;
  };
  for (const [index, each] of tape.spoken.entries()) {
    if (each.from === 'lm') continue;
    await waitFor(tape.spoken.slice(0, index), each.connection);
    await timeline.run(Math.max(timeline.now, each.at - WAY_MS));
    const socket = socketOf(each.connection);
    const bytes = bytesOf(each);
    if (bytes === undefined) socket.destroy();
    else {
      // So that what is inside of its channels can be read.
      heard.wrote('application', each.connection, each.at, bytes);
      if (!socket.destroyed) socket.write(bytes);
    }
  }
  const last = tape.spoken.at(-1)?.at ?? 0;
  await timeline.run(Math.max(timeline.now, last) + 1_000);
  const spoken = [...heard.spoken];
  await lm.close();
  return spoken.filter(({ from }) => from === 'lm');
};

/** The recorded LM against the Licensing API of today: what its application gets, and what it says. */
export const replayLm = async (
  tape: Tape,
  spare: Entropy,
): Promise<{ readonly script: readonly Step[]; readonly said: readonly Spoken[] }> => {
  const stage = newStage();
  const { timeline, life } = stage;
  const said = createLocalTape(() => tape.application.draws);
  let connections = 0;
  let latest: TapeSocket | undefined;
  const dial = (): TapeSocket => {
    const number = ++connections;
    const script = tape.spoken.filter(({ connection }) => connection === number);
    let next = 0;
    let heard = 0;
    let waiting = 0;
    const silent = { wrote: () => undefined, closed: () => undefined };
    /** Says what the LM said once it has heard what it had heard by then, and not before its time. */
    const goOn = (): void => {
      for (let each = script[next]; each !== undefined; each = script[next]) {
        if (each.from === 'application') {
          if (waiting + frameCount(each) > heard) return;
          waiting += frameCount(each);
          next += 1;
          continue;
        }
        const bytes = bytesOf(each);
        next += 1;
        const speak = (): void => {
          if (bytes === undefined) far.destroy();
          else if (!far.destroyed) far.write(bytes);
          goOn();
        };
        timeline.after(Math.max(0, each.at - timeline.now), life, speak);
        return;
      }
    };
    const frameCount = (each: Spoken): number => ('frames' in each ? each.frames.length : 0);
    const [near, far] = tapePair(
      timeline,
      life,
      {
        wrote: (bytes) => said.wrote('application', number, timeline.now + WAY_MS, bytes),
        closed: () => said.closed('application', number, timeline.now + WAY_MS),
      },
      silent,
    );
    far.on('data', () => {
      const all = said.spoken.filter((each) => each.connection === number && each.from === 'application');
      heard = all.reduce((sum, each) => sum + frameCount(each), 0);
      goOn();
    });
    far.on('error', () => undefined);
    latest = near;
    return near;
  };
  await loadAhead(tape.application.identity);
  const licensing = stageApplication(
    stage,
    tape.application.identity,
    replayEntropy(tape.application.draws, spare),
    dial,
    tape.versions.local,
  );
  const script = await play(tape.script, {
    licensing,
    vendorCode: tape.vendor.vendorCode,
    settle: settleOn(timeline),
    pass: (milliseconds) => timeline.run(timeline.now + milliseconds),
    cut: () => void latest?.destroy(),
    end: () => undefined,
  });
  await timeline.run(timeline.now + 1_000);
  return { script, said: said.spoken };
};
