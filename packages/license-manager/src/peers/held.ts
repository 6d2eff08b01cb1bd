import type { ProcessIdentity } from '../machine/index.ts';
import type { Peer } from './peer.ts';

// The sessions of processes here at other LMs.

export type Held = {
  put(peer: Peer, session: string, process: ProcessIdentity): void;
  /** @returns whether it was there */
  delete(session: string): boolean;
  peerOf(session: string): Peer | undefined;
  isAt(peer: Peer): boolean;
  of(process: ProcessIdentity): readonly string[];
  all(): readonly { readonly session: string; readonly peer: Peer }[];
};

const nameOf = ({ pid, start }: ProcessIdentity): string => `${pid}.${start}`;

export const createHeld = (): Held => {
  const held = new Map<string, { readonly peer: Peer; readonly process: ProcessIdentity }>(); // BOUNDED by sessions of local applications
  const byProcess = new Map<string, Set<string>>(); // BOUNDED likewise
  return {
    put(peer, session, process) {
      held.set(session, { peer, process });
      const of = byProcess.get(nameOf(process)) ?? new Set();
      byProcess.set(nameOf(process), of.add(session));
    },
    delete(session) {
      const known = held.get(session);
      if (known === undefined) return false;
      held.delete(session);
      const of = byProcess.get(nameOf(known.process));
      of?.delete(session);
      if (of?.size === 0) byProcess.delete(nameOf(known.process));
      return true;
    },
    peerOf: (session) => held.get(session)?.peer,
    isAt: (peer) => held.values().some((each) => each.peer === peer),
    of: (process) => [...(byProcess.get(nameOf(process)) ?? [])],
    all: () => [...held].map(([session, { peer }]) => ({ session, peer })),
  };
};
