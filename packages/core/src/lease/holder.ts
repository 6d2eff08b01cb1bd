import type { Buffer } from 'node:buffer';
import { MINUTE, type Mono, mono, SECOND } from '../time/index.ts';
import { SessionSet } from './session-set.ts';

// The lease of remote sessions, at the LM of the applications (R8). Sans-IO. Promise (DESIGN "lease safety"): this side counts from
// before it sent a renewal, less a margin for clocks that run apart; the owner counts from when it received it. So this side always stops
// believing in a seat before the owner gives it to somebody else (I2).

/** R8: seats of a silent computer are free again after three minutes; renewed once a minute. */
export const LEASE_MS = 3 * MINUTE;
export const RENEW_MS = MINUTE;
/** Two monotonic clocks may differ by one percent. */
const DRIFT = 0.01;
const MARGIN_MS = SECOND;

export type Holding = { readonly count: number; readonly digest: Buffer };
export type HolderEvent =
  | { readonly kind: 'renew'; readonly peer: string }
  /** The lease may have ended at the owner: these sessions are to be believed lost. */
  | { readonly kind: 'lapsed'; readonly peer: string; readonly sessions: readonly string[] };

/** What is held at one peer; plain data likewise (owner.ts). */
export type HolderPeer = {
  readonly sessions: SessionSet;
  /** Open channels; a peer with one is renewed even without sessions, so that a session granted any moment has a lease. */
  channels: number;
  sent: Mono | undefined;
  until: Mono | undefined;
  renewAt: Mono;
};

export type HolderLeases = {
  opened(now: Mono, peer: string): void;
  closed(peer: string): void;
  attached(now: Mono, peer: string, session: string): void;
  /** @returns whether it was held. */
  detached(peer: string, session: string): boolean;
  /** What to say in a renewal that is sent now. */
  renewal(now: Mono, peer: string): Holding;
  /** What to say where the owner means other sessions. */
  list(now: Mono, peer: string): Uint8Array[];
  /** The owner confirmed what was sent last. */
  renewed(peer: string): void;
  /** Until when its sessions are believed; undefined before the first confirmation, and after the lease lapsed. */
  until(peer: string): Mono | undefined;
  sessions(peer: string): string[];
  timeout(now: Mono): HolderEvent[];
  nextTimeout(): Mono | undefined;
};

/** @param peers BOUNDED: peers with sessions or channels */
export const createHolderLeases = (termMs: number, renewMs: number, peers: Map<string, HolderPeer> = new Map()): HolderLeases => {
  const peerOf = (now: Mono, name: string): HolderPeer => {
    let peer = peers.get(name);
    if (peer === undefined) {
      peer = { sessions: new SessionSet(), channels: 0, sent: undefined, until: undefined, renewAt: now };
      peers.set(name, peer);
    }
    return peer;
  };
  const dropIfIdle = (name: string, peer: HolderPeer): void => {
    if (peer.sessions.size === 0 && peer.channels === 0) peers.delete(name);
  };

  return {
    opened(now, name) {
      peerOf(now, name).channels += 1;
    },
    closed(name) {
      const peer = peers.get(name);
      if (peer === undefined) return;
      peer.channels = Math.max(0, peer.channels - 1);
      dropIfIdle(name, peer);
    },
    attached(now, name, session) {
      peerOf(now, name).sessions.add(session);
    },
    detached(name, session) {
      const peer = peers.get(name);
      if (peer === undefined) return false;
      const held = peer.sessions.delete(session);
      dropIfIdle(name, peer);
      return held;
    },
    renewal(now, name) {
      const peer = peers.get(name);
      // Nothing is held any more: to begin an entry here would renew nothing, once a minute, for ever.
      if (peer === undefined) return { count: 0, digest: new SessionSet().digest };
      peer.sent = now;
      peer.renewAt = mono(now + renewMs);
      return { count: peer.sessions.size, digest: peer.sessions.digest };
    },
    list(now, name) {
      const peer = peers.get(name);
      if (peer === undefined) return [];
      peer.sent = now;
      return peer.sessions.bytes();
    },
    renewed(name) {
      const peer = peers.get(name);
      if (peer?.sent === undefined) return;
      peer.until = mono(peer.sent + termMs * (1 - DRIFT) - MARGIN_MS);
      peer.sent = undefined;
    },
    until: (name) => peers.get(name)?.until,
    sessions: (name) => [...(peers.get(name)?.sessions.ids() ?? [])],
    timeout(now) {
      const events: HolderEvent[] = [];
      for (const [name, peer] of peers) {
        if (peer.until !== undefined && peer.until <= now) {
          const sessions = [...peer.sessions.ids()];
          for (const session of sessions) peer.sessions.delete(session);
          peer.until = undefined;
          if (sessions.length > 0) events.push({ kind: 'lapsed', peer: name, sessions });
          dropIfIdle(name, peer);
          if (!peers.has(name)) continue;
        }
        if (peer.renewAt <= now) {
          // Until an answer comes, again soon: the term is three times as long as the interval for that reason.
          peer.renewAt = mono(now + renewMs / 6);
          events.push({ kind: 'renew', peer: name });
        }
      }
      return events;
    },
    nextTimeout() {
      let next: Mono | undefined;
      for (const { until, renewAt } of peers.values()) {
        const at = until !== undefined && until < renewAt ? until : renewAt;
        if (next === undefined || at < next) next = at;
      }
      return next;
    },
  };
};
