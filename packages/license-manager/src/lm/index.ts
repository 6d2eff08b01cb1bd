export { type Lm, type LmEvent, type LmOptions, openLm } from './lm.ts';
