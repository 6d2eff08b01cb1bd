export { observeMachine } from './observe.ts';
export { type SystemReader, thisSystem } from './system-reader.ts';
