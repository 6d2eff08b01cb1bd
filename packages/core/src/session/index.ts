export {
  type ApplicationIdentity,
  type Call,
  type CallKind,
  decodeGrant,
  encodeGrant,
  FULL_RECORD,
  type Grant,
  MAX_CALL_BYTES,
  type NumberedCall,
  type Reply,
  readCalls,
  readReplies,
  writeCall,
  writeReply,
} from './calls.ts';
export { checkGrant, signingKeyIn, soldFeature, trustCertificate } from './check.ts';
