import { CHANNEL_VERSIONS } from '@keyhaven/core/channel';
import { LINK_VERSIONS } from '@keyhaven/core/link';
import { LOCAL_VERSIONS } from '@keyhaven/core/wire';
import { createRandom } from '../world/index.ts';
import { recordLink } from './link-run.ts';
import { recordLocal } from './local-run.ts';
import { catalog, changedCatalog, linkScenes, localScenes, type SceneText } from './scenes.ts';
import { makeLm, testVendor } from './site.ts';
import type { Tape } from './tape.ts';

// Makes the recordings of this release. Each from a seed of its own, so that one is what it is whatever the others are.

/** What is recorded now. */
export const RELEASE = '0.1.0';
const versions = { local: LOCAL_VERSIONS, channel: CHANNEL_VERSIONS, link: LINK_VERSIONS };
const identity = { pid: 4_711, start: 99, user: 'ann', host: 'host-0', application: 'sounder' };

const recordOne = async (scene: SceneText): Promise<Tape> => {
  const random = createRandom(`${scene.name} ${RELEASE}`);
  const { vendor, told } = testVendor(random.fork('vendor'));
  const isLink = linkScenes.includes(scene);
  const first = await makeLm(random.fork('first'), 0, vendor, isLink ? undefined : catalog);
  const second = await makeLm(random.fork('second'), 1, vendor, isLink ? catalog : undefined);
  const script = scene.script({ update: isLink ? '' : first.update(changedCatalog), recipient: second.id });
  const begin = { about: scene.about, name: scene.name, release: RELEASE, versions, vendor: told };
  const common = { application: { identity }, vendorCode: told.vendorCode, script };
  const chance = (of: string) => random.fork(of).entropy;
  if (!isLink) {
    const made = await recordLocal(
      { ...common, lm: first.staged, ...(scene.raw === undefined ? {} : { raw: scene.raw }) },
      { lm: chance('lm'), application: chance('application') },
    );
    const lms = [{ ...first.staged, draws: made.lmDraws }];
    return { ...begin, lms, application: { identity, draws: made.applicationDraws }, script: made.script, spoken: made.spoken, posted: [] };
  }
  const made = await recordLink(
    { ...common, lms: [first.staged, second.staged] },
    { caller: chance('caller'), answerer: chance('answerer'), application: chance('application') },
  );
  const lms = [
    { ...first.staged, draws: made.callerDraws },
    { ...second.staged, draws: made.answererDraws },
  ];
  return { ...begin, lms, application: { identity, draws: made.applicationDraws }, script: made.script, spoken: [], posted: made.posted };
};

export const scenes: readonly SceneText[] = [...localScenes, ...linkScenes];

/** @throws where there is no scene of this name */
export const record = async (name: string): Promise<Tape> => {
  const scene = scenes.find((each) => each.name === name);
  if (scene === undefined) throw new Error(`there is no scene ${name}`);
  return recordOne(scene);
};
