import type { Entropy } from '@keyhaven/core/crypto';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { createHolderLeases, LEASE_MS, RENEW_MS } from '@keyhaven/core/lease';
import type { LmIdentity } from '@keyhaven/core/link';
import { type Clock, MINUTE, type Mono, SECOND } from '@keyhaven/core/time';
import type { Ledger } from '@keyhaven/ledger';
import type { Route, RouteEvents } from '../local/index.ts';
import type { ProcessIdentity } from '../machine/index.ts';
import { createForwardedStore } from './forwarded.ts';
import { createPeer, type Peer } from './peer.ts';
import type { PeerAddress, Post } from './post.ts';

// The other LMs: found by discovery as hints, linked over TCP, asked for their catalogs, used by applications here (R3). Answers to them for
// the sessions of this computer's applications: renews all of them in one request per peer, gives back those of ended processes (R8).

export type PeersOptions = {
  readonly self: LmIdentity;
  readonly hostname: string;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly post: Post;
  readonly ledger: Ledger;
  /** A restored or late session of a process that is not connected: somebody has to look whether it runs. */
  readonly onAway: (process: ProcessIdentity) => void;
  readonly onChange: (peer: { readonly guid: string; readonly state: Peer['state'] }) => void;
};

export type Peers = {
  /** Discovery says that an LM of this GUID may be at this address. */
  found(guid: string, address: PeerAddress): void;
  /** A known LM announced a change of its keys. */
  changed(guid: string): void;
  stopped(guid: string): void;
  get(guid: string): Peer | undefined;
  /** All that are known, linked or not. */
  all(): readonly Peer[];
  open(guid: string, target: { readonly key: string; readonly opening: Uint8Array }, process: ProcessIdentity, events: RouteEvents): Route;
  hasSessionsOf(process: ProcessIdentity): boolean;
  /** Sessions at other LMs under a lease that they confirmed and that has not ended (I2). */
  believed(): { readonly peer: string; readonly session: string }[];
  processEnded(process: ProcessIdentity): void;
  /** Resolves when every linked peer told the seats in use, at most after two seconds. */
  refresh(): Promise<void>;
  /** Tries those that were lost again, at most every ten seconds. Resolves to whether one is linked again, at most after two seconds. */
  reconnect(): Promise<boolean>;
  /** Resolves when no peer is being connected any more. */
  settled(): Promise<void>;
  close(): Promise<void>;
};

/** BOUNDED: other LMs known at a time, and hints followed at a time; a flood of made-up GUIDs gets no further. */
const MAX_PEERS = 4_096;
const MAX_CONNECTING = 64;
/** A lost LM costs a question of an application some time; not every question. */
const RECONNECT_MS = 10 * SECOND;

/** Pauses between attempts to reach a peer again. */
const RETURN_MS = [SECOND, 2 * SECOND, 5 * SECOND, 10 * SECOND, 20 * SECOND, MINUTE, MINUTE, MINUTE, MINUTE, MINUTE];

type Held = { readonly peer: Peer; readonly process: ProcessIdentity };
const nameOf = ({ pid, start }: ProcessIdentity): string => `${pid}.${start}`;

export const openPeers = async (options: PeersOptions): Promise<Peers> => {
  const { self, clock } = options;
  const leases = createHolderLeases(LEASE_MS, RENEW_MS);
  const forwarded = createForwardedStore(options.ledger);
  const peers = new Map<string, Peer>(); // BOUNDED by MAX_PEERS
  const held = new Map<string, Held>(); // BOUNDED by sessions of local applications
  const byProcess = new Map<string, Set<string>>(); // BOUNDED likewise
  const seeking = new Map<Peer, () => void>(); // BOUNDED by MAX_PEERS
  let waiters: (() => void)[] = [];
  let closed = false;
  let triedAt: Mono | undefined;
  let cancelTick = (): void => undefined;

  const connecting = (): number => [...peers.values()].filter((peer) => peer.state === 'connecting').length;
  const checkSettled = (): void => {
    if (connecting() > 0) return;
    const ready = waiters;
    waiters = [];
    for (const done of ready) done();
  };

  const forget = (session: string): void => {
    const known = held.get(session);
    if (known === undefined) return;
    held.delete(session);
    const of = byProcess.get(nameOf(known.process));
    of?.delete(session);
    if (of?.size === 0) byProcess.delete(nameOf(known.process));
    forwarded.delete(session);
  };
  const remember = (peer: Peer, session: string, process: ProcessIdentity): void => {
    held.set(session, { peer, process });
    const of = byProcess.get(nameOf(process)) ?? new Set();
    byProcess.set(nameOf(process), of.add(session));
  };

  /** An LM whose keys were known here is likely to come back before the next search (S22); beyond the last pause the search finds it. */
  const seek = (peer: Peer, attempt = 0): void => {
    const wait = RETURN_MS[attempt];
    if (wait === undefined || seeking.has(peer)) return;
    seeking.set(
      peer,
      clock.after(wait, () => {
        seeking.delete(peer);
        if (closed || peer.state !== 'lost' || peers.get(peer.guid) !== peer) return;
        void peer.refresh().then(() => {
          if (peer.state === 'lost') seek(peer, attempt + 1);
        });
      }),
    );
  };

  const make = (guid: string, address: PeerAddress): Peer => {
    const peer = createPeer({
      guid,
      address,
      self,
      hostname: options.hostname,
      clock,
      entropy: options.entropy,
      post: options.post,
      leases,
      onAttached(of, session, process) {
        remember(of, session, process);
        forwarded.put(session, { peer: guid, host: of.address.host, port: of.address.port, ...process });
        schedule();
        options.onAway(process);
      },
      onDetached: forget,
      onStateChange(of) {
        options.onChange(of);
        const useful = of.state !== 'lost' || [...held.values()].some((each) => each.peer === of);
        // A hint that proved nothing, or an LM that is gone and holds nothing for us, is forgotten; discovery finds it again.
        if (!useful && peers.get(guid) === of && of.catalog.length === 0) peers.delete(guid);
        else if (of.state === 'lost') seek(of);
        checkSettled();
      },
    });
    peers.set(guid, peer);
    return peer;
  };

  const tick = (): void => {
    if (closed) return;
    for (const event of leases.timeout(clock.mono())) {
      const peer = peers.get(event.peer);
      if (event.kind === 'renew') peer?.renew();
      else {
        for (const session of event.sessions) forget(session);
        peer?.lapse();
      }
    }
    schedule();
  };
  const schedule = (): void => {
    if (closed) return;
    cancelTick();
    const next = leases.nextTimeout();
    cancelTick = clock.after(next === undefined ? MINUTE : Math.max(10, next - clock.mono()), tick);
  };

  for (const [session, { peer: guid, host, port, pid, start }] of await forwarded.all()) {
    const peer = peers.get(guid) ?? make(guid, { host, port });
    leases.attached(clock.mono(), guid, session);
    remember(peer, session, { pid, start });
    options.onAway({ pid, start });
    peer.renew();
  }
  schedule();

  const api: Peers = {
    found(guid, address) {
      if (guid === self.guid || closed) return;
      const known = peers.get(guid);
      if (known !== undefined) {
        const moved = known.address.host !== address.host || known.address.port !== address.port;
        if (known.state !== 'lost') return;
        if (!moved) return void known.refresh();
        // It came back elsewhere. Sessions held there are renewed over the new link.
        const sessions = [...held].filter(([, each]) => each.peer === known);
        known.close();
        const peer = make(guid, address);
        for (const [session, each] of sessions) held.set(session, { peer, process: each.process });
        void peer.refresh();
        return;
      }
      if (peers.size >= MAX_PEERS || connecting() >= MAX_CONNECTING) return;
      void make(guid, address).refresh();
    },
    changed(guid) {
      void peers.get(guid)?.refresh();
    },
    stopped(guid) {
      peers.get(guid)?.stopped();
    },
    get: (guid) => peers.get(guid),
    all: () => [...peers.values()],
    open(guid, target, process, events) {
      const peer = peers.get(guid);
      if (peer === undefined)
        throw new LicensingError(Status.REMOTE_COMM_ERR, { detail: 'The license manager with the key is not known any more.' });
      const route = peer.open(target, process, events);
      schedule();
      return route;
    },
    believed: () =>
      [...held].flatMap(([session, { peer }]) => {
        const until = leases.until(peer.guid);
        return until !== undefined && clock.mono() < until ? [{ peer: peer.guid, session }] : [];
      }),
    hasSessionsOf: (process) => byProcess.has(nameOf(process)),
    processEnded(process) {
      for (const session of [...(byProcess.get(nameOf(process)) ?? [])]) {
        const { peer } = held.get(session) ?? {};
        forget(session);
        peer?.release(session);
      }
    },
    async refresh() {
      const linked = [...peers.values()].filter((peer) => peer.state === 'linked');
      await Promise.race([
        Promise.all(linked.map((peer) => peer.refresh(true))),
        new Promise<void>((done) => clock.after(2 * SECOND, done)),
      ]);
    },
    async reconnect() {
      const lost = [...peers.values()].filter((peer) => peer.state === 'lost');
      if (lost.length === 0 || (triedAt !== undefined && clock.mono() - triedAt < RECONNECT_MS)) return false;
      triedAt = clock.mono();
      const all = Promise.all(lost.map((peer) => peer.refresh()));
      await Promise.race([all, new Promise<void>((done) => clock.after(2 * SECOND, done))]);
      return lost.some((peer) => peer.state === 'linked');
    },
    settled() {
      return new Promise((resolve) => {
        waiters.push(resolve);
        checkSettled();
      });
    },
    async close() {
      closed = true;
      cancelTick();
      for (const cancel of seeking.values()) cancel();
      for (const peer of peers.values()) peer.close();
    },
  };
  return api;
};
