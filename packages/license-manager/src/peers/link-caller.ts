import { fromBase64, toBase64, WireError } from '@keyhaven/core/bytes';
import type { Entropy } from '@keyhaven/core/crypto';
import { LicensingError, Status } from '@keyhaven/core/errors';
import {
  type Block,
  callLink,
  decodeBlocks,
  decodeBody,
  encodeBlocks,
  encodeBody,
  type LinkKeys,
  type LmIdentity,
  type StationProof,
  sinceVersion,
} from '@keyhaven/core/link';
import { type Clock } from '@keyhaven/core/time';
import type { VersionRange } from '@keyhaven/core/versions';
import { type AddressBook, sameAddress } from './address-book.ts';
import { sizeOf, WITHIN_BODY } from './body-size.ts';
import { createEmptyRounds } from './empty-rounds.ts';
import { createListening } from './link-listening.ts';
import { type PeerAddress, PeerRefusal, type Post } from './post.ts';
import { race } from './race.ts';
import { refusedVersion } from './unspoken.ts';

// This LM's path to one other LM. Everything that is ready for it goes into one POST, one POST is under way at a time, and what
// becomes ready meanwhile shares the next (DESIGN "Between LMs"). So blocks arrive in the order in which they were sent, and a peer costs
// one connection. When a POST fails, nobody knows what arrived: the link breaks, its channels are lost, and the applications resume their
// sessions over the next link.

/** A block, or what makes it when the version of the link is known; undefined = nothing after all. */
export type ToSend = Block | ((version: number) => Block | undefined);

export type LinkCallerOptions = {
  readonly self: LmIdentity;
  readonly hostname: string;
  readonly post: Post;
  readonly clock: Clock;
  readonly entropy: Entropy;
  /** Where the peer may be; learns where it was. */
  readonly addresses: AddressBook;
  /** Once the peer's identity is known to be another one than expected, the link is given up. */
  readonly expect: string | undefined;
  /** Who proved to be there instead. */
  readonly onOther?: (guid: string, address: PeerAddress) => void;
  /** The versions of the link that it offers; absent = all that it speaks. */
  readonly linkVersions?: VersionRange;
  /** What proves the computer of this LM on a link with this transcript (K34); absent = nothing does. Never rejects. */
  readonly station?: (transcript: Uint8Array) => Promise<StationProof | undefined>;
  readonly onLinked: (peer: LinkKeys['peer']) => void;
  /** @returns whether somebody waited for it */
  readonly onBlock: (block: Block, version: number) => boolean;
  /** The link broke; everything sent and not answered may be lost. */
  readonly onBroken: (error: LicensingError) => void;
  /** Whether `urgent` has something to say. */
  readonly hasUrgent: () => boolean;
  /** Blocks that come first in the POST that is about to leave. */
  readonly urgent: (version: number) => readonly Block[];
  /** The peer has got everything sent so far, and answered it all, or says that there is `more` to come. */
  readonly onAnswered: (more: boolean) => void;
};

export type LinkCaller = {
  /** Queues blocks for the next POST. */
  send(...blocks: readonly ToSend[]): void;
  /** Proves identities now, where that has not happened yet. */
  connect(): void;
  close(): void;
};

/** HTTP 409. */
const NO_SUCH_LINK = 409;
/** BOUNDED: blocks of one POST; the rest shares the next one. */
const MAX_BLOCKS = 4_096;
/** About how many bytes of a body what is made then needs. */
const QUESTION = 64;
/** BOUNDED: blocks waiting for a peer that does not answer. */
const MAX_QUEUE = 65_536;

/** A computer that refuses connections is there: its license manager has stopped, at all of its addresses. */
const isOutOfReach = (error: unknown): boolean => {
  const cause = error instanceof LicensingError ? error.cause : error;
  if (!(cause instanceof Error) || cause instanceof PeerRefusal || cause instanceof WireError) return false;
  return !('code' in cause) || (cause.code !== 'ECONNREFUSED' && cause.code !== 'ECONNRESET' && cause.code !== 'EPIPE');
};

const errorAt = (error: unknown, address: PeerAddress): LicensingError => {
  if (error instanceof LicensingError) return error;
  const { host, port } = address;
  const detail = `${host}:${port}: ${error instanceof Error ? error.message : String(error)}`;
  return refusedVersion(error, address) ?? new LicensingError(Status.REMOTE_COMM_ERR, { detail, cause: error });
};

export const createLinkCaller = (options: LinkCallerOptions): LinkCaller => {
  const { post, addresses, clock } = options;
  let queue: ToSend[] = []; // BOUNDED by MAX_QUEUE
  let keys: LinkKeys | undefined;
  let sequence = 0;
  let answered = false;
  let running = false;
  let more = false;
  let wanted = false;
  let closed = false;
  const emptyRounds = createEmptyRounds(clock);

  const greet = async (address: PeerAddress) => {
    try {
      const calling = callLink(options.self, options.hostname, options.entropy, options.linkVersions);
      const answer = fromBase64(await post(address, '/lm/v1/hello', toBase64(calling.hello)));
      const confirmed = calling.confirm(answer ?? new Uint8Array());
      const { guid } = confirmed.keys.peer;
      if (options.expect !== undefined && guid !== options.expect) {
        options.onOther?.(guid, address);
        throw new WireError('another license manager answers at this address');
      }
      return confirmed;
    } catch (error) {
      throw errorAt(error, address);
    }
  };
  const link = async (): Promise<LinkKeys> => {
    const { address, value } = await race(clock, () => addresses.order(), greet, addresses.failed);
    addresses.proven(address);
    const proof = value.transcript === undefined ? undefined : await options.station?.(value.transcript);
    await post(address, '/lm/v1/confirm', toBase64(proof === undefined ? value.confirmation : value.withStation(proof)));
    sequence = 0;
    options.onLinked(value.keys.peer);
    return value.keys;
  };

  const take = (version: number): Block[] => {
    const blocks: Block[] = [...options.urgent(version)];
    let bytes = 0;
    let count = 0;
    for (const each of queue) {
      bytes += typeof each === 'function' ? QUESTION : sizeOf(each);
      if (count > 0 && (bytes > WITHIN_BODY || count >= MAX_BLOCKS)) break;
      const block = typeof each === 'function' ? each(version) : each;
      if (block !== undefined) blocks.push(block);
      count += 1;
    }
    queue = queue.slice(count);
    return blocks;
  };

  /** @returns how many characters came for nobody; 0 where something came that somebody waited for */
  const exchange = async (proven: LinkKeys): Promise<number> => {
    const blocks = take(proven.version);
    more = false;
    sequence += 1;
    const sent = sequence;
    const text = await post(addresses.current, '/lm/v1/exchange', encodeBody(proven.id, sent, encodeBlocks(blocks), proven.outgoing));
    const body = decodeBody(text, proven.incoming);
    if (body.link !== proven.id || body.sequence !== sent) throw new WireError('an answer to another request');
    let useful = blocks.length > 0;
    for (const block of decodeBlocks(body.blocks)) {
      if (sinceVersion(block.kind) > proven.version) throw new WireError(`a block "${block.kind}" on a link of version ${proven.version}`);
      if (block.kind === 'more') more = true;
      else if (block.kind === 'listen') listening.begin(proven);
      else if (options.onBlock(block, proven.version)) useful = true;
    }
    answered = true;
    options.onAnswered(more);
    return useful ? 0 : text.length;
  };

  const listening = createListening({
    clock,
    ask: (proven) => post(addresses.current, '/lm/v1/listen', encodeBody(proven.id, sequence, encodeBlocks([]), proven.outgoing)),
    goesOn: (proven) => keys === proven && !closed,
    fetch() {
      more = true;
      start();
    },
  });

  const broken = (error: unknown): void => {
    keys = undefined;
    answered = false;
    queue = [];
    more = false;
    options.onBroken(errorAt(error, addresses.current));
  };

  const run = async (): Promise<void> => {
    while (!closed && (wanted || more || queue.length > 0)) {
      wanted = false;
      try {
        keys ??= await link();
        if (queue.length > 0 || more || options.hasUrgent()) {
          const begun = clock.mono();
          const idle = await exchange(keys);
          await emptyRounds.after(idle, begun);
        }
      } catch (error) {
        // A peer that has answered on this link and now knows nothing of it was started again: worth one proof of identities at once (S22).
        const forgotten = answered && error instanceof PeerRefusal && error.code === NO_SUCH_LINK;
        // So is one that is not reached any more where it was, and may be elsewhere, too.
        const elsewhere = answered && isOutOfReach(error) && addresses.order().some((each) => !sameAddress(each, addresses.current));
        if (elsewhere) addresses.failed(addresses.current);
        broken(error);
        if (!forgotten && !elsewhere) break;
        wanted = true;
      }
    }
    running = false;
  };

  const start = (): void => {
    if (running || closed) return;
    running = true;
    queueMicrotask(() => {
      run().catch((error: unknown) => {
        running = false;
        broken(error);
      });
    });
  };
  const kick = (): void => {
    emptyRounds.interrupt();
    start();
  };

  return {
    send(...blocks) {
      if (closed) return;
      if (queue.length + blocks.length > MAX_QUEUE) {
        broken(new Error('too much waits for this license manager'));
        return;
      }
      queue.push(...blocks);
      kick();
    },
    connect() {
      wanted = true;
      kick();
    },
    close() {
      closed = true;
      queue = [];
      emptyRounds.interrupt();
    },
  };
};
