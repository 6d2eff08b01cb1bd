import type { Block, LinkKeys } from '@keyhaven/core/link';
import { type Clock, MINUTE } from '@keyhaven/core/time';
import type { KeyChannel } from '../authority/index.ts';
import { createStations } from './answerer-stations.ts';
import { sizeOf, WITHIN_BODY } from './body-size.ts';
import { createOriginCount, MAX_LINKS_PER_ORIGIN, originOf } from './origin.ts';

// The links that other LMs have to this one (K14, K15): the least recently used one goes first, and of one origin at most so many are open.

export type Link = {
  readonly keys: LinkKeys;
  readonly origin: string | undefined;
  /** Where its LM was when it last said something. */
  address: string;
  /** It wants to be told of changes by UDP. */
  hears: boolean;
  sequence: number;
  lastUse: number;
  readonly channels: Map<number, KeyChannel>; // BOUNDED by MAX_CHANNELS
  readonly numbers: Map<KeyChannel, number>; // BOUNDED likewise
  /** Channels whose device has not signed yet (K7). BOUNDED by MAX_CHANNELS. */
  readonly opening: Set<number>;
  /** Channels that may have calls under way. BOUNDED by channels. */
  readonly working: Set<KeyChannel>;
  /** Channels in which somebody may wait for a seat. BOUNDED by channels. */
  readonly patient: Set<KeyChannel>;
  outbox: Block[];
  wake: (() => void) | undefined;
  /** Answers the listening request. */
  rouse: (() => void) | undefined;
};

export type Links = {
  get(id: number | undefined): Link | undefined;
  of(guid: string): Link | undefined;
  isOpen(link: Link): boolean;
  /** Takes the place of an earlier link of the same LM, and of the oldest one of the same origin where that has too many. */
  add(keys: LinkKeys, address: string): Link;
  /** It said something from there: it is the most recently used one now. */
  used(link: Link, address: string): void;
  /** The computer that it counts as; undefined = its own LM. */
  stationOf(link: Link): string | undefined;
  /** Whether a license manager at that address has a link. */
  isAt(address: string): boolean;
  drop(link: Link): void;
  dropUnused(): void;
  dropAll(): void;
  /** It does, or does not, want to be told of changes by UDP. */
  hearing(link: Link, hears: boolean): void;
  /** Where the LMs are that have a link here and want to be told, each address once. */
  addresses(): readonly string[];
};

/** BOUNDED: links. */
const MAX_LINKS = 4_096;
const LINK_IDLE_MS = 10 * MINUTE;

/** Of one too many from an origin, the least recent from there goes; whoever else is here stays (S14). */
export const oldestOf = (
  of: ReadonlyMap<number, { readonly origin: string | undefined }>,
  origin: string | undefined,
): number | undefined => of.entries().find(([, each]) => each.origin === origin)?.[0];

/**
 * `self` is the GUID of this LM; `onDrop` gets every channel of a link that ends; `onAddresses` is told when somebody came, went, or moved.
 */
export const createLinks = (clock: Clock, self: string, onDrop: (channel: KeyChannel) => void, onAddresses: () => void): Links => {
  const links = new Map<number, Link>(); // BOUNDED by MAX_LINKS; the least recently used first
  const byGuid = new Map<string, Link>(); // BOUNDED by MAX_LINKS
  const counts = createOriginCount();
  const places = createOriginCount(); // of addresses
  const stations = createStations(self);

  const drop = (link: Link): void => {
    const open = links.delete(link.keys.id);
    if (open) counts.add(link.origin, -1);
    if (open) places.add(link.address, -1);
    if (open) stations.left(link);
    if (byGuid.get(link.keys.peer.guid) === link) byGuid.delete(link.keys.peer.guid);
    for (const channel of link.channels.values()) {
      onDrop(channel);
      channel.close();
    }
    link.channels.clear();
    link.wake?.();
    link.rouse?.();
    if (open && link.hears) onAddresses();
  };

  return {
    get: (id) => (id === undefined ? undefined : links.get(id)),
    of: (guid) => byGuid.get(guid),
    isAt: (address) => places.of(address) > 0,
    isOpen: (link) => links.get(link.keys.id) === link,
    add(keys, address) {
      const before = byGuid.get(keys.peer.guid);
      if (before !== undefined) drop(before);
      const origin = originOf(address);
      const oldest = counts.of(origin) >= MAX_LINKS_PER_ORIGIN ? links.get(oldestOf(links, origin) ?? -1) : undefined;
      if (oldest !== undefined) drop(oldest);
      const link: Link = {
        keys,
        origin,
        address,
        hears: false,
        sequence: 0,
        lastUse: clock.mono(),
        channels: new Map(),
        numbers: new Map(),
        opening: new Set(),
        working: new Set(),
        patient: new Set(),
        outbox: [],
        wake: undefined,
        rouse: undefined,
      };
      links.set(keys.id, link);
      counts.add(origin, 1);
      places.add(address, 1);
      stations.came(link);
      byGuid.set(keys.peer.guid, link);
      return link;
    },
    used(link, address) {
      link.lastUse = clock.mono();
      links.delete(link.keys.id);
      links.set(link.keys.id, link);
      if (link.address === address) return;
      places.add(link.address, -1);
      places.add(address, 1);
      link.address = address;
      if (link.hears) onAddresses();
    },
    stationOf: (link) => stations.of(link),
    drop,
    dropUnused() {
      const now = clock.mono();
      for (const link of links.values()) {
        if (now - link.lastUse <= LINK_IDLE_MS && links.size <= MAX_LINKS) break;
        drop(link);
      }
    },
    dropAll() {
      for (const link of [...links.values()]) drop(link);
    },
    hearing(link, hears) {
      if (link.hears === hears) return;
      link.hears = hears;
      onAddresses();
    },
    addresses: () => [...new Set([...links.values()].flatMap(({ address, hears }) => (hears ? [address] : [])))],
  };
};

export const push = (link: Link, block: Block): void => {
  link.outbox.push(block);
  // An exchange under way takes it along; else the caller has to be told.
  if (link.wake === undefined) link.rouse?.();
  else link.wake();
};

/** What one body can carry of what is ready; the rest waits for the next request, which `more` asks for. */
export const takeReady = (link: Link): Block[] => {
  let bytes = 0;
  const rest = link.outbox.findIndex((block, index) => {
    bytes += sizeOf(block);
    return index > 0 && bytes > WITHIN_BODY;
  });
  return link.outbox.splice(0, rest === -1 ? link.outbox.length : rest);
};
