export { liveTransferSettings } from './detach-terms.ts';
export { type OnlineOptions, openOnlineTransfers, type RunningOnlineTransfers } from './online.ts';
export { openOnlineRows } from './online-rows.ts';
export type { DetachedHere, DetachHere, OnlineTransfers, ReturnedHere, UntoldReturn } from './online-types.ts';
export { openTransfers } from './transfers.ts';
export {
  type AppliedTransfer,
  DEFAULT_TRANSFER_SETTINGS,
  type DetachedCopy,
  type DetachWish,
  type TransferSettings,
  type Transfers,
} from './types.ts';
