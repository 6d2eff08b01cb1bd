export {
  type ApplicationIdentity,
  type AttemptDenial,
  type Call,
  type CallKind,
  decodeGrant,
  encodeGrant,
  FULL_RECORD,
  type Grant,
  type GrantEnd,
  type LoginCall,
  MAX_CALL_BYTES,
  type NumberedCall,
  type Reply,
  readCalls,
  readReplies,
  TICKET_BYTES,
  type WaitCall,
  writeCall,
  writeReply,
} from './calls.ts';
export { checkGrant, signingKeyIn, soldFeature, trustCertificate } from './check.ts';
export { decodeWaitAnswer, encodeWaitAnswer, type WaitAnswer } from './wait-answer.ts';
