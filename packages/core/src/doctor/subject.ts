import { withoutZone } from '../discovery/index.ts';
import type { AddressEvidence, DirectEvidence, Evidence, HostEvidence, TcpEvidence } from './evidence.ts';
import type { Cause, Finding, Path, Verdict } from './finding.ts';

// One address of one host as the parts of the diagnosis speak of it.

export type Subject = {
  readonly host: HostEvidence;
  readonly at: AddressEvidence;
  readonly all: Evidence;
  /** How a sentence names it. */
  readonly label: string;
  readonly port: number;
};

export const subjectOf = (all: Evidence, host: HostEvidence, at: AddressEvidence): Subject => ({
  host,
  at,
  all,
  label: host.host === at.address ? at.address : `${host.host} (${at.address})`,
  port: host.port,
});

export const say = (
  { host, at }: Pick<Subject, 'host' | 'at'>,
  path: Path,
  verdict: Verdict,
  cause: Cause,
  sentence: string,
  remedy = '',
): Finding => ({
  host: host.asked,
  ...(host.host === at.address ? {} : { address: at.address }),
  path,
  verdict,
  cause,
  sentence,
  remedy,
});

export const good = (of: Pick<Subject, 'host' | 'at'>, path: Path, sentence: string): Finding => say(of, path, 'ok', 'none', sentence);

/** How far packets came, whatever answers there. `rejected`: an ICMP message of a firewall or router, so not from the program. */
export type Reach = 'there' | 'refused' | 'rejected' | 'nobody' | 'no route' | 'own filter' | 'silent';

/** An address that nobody has is known after three questions of the system; an ICMP message comes at once. */
const NOBODY_MS = 1_000;
/** What a system says when it has no way to such an address at all. */
const NO_ROUTE: ReadonlySet<string> = new Set(['ENETUNREACH', 'EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EINVAL', 'NO_SOCKET', 'ENETDOWN']);

const reachOfCode = (code: string, ms: number, inSubnet: boolean): Reach => {
  if (code === 'ECONNREFUSED') return 'refused';
  if (NO_ROUTE.has(code)) return 'no route';
  if (code === 'ETIMEDOUT') return 'silent';
  return code === 'EHOSTUNREACH' && inSubnet && ms >= NOBODY_MS ? 'nobody' : 'rejected';
};

export const tcpReach = (tcp: TcpEvidence, { place }: AddressEvidence): Reach => {
  switch (tcp.kind) {
    case 'connected':
      return 'there';
    case 'failed':
      return reachOfCode(tcp.code, tcp.ms, place.kind === 'subnet');
    case 'silent':
      return 'silent';
  }
};

const ofUdp = (seen: DirectEvidence, inSubnet: boolean): Reach => {
  switch (seen.kind) {
    case 'answered':
    case 'stray':
      return 'there';
    case 'failed':
      return reachOfCode(seen.code, seen.ms, inSubnet);
    case 'unsent':
      return NO_ROUTE.has(seen.code) ? 'no route' : 'own filter';
    case 'silent':
    case 'untried':
      return 'silent';
  }
};

/** Of both questions: the one that was answered, else what was heard against one of them. */
export const udpReach = ({ udp, direct, place }: AddressEvidence): Reach => {
  const inSubnet = place.kind === 'subnet';
  const [own, other] = [ofUdp(udp, inSubnet), ofUdp(direct, inSubnet)];
  if (own === 'there' || other === 'silent') return own;
  return own === 'own filter' ? own : other;
};

/** Whatever interface it was heard on. */
export const sameAddress = (one: string, other: string): boolean => withoutZone(one).toLowerCase() === withoutZone(other).toLowerCase();

/** Whether a license manager is there, by whatever it said. */
export const isAlive = ({ hello, udp, direct }: AddressEvidence): boolean =>
  udp.kind === 'answered' ||
  direct.kind === 'answered' ||
  (hello !== undefined && ['license manager', 'denied', 'version', 'busy'].includes(hello.kind));

/** Who it is, as far as it was told. */
export const guidAt = ({ hello, udp, direct }: AddressEvidence): string | undefined => {
  if (hello?.kind === 'license manager') return hello.guid;
  if (udp.kind === 'answered') return udp.guid;
  return direct.kind === 'answered' ? direct.guid : undefined;
};
