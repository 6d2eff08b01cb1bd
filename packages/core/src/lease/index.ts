export { createHolderLeases, type HolderEvent, type HolderLeases, type Holding, LEASE_MS, RENEW_MS } from './holder.ts';
export { createOwnerLeases, type OwnerLeases } from './owner.ts';
