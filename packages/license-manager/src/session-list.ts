import type { LmRef, SessionInfo } from '@keyhaven/core/admin';
import { type Clock, SECOND } from '@keyhaven/core/time';
import type { Authority, LiveSession } from './authority/index.ts';
import type { Peers, RemoteSession } from './peers/index.ts';

// The sessions that administrators see: those on keys of this computer, and with them, where wanted, those that applications of this computer have
// on keys of other license managers (T1). A row costs nothing that is not asked for, so that pages of long lists stay cheap.

/** What lists are searched and sorted by. Sessions on keys here are rows as they are. */
export type SessionRow = {
  readonly id: string;
  readonly pool: { readonly key: string; readonly product: number | null; readonly feature: number | null };
  readonly row: {
    readonly user: string;
    readonly host: string;
    readonly application: string;
    readonly address: string;
    readonly since: number;
  };
};
export type RemoteKeySession = SessionRow & { readonly remote: RemoteSession };
export type ListedSession = LiveSession | RemoteKeySession;
/** `keys here`: whoever uses them. `all`: with them the applications here that use keys elsewhere. */
export type SessionsOf = 'keys here' | 'all';

export type SessionList = {
  rows(which: SessionsOf): Iterable<ListedSession>;
  info(session: ListedSession): SessionInfo;
};

/** Applications here are on this computer, whatever their keys are. */
const HERE = '127.0.0.1';

/** What nobody has told the key of (an earlier release kept it, and its owner is of one too) is not shown: nothing would be said of it. */
const rowOfRemote = (remote: RemoteSession): RemoteKeySession | undefined => {
  const key = remote.facts?.key ?? remote.key;
  if (key === undefined) return undefined;
  const { user = '', host = '', application = '' } = remote.application ?? {};
  return {
    id: remote.id,
    pool: { key, product: remote.facts?.product ?? null, feature: remote.facts?.feature ?? null },
    row: { user, host, application, address: HERE, since: remote.facts?.since ?? remote.attached },
    remote,
  };
};

export const createSessionList = ({
  self,
  authority,
  peers,
  idle,
}: {
  readonly self: LmRef;
  readonly authority: Pick<Authority, 'sessions'>;
  readonly peers: Pick<Peers, 'sessions'>;
  /** By what sessions end that nobody uses; absent = nothing is said of it. */
  readonly idle: { readonly clock: Pick<Clock, 'mono'>; timeoutMsOf(holder: string): number } | undefined;
}): SessionList => {
  const idleRemaining = ({ row, lastUse }: LiveSession): Pick<SessionInfo, 'idleRemaining'> => {
    if (idle === undefined || row.instance !== undefined) return {};
    return { idleRemaining: Math.max(0, Math.floor((idle.timeoutMsOf(row.holder) - (idle.clock.mono() - lastUse)) / SECOND)) };
  };
  const held = (session: ListedSession): Pick<SessionInfo, 'pid' | 'seats' | 'holder' | 'local' | 'location' | 'licenseManager'> => {
    if ('remote' in session) {
      const { peer, process, facts } = session.remote;
      const lm = { guid: peer.guid, hostname: peer.hostname, address: peer.address.host };
      const location = lm.hostname === '' ? lm.address : lm.hostname;
      return { pid: process.pid, seats: facts?.seats ?? null, holder: 'local', local: false, location, licenseManager: lm };
    }
    const { pid, seats, holder } = session.row;
    return { pid, seats, holder, local: true, location: self.hostname, licenseManager: self };
  };
  return {
    *rows(which) {
      for (const session of authority.sessions()) if (session.ending === undefined) yield session;
      if (which === 'keys here') return;
      for (const remote of peers.sessions()) {
        const row = rowOfRemote(remote);
        if (row !== undefined) yield row;
      }
    },
    info(session) {
      const { id, pool, row } = session;
      return {
        id,
        key: pool.key,
        product: pool.product,
        feature: pool.feature,
        user: row.user,
        host: row.host,
        address: row.address,
        application: row.application,
        since: new Date(row.since).toISOString(),
        ...held(session),
        ...('remote' in session ? {} : idleRemaining(session)),
      };
    },
  };
};
