export type { Doctor } from './doctor.ts';
export { doctorOfCommand } from './of-command.ts';
export { doctorOfLm } from './of-lm.ts';
