import { fromBase64, toBase64, WireError } from '@keyhaven/core/bytes';
import type { Entropy } from '@keyhaven/core/crypto';
import { LicensingError } from '@keyhaven/core/errors';
import {
  answerLink,
  type Block,
  decodeBlocks,
  decodeBody,
  encodeBlocks,
  encodeBody,
  type LmIdentity,
  linkOf,
  sinceVersion,
} from '@keyhaven/core/link';
import { type Clock, SECOND } from '@keyhaven/core/time';
import type { RuleBar } from '../access/index.ts';
import type { Authority, KeyChannel } from '../authority/index.ts';
import { answerCatalog, answerChanges, type CatalogSource } from './answer-catalog.ts';
import { createChannels, MAX_CHANNELS } from './answerer-channels.ts';
import { type AnswerFile, createFiles } from './answerer-files.ts';
import { createHandshakes } from './answerer-handshakes.ts';
import { createLinks, type Link, type Links, push, takeReady } from './answerer-links.ts';
import { pushFacts } from './answerer-sessions.ts';
import { type BackTests, createBackTests } from './back-tests.ts';
import { PeerRefusal, refuseBar } from './post.ts';
import { answerProbe, type Probes, refuseManyProbes } from './probed.ts';
import { isVersionRefusal, refuseVersion } from './unspoken.ts';

// The other end of LinkCaller: serves the applications of other LMs with the keys here. A POST is answered when all that it asked for is
// answered, or after HOLD_MS with the word that there is more to come; so a login that waits for the disk holds up nothing else.

export type LinkAnswererOptions = CatalogSource & {
  readonly self: LmIdentity;
  readonly hostname: string;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly authority: Authority;
  /** Who is told when somebody else proves to have this LM's own identity (K9). */
  readonly twins?: { isOwn(hello: string): boolean; proven(hostname: string, address: string): void };
  /** What is known of UDP, for another LM that looks for what blocks it (K20); absent = nothing. */
  readonly probes?: Probes;
  /** Connections for the doctors of others; opened on this computer's network where absent. */
  readonly backTests?: BackTests;
  /** What the administrator's rules say against another LM, as far as it is known; absent = nothing (R9). */
  readonly against?: (client: {
    readonly address: string;
    readonly host: string | undefined;
    readonly holder: string | undefined;
    readonly station?: string | undefined;
  }) => RuleBar | undefined;
  /** Lends to other LMs and takes back from them (K26); absent = it does not. */
  readonly files?: AnswerFile;
  /** Other addresses than before have a link here. */
  readonly onCallers?: () => void;
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
  /** Addresses of the LMs that have a link here and want to be told of changes (R6), each once, at most 4,096. */
  callers(): readonly string[];
  /** Whether a license manager at that address has a link here. */
  isLinkedFrom(address: string): boolean;
  close(): void;
};

const HOLD_MS = 250;
/** Less than a caller waits for an answer. */
const LISTEN_MS = 4 * SECOND;

export const createLinkAnswerer = (options: LinkAnswererOptions): LinkAnswerer => {
  const { self, clock, entropy, authority } = options;
  const channels = createChannels(authority, () => links);
  const links: Links = createLinks(
    clock,
    self.guid,
    (channel) => channels.forget(channel),
    () => options.onCallers?.(),
  );
  const backTests = options.backTests ?? createBackTests(clock);
  const files = createFiles(options.files, () => links);
  const busy = (link: Link): boolean => channels.busy(link) || files.busy(link);
  const handshakes = createHandshakes(clock, entropy, (id) => links.get(id) !== undefined);

  const refuseByRules = (address: string, host?: string, holder?: string, station?: string): void => {
    const bar = options.against?.({ address, host, holder, station });
    if (bar !== undefined) throw refuseBar(bar);
  };

  const act = (link: Link, block: Block, address: string): void => {
    const { version } = link.keys;
    if (sinceVersion(block.kind) > version) throw new WireError(`a block "${block.kind}" on a link of version ${version}`);
    switch (block.kind) {
      case 'open':
        return channels.open(link, block, address);
      case 'open for':
        return channels.open(link, block, address);
      case 'record':
        return channels.record(link, block.channel, block.record);
      case 'close':
        return channels.close(link, block.channel);
      case 'release':
      case 'end':
        // A disk that refuses now gives the seat back by lease.
        authority
          .releaseFor(link.keys.peer.guid, Buffer.from(block.session).toString('hex'), block.kind === 'end' ? 'killed' : 'process ended')
          .catch(() => undefined);
        return;
      case 'ask sessions':
        for (const id of block.sessions) pushFacts(authority, link, Buffer.from(id).toString('hex'));
        return;
      case 'renew':
        return push(link, { kind: 'renewed', agreed: authority.renew(link.keys.peer.guid, block.count, block.digest) });
      case 'renewing':
        push(link, { kind: 'gone', sessions: authority.renewExactly(link.keys.peer.guid, block.sessions) });
        return push(link, { kind: 'renewed', agreed: true });
      case 'ask catalog':
        for (const answer of answerCatalog(options, block.version)) push(link, answer);
        return;
      case 'ask changes':
        links.hearing(link, block.hears);
        for (const answer of answerChanges(options, block.version, block.fresh, version)) push(link, answer);
        return;
      case 'ask file':
        return files.ask(link, block, address);
      case 'probe':
        return push(link, answerProbe(options.probes, block, address));
      case 'test back':
        return push(link, { kind: 'tested back', number: block.number, state: backTests.test(address, block.number) });
      default:
        throw new WireError(`a block "${block.kind}" from the calling side`);
    }
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
        if (!links.isOpen(link) || !busy(link)) done();
      };
      link.wake = look;
      look();
    });

  return {
    hello(body, address) {
      refuseByRules(address);
      links.dropUnused();
      const own = options.twins?.isOwn(body) ?? false;
      const answering = handshakes.begin(address, own, (id) =>
        refusing(() => answerLink(self, options.hostname, id, fromBase64(body) ?? new Uint8Array(), entropy)),
      );
      return toBase64(answering.answer);
    },
    confirm(body, address) {
      const bytes = fromBase64(body);
      const pending = handshakes.take(bytes !== undefined && bytes.length >= 4 ? bytes.readUInt32BE(0) : -1);
      if (pending === undefined || bytes === undefined) throw new PeerRefusal(409, 'no handshake of this number is under way');
      const keys = refusing(() => pending.answering.confirmed(bytes));
      if (keys.peer.guid === self.guid && !pending.own) options.twins?.proven(keys.peer.hostname, address);
      refuseByRules(address, keys.peer.hostname, keys.peer.guid, keys.peer.station);
      links.add(keys, address);
      return '';
    },
    async exchange(body, address) {
      const link = links.get(linkOf(body));
      if (link === undefined) throw new PeerRefusal(409, 'no such link: prove your identity again');
      const blocks = refusing(() => {
        const decoded = decodeBody(body, link.keys.incoming);
        if (decoded.sequence <= link.sequence) throw new WireError('a body that was here before');
        link.sequence = decoded.sequence;
        return decodeBlocks(decoded.blocks);
      });
      const { sequence } = link;
      links.used(link, address);
      try {
        refuseManyProbes(blocks);
        for (const block of blocks) act(link, block, address);
      } catch (error) {
        links.drop(link);
        throw new PeerRefusal(400, error instanceof Error ? error.message : 'a body without sense');
      }
      await settled(link);
      const answer = takeReady(link);
      if (link.outbox.length > 0 || busy(link)) answer.push({ kind: 'more' });
      else if (channels.patient(link)) answer.push({ kind: 'listen' });
      return encodeBody(link.keys.id, sequence, encodeBlocks(answer), link.keys.outgoing);
    },
    async listen(body) {
      const link = links.get(linkOf(body));
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
      const answer: Block[] = link.outbox.length > 0 ? [{ kind: 'more' }] : channels.patient(link) ? [{ kind: 'listen' }] : [];
      return encodeBody(link.keys.id, sequence, encodeBlocks(answer), link.keys.outgoing);
    },
    attached: (channel, session) => channels.attached(channel, session),
    ended(holder, session) {
      const link = links.of(holder);
      if (link !== undefined && link.outbox.length < MAX_CHANNELS) push(link, { kind: 'detached', session: Buffer.from(session, 'hex') });
    },
    callers() {
      links.dropUnused();
      return links.addresses();
    },
    isLinkedFrom: (address) => links.isAt(address),
    close() {
      links.dropAll();
      handshakes.clear();
    },
  };
};

const refusing = <T>(work: () => T): T => {
  try {
    return work();
  } catch (error) {
    if (isVersionRefusal(error)) throw refuseVersion(error);
    if (error instanceof WireError || error instanceof LicensingError) throw new PeerRefusal(400, error.message);
    throw error;
  }
};
