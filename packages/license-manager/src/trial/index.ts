export { openTrials, type Trials } from './trials.ts';
