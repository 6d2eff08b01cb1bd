export {
  createHolderLeases,
  type HolderEvent,
  type HolderLeases,
  type HolderPeer,
  type Holding,
  LEASE_MS,
  RENEW_MS,
} from './holder.ts';
export {
  BELIEVED_MS,
  type InstanceEnd,
  type InstanceRow,
  instanceEnds,
  instanceRowKey,
  overBecause,
  SIGN_MS,
  type Sighting,
} from './instances.ts';
export { createOwnerLeases, type OwnerHolder, type OwnerLeases } from './owner.ts';
export { SessionSet } from './session-set.ts';
