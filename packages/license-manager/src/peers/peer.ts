import { Buffer } from 'node:buffer';
import type { Catalog } from '@keyhaven/core/admin';
import { hex } from '@keyhaven/core/bytes';
import type { Entropy } from '@keyhaven/core/crypto';
import { LicensingError, Status, statusOf } from '@keyhaven/core/errors';
import type { HolderLeases } from '@keyhaven/core/lease';
import { type Block, type FileQuestion, type LmIdentity, MAX_ASKED_SESSIONS, type SessionFacts, sinceVersion } from '@keyhaven/core/link';
import type { ApplicationIdentity } from '@keyhaven/core/session';
import type { Clock } from '@keyhaven/core/time';
import type { VersionRange } from '@keyhaven/core/versions';
import type { Caller, Seen } from '../callers/index.ts';
import type { Route, RouteEvents } from '../local/index.ts';
import { createAddressBook } from './address-book.ts';
import { createCatalogAsking } from './catalog-asking.ts';
import { createFileAsking } from './file-asking.ts';
import { createFollowing } from './following.ts';
import type { CatalogBlock, CatalogRoom } from './known-catalog.ts';
import { createLinkCaller, type LinkCaller, type LinkCallerOptions } from './link-caller.ts';
import type { PeerAddress, Post } from './post.ts';
import { createReleases, type ReleaseReason } from './releases.ts';

// One other LM whose keys this LM uses: its catalog, the channels that applications here have to its keys, and the lease of their
// sessions. Relays records that it cannot read.

export type PeerOptions = {
  readonly guid: string;
  /** The first that was heard of. */
  readonly address: PeerAddress;
  readonly self: LmIdentity;
  readonly hostname: string;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly post: Post;
  /** The versions of the link that it offers; absent = all that it speaks. */
  readonly linkVersions?: VersionRange;
  readonly station?: LinkCallerOptions['station'];
  readonly leases: HolderLeases;
  readonly room: CatalogRoom;
  /** This LM hears notifications of changes (R6). */
  readonly hears: boolean;
  /** A session of this application runs at the peer from now on, on this key. */
  readonly onAttached: (peer: Peer, session: string, application: ApplicationIdentity, key: string) => void;
  /** The peer tells what a session uses. */
  readonly onSession: (peer: Peer, session: string, facts: SessionFacts) => void;
  readonly onDetached: (session: string) => void;
  readonly onStateChange: (peer: Peer) => void;
  /** Another LM proved to be at its address: it has a new LM id, or the address a new computer. */
  readonly onOther?: (guid: string, address: PeerAddress) => void;
  /** An attempt failed, also where the peer was lost before: it may say something else by now. */
  readonly onProblem?: (peer: Peer) => void;
};

export type Peer = {
  readonly guid: string;
  readonly hostname: string;
  /** Where it is, or was last. */
  readonly address: PeerAddress;
  readonly state: 'connecting' | 'linked' | 'lost';
  /** Why it is lost. */
  readonly problem: LicensingError | undefined;
  readonly catalog: Catalog;
  /** Whether it has told its catalog once. */
  readonly told: boolean;
  /** How often it has answered; 0 = it never proved to be there and to speak. */
  readonly answers: number;
  /** Discovery says that it may be there, too. */
  heardAt(address: PeerAddress): void;
  open(target: PeerTarget, application: ApplicationIdentity, events: RouteEvents): Route;
  /** This session has ended here: gives the seat back at once, and again until the peer has heard it. */
  release(session: string, reason: ReleaseReason): void;
  /** Whether the peer has not heard yet of the release of this session. */
  releasing(session: string): boolean;
  /** Resolves when the peer has heard of all releases, or none of them can reach it any more. */
  released(): Promise<void>;
  /** Sends a renewal as soon as the link allows. */
  renew(): void;
  /** Asks what these sessions use, where the peer can tell. */
  askSessions(sessions: readonly string[]): void;
  /** The lease may have ended: nothing of this peer is believed any more. */
  lapse(): void;
  /** Asks for the catalog; with `fresh` also for the seats in use. Resolves when it came, or the link broke. */
  refresh(fresh?: boolean): Promise<void>;
  /** Asks it to lend, or to take back (K26). @throws LicensingError as `FileAsking.ask` */
  askFile(wish: FileQuestion['wish'], document: Uint8Array): Promise<Buffer>;
  /** Somebody said that its keys have changed: asks, soon, and not as often as that is said. */
  changed(): void;
  /** Somebody said that the peer stops. */
  stopped(): void;
  close(): void;
};

export type PeerTarget = {
  readonly key: string;
  readonly opening: Uint8Array;
  /** Who is at the other end of the application's connection; absent = nothing is said of that. */
  readonly caller?: Caller;
};

type User = { readonly application: ApplicationIdentity; readonly key: string };
type Open = User & { readonly events: RouteEvents };
/** BOUNDED: channels closed here whose last grants may still be on their way. */
const KEPT_CLOSED = 1_024;

export const createPeer = (options: PeerOptions): Peer => {
  const { guid, clock, leases } = options;
  const channels = new Map<number, Open>(); // BOUNDED by channels of local connections
  const closedChannels = new Map<number, User>(); // BOUNDED by KEPT_CLOSED
  const releases = createReleases();
  let nextChannel = 1;
  let renewWanted = false;
  /** The list of sessions is on its way, after a disagreement. */
  let listed = false;
  let state: Peer['state'] = 'connecting';
  let problem: LicensingError | undefined;
  let hostname = '';
  let answers = 0;
  const addresses = createAddressBook(options.address);
  const catalog = createCatalogAsking(options.room, options.hears, (question) => link.send(question));
  const nameOfPeer = (): string => (hostname === '' ? addresses.current.host : hostname);
  const files = createFileAsking(clock, nameOfPeer, (question) => link.send(question));
  const following = createFollowing(clock, () => void peer.refresh());

  const setState = (next: Peer['state']): void => {
    if (state === next) return;
    state = next;
    options.onStateChange(peer);
  };
  const loseChannels = (error: LicensingError): void => {
    const lost = [...channels.values()];
    channels.clear();
    for (const { events } of lost) {
      leases.closed(guid);
      events.lost(error);
    }
  };
  const keepClosed = (channel: number, { application, key }: User): void => {
    closedChannels.set(channel, { application, key });
    if (closedChannels.size > KEPT_CLOSED) for (const oldest of closedChannels.keys()) return void closedChannels.delete(oldest);
  };

  const learn = (block: CatalogBlock, version: number): boolean => {
    const taken = catalog.take(version, block);
    if (taken === 'news') options.onStateChange(peer);
    catalog.settled();
    return taken !== undefined;
  };

  /** @returns whether somebody waited for it */
  const take = (block: Block, version: number): boolean => {
    switch (block.kind) {
      case 'opened':
        channels.get(block.channel)?.events.opened(block.answer);
        return channels.has(block.channel);
      case 'record':
        channels.get(block.channel)?.events.record(block.record);
        return channels.has(block.channel);
      case 'lost': {
        const open = channels.get(block.channel);
        if (open === undefined) return false;
        channels.delete(block.channel);
        leases.closed(guid);
        open.events.lost(new LicensingError(statusOf(block.status) ?? Status.REMOTE_COMM_ERR, { detail: block.detail }));
        return true;
      }
      case 'attached': {
        const user = channels.get(block.channel) ?? closedChannels.get(block.channel);
        if (user === undefined) return false;
        leases.attached(clock.mono(), guid, hex(block.session));
        options.onAttached(peer, hex(block.session), user.application, user.key);
        return true;
      }
      case 'session': {
        const { key, product, feature, seats, since } = block;
        options.onSession(peer, hex(block.session), { key, product, feature, seats, since });
        return true;
      }
      case 'detached':
        leases.detached(guid, hex(block.session));
        options.onDetached(hex(block.session));
        return false;
      case 'gone':
        for (const session of block.sessions) {
          leases.detached(guid, hex(session));
          options.onDetached(hex(session));
        }
        return false;
      case 'renewed':
        if (block.agreed) leases.renewed(guid);
        // Once: one that does not agree to the list either is asked again by the next renewal.
        else if (!listed) link.send({ kind: 'renewing', sessions: leases.list(clock.mono(), guid) });
        listed = !block.agreed && !listed;
        return true;
      case 'catalog part':
      case 'catalog':
      case 'changes':
        return learn(block, version);
      case 'file':
        return files.take(block);
      default:
        return false; // A later version may say more.
    }
  };

  const link: LinkCaller = createLinkCaller({
    self: options.self,
    clock,
    hostname: options.hostname,
    post: options.post,
    entropy: options.entropy,
    addresses,
    expect: guid,
    ...(options.linkVersions === undefined ? {} : { linkVersions: options.linkVersions }),
    ...(options.station === undefined ? {} : { station: options.station }),
    ...(options.onOther === undefined ? {} : { onOther: options.onOther }),
    onLinked(proven) {
      hostname = proven.hostname;
      problem = undefined;
      setState('linked');
      // A link made again: what changed while there was none?
      if (!catalog.awaited) catalog.ask(false);
    },
    onBlock: take,
    onAnswered(more) {
      answers += 1;
      if (!more) {
        catalog.complete();
        files.complete();
      }
      setState('linked');
      releases.answered();
    },
    onBroken(error) {
      problem = error;
      listed = false;
      setState('lost');
      options.onProblem?.(peer);
      releases.broken();
      loseChannels(error);
      catalog.broken();
      files.broken(error);
    },
    hasUrgent: () => renewWanted || releases.any,
    urgent(version) {
      const blocks = releases.blocks(version);
      if (renewWanted) {
        renewWanted = false;
        blocks.push({ kind: 'renew', ...leases.renewal(clock.mono(), guid) });
      }
      return blocks;
    },
  });

  const peer: Peer = {
    guid,
    get hostname() {
      return hostname;
    },
    get address() {
      return addresses.current;
    },
    get state() {
      return state;
    },
    get problem() {
      return problem;
    },
    get catalog() {
      return catalog.keys;
    },
    get told() {
      return catalog.told;
    },
    get answers() {
      return answers;
    },
    heardAt: (address) => addresses.heard(address),
    open(target, application, events) {
      const channel = nextChannel++;
      const open = { events, application, key: target.key };
      channels.set(channel, open);
      leases.opened(clock.mono(), guid);
      renewWanted = true;
      const { key, opening, caller } = target;
      // Asked before the link is, because its version is known only then; an application waits for the answer to its opening in any case.
      const send = (known?: Seen): void => {
        if (!channels.has(channel)) return;
        if (known?.process !== undefined) channels.set(channel, { ...open, application: { ...application, ...known.process } });
        link.send((version) =>
          known === undefined || version < sinceVersion('open for')
            ? { kind: 'open', channel, key, opening }
            : { kind: 'open for', channel, key, opening, process: known.unit, forwarded: known.forwarded },
        );
      };
      const seen = caller?.seen();
      if (seen instanceof Promise) void seen.then(send);
      else send(seen);
      return {
        receive: (record) => {
          if (channels.has(channel)) link.send({ kind: 'record', channel, record });
        },
        close: () => {
          if (!channels.delete(channel)) return;
          keepClosed(channel, open);
          leases.closed(guid);
          link.send({ kind: 'close', channel });
        },
      };
    },
    release(session, reason) {
      leases.detached(guid, session);
      releases.add(session, reason);
      link.connect();
    },
    releasing: releases.has,
    askSessions(sessions) {
      for (let first = 0; first < sessions.length; first += MAX_ASKED_SESSIONS) {
        const asked = sessions.slice(first, first + MAX_ASKED_SESSIONS).map((session) => Buffer.from(session, 'hex'));
        link.send((version) => (version < sinceVersion('ask sessions') ? undefined : { kind: 'ask sessions', sessions: asked }));
      }
    },
    released: () => releases.settled(),
    renew() {
      renewWanted = true;
      catalog.ask(false);
    },
    lapse: () =>
      loseChannels(
        new LicensingError(Status.BROKEN_SESSION, { detail: 'The license manager with the key was not reachable for the whole lease.' }),
      ),
    refresh: (fresh = false) => catalog.answered(fresh),
    askFile: (wish, document) => files.ask(wish, document),
    changed: () => following.hint(),
    stopped: () => following.stopped(),
    close() {
      following.close();
      link.close();
      const stops = problem ?? new LicensingError(Status.REMOTE_COMM_ERR, { detail: 'The license manager stops.' });
      loseChannels(stops);
      catalog.close();
      files.broken(stops);
    },
  };
  return peer;
};
