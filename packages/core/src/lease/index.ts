export { type Holding, createHolderLeases, type HolderEvent, type HolderLeases, LEASE_MS, RENEW_MS } from './holder.ts';
export { createOwnerLeases, type OwnerLeases } from './owner.ts';
