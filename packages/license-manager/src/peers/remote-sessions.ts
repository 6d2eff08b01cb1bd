import type { SessionFacts } from '@keyhaven/core/link';
import type { ApplicationIdentity } from '@keyhaven/core/session';
import { type Clock, type Wall, wall } from '@keyhaven/core/time';
import type { Change, Ledger, RowKey } from '@keyhaven/ledger';
import type { ProcessIdentity } from '../machine/index.ts';
import type { Peer } from './peer.ts';

// The sessions that applications of this computer have on keys of other LMs. They are kept on disk, so that after a restart this LM renews them
// for applications that have not come back yet (S22), gives them back for those that ended meanwhile, and shows them (T1). Written behind the
// grant: what a crash loses here lapses at the owner, which is the safe side.

export type RemoteSession = {
  readonly id: string;
  readonly peer: Peer;
  readonly process: ProcessIdentity;
  /** What the application says about itself to this LM; undefined where an earlier release kept the session. */
  readonly application: ApplicationIdentity | undefined;
  /** The key of its channel; undefined likewise. */
  readonly key: string | undefined;
  /** What the owner told; undefined where the owner is too old to tell (K31). */
  readonly facts: SessionFacts | undefined;
  /** When it was first attached here, by the clock of this computer. */
  readonly attached: Wall;
};

/** As it is stored. The first release wrote no `about`. */
type StoredSession = ProcessIdentity & {
  readonly peer: string;
  readonly host: string;
  readonly port: number;
  readonly about?: {
    readonly attached: number;
    readonly application?: ApplicationIdentity;
    readonly key?: string;
    readonly facts?: SessionFacts;
  };
};

export type RemoteSessions = {
  /** The session runs for this application, in a channel to this key. */
  put(peer: Peer, id: string, application: ApplicationIdentity, key: string): void;
  /** What its owner tells about it; of a session that is not at that peer nothing is taken. */
  learn(peer: Peer, id: string, facts: SessionFacts): void;
  delete(id: string): void;
  get(id: string): RemoteSession | undefined;
  isAt(peer: Peer): boolean;
  of(process: ProcessIdentity): readonly RemoteSession[];
  /** Sessions at this peer of which nothing was told. */
  untold(peer: Peer): readonly string[];
  all(): IterableIterator<RemoteSession>;
  readonly size: number;
};

const rowKey = (id: string): RowKey => `lm/forwarded/${id}`;
const nameOf = ({ pid, start }: ProcessIdentity): string => `${pid}.${start}`;
const rowOf = ({ peer, process, application, key, facts, attached }: RemoteSession): StoredSession => ({
  ...process,
  peer: peer.guid,
  host: peer.address.host,
  port: peer.address.port,
  about: {
    attached,
    ...(application === undefined ? {} : { application }),
    ...(key === undefined ? {} : { key }),
    ...(facts === undefined ? {} : { facts }),
  },
});

/** @param peerAt the LM of that GUID, made where it is not known */
export const openRemoteSessions = async (
  ledger: Ledger,
  clock: Pick<Clock, 'wall'>,
  peerAt: (guid: string, address: { readonly host: string; readonly port: number }) => Peer,
): Promise<RemoteSessions> => {
  const sessions = new Map<string, RemoteSession>(); // BOUNDED by sessions of local applications
  const byProcess = new Map<string, Set<string>>(); // BOUNDED likewise
  /** What changed in this turn of the event loop: written together. BOUNDED likewise. */
  let changed = new Map<RowKey, StoredSession | undefined>();

  const write = (): void => {
    const changes = [...changed].map(([key, row]): Change => ({ key, row }));
    changed = new Map();
    ledger
      .update(
        changes.map(({ key }) => key),
        () => ({ changes, audit: [], reply: undefined }),
        { durability: 'later' },
      )
      .catch(() => undefined); // A disk that refuses costs only what a crash would cost.
  };
  const store = (id: string, row: StoredSession | undefined): void => {
    if (changed.size === 0) queueMicrotask(write);
    changed.set(rowKey(id), row);
  };
  const leave = (session: RemoteSession): void => {
    const of = byProcess.get(nameOf(session.process));
    of?.delete(session.id);
    if (of?.size === 0) byProcess.delete(nameOf(session.process));
  };
  const keep = (session: RemoteSession): void => {
    const known = sessions.get(session.id);
    if (known !== undefined) leave(known);
    sessions.set(session.id, session);
    const of = byProcess.get(nameOf(session.process)) ?? new Set();
    byProcess.set(nameOf(session.process), of.add(session.id));
  };

  for await (const [row, { peer, host, port, pid, start, about }] of ledger.scan<StoredSession>('lm/forwarded/')) {
    keep({
      id: row.slice('lm/forwarded/'.length),
      peer: peerAt(peer, { host, port }),
      process: { pid, start },
      application: about?.application,
      key: about?.key,
      facts: about?.facts,
      attached: wall(about?.attached ?? clock.wall()),
    });
  }

  return {
    put(peer, id, application, key) {
      const known = sessions.get(id);
      const { pid, start } = application;
      const session: RemoteSession = {
        id,
        peer,
        process: { pid, start },
        application,
        key,
        facts: known?.facts,
        attached: known?.attached ?? clock.wall(),
      };
      keep(session);
      store(id, rowOf(session));
    },
    learn(peer, id, facts) {
      const known = sessions.get(id);
      if (known?.peer !== peer) return;
      const session = { ...known, facts };
      sessions.set(id, session);
      store(id, rowOf(session));
    },
    delete(id) {
      const known = sessions.get(id);
      if (known === undefined) return;
      sessions.delete(id);
      leave(known);
      store(id, undefined);
    },
    get: (id) => sessions.get(id),
    isAt: (peer) => sessions.values().some((each) => each.peer === peer),
    of: (process) => [...(byProcess.get(nameOf(process)) ?? [])].flatMap((id) => sessions.get(id) ?? []),
    untold: (peer) => [...sessions.values()].filter((each) => each.peer === peer && each.facts === undefined).map(({ id }) => id),
    all: () => sessions.values(),
    get size() {
      return sessions.size;
    },
  };
};
