import { type Catalog, parseCatalog } from '@keyhaven/core/admin';
import { hex } from '@keyhaven/core/bytes';
import type { Entropy } from '@keyhaven/core/crypto';
import { LicensingError, Status, statusOf } from '@keyhaven/core/errors';
import type { HolderLeases } from '@keyhaven/core/lease';
import type { Block, LmIdentity } from '@keyhaven/core/link';
import { type Clock, SECOND } from '@keyhaven/core/time';
import type { Route, RouteEvents } from '../local/index.ts';
import type { ProcessIdentity } from '../machine/index.ts';
import { createLinkCaller, type LinkCaller } from './link-caller.ts';
import type { PeerAddress, Post } from './post.ts';

// One other LM whose keys this LM uses: its catalog, the channels that applications here have to its keys, and the lease of their
// sessions. Relays records that it cannot read.

export type PeerOptions = {
  readonly guid: string;
  readonly address: PeerAddress;
  readonly self: LmIdentity;
  readonly hostname: string;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly post: Post;
  readonly leases: HolderLeases;
  /** A session of this process runs at the peer from now on. */
  readonly onAttached: (peer: Peer, session: string, process: ProcessIdentity) => void;
  readonly onDetached: (session: string) => void;
  readonly onStateChange: (peer: Peer) => void;
};

export type Peer = {
  readonly guid: string;
  readonly hostname: string;
  readonly address: PeerAddress;
  readonly state: 'connecting' | 'linked' | 'lost';
  readonly catalog: Catalog;
  open(target: { readonly key: string; readonly opening: Uint8Array }, process: ProcessIdentity, events: RouteEvents): Route;
  /** The application of this session has ended: gives the seat back at once, and again until the peer has heard it. */
  release(session: string): void;
  /** Sends a renewal as soon as the link allows. */
  renew(): void;
  /** The lease may have ended: nothing of this peer is believed any more. */
  lapse(): void;
  /** Asks for the catalog; with `fresh` also for the seats in use. Resolves when it came, or the link broke. */
  refresh(fresh?: boolean): Promise<void>;
  /** Somebody said that the peer stops. */
  stopped(): void;
  close(): void;
};

type Open = { readonly events: RouteEvents; readonly process: ProcessIdentity };
/** BOUNDED: channels closed here whose last grants may still be on their way. */
const KEPT_CLOSED = 1_024;
/** BOUNDED: parts of one catalog. */
const MAX_PARTS = 64;

export const createPeer = (options: PeerOptions): Peer => {
  const { guid, clock, leases } = options;
  const channels = new Map<number, Open>(); // BOUNDED by channels of local connections
  const closedChannels = new Map<number, ProcessIdentity>(); // BOUNDED by KEPT_CLOSED
  const releases = new Map<string, 'waiting' | 'sent'>(); // BOUNDED by sessions held
  let nextChannel = 1;
  let renewWanted = false;
  let state: Peer['state'] = 'connecting';
  let hostname = '';
  let catalog: Catalog = [];
  let parts: { readonly version: number; readonly json: string[] } = { version: 0, json: [] };
  let version = 0;
  let refreshed: (() => void)[] = [];

  const setState = (next: Peer['state']): void => {
    if (state === next) return;
    state = next;
    options.onStateChange(peer);
  };
  const settleRefresh = (): void => {
    const waiting = refreshed;
    refreshed = [];
    for (const done of waiting) done();
  };
  const loseChannels = (error: LicensingError): void => {
    const lost = [...channels.values()];
    channels.clear();
    for (const { events } of lost) {
      leases.closed(guid);
      events.lost(error);
    }
  };
  const keepClosed = (channel: number, process: ProcessIdentity): void => {
    closedChannels.set(channel, process);
    if (closedChannels.size > KEPT_CLOSED) for (const oldest of closedChannels.keys()) return void closedChannels.delete(oldest);
  };

  const learnPart = (block: Extract<Block, { kind: 'catalog part' }>): void => {
    if (parts.version !== block.version) parts = { version: block.version, json: [] };
    // What a peer says beyond the bound is not kept; its catalog is then short, which hides keys and harms nothing else.
    if (parts.json.length < MAX_PARTS) parts.json.push(block.json);
  };
  const learn = (block: Extract<Block, { kind: 'catalog' }>): void => {
    const before = parts.version === block.version ? parts.json : [];
    parts = { version: 0, json: [] };
    if (block.json !== '') {
      try {
        catalog = [...before, block.json].flatMap(parseCatalog);
        version = block.version;
        options.onStateChange(peer);
      } catch {
        catalog = []; // A peer that speaks another language has nothing for us.
      }
    }
    settleRefresh();
  };

  const take = (block: Block): void => {
    switch (block.kind) {
      case 'opened':
        return channels.get(block.channel)?.events.opened(block.answer);
      case 'record':
        return channels.get(block.channel)?.events.record(block.record);
      case 'lost': {
        const open = channels.get(block.channel);
        if (open === undefined) return;
        channels.delete(block.channel);
        leases.closed(guid);
        return open.events.lost(new LicensingError(statusOf(block.status) ?? Status.REMOTE_COMM_ERR, { detail: block.detail }));
      }
      case 'attached': {
        const process = channels.get(block.channel)?.process ?? closedChannels.get(block.channel);
        if (process === undefined) return;
        leases.attached(clock.mono(), guid, hex(block.session));
        return options.onAttached(peer, hex(block.session), process);
      }
      case 'detached':
        leases.detached(guid, hex(block.session));
        return options.onDetached(hex(block.session));
      case 'gone':
        for (const session of block.sessions) {
          leases.detached(guid, hex(session));
          options.onDetached(hex(session));
        }
        return;
      case 'renewed':
        if (block.agreed) leases.renewed(guid);
        else link.send({ kind: 'renewing', sessions: leases.list(clock.mono(), guid) });
        return;
      case 'catalog part':
        return learnPart(block);
      case 'catalog':
        return learn(block);
      default:
        return; // A later version may say more.
    }
  };

  const link: LinkCaller = createLinkCaller({
    self: options.self,
    clock,
    hostname: options.hostname,
    post: options.post,
    entropy: options.entropy,
    address: options.address,
    expect: guid,
    onLinked(proven) {
      hostname = proven.hostname;
      setState('linked');
      // A link made again: what changed while there was none?
      if (refreshed.length === 0) link.send({ kind: 'ask catalog', version });
    },
    onBlock: take,
    onAnswered() {
      setState('linked');
      for (const [session, release] of releases) if (release === 'sent') releases.delete(session);
    },
    onBroken(error) {
      for (const session of releases.keys()) releases.set(session, 'waiting');
      setState('lost');
      loseChannels(error);
      settleRefresh();
    },
    hasUrgent: () => renewWanted || releases.size > 0,
    urgent() {
      const blocks: Block[] = [];
      for (const session of releases.keys()) {
        releases.set(session, 'sent');
        blocks.push({ kind: 'release', session: Buffer.from(session, 'hex') });
      }
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
    address: options.address,
    get state() {
      return state;
    },
    get catalog() {
      return catalog;
    },
    open(target, process, events) {
      const channel = nextChannel++;
      channels.set(channel, { events, process });
      leases.opened(clock.mono(), guid);
      renewWanted = true;
      link.send({ kind: 'open', channel, key: target.key, opening: target.opening });
      return {
        receive: (record) => {
          if (channels.has(channel)) link.send({ kind: 'record', channel, record });
        },
        close: () => {
          if (!channels.delete(channel)) return;
          keepClosed(channel, process);
          leases.closed(guid);
          link.send({ kind: 'close', channel });
        },
      };
    },
    release(session) {
      leases.detached(guid, session);
      releases.set(session, 'waiting');
      link.connect();
    },
    renew() {
      renewWanted = true;
      link.send({ kind: 'ask catalog', version });
    },
    lapse: () =>
      loseChannels(
        new LicensingError(Status.BROKEN_SESSION, { detail: 'The license manager with the key was not reachable for the whole lease.' }),
      ),
    refresh(fresh = false) {
      return new Promise((resolve) => {
        refreshed.push(resolve);
        link.send({ kind: 'ask catalog', version: fresh ? 0 : version });
      });
    },
    stopped() {
      // A datagram is a hint and no proof (R5): the peer itself is asked, once more when it has had the time to stop.
      void peer.refresh();
      clock.after(2 * SECOND, () => void peer.refresh());
    },
    close() {
      link.close();
      loseChannels(new LicensingError(Status.REMOTE_COMM_ERR, { detail: 'The license manager stops.' }));
      settleRefresh();
    },
  };
  return peer;
};
