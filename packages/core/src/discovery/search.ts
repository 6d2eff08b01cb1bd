import { type Mono, mono } from '../time/index.ts';
import { canBeSource, familyOf, type Interface, isGroup, isLoopback, withoutZone, zoneOf } from './address.ts';
import { createAnswers, type Source } from './answers.ts';
import { createBoundedTable } from './bounded.ts';
import { createChanges } from './changes.ts';
import { createCookies } from './cookies.ts';
import { createCrowd } from './crowd.ts';
import { type Datagram, decodeDatagram, type Entry, encodeDatagram, type Notification } from './datagram.ts';
import { createHearing } from './heard.ts';
import type { Output, Reason, Verdict } from './output.ts';
import { createProbes } from './probes.ts';
import { createBucket, createLimiter } from './rate.ts';
import { createSchedule, type Target } from './schedule.ts';
import { type Random, type Settings, searchPause } from './settings.ts';

// The search for other license managers as a machine without sockets, clock or randomness (R1 to R6; docs/protocol/discovery.md).
//
// Rule: after any input, poll until undefined; then call timeout() at nextTimeout().
// Promises: a datagram from outside makes it send at most one answer of the same size, to its source, and nothing else; no
// destination is asked twice within five minutes; every table is BOUNDED where it is made; the same inputs and entropy give the
// same outputs (I7).
// Does not resolve names, connect, or believe: `found` and `heard` are hints, identity is proven on TCP (R5).

export type DiscoveryOptions = {
  readonly guid: string;
  /** 0 where this LM serves no other one (External, Integrated): it asks, and neither answers nor notifies. */
  readonly tcpPort: number;
  readonly bootCount: number;
  readonly settings: Settings;
  readonly entropy: Random;
};

export type Discovery = {
  start(now: Mono): void;
  interfaces(now: Mono, list: readonly Interface[]): void;
  settings(now: Mono, settings: Settings): void;
  /**
   * The addresses of the LMs that are connected, and of those that have connected to this one: all of them are notified, too. What the latter say
   * is that of strangers, for nothing is known yet of how to ask them.
   */
  peers(now: Mono, addresses: readonly string[], callers?: readonly string[]): void;
  /** Whether there are keys here that others may use; such an LM answers every search (D18). */
  serving(keys: boolean): void;
  keysChanged(now: Mono, entries: readonly Entry[]): void;
  /** Asks one address soon, if it was not asked within five minutes; for hints (D16). */
  ask(now: Mono, address: string): boolean;
  /** A question out of turn, for a person (D19): its cookie, and its bytes for a single address and for a group. Answers come out as `probed`. */
  probe(now: Mono): { readonly cookie: number; readonly ask: Uint8Array; readonly search: Uint8Array };
  /** Whether a question of this cookie came from there a moment ago. */
  heard(now: Mono, address: string, cookie: number): boolean;
  /** Sends one answer of this cookie to an address that proved on a link that it wants it; false where that is too often. */
  call(now: Mono, address: string, cookie: number): boolean;
  datagram(now: Mono, from: Source, bytes: Uint8Array): Verdict;
  /** The system refused to send the question to `to`: it will be asked again soon instead of after five minutes (D7). */
  unsent(now: Mono, to: string): void;
  timeout(now: Mono): void;
  /** Says goodbye; afterwards nothing is sent or heard. */
  stop(now: Mono): void;
  poll(): Output | undefined;
  nextTimeout(now: Mono): Mono | undefined;
  /** When the next search goes out, for people to see. */
  nextSearch(): Mono | undefined;
  /** All searches that are scheduled (R10). */
  upcoming(): readonly { readonly to: string; readonly due: Mono; readonly hint: boolean }[];
};

type State = { kind: 'new' } | { kind: 'starting'; at: Mono } | { kind: 'running' } | { kind: 'stopped' };

const FIRST_JITTER = 100;
/** BOUNDED: interfaces, peers and found LMs beyond these numbers are not notified, or are strangers again. */
const INTERFACES = 256;
const PEERS = 16_384;
const FOUND = 4_096;
const HINTS = { perSecond: 10, burst: 32 };
const CLONES = { total: { perSecond: 1, burst: 8 }, perSource: { perSecond: 1 / 60, burst: 1 }, sources: 256 };

export const createDiscovery = (options: DiscoveryOptions): Discovery => {
  const { guid, tcpPort, bootCount, entropy } = options;
  const sender = { guid, tcpPort, bootCount };
  const schedule = createSchedule();
  const cookies = createCookies(entropy);
  const answers = createAnswers(entropy);
  const changes = createChanges();
  const hearing = createHearing();
  const found = createBoundedTable<string, true>(FOUND);
  const hints = createBucket(HINTS);
  const clones = createLimiter(CLONES);
  const crowd = createCrowd();
  const probes = createProbes(entropy);
  // BOUNDED by one input's worth: the rule above empties it.
  const outputs: Output[] = [];
  let taken = 0;
  let state: State = { kind: 'new' };
  let settings = options.settings;
  let links: readonly Interface[] = [];
  let peers: ReadonlySet<string> = new Set();
  let callers: readonly string[] = [];
  let sequence = 0;
  let serving = false;

  const active = (): boolean => state.kind === 'starting' || state.kind === 'running';
  const soon = (now: Mono): Mono => mono(now + entropy() * FIRST_JITTER);

  const want = (now: Mono): void => {
    if (!active()) return;
    const targets = new Map<string, Target>();
    if (settings.broadcastSearch) {
      for (const { broadcast, name } of links) if (broadcast !== undefined) targets.set(broadcast, { to: broadcast, via: name });
    }
    for (const to of settings.searchAddresses) if (!targets.has(to)) targets.set(to, { to, via: undefined });
    schedule.want(now, [...targets.values()], state.kind === 'starting' ? state.at : soon(now));
  };

  const send = (why: Reason, { to, via }: Target, bytes: Uint8Array): void => {
    outputs.push({ kind: 'send', why, to, port: settings.udpPort, via, local: undefined, bytes });
  };
  const tell = (why: 'started' | 'stopping' | 'changed', targets: Iterable<Target>, entries: readonly Entry[] = []): void => {
    if (tcpPort === 0) return;
    sequence = (sequence + 1) >>> 0;
    const bytes = encodeDatagram(why === 'changed' ? { kind: why, ...sender, sequence, entries } : { kind: why, ...sender, sequence });
    for (const target of targets) send(why, target, bytes);
  };
  /** Who was told that this LM runs, and the peers that are not among them. */
  const audience = (): Target[] => {
    const told = schedule.told();
    const reached = new Set(told.map(({ to }) => to));
    const connected = new Set([...peers, ...callers]);
    return [...told, ...[...connected].filter((to) => !reached.has(to)).map((to) => ({ to, via: undefined }))];
  };

  const search = (now: Mono): void => {
    const starting = state.kind === 'starting' && state.at <= now;
    if (starting) state = { kind: 'running' };
    const due = schedule.take(now, () => searchPause(settings, entropy));
    for (const target of due) {
      send(
        target.hint ? 'hint' : 'search',
        target,
        encodeDatagram({ kind: isGroup(target) ? 'search' : 'ask', ...sender, cookie: cookies.open(now) }),
      );
    }
    const first = due.filter((target) => target.first);
    if (starting) {
      tell('started', audience());
      // A crowd does not ask everybody who has started, but always those who tell of keys (D16).
      if (serving) tell('changed', audience());
    } else if (first.length > 0) tell('started', first);
  };

  /** Our own GUID: our own broadcast heard again, or a computer that is a copy of this one. */
  const mirrored = (now: Mono, from: Source, datagram: Datagram): Verdict => {
    const address = withoutZone(from.address);
    if (isLoopback(address) || links.some((link) => withoutZone(link.address) === address)) return 'own';
    // An address that this computer got a moment ago is not in the list yet, but what comes from it we have just said.
    if ((datagram.kind === 'ask' || datagram.kind === 'search') && cookies.knows(now, datagram.cookie)) return 'own';
    if ('sequence' in datagram && datagram.bootCount === bootCount && datagram.sequence <= sequence) return 'own';
    if (clones.allow(now, from.address)) outputs.push({ kind: 'clone', address: from.address });
    return 'clone';
  };

  const heard = (now: Mono, from: Source, notification: Notification, bytes: Uint8Array): Verdict => {
    const verdict = hearing.judge(now, from.address, bytes);
    if (verdict !== 'heard') return verdict;
    const known = peers.has(from.address) || found.get(notification.guid) === true;
    if (!known && notification.kind === 'started' && entropy() >= crowd.share(now)) return 'one of many';
    if (known || notification.kind !== 'stopping') {
      outputs.push({ kind: 'heard', guid: notification.guid, address: from.address, notification, known });
    }
    return 'heard';
  };

  return {
    start(now) {
      if (state.kind !== 'new') return;
      state = { kind: 'starting', at: soon(now) };
      want(now);
    },
    interfaces(now, list) {
      links = list.slice(0, INTERFACES);
      want(now);
    },
    settings(now, next) {
      settings = next;
      want(now);
    },
    peers(_now, addresses, more = []) {
      peers = new Set(addresses.slice(0, PEERS));
      callers = more.slice(0, PEERS);
    },
    serving(keys) {
      serving = keys;
    },
    keysChanged(now, entries) {
      // Before `started` has gone out nobody has asked yet, so nobody needs to ask again.
      if (state.kind === 'running' && tcpPort !== 0) changes.add(now, entries);
    },
    ask(now, address) {
      if (!active() || hints.readyAt(now) > now || !schedule.once(now, address, soon(now))) return false;
      return hints.take(now);
    },
    probe(now) {
      const cookie = probes.open(now);
      const bytes = (kind: 'ask' | 'search'): Uint8Array => encodeDatagram({ kind, ...sender, cookie });
      return { cookie, ask: bytes('ask'), search: bytes('search') };
    },
    heard: (now, address, cookie) => probes.heard(now, address, cookie),
    call(now, address, cookie) {
      const { udpPort } = settings;
      if (!active() || tcpPort === 0 || !canBeSource(address, udpPort) || !probes.mayCall(now, address)) return false;
      send('answer', { to: address, via: undefined }, encodeDatagram({ kind: 'answer', ...sender, cookie }));
      return true;
    },
    datagram(now, from, bytes) {
      if (!active()) return 'inactive';
      if (!canBeSource(from.address, from.port) || links.some(({ broadcast }) => broadcast === from.address)) return 'impossible source';
      const datagram = decodeDatagram(bytes);
      if (datagram === undefined) return 'unreadable';
      if (datagram.guid === guid) return mirrored(now, from, datagram);
      crowd.note(now, datagram.guid);
      switch (datagram.kind) {
        case 'ask':
        case 'search':
          if (tcpPort === 0) return 'nothing to offer';
          probes.note(now, from.address, datagram.cookie);
          return answers.add(now, datagram, from) ? 'answered' : 'limited';
        case 'answer': {
          if (probes.knows(now, datagram.cookie)) {
            const { cookie, guid: other, tcpPort: port } = datagram;
            outputs.push({ kind: 'probed', cookie, guid: other, address: from.address, port });
            return 'probed';
          }
          if (!cookies.claim(now, datagram.cookie)) return 'not asked';
          found.set(datagram.guid, true);
          const { address } = from;
          outputs.push({
            kind: 'found',
            guid: datagram.guid,
            address,
            port: datagram.tcpPort,
            family: familyOf(address),
            scopeId: zoneOf(address),
          });
          return 'found';
        }
        case 'started':
        case 'stopping':
        case 'changed':
          return heard(now, from, datagram, bytes);
      }
    },
    unsent: (now, to) => schedule.unsent(now, to),
    timeout(now) {
      if (!active()) return;
      search(now);
      for (const { to, cookie, search: ofMany } of answers.take(now)) {
        // Drawn when it is due: by then others that were switched on together have been heard, too.
        if (ofMany && !serving && entropy() >= crowd.share(now)) continue;
        const bytes = encodeDatagram({ kind: 'answer', ...sender, cookie });
        outputs.push({ kind: 'send', why: 'answer', to: to.address, port: to.port, via: undefined, local: to.local, bytes });
      }
      for (const entries of changes.take(now)) tell('changed', audience(), entries);
    },
    stop(_now) {
      if (state.kind === 'running') tell('stopping', audience());
      state = { kind: 'stopped' };
    },
    poll() {
      const output = outputs[taken];
      if (output === undefined) {
        outputs.length = 0;
        taken = 0;
        return undefined;
      }
      taken += 1;
      return output;
    },
    nextTimeout(now) {
      if (!active()) return undefined;
      const times = [state.kind === 'starting' ? state.at : undefined, schedule.nextAt(), answers.nextAt(), changes.dueAt(now)];
      return times.reduce((first, at) => (at !== undefined && (first === undefined || at < first) ? at : first));
    },
    nextSearch: () => (active() ? schedule.nextAt() : undefined),
    upcoming: () => (active() ? schedule.upcoming() : []),
  };
};
