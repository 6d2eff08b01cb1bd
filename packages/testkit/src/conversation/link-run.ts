import { Buffer } from 'node:buffer';
import type { Entropy } from '@keyhaven/core/crypto';
import { lmIdentityFrom } from '@keyhaven/core/link';
import type { VersionRange } from '@keyhaven/core/versions';
import { serveLocalConnection } from '@keyhaven/license-manager/local';
import { PeerRefusal, type Post } from '@keyhaven/license-manager/peers';
import { recordEntropy, replayEntropy } from './entropy.ts';
import { createLinkReader } from './link-tape.ts';
import { play, type Step } from './script.ts';
import { type TapeSocket, tapePair, WAY_MS } from './socket.ts';
import { newStage, type RunningLm, type Stage, settleOn, stageApplication, stageLm } from './stage.ts';
import type { Posted, StagedApplication, StagedLm, Tape } from './tape.ts';

// Records a conversation between two LMs, of which the first asks for an application of its computer, and replays each side of a recorded one
// against the other side as it is today.

const ask = async (
  { lm }: RunningLm,
  path: string,
  body: string,
  from: string,
): Promise<{ readonly code: number; readonly answer: string }> => {
  try {
    if (path === '/lm/v1/hello') return { code: 200, answer: lm.answerer.hello(body, from) };
    if (path === '/lm/v1/confirm') return { code: 200, answer: lm.answerer.confirm(body, from) };
    if (path === '/lm/v1/listen') return { code: 200, answer: await lm.answerer.listen(body) };
    return { code: 200, answer: await lm.answerer.exchange(body, from) };
  } catch (error) {
    if (error instanceof PeerRefusal) return { code: error.code, answer: error.message };
    throw error;
  }
};

const otherOf = ({ identitySeed, address }: Pick<StagedLm, 'identitySeed' | 'address'>) => ({
  guid: lmIdentityFrom(Buffer.from(identitySeed, 'hex')).guid,
  host: address,
});

/** Answers that are ready at the same moment arrive one after another, in every run the same. */
const wayBack = (path: string): number => (path.endsWith('/listen') ? 2 * WAY_MS : WAY_MS);

/** An application at an LM that knows one other. */
const run = async (
  stage: Stage,
  lm: RunningLm,
  application: { readonly identity: StagedApplication['identity']; readonly entropy: Entropy; readonly versions?: VersionRange },
  other: { readonly guid: string; readonly host: string },
  scene: { readonly vendorCode: string; readonly script: readonly Step[] },
): Promise<Step[]> => {
  const { timeline, life, processes } = stage;
  const silent = { wrote: () => undefined, closed: () => undefined };
  let latest: TapeSocket | undefined;
  lm.lm.peers.found(other.guid, { host: other.host, port: 1947 });
  const dial = (): TapeSocket => {
    const [near, far] = tapePair(timeline, life, silent, silent);
    serveLocalConnection(far, lm.lm.local);
    latest = near;
    return near;
  };
  const licensing = stageApplication(stage, application.identity, application.entropy, dial, application.versions);
  const script = await play(scene.script, {
    licensing,
    vendorCode: scene.vendorCode,
    settle: settleOn(timeline),
    pass: (milliseconds) => timeline.run(timeline.now + milliseconds),
    cut: () => void latest?.destroy(),
    end: () => {
      stage.own.alive = false;
      latest?.destroy();
      processes.clear();
    },
  });
  await timeline.run(timeline.now + 1_000);
  return script;
};

export const recordLink = async (
  scene: {
    readonly lms: readonly [Omit<StagedLm, 'draws'>, Omit<StagedLm, 'draws'>];
    readonly application: Omit<StagedApplication, 'draws'>;
    readonly vendorCode: string;
    readonly script: readonly Step[];
  },
  chance: { readonly caller: Entropy; readonly answerer: Entropy; readonly application: Entropy },
) => {
  const stage = newStage();
  const { timeline, life } = stage;
  const [callerEntropy, answererEntropy, own] = [
    recordEntropy(chance.caller),
    recordEntropy(chance.answerer),
    recordEntropy(chance.application),
  ];
  const [callerIs, answererIs] = scene.lms;
  const answerer = await stageLm(stage, { ...answererIs, draws: [] }, answererEntropy.entropy);
  const posted: Posted[] = []; // BOUNDED by the script
  const reader = createLinkReader(() => own.draws);
  const onItsWay = (milliseconds: number): Promise<void> => new Promise((done) => timeline.after(milliseconds, life, done));
  const post: Post = async (_, path, body) => {
    await onItsWay(WAY_MS);
    const at = timeline.now;
    const asks = reader.request(path, body);
    const place = posted.length;
    posted.push({ at, path, request: body, asks, answeredAt: at, code: 0, answer: '', says: [] });
    const { code, answer } = await ask(answerer, path, body, callerIs.address);
    posted[place] = {
      at,
      path,
      request: body,
      asks,
      answeredAt: timeline.now,
      code,
      answer,
      says: code === 200 ? reader.answer(path, answer) : [],
    };
    await onItsWay(wayBack(path));
    if (code !== 200) throw new PeerRefusal(code, answer);
    return answer;
  };
  const caller = await stageLm(stage, { ...callerIs, draws: [] }, callerEntropy.entropy, post);
  const other = otherOf(answererIs);
  const script = await run(stage, caller, { identity: scene.application.identity, entropy: own.entropy }, other, scene);
  await caller.lm.close();
  await answerer.lm.close();
  return { script, posted, callerDraws: callerEntropy.draws, answererDraws: answererEntropy.draws, applicationDraws: own.draws };
};

/** The recorded first LM against the second one of today: what that one answers. */
export const replayCaller = async (tape: Tape, spare: Entropy): Promise<readonly Posted[]> => {
  const stage = newStage();
  const { timeline } = stage;
  const [callerIs, answererIs] = tape.lms;
  if (callerIs === undefined || answererIs === undefined) throw new Error('not two license managers in the recording');
  const answerer = await stageLm(stage, answererIs, replayEntropy(answererIs.draws, spare));
  const reader = createLinkReader(() => tape.application.draws);
  const answers = new Map<number, Posted>(); // BOUNDED by the recording
  for (const [index, each] of tape.posted.entries()) {
    await timeline.run(Math.max(timeline.now, each.at));
    reader.request(each.path, each.request);
    void ask(answerer, each.path, each.request, callerIs.address).then(({ code, answer }) => {
      const says = code === 200 ? reader.answer(each.path, answer) : [];
      answers.set(index, { ...each, answeredAt: timeline.now, code, answer, says });
    });
    await timeline.run(timeline.now);
  }
  await timeline.run(timeline.now + 10_000);
  await answerer.lm.close();
  const unanswered = (each: Posted): Posted => ({ ...each, code: 0, answer: '', says: [] });
  return tape.posted.map((each, index) => answers.get(index) ?? unanswered(each));
};

/** The recorded second LM against the first one of today: what its application gets, and what it asks. */
export const replayAnswerer = async (
  tape: Tape,
  spare: Entropy,
): Promise<{ readonly script: readonly Step[]; readonly asked: readonly string[] }> => {
  const stage = newStage();
  const { timeline, life } = stage;
  const [callerIs, answererIs] = tape.lms;
  if (callerIs === undefined || answererIs === undefined) throw new Error('not two license managers in the recording');
  const left = [...tape.posted];
  const asked: string[] = []; // BOUNDED by the script
  const post: Post = async (_, path, body) => {
    asked.push(`${path} ${body}`);
    // Its own if it is there, for a listening request runs beside the others; else the next of its kind.
    const same = left.findIndex((each) => each.path === path && each.request === body);
    const place = same === -1 ? left.findIndex((each) => each.path === path) : same;
    const [recorded] = place === -1 ? [] : left.splice(place, 1);
    if (recorded === undefined) throw new PeerRefusal(404, 'nobody said anything to this when it was recorded');
    const answeredAt = Math.max(recorded.answeredAt, timeline.now + WAY_MS);
    await new Promise<void>((done) => timeline.at(answeredAt + wayBack(path), life, done));
    if (recorded.code !== 200) throw new PeerRefusal(recorded.code, recorded.answer);
    return recorded.answer;
  };
  const caller = await stageLm(stage, callerIs, replayEntropy(callerIs.draws, spare), post, tape.versions.link);
  const application = {
    identity: tape.application.identity,
    entropy: replayEntropy(tape.application.draws, spare),
    versions: tape.versions.local,
  };
  const scene = { vendorCode: tape.vendor.vendorCode, script: tape.script };
  const script = await run(stage, caller, application, otherOf(answererIs), scene);
  await caller.lm.close();
  return { script, asked };
};
