export { liveTransferSettings } from './detach-terms.ts';
export { openTransfers } from './transfers.ts';
export {
  type AppliedTransfer,
  DEFAULT_TRANSFER_SETTINGS,
  type DetachedCopy,
  type DetachWish,
  type TransferSettings,
  type Transfers,
} from './types.ts';
