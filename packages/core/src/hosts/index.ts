export { type HostKind, type KeyKind, keyKinds, serves, servesOthers } from './serves.ts';
