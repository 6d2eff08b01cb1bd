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
} from '@keyhaven/core/link';
import { type Clock, SECOND } from '@keyhaven/core/time';
import { type PeerAddress, PeerRefusal, type Post } from './post.ts';

// This LM's path to one other LM. Everything that is ready for it goes into one POST, one POST is under way at a time, and what
// becomes ready meanwhile shares the next (DESIGN "Between LMs"). So blocks arrive in the order in which they were sent, and a peer costs
// one connection. When a POST fails, nobody knows what arrived: the link breaks, its channels are lost, and the applications resume their
// sessions over the next link.

export type LinkCallerOptions = {
  readonly self: LmIdentity;
  readonly hostname: string;
  readonly post: Post;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly address: PeerAddress;
  /** Once the peer's identity is known to be another one than expected, the link is given up. */
  readonly expect: string | undefined;
  readonly onLinked: (peer: LinkKeys['peer']) => void;
  readonly onBlock: (block: Block) => void;
  /** The link broke; everything sent and not answered may be lost. */
  readonly onBroken: (error: LicensingError) => void;
  /** Whether `urgent` has something to say. */
  readonly hasUrgent: () => boolean;
  /** Blocks that come first in the POST that is about to leave. */
  readonly urgent: () => readonly Block[];
  /** The peer has got and answered everything sent so far. */
  readonly onAnswered: () => void;
};

export type LinkCaller = {
  readonly address: PeerAddress;
  readonly peer: LinkKeys['peer'] | undefined;
  /** Queues blocks for the next POST. */
  send(...blocks: readonly Block[]): void;
  /** Proves identities now, where that has not happened yet. */
  connect(): void;
  close(): void;
};

/** HTTP 409. */
const NO_SUCH_LINK = 409;
/** BOUNDED: blocks of one POST; the rest shares the next one. */
const MAX_BLOCKS = 4_096;
/** BOUNDED: bytes of the blocks of one body; with one block more it stays under MAX_BODY. */
export const MAX_BYTES = 2 * 1024 * 1024;
/** BOUNDED: blocks waiting for a peer that does not answer. */
const MAX_QUEUE = 65_536;

/** About how many bytes a block adds to a body. */
export const sizeOf = (block: Block): number => {
  switch (block.kind) {
    case 'record':
      return block.record.length;
    case 'opened':
      return 64 + block.answer.length;
    case 'catalog':
    case 'catalog part':
      return 64 + block.json.length;
    case 'renewing':
    case 'gone':
      return 64 + block.sessions.length * 16;
    default:
      return 256;
  }
};

export const createLinkCaller = (options: LinkCallerOptions): LinkCaller => {
  const { post, address } = options;
  let queue: Block[] = [];
  let keys: LinkKeys | undefined;
  let peer: LinkKeys['peer'] | undefined;
  let sequence = 0;
  let answered = false;
  let running = false;
  let more = false;
  /** The link that a listening request speaks for; a link made anew needs one of its own. */
  let listening: LinkKeys | undefined;
  let wanted = false;
  let closed = false;

  const link = async (): Promise<LinkKeys> => {
    const calling = callLink(options.self, options.hostname, options.entropy);
    const answer = fromBase64(await post(address, '/lm/v1/hello', toBase64(calling.hello)));
    const { confirmation, keys: proven } = calling.confirm(answer ?? new Uint8Array());
    if (options.expect !== undefined && proven.peer.guid !== options.expect)
      throw new WireError('another license manager answers at this address');
    await post(address, '/lm/v1/confirm', toBase64(confirmation));
    sequence = 0;
    peer = proven.peer;
    options.onLinked(proven.peer);
    return proven;
  };

  const take = (): Block[] => {
    const blocks: Block[] = [...options.urgent()];
    let bytes = 0;
    let count = 0;
    for (const block of queue) {
      bytes += sizeOf(block);
      if (count > 0 && (bytes > MAX_BYTES || count >= MAX_BLOCKS)) break;
      blocks.push(block);
      count += 1;
    }
    queue = queue.slice(count);
    return blocks;
  };

  const exchange = async (proven: LinkKeys): Promise<void> => {
    const blocks = take();
    more = false;
    sequence += 1;
    const sent = sequence;
    const text = await post(address, '/lm/v1/exchange', encodeBody(proven.id, sent, encodeBlocks(blocks), proven.outgoing));
    const body = decodeBody(text, proven.incoming);
    if (body.link !== proven.id || body.sequence !== sent) throw new WireError('an answer to another request');
    for (const block of decodeBlocks(body.blocks)) {
      if (block.kind === 'more') more = true;
      else if (block.kind === 'listen') listen(proven);
      else options.onBlock(block);
    }
    answered = true;
    options.onAnswered();
  };

  const fetch = (): void => {
    more = true;
    kick();
  };
  /** Asks to be told when there is something to fetch, for as long as the peer has somebody who waits. One request for all of them. */
  const listen = (proven: LinkKeys): void => {
    if (listening === proven) return;
    listening = proven;
    const ended = (): void => {
      if (listening === proven) listening = undefined;
    };
    const goesOn = (): boolean => keys === proven && !closed;
    const ask = async (): Promise<'fetch' | 'listen' | 'nothing'> => {
      const text = await post(address, '/lm/v1/listen', encodeBody(proven.id, sequence, encodeBlocks([]), proven.outgoing));
      const body = decodeBody(text, proven.incoming);
      const said = body.link === proven.id ? decodeBlocks(body.blocks).map(({ kind }) => kind) : [];
      return said.includes('more') ? 'fetch' : said.includes('listen') ? 'listen' : 'nothing';
    };
    const run = async (): Promise<void> => {
      let heard: Awaited<ReturnType<typeof ask>> = 'listen';
      while (heard === 'listen' && goesOn()) heard = await ask();
      ended();
      if (heard === 'fetch' && goesOn()) fetch();
    };
    run().catch(() => {
      // Whether the peer is gone the next exchange finds out; not sooner than in a second, should something in between hold no requests.
      options.clock.after(SECOND, () => {
        ended();
        if (goesOn()) fetch();
      });
    });
  };

  const broken = (error: unknown): void => {
    keys = undefined;
    answered = false;
    queue = [];
    more = false;
    const cause =
      error instanceof LicensingError
        ? error
        : new LicensingError(Status.REMOTE_COMM_ERR, {
            detail: `${address.host}:${address.port}: ${error instanceof Error ? error.message : String(error)}`,
            cause: error,
          });
    options.onBroken(cause);
  };

  const run = async (): Promise<void> => {
    while (!closed && (wanted || more || queue.length > 0)) {
      wanted = false;
      try {
        keys ??= await link();
        if (queue.length > 0 || more || options.hasUrgent()) await exchange(keys);
      } catch (error) {
        // A peer that has answered on this link and now knows nothing of it was started again: worth one proof of identities at once (S22).
        const forgotten = answered && error instanceof PeerRefusal && error.code === NO_SUCH_LINK;
        broken(error);
        if (!forgotten) break;
        wanted = true;
      }
    }
    running = false;
  };

  const kick = (): void => {
    if (running || closed) return;
    running = true;
    queueMicrotask(() => {
      run().catch((error: unknown) => {
        running = false;
        broken(error);
      });
    });
  };

  return {
    address,
    get peer() {
      return peer;
    },
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
    },
  };
};
