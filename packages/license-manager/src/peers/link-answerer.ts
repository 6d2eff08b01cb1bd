import type { Catalog } from '@keyhaven/core/admin';
import { fromBase64, toBase64, WireError } from '@keyhaven/core/bytes';
import type { Entropy } from '@keyhaven/core/crypto';
import { LicensingError } from '@keyhaven/core/errors';
import {
  type Answering,
  answerLink,
  type Block,
  decodeBlocks,
  decodeBody,
  encodeBlocks,
  encodeBody,
  type LinkKeys,
  type LmIdentity,
  linkOf,
} from '@keyhaven/core/link';
import { type Clock, MINUTE, SECOND } from '@keyhaven/core/time';
import type { RuleBar } from '../access/index.ts';
import type { Authority, KeyChannel } from '../authority/index.ts';
import { asLicensingError } from '../local/index.ts';
import { MAX_BYTES, sizeOf } from './link-caller.ts';
import { createOriginCount, MAX_HANDSHAKES_PER_ORIGIN, MAX_LINKS_PER_ORIGIN, originOf } from './origin.ts';
import { PeerRefusal } from './post.ts';

// The other end of LinkCaller: serves the applications of other LMs with the keys here. A POST is answered when all that it asked for is
// answered, or after HOLD_MS with the word that there is more to come; so a login that waits for the disk holds up nothing else.

export type LinkAnswererOptions = {
  readonly self: LmIdentity;
  readonly hostname: string;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly authority: Authority;
  /** Who is told when somebody else proves to have this LM's own identity (K9). */
  readonly twins?: { isOwn(hello: string): boolean; proven(hostname: string): void };
  readonly catalog: () => { readonly version: number; readonly keys: () => Catalog };
  /** What the administrator's rules say against another LM, as far as it is known; absent = nothing (R9). */
  readonly against?: (client: {
    readonly address: string;
    readonly host: string | undefined;
    readonly holder: string | undefined;
  }) => RuleBar | undefined;
};

export type LinkAnswerer = {
  /** Each takes and gives the text of an HTTP body. @throws PeerRefusal */
  hello(body: string, address: string): string;
  confirm(body: string, address: string): string;
  exchange(body: string, address: string): Promise<string>;
  /** Answered when there is something to fetch by an exchange, or after LISTEN_MS. */
  listen(body: string): Promise<string>;
  /** To be called when the authority attached a session to a channel of a link. */
  attached(channel: KeyChannel, session: string): void;
  /** To be called when a session of a remote holder ended. */
  ended(holder: string, session: string): void;
  close(): void;
};

/** BOUNDED: links and handshakes under way; the least recently used link goes first. */
const MAX_LINKS = 4_096;
const MAX_HANDSHAKES = 1_024;
const HANDSHAKE_MS = 10 * SECOND;
const LINK_IDLE_MS = 10 * MINUTE;
const HOLD_MS = 250;
/** Less than a caller waits for an answer. */
const LISTEN_MS = 4 * SECOND;
/** Characters of a part of a catalog. */
const CATALOG_PART = 256 * 1024;
const MAX_CHANNELS = 65_536;

type Link = {
  readonly keys: LinkKeys;
  readonly origin: string | undefined;
  sequence: number;
  lastUse: number;
  readonly channels: Map<number, KeyChannel>; // BOUNDED by MAX_CHANNELS
  readonly numbers: Map<KeyChannel, number>; // BOUNDED likewise
  /** Channels that may have calls under way. BOUNDED by channels. */
  readonly working: Set<KeyChannel>;
  /** Channels in which somebody may wait for a seat. BOUNDED by channels. */
  readonly patient: Set<KeyChannel>;
  outbox: Block[];
  wake: (() => void) | undefined;
  /** Answers the listening request. */
  rouse: (() => void) | undefined;
};

type Handshake = { readonly answering: Answering; readonly at: number; readonly own: boolean; readonly origin: string | undefined };

export const createLinkAnswerer = (options: LinkAnswererOptions): LinkAnswerer => {
  const { self, clock, entropy, authority } = options;
  const handshakes = new Map<number, Handshake>(); // BOUNDED by MAX_HANDSHAKES
  const handshakesOf = createOriginCount();
  const linksOf = createOriginCount();
  const links = new Map<number, Link>(); // BOUNDED by MAX_LINKS
  const byGuid = new Map<string, Link>(); // BOUNDED by MAX_LINKS
  const byChannel = new Map<KeyChannel, Link>(); // BOUNDED by channels
  /** Channels that their LM closed. A login in one of them may still become durable, and its LM has to hear of the session to give it back. */
  const closed = new WeakMap<KeyChannel, { readonly link: Link; readonly number: number }>();

  const forget = (id: number): void => {
    const handshake = handshakes.get(id);
    if (handshake !== undefined) handshakesOf.add(handshake.origin, -1);
    handshakes.delete(id);
  };
  /** Of one too many from there, the least recent from there goes; whoever else is here stays (S14). */
  const oldestOf = (of: ReadonlyMap<number, { readonly origin: string | undefined }>, origin: string | undefined): number | undefined =>
    of.entries().find(([, each]) => each.origin === origin)?.[0];
  const refuseByRules = (address: string, host?: string, holder?: string): void => {
    const bar = options.against?.({ address, host, holder });
    if (bar !== undefined) throw new PeerRefusal(403, bar.detail);
  };

  const drop = (link: Link): void => {
    if (links.delete(link.keys.id)) linksOf.add(link.origin, -1);
    if (byGuid.get(link.keys.peer.guid) === link) byGuid.delete(link.keys.peer.guid);
    for (const channel of link.channels.values()) {
      byChannel.delete(channel);
      channel.close();
    }
    link.channels.clear();
    link.wake?.();
    link.rouse?.();
  };

  const newId = (): number => {
    for (;;) {
      const id = Buffer.from(entropy.bytes(4)).readUInt32BE(0);
      if (!links.has(id) && !handshakes.has(id)) return id;
    }
  };

  const tidy = (): void => {
    const now = clock.mono();
    for (const [id, { at }] of handshakes) {
      if (now - at <= HANDSHAKE_MS && handshakes.size <= MAX_HANDSHAKES) break;
      forget(id);
    }
    for (const link of links.values()) {
      if (now - link.lastUse <= LINK_IDLE_MS && links.size <= MAX_LINKS) break;
      drop(link);
    }
  };

  const push = (link: Link, block: Block): void => {
    link.outbox.push(block);
    // An exchange under way takes it along; else the caller has to be told.
    if (link.wake === undefined) link.rouse?.();
    else link.wake();
  };

  /** What one body can carry of what is ready; the rest waits for the next request, which `more` asks for. */
  const take = (link: Link): Block[] => {
    let bytes = 0;
    const rest = link.outbox.findIndex((block, index) => {
      bytes += sizeOf(block);
      return index > 0 && bytes > MAX_BYTES;
    });
    return link.outbox.splice(0, rest === -1 ? link.outbox.length : rest);
  };

  const openChannel = (link: Link, block: Extract<Block, { kind: 'open' }>, address: string): void => {
    const { channel } = block;
    if (link.channels.has(channel) || link.channels.size >= MAX_CHANNELS)
      throw new WireError('a channel that is open already, or one too many');
    const lose = (error: LicensingError): void => {
      const open = link.channels.get(channel);
      if (open !== undefined) {
        link.numbers.delete(open);
        byChannel.delete(open);
        link.working.delete(open);
        link.patient.delete(open);
      }
      link.channels.delete(channel);
      push(link, { kind: 'lost', channel, status: error.status, detail: error.detail ?? '' });
    };
    try {
      const party = { holder: link.keys.peer.guid, address, process: undefined };
      const record = (bytes: Uint8Array): void => push(link, { kind: 'record', channel, record: bytes });
      const open = authority.open(block.key, block.opening, party, record, lose, () => link.wake?.());
      link.channels.set(channel, open);
      link.numbers.set(open, channel);
      byChannel.set(open, link);
      push(link, { kind: 'opened', channel, answer: open.answer });
    } catch (error) {
      lose(asLicensingError(error));
    }
  };

  const act = (link: Link, block: Block, address: string): void => {
    switch (block.kind) {
      case 'open':
        return openChannel(link, block, address);
      case 'record': {
        const channel = link.channels.get(block.channel);
        if (channel === undefined) return;
        link.working.add(channel);
        link.patient.add(channel);
        return channel.receive(block.record);
      }
      case 'close': {
        const open = link.channels.get(block.channel);
        if (open === undefined) return;
        link.channels.delete(block.channel);
        link.numbers.delete(open);
        byChannel.delete(open);
        link.working.delete(open);
        link.patient.delete(open);
        closed.set(open, { link, number: block.channel });
        return open.close();
      }
      case 'release':
        // A disk that refuses now gives the seat back by lease.
        authority.releaseFor(link.keys.peer.guid, Buffer.from(block.session).toString('hex')).catch(() => undefined);
        return;
      case 'renew':
        return push(link, { kind: 'renewed', agreed: authority.renew(link.keys.peer.guid, block.count, block.digest) });
      case 'renewing':
        push(link, { kind: 'gone', sessions: authority.renewExactly(link.keys.peer.guid, block.sessions) });
        return push(link, { kind: 'renewed', agreed: true });
      case 'ask catalog': {
        const { version, keys } = options.catalog();
        // The same version costs a few bytes; the caller knows it already.
        if (version === block.version) return push(link, { kind: 'catalog', version, json: '' });
        const parts = catalogParts(keys());
        for (const json of parts.slice(0, -1)) push(link, { kind: 'catalog part', version, json });
        return push(link, { kind: 'catalog', version, json: parts.at(-1) ?? '[]' });
      }
      default:
        throw new WireError(`a block "${block.kind}" from the calling side`);
    }
  };

  const busy = (link: Link): boolean => {
    for (const channel of link.working) {
      if (channel.busy > 0) return true;
      link.working.delete(channel);
    }
    return false;
  };

  const isPatient = (link: Link): boolean => {
    for (const channel of link.patient) {
      if (channel.held > 0) return true;
      link.patient.delete(channel);
    }
    return false;
  };

  /** Resolves when nothing is under way any more on this link, or after HOLD_MS. */
  const settled = (link: Link): Promise<void> =>
    new Promise((resolve) => {
      const cancel = clock.after(HOLD_MS, done);
      function done(): void {
        cancel();
        link.wake = undefined;
        resolve();
      }
      const look = (): void => {
        if (!links.has(link.keys.id) || !busy(link)) done();
      };
      link.wake = look;
      look();
    });

  return {
    hello(body, address) {
      refuseByRules(address);
      tidy();
      const origin = originOf(address);
      if (handshakesOf.of(origin) >= MAX_HANDSHAKES_PER_ORIGIN) forget(oldestOf(handshakes, origin) ?? -1);
      if (handshakes.size >= MAX_HANDSHAKES) throw new PeerRefusal(503, 'too many handshakes under way');
      const id = newId();
      const answering = refusing(() => answerLink(self, options.hostname, id, fromBase64(body) ?? new Uint8Array(), entropy));
      handshakes.set(id, { answering, at: clock.mono(), own: options.twins?.isOwn(body) ?? false, origin });
      handshakesOf.add(origin, 1);
      return toBase64(answering.answer);
    },
    confirm(body, address) {
      const bytes = fromBase64(body);
      const id = bytes !== undefined && bytes.length >= 4 ? bytes.readUInt32BE(0) : -1;
      const pending = handshakes.get(id);
      forget(id);
      if (pending === undefined || bytes === undefined) throw new PeerRefusal(409, 'no handshake of this number is under way');
      const keys = refusing(() => pending.answering.confirmed(bytes));
      if (keys.peer.guid === self.guid && !pending.own) options.twins?.proven(keys.peer.hostname);
      refuseByRules(address, keys.peer.hostname, keys.peer.guid);
      const before = byGuid.get(keys.peer.guid);
      if (before !== undefined) drop(before);
      const origin = originOf(address);
      const oldest = linksOf.of(origin) >= MAX_LINKS_PER_ORIGIN ? links.get(oldestOf(links, origin) ?? -1) : undefined;
      if (oldest !== undefined) drop(oldest);
      const link: Link = {
        keys,
        origin,
        sequence: 0,
        lastUse: clock.mono(),
        channels: new Map(),
        numbers: new Map(),
        working: new Set(),
        patient: new Set(),
        outbox: [],
        wake: undefined,
        rouse: undefined,
      };
      links.set(id, link);
      linksOf.add(origin, 1);
      byGuid.set(keys.peer.guid, link);
      return '';
    },
    async exchange(body, address) {
      const link = links.get(linkOf(body) ?? -1);
      if (link === undefined) throw new PeerRefusal(409, 'no such link: prove your identity again');
      const blocks = refusing(() => {
        const decoded = decodeBody(body, link.keys.incoming);
        if (decoded.sequence <= link.sequence) throw new WireError('a body that was here before');
        link.sequence = decoded.sequence;
        return decodeBlocks(decoded.blocks);
      });
      const { sequence } = link;
      link.lastUse = clock.mono();
      links.delete(link.keys.id); // Moves it to the end: the first of the map is the least recently used.
      links.set(link.keys.id, link);
      try {
        for (const block of blocks) act(link, block, address);
      } catch (error) {
        drop(link);
        throw new PeerRefusal(400, error instanceof Error ? error.message : 'a body without sense');
      }
      await settled(link);
      const answer = take(link);
      if (link.outbox.length > 0 || busy(link)) answer.push({ kind: 'more' });
      else if (isPatient(link)) answer.push({ kind: 'listen' });
      return encodeBody(link.keys.id, sequence, encodeBlocks(answer), link.keys.outgoing);
    },
    async listen(body) {
      const link = links.get(linkOf(body) ?? -1);
      if (link === undefined) throw new PeerRefusal(409, 'no such link: prove your identity again');
      // It changes nothing and says nothing, so one that comes again does no harm: the last one is the one that is answered.
      const { sequence } = refusing(() => decodeBody(body, link.keys.incoming));
      link.rouse?.();
      if (link.outbox.length === 0 || link.wake !== undefined) {
        await new Promise<void>((resolve) => {
          const done = (): void => {
            cancel();
            if (link.rouse === done) link.rouse = undefined;
            resolve();
          };
          const cancel = clock.after(LISTEN_MS, done);
          link.rouse = done;
        });
      }
      const answer: Block[] = link.outbox.length > 0 ? [{ kind: 'more' }] : isPatient(link) ? [{ kind: 'listen' }] : [];
      return encodeBody(link.keys.id, sequence, encodeBlocks(answer), link.keys.outgoing);
    },
    attached(channel, session) {
      const gone = closed.get(channel);
      const link = byChannel.get(channel) ?? gone?.link;
      const number = link?.numbers.get(channel) ?? gone?.number;
      if (link !== undefined && number !== undefined && links.has(link.keys.id))
        push(link, { kind: 'attached', channel: number, session: Buffer.from(session, 'hex') });
    },
    ended(holder, session) {
      const link = byGuid.get(holder);
      if (link !== undefined && link.outbox.length < MAX_CHANNELS) push(link, { kind: 'detached', session: Buffer.from(session, 'hex') });
    },
    close() {
      for (const link of [...links.values()]) drop(link);
      for (const id of [...handshakes.keys()]) forget(id);
    },
  };
};

/** JSON of the keys in parts that fit into a block each. */
export const catalogParts = (keys: Catalog, limit = CATALOG_PART): string[] => {
  const parts: string[][] = [[]];
  let length = 0;
  for (const key of keys) {
    const json = JSON.stringify(key);
    if (length > 0 && length + json.length > limit) {
      parts.push([]);
      length = 0;
    }
    parts.at(-1)?.push(json);
    length += json.length;
  }
  return parts.map((part) => `[${part.join(',')}]`);
};

const refusing = <T>(work: () => T): T => {
  try {
    return work();
  } catch (error) {
    if (error instanceof WireError || error instanceof LicensingError) throw new PeerRefusal(400, error.message);
    throw error;
  }
};
