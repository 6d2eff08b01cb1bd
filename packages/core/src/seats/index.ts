export { consumerOf, decideLogin, decideRelease, poolRowKey, rowsOf, type SeatDecision, type SeatRows, sessionRowKey } from './decide.ts';
export {
  type Applicant,
  type Command,
  type ConsumerRow,
  EMPTY_POOL,
  type Login,
  type LoginReply,
  type PoolId,
  type PoolRow,
  type Release,
  type ReleaseCause,
  type ReleaseReply,
  type SeatTerms,
  type SessionRow,
} from './rows.ts';
