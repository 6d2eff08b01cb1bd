import { hex } from '../bytes/index.ts';
import { type Mono, mono } from '../time/index.ts';
import { SessionSet } from './session-set.ts';

// The lease of remote sessions, at the LM that owns the key (R8): an LM that answers for sessions keeps all of them with one renewal; when
// its renewals stop for a whole term, its sessions lapse. Sans-IO. Promise: a session lapses only when its holder has been silent
// about it for a full term, counted from when the last renewal or grant was. The cost of a renewal does not depend on the number of
// sessions while both sides mean the same ones.

/** What is known of one holder; plain data, so that whoever hands the table in can copy and compare it (testkit/model). */
export type OwnerHolder = {
  until: Mono;
  readonly sessions: SessionSet; // those that a plain renewal keeps
  readonly doubtful: Map<string, Mono>; // known here, not named in the holder's last list; each with its own end. BOUNDED like sessions
};

export type OwnerLeases = {
  /** A session of this holder is granted, resumed, or found in the ledger after a restart. */
  keep(now: Mono, holder: string, session: string): void;
  ended(holder: string, session: string): void;
  /** @returns whether both sides mean the same sessions; if not, the holder is to send its list. */
  renew(now: Mono, holder: string, count: number, digest: Uint8Array): boolean;
  /** @returns those of the list that are not known here. */
  renewExactly(now: Mono, holder: string, sessions: readonly Uint8Array[]): Uint8Array[];
  /** Sessions whose lease has ended; they are forgotten here. */
  timeout(now: Mono): { readonly holder: string; readonly session: string }[];
  nextTimeout(): Mono | undefined;
};

/** @param holders BOUNDED: one per linked LM, dropped when it lapses */
export const createOwnerLeases = (termMs: number, holders: Map<string, OwnerHolder> = new Map()): OwnerLeases => {
  const holderOf = (now: Mono, name: string): OwnerHolder => {
    let holder = holders.get(name);
    if (holder === undefined) {
      holder = { until: mono(now + termMs), sessions: new SessionSet(), doubtful: new Map() };
      holders.set(name, holder);
    }
    return holder;
  };

  return {
    keep(now, name, session) {
      const holder = holderOf(now, name);
      // What comes over the holder's link is a sign of its life: a seat granted this moment has a full term too.
      holder.until = mono(now + termMs);
      holder.doubtful.delete(session);
      holder.sessions.add(session);
    },
    ended(name, session) {
      const holder = holders.get(name);
      holder?.sessions.delete(session);
      holder?.doubtful.delete(session);
    },
    renew(now, name, count, digest) {
      const holder = holderOf(now, name);
      if (!holder.sessions.same(count, digest)) return false;
      holder.until = mono(now + termMs);
      return true;
    },
    renewExactly(now, name, list) {
      const holder = holderOf(now, name);
      const named = new Set(list.map(hex));
      const gone: Uint8Array[] = [];
      holder.until = mono(now + termMs);
      for (const id of [...holder.sessions.ids()]) {
        if (named.has(id)) continue;
        holder.sessions.delete(id);
        // Granted while the list was on its way, it is the holder's by the same answer that confirms the list: a full term for it too (I2).
        holder.doubtful.set(id, holder.until);
      }
      for (const bytes of list) {
        const id = hex(bytes);
        if (holder.doubtful.delete(id)) holder.sessions.add(id);
        else if (!holder.sessions.has(id)) gone.push(bytes);
      }
      return gone;
    },
    timeout(now) {
      const lapsed: { holder: string; session: string }[] = [];
      for (const [name, holder] of holders) {
        for (const [session, until] of holder.doubtful) {
          if (until > now) continue;
          holder.doubtful.delete(session);
          lapsed.push({ holder: name, session });
        }
        if (holder.until > now) continue;
        for (const session of holder.sessions.ids()) lapsed.push({ holder: name, session });
        if (holder.doubtful.size === 0) holders.delete(name);
        else for (const session of [...holder.sessions.ids()]) holder.sessions.delete(session);
      }
      return lapsed;
    },
    nextTimeout() {
      let next: Mono | undefined;
      for (const holder of holders.values()) {
        const ends = [holder.until, ...holder.doubtful.values()];
        for (const end of ends) if (next === undefined || end < next) next = end;
      }
      return next;
    },
  };
};
