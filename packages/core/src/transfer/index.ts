export {
  type Arrive,
  type ArriveReply,
  arriveRows,
  type Detach,
  type DetachReply,
  decideArrive,
  decideDetach,
  decideLeave,
  detachRows,
  type Leave,
  type LeaveReply,
  leaveRows,
} from './decide.ts';
export { detachMargin, earliestFree, MAX_ID_AGE_MS, mayBeOver } from './detach-end.ts';
export {
  type DetachRule,
  type DetachTerms,
  detachRuleFor,
  MAX_DETACH_RULE,
  MAX_DETACH_RULES,
  parseDetachRules,
  reservedOf,
} from './detach-rules.ts';
export {
  type H2h,
  type H2r,
  type Moved,
  openRecipient,
  type R2h,
  type Recipient,
  type RecipientKey,
  readH2h,
  readH2r,
  readR2h,
  recipientDocument,
  recipientKeyFrom,
  type Usage,
} from './documents.ts';
export { type Lent, lendingDocument, openLending, openReturning, peekH2r, peekR2h, refuseTooLarge, returningDocument } from './lend.ts';
export { type Arrival, faultOfMoving, type Moving, movingDocument, openMoving, peekH2h } from './move.ts';
export { decideReattach, type Reattach, type ReattachReply, reattachRows } from './reattach.ts';
export { faultOfReceiving, type Receive } from './receiving.ts';
export {
  DEFAULT_DETACH_MS,
  DETACH_MARGIN_MS,
  type DetachRow,
  detachRowKey,
  type GoneRow,
  goneRowKey,
  NO_TRANSFERS,
  type Reserved,
  type TransferRow,
  transferRowKey,
} from './rows.ts';
