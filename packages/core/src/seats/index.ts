export { CONSUMED_KEPT, consumeRows, decideConsume } from './consume.ts';
export { consumerOf, decideLogin, decideRelease, poolRowKey, rowsOf, type SeatDecision, type SeatRows, sessionRowKey } from './decide.ts';
export { HERE, identityOfHolder, isHere, isLinked, restHolder } from './holder.ts';
export { createSeatQueue, type SeatQueue, type Waiter } from './queue.ts';
export {
  type Applicant,
  type Command,
  type Consume,
  type ConsumeReply,
  type ConsumerRow,
  EMPTY_POOL,
  type Login,
  type LoginReply,
  type PoolId,
  type PoolRow,
  type Release,
  type ReleaseCause,
  type ReleaseReply,
  releaseCauses,
  type SeatTerms,
  type SessionRow,
} from './rows.ts';
export { isOver, type Span, spanOf, storedUse } from './validity.ts';
