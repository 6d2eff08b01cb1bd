import { fromBase64, toBase64 } from '@keyhaven/core/bytes';
import { answerLink, type Block, decodeBlocks, decodeBody, encodeBlocks, encodeBody, linkOf, lmIdentityFrom } from '@keyhaven/core/link';
import { SECOND } from '@keyhaven/core/time';
import { describe, expect, it } from 'vitest';
import { systemEntropy } from '../machine/index.ts';
import { createSimulatedClock } from '../simulated-clock.testing.ts';
import { createAddressBook } from './address-book.ts';
import { createLinkCaller } from './link-caller.ts';
import { PeerRefusal, type Post } from './post.ts';

// What the caller does when the peer at the other end is started again (S22).

const CATALOG: Block = { kind: 'ask catalog', version: 0 };

/** A peer that answers as the protocol says, may ask to be listened to, and forgets its links when it is started again. */
const createPeer = () => {
  const identity = lmIdentityFrom(Buffer.alloc(32, 5));
  let handshakes = new Map<number, ReturnType<typeof answerLink>>();
  let links = new Map<number, ReturnType<ReturnType<typeof answerLink>['confirmed']>>();
  let listeners: { readonly link: number; readonly reject: (error: Error) => void }[] = [];
  let nextId = 1;
  const seen = { links: 0, exchanges: [] as string[][] };
  const refuse = (): never => {
    throw new PeerRefusal(409, 'no such link');
  };
  const post: Post = async (_, path, body) => {
    if (path === '/lm/v1/hello') {
      const answering = answerLink(identity, 'peer', nextId, fromBase64(body)!, systemEntropy);
      handshakes.set(nextId++, answering);
      return toBase64(answering.answer);
    }
    if (path === '/lm/v1/confirm') {
      const bytes = fromBase64(body)!;
      const id = bytes.readUInt32BE(0);
      links.set(id, (handshakes.get(id) ?? refuse()).confirmed(bytes));
      seen.links += 1;
      return '';
    }
    const keys = links.get(linkOf(body)!) ?? refuse();
    if (path === '/lm/v1/listen') return new Promise<string>((_resolve, reject) => listeners.push({ link: keys.id, reject }));
    const { sequence, blocks } = decodeBody(body, keys.incoming);
    seen.exchanges.push(decodeBlocks(blocks).map(({ kind }) => kind));
    return encodeBody(keys.id, sequence, encodeBlocks([{ kind: 'listen' }]), keys.outgoing);
  };
  return {
    post,
    seen,
    listening: () => listeners.map(({ link }) => link),
    /** Its connections break: requests that it held fail. */
    restart() {
      const held = listeners;
      handshakes = new Map();
      links = new Map();
      listeners = [];
      for (const { reject } of held) reject(new Error('connection reset'));
    },
  };
};

const drain = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
};

const createSite = () => {
  const peer = createPeer();
  const clock = createSimulatedClock();
  const told: string[] = [];
  const caller = createLinkCaller({
    self: lmIdentityFrom(Buffer.alloc(32, 6)),
    hostname: 'here',
    post: peer.post,
    clock,
    entropy: systemEntropy,
    addresses: createAddressBook({ host: '192.0.2.1', port: 1947 }),
    expect: undefined,
    onLinked: () => told.push('linked'),
    onBlock: () => true,
    onBroken: ({ name }) => told.push(name),
    hasUrgent: () => false,
    urgent: () => [],
    onAnswered: () => undefined,
  });
  return { peer, clock, told, caller };
};

describe('the caller of a peer that is started again (S22)', () => {
  it('proves identities anew at once when the peer knows nothing of the link any more', async () => {
    const { peer, told, caller } = createSite();
    caller.send(CATALOG);
    await drain();
    peer.restart();
    caller.send(CATALOG);
    await drain();
    expect(told).toEqual(['linked', 'REMOTE_COMM_ERR', 'linked']);
    expect(peer.seen.links).toBe(2);
    caller.close();
  });

  it('does so once for each link that has answered, and not for ever', async () => {
    const { peer, told, caller } = createSite();
    caller.send(CATALOG);
    await drain();
    peer.restart();
    caller.send(CATALOG);
    await drain();
    // The second link was made and has answered nothing yet: its end is told, and the next thing to say makes the third.
    peer.restart();
    caller.send(CATALOG);
    await drain();
    expect(told).toEqual(['linked', 'REMOTE_COMM_ERR', 'linked', 'REMOTE_COMM_ERR']);
    caller.send(CATALOG);
    await drain();
    expect(told.at(-1)).toBe('linked');
    expect(peer.seen.exchanges).toEqual([['ask catalog'], ['ask catalog']]);
    caller.close();
  });

  it('listens on the new link, though the request of the old one has only just failed (A4)', async () => {
    const { peer, clock, caller } = createSite();
    caller.send(CATALOG);
    await drain();
    expect(peer.listening()).toHaveLength(1);
    peer.restart();
    caller.send(CATALOG);
    await drain();
    caller.send(CATALOG);
    await drain();
    expect(peer.listening()).toHaveLength(1);
    clock.advance(2 * SECOND);
    await drain();
    expect(peer.listening()).toHaveLength(1);
    caller.close();
  });
});
