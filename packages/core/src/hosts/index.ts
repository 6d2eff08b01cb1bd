export { admittedKinds } from './admitted.ts';
export { explainSelection, type LmChoice, lmChoices, type Selection, type SelectionStep, type Situation, select } from './select.ts';
export { faultOfServing, type HostKind, type KeyKind, keyKinds, serves, servesOthers } from './serves.ts';
export { type Environment, externalLmFile, USER_STORE_FILE, userStoreDirectory } from './user-store.ts';
