export { type AppliedTransfer, DEFAULT_TRANSFER_SETTINGS, type DetachedCopy, type DetachWish, openTransfers, type Transfers, type TransferSettings } from './transfers.ts';
