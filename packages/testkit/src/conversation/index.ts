export { replayAnswerer, replayCaller } from './link-run.ts';
export { postedMeans } from './link-tape.ts';
export { replayApplication, replayLm } from './local-run.ts';
export { bytesSaid, differences, differencesOnWire } from './meaning.ts';
export { RELEASE, record, scenes } from './record.ts';
export type { Step } from './script.ts';
export { type Posted, readTape, type Spoken, type Tape, tapeUrl } from './tape.ts';
