import type { Entropy } from '@keyhaven/core/crypto';
import { LicensingError, Status, type StatusCode } from '@keyhaven/core/errors';
import { createHolderLeases, LEASE_MS, RENEW_MS } from '@keyhaven/core/lease';
import type { LmIdentity } from '@keyhaven/core/link';
import type { ApplicationIdentity } from '@keyhaven/core/session';
import { type Clock, MINUTE, type Mono, SECOND } from '@keyhaven/core/time';
import type { VersionRange } from '@keyhaven/core/versions';
import type { Ledger } from '@keyhaven/ledger';
import type { Route, RouteEvents } from '../local/index.ts';
import type { ProcessIdentity } from '../machine/index.ts';
import { createCatalogRoom } from './known-catalog.ts';
import type { LinkCallerOptions } from './link-caller.ts';
import { createPeer, type Peer, type PeerTarget } from './peer.ts';
import type { PeerAddress, Post } from './post.ts';
import { openRemoteSessions, type RemoteSession } from './remote-sessions.ts';
import { createSeeking } from './seeking.ts';
import { createTroubles } from './troubles.ts';
import { createUnspoken } from './unspoken.ts';
import { createLooks } from './who-is.ts';

// The other LMs: found by discovery as hints, linked over TCP, asked for their catalogs, used by applications here (R3). Answers to them for
// the sessions of this computer's applications: renews all of them in one request per peer, gives back those of ended processes (R8).

export type PeersOptions = {
  readonly self: LmIdentity;
  readonly hostname: string;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly post: Post;
  /** The versions of the link that it offers; absent = all that it speaks. */
  readonly linkVersions?: VersionRange;
  /** Proves on which computer this LM runs (K34); absent = on one of its own. Never rejects. */
  readonly station?: LinkCallerOptions['station'];
  readonly ledger: Ledger;
  /** A restored or late session of a process that is not connected: somebody has to look whether it runs. */
  readonly onAway: (process: ProcessIdentity) => void;
  readonly onChange: (peer: { readonly guid: string; readonly state: Peer['state'] }) => void;
  /** An LM is there with which there is no common version (11, 42; T6), or that wants an identity (87; R9), which was not known; a sentence. */
  readonly onUnspoken?: (detail: string, status: StatusCode) => void;
  /** Whether this LM hears notifications of changes (R6); absent = it does. */
  readonly hears?: boolean;
  /** Something is where an LM should be and does not behave like one; a sentence, once for each. */
  readonly onTrouble?: (detail: string) => void;
};

export type Peers = {
  /** Discovery says that an LM of this GUID may be at this address. */
  found(guid: string, address: PeerAddress): void;
  /**
   * An LM of whatever identity may be at this address (R2): asks who it is by TCP, and goes on as with `found`. Resolves to its GUID; to
   * undefined where nobody else answers, or too many are being asked. Never rejects.
   */
  look(address: PeerAddress): Promise<string | undefined>;
  /** A known LM announced a change of its keys. */
  changed(guid: string): void;
  stopped(guid: string): void;
  get(guid: string): Peer | undefined;
  /** All that are known, linked or not. */
  all(): readonly Peer[];
  /** Addresses of those that are linked, or whose keys are known: they are told of changes here (R6). */
  reachable(): readonly string[];
  open(guid: string, target: PeerTarget, application: ApplicationIdentity, events: RouteEvents): Route;
  /** Sessions of applications here at other LMs (T1). */
  sessions(): Iterable<RemoteSession>;
  readonly sessionCount: number;
  /**
   * An administrator ends such a session. Resolves to it, and to whether its LM has heard of that, at most after three seconds; the seat is given back
   * as soon as it does. To undefined where there is no such session.
   */
  end(session: string): Promise<{ readonly session: RemoteSession; readonly heard: boolean } | undefined>;
  hasSessionsOf(process: ProcessIdentity): boolean;
  /** Sessions at other LMs under a lease that they confirmed and that has not ended (I2). */
  believed(): { readonly peer: string; readonly session: string }[];
  processEnded(process: ProcessIdentity): void;
  /** Resolves when every linked peer told the seats in use, at most after two seconds. */
  refresh(): Promise<void>;
  /** Tries those that were lost again, at most every ten seconds. Resolves to whether one is linked again, at most after two seconds. */
  reconnect(): Promise<boolean>;
  /** A sentence for every LM that is there and cannot be spoken to, for its version or ours (T6). */
  unspoken(): readonly string[];
  /** A sentence for every LM that serves identifiable clients only (R9). */
  identitiesAsked(): readonly string[];
  /** Gives back all sessions that are held elsewhere; resolves when the other LMs have heard of it, at most after two seconds (R8). */
  leave(): Promise<void>;
  /** What is going to be sent by itself: renewals, and attempts to reach a lost LM again (R10). */
  scheduled(): { readonly kind: 'exchange' | 'hello'; readonly to: string; readonly due: Mono }[];
  /** Resolves when no peer is being connected any more, and those that are linked have told their keys. */
  settled(): Promise<void>;
  close(): Promise<void>;
};

/** BOUNDED: other LMs known at a time, and hints followed at a time; a flood of made-up GUIDs gets no further. */
const MAX_PEERS = 4_096;
const MAX_CONNECTING = 64;
/** A lost LM costs a question of an application some time; not every question. */
const RECONNECT_MS = 10 * SECOND;
/** How long other LMs may take to hear that sessions ended. */
const LEAVE_MS = 2 * SECOND;
const END_MS = 3 * SECOND;

export const openPeers = async (options: PeersOptions): Promise<Peers> => {
  const { self, clock } = options;
  const leases = createHolderLeases(LEASE_MS, RENEW_MS);
  const peers = new Map<string, Peer>(); // BOUNDED by MAX_PEERS
  const room = createCatalogRoom();
  const seeking = createSeeking(clock, (peer) => !closed && peers.get(peer.guid) === peer);
  const unspoken = createUnspoken(() => clock.mono());
  const troubles = createTroubles(() => clock.mono());
  const cannotSpeak = (address: PeerAddress, error: unknown, spoke = false): void => {
    const news = unspoken.note(address, error);
    if (news !== undefined) options.onUnspoken?.(news.detail, news.status);
    const trouble = troubles.note(address, error, spoke);
    if (trouble !== undefined) options.onTrouble?.(trouble);
  };
  const onFound = (guid: string, address: PeerAddress): void => api.found(guid, address);
  const asked = createLooks({ ...options, most: MAX_CONNECTING, onFound, onProblem: cannotSpeak });
  let waiters: (() => void)[] = [];
  let closed = false;
  let triedAt: Mono | undefined;
  let cancelTick = (): void => undefined;

  const within = async (milliseconds: number, work: Promise<unknown>): Promise<void> => {
    let cancel = (): void => undefined;
    await Promise.race([work, new Promise<void>((done) => void (cancel = clock.after(milliseconds, done)))]);
    cancel();
  };
  const connecting = (): number => [...peers.values()].filter((peer) => peer.state === 'connecting').length;
  const checkSettled = (): void => {
    if ([...peers.values()].some(({ state, told }) => state === 'connecting' || (state === 'linked' && !told))) return;
    const ready = waiters;
    waiters = [];
    for (const done of ready) done();
  };

  /** An LM whose keys, or whose seats, are used here; others are remembered as long as there is room. */
  const isNeeded = (peer: Peer): boolean => peer.catalog.length > 0 || sessions.isAt(peer);
  const drop = (peer: Peer): void => {
    if (peers.get(peer.guid) === peer) peers.delete(peer.guid);
    peer.close();
  };
  /** @returns whether one more can be remembered */
  const makeRoom = (): boolean => {
    const spare = peers.size < MAX_PEERS ? undefined : peers.values().find((peer) => peer.state === 'lost' && !isNeeded(peer));
    if (spare !== undefined) drop(spare);
    return peers.size < MAX_PEERS;
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
      ...(options.linkVersions === undefined ? {} : { linkVersions: options.linkVersions }),
      ...(options.station === undefined ? {} : { station: options.station }),
      leases,
      room,
      hears: options.hears ?? true,
      onAttached(of, session, application, key) {
        sessions.put(of, session, application, key);
        schedule();
        options.onAway({ pid: application.pid, start: application.start });
      },
      onSession: (of, session, facts) => sessions.learn(of, session, facts),
      onDetached: (session) => sessions.delete(session),
      onOther: onFound,
      onProblem: (of) => cannotSpeak(of.address, of.problem, of.answers > 0),
      onStateChange(of) {
        options.onChange(of);
        if (of.state === 'linked') {
          unspoken.forget(of.address);
          of.askSessions(sessions.untold(of));
        }
        if (of.state === 'lost' && peers.get(guid) === of) {
          // A hint that proved nothing is forgotten; discovery finds it again. One that was there is known when it says that it is back (D16).
          if (isNeeded(of)) seeking.begin(of);
          else if (of.answers === 0) drop(of);
        }
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
        for (const session of event.sessions) sessions.delete(session);
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

  const sessions = await openRemoteSessions(options.ledger, clock, (guid, address) => peers.get(guid) ?? make(guid, address));
  for (const { id, peer, process } of sessions.all()) {
    leases.attached(clock.mono(), peer.guid, id);
    options.onAway(process);
    peer.renew();
  }
  schedule();

  const api: Peers = {
    found(guid, address) {
      if (guid === self.guid || closed) return;
      const known = peers.get(guid);
      if (known !== undefined) {
        known.heardAt(address);
        // Linked: what a lost notification told is learned at the next search (R6).
        if (known.state !== 'connecting') void known.refresh();
        return;
      }
      if (connecting() >= MAX_CONNECTING || !makeRoom()) return;
      void make(guid, address).refresh();
    },
    look(address) {
      const { host, port } = address;
      const here = [...peers.values()].find((peer) => peer.state === 'linked' && peer.address.host === host && peer.address.port === port);
      return here === undefined && !closed ? asked.look(address) : Promise.resolve(here?.guid);
    },
    changed(guid) {
      peers.get(guid)?.changed();
    },
    stopped(guid) {
      peers.get(guid)?.stopped();
    },
    get: (guid) => peers.get(guid),
    all: () => [...peers.values()],
    reachable: () => [...peers.values()].filter((peer) => peer.state !== 'lost' || isNeeded(peer)).map(({ address }) => address.host),
    open(guid, target, application, events) {
      const peer = peers.get(guid);
      if (peer === undefined)
        throw new LicensingError(Status.REMOTE_COMM_ERR, { detail: 'The license manager with the key is not known any more.' });
      const route = peer.open(target, application, events);
      schedule();
      return route;
    },
    believed: () =>
      [...sessions.all()].flatMap(({ id, peer }) => {
        const until = leases.until(peer.guid);
        return until !== undefined && clock.mono() < until ? [{ peer: peer.guid, session: id }] : [];
      }),
    hasSessionsOf: (process) => sessions.of(process).length > 0,
    processEnded(process) {
      for (const { id, peer } of sessions.of(process)) {
        sessions.delete(id);
        peer.release(id, 'application ended');
      }
    },
    sessions: sessions.all,
    get sessionCount() {
      return sessions.size;
    },
    async end(id) {
      const session = sessions.get(id);
      if (session === undefined) return undefined;
      const { peer } = session;
      sessions.delete(id);
      peer.release(id, 'killed');
      await within(END_MS, peer.released());
      return { session, heard: !peer.releasing(id) };
    },
    async refresh() {
      const linked = [...peers.values()].filter((peer) => peer.state === 'linked');
      await Promise.race([
        Promise.all(linked.map((peer) => peer.refresh(true))),
        new Promise<void>((done) => clock.after(2 * SECOND, done)),
      ]);
    },
    async reconnect() {
      const lost = [...peers.values()].filter((peer) => peer.state === 'lost' && isNeeded(peer));
      if (lost.length === 0 || (triedAt !== undefined && clock.mono() - triedAt < RECONNECT_MS)) return false;
      triedAt = clock.mono();
      const all = Promise.all(lost.map((peer) => peer.refresh()));
      await Promise.race([all, new Promise<void>((done) => clock.after(2 * SECOND, done))]);
      return lost.some((peer) => peer.state === 'linked');
    },
    unspoken: () => unspoken.all(),
    identitiesAsked: () => unspoken.identities(),
    async leave() {
      const all = [...sessions.all()];
      for (const { id, peer } of all) {
        sessions.delete(id);
        peer.release(id, 'application ended');
      }
      await within(LEAVE_MS, Promise.all([...new Set(all.map(({ peer }) => peer))].map((peer) => peer.released())));
    },
    scheduled() {
      const renewal = leases.nextTimeout();
      const returning = seeking.scheduled().map(({ to, due }) => ({ kind: 'hello' as const, to, due }));
      return renewal === undefined
        ? returning
        : [{ kind: 'exchange', to: 'license managers with seats in use', due: renewal }, ...returning];
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
      seeking.close();
      for (const peer of peers.values()) peer.close();
    },
  };
  return api;
};
