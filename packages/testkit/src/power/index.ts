export type { PowerReport } from './cutting.ts';
export { cutLedgers } from './ledgers.ts';
export { cutLms } from './lms.ts';
export { compileRecorder } from './recording.ts';
