export { openLm } from './lm.ts';
export type { Lm, LmEvent, LmOptions } from './types.ts';
