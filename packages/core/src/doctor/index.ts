// What blocks the network, in a sentence each with its remedy (R10): evidence of the probes, and the diagnosis. docs/decisions/0017-doctor.md.

export { evidence } from './decode.ts';
export { diagnose } from './diagnose.ts';
export {
  type AddressEvidence,
  type BroadcastEvidence,
  type DirectEvidence,
  type Evidence,
  type HelloEvidence,
  HOST_MS,
  HOSTS_AT_A_TIME,
  type HostEvidence,
  type Inbound,
  type KnownLm,
  type LinkEvidence,
  MAX_ADDRESSES,
  MAX_HOSTS,
  type NameEvidence,
  type SelfEvidence,
  type TcpEvidence,
  type UdpEvidence,
} from './evidence.ts';
export { type Cause, type Finding, type Path, paths, type Verdict } from './finding.ts';
