export { asked, believed, type CallerOf, endsOf, isConnection, known, ownerInTime, ownSpace, systemOwners, unitOf } from './callers.ts';
export type { Caller, Claim, Ends, FindOwner, Owner, Seen } from './types.ts';
export { createWitness, decodeWitnessReply, encodeWitnessRequest, type Witness } from './witness.ts';
