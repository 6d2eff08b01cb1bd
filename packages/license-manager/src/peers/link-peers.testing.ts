import { Buffer } from 'node:buffer';
import type { CatalogKey } from '@keyhaven/core/admin';
import { fromBase64, toBase64 } from '@keyhaven/core/bytes';
import {
  answerLink,
  type Block,
  decodeBlocks,
  decodeBody,
  encodeBlocks,
  encodeBody,
  type LinkKeys,
  lmIdentityFrom,
} from '@keyhaven/core/link';
import { wall } from '@keyhaven/core/time';
import { createMemoryLedger } from '@keyhaven/ledger';
import { systemEntropy } from '../machine/index.ts';
import { createSimulatedClock } from '../simulated-clock.testing.ts';
import { openPeers, type PeersOptions } from './peers.ts';
import { type PeerAddress, PeerRefusal, type Post } from './post.ts';

// This LM with a network of made-up ones, without sockets.

export const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 30; turn += 1) await new Promise((done) => setImmediate(done));
};

export const catalogKey = (id: number, counter = 1): CatalogKey => ({
  key: String(id),
  type: 'sl-adminmode',
  vendor: 7,
  vendorKey: 'x'.repeat(43),
  counter,
  pools: [],
});

export const keysOf = (count: number): CatalogKey[] => Array.from({ length: count }, (_, index) => catalogKey(index + 1));

export type Sent = { readonly to: PeerAddress; readonly path: string; readonly request: string; answer: string };

/** `post` of each address by host; what is not there refuses connections. */
export const createCaller = async (posts: Map<string, Post>, more: Partial<PeersOptions> = {}) => {
  const clock = createSimulatedClock();
  const sent: Sent[] = [];
  const changes: string[] = [];
  const peers = await openPeers({
    self: lmIdentityFrom(Buffer.alloc(32, 1)),
    hostname: 'here',
    clock,
    entropy: systemEntropy,
    ledger: createMemoryLedger({ now: () => wall(0) }),
    onAway: () => undefined,
    onChange: ({ state }) => void changes.push(state),
    async post(to, path, request) {
      const entry: Sent = { to, path, request, answer: '' };
      sent.push(entry);
      const post = posts.get(to.host);
      if (post === undefined) throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
      entry.answer = await post(to, path, request);
      return entry.answer;
    },
    ...more,
  });
  const pass = async (milliseconds: number, step = 50): Promise<void> => {
    for (let left = milliseconds; left > 0; left -= step) {
      clock.advance(Math.min(step, left));
      await settle();
    }
  };
  return { peers, clock, sent, changes, pass };
};

/** An LM that proves its identity and then says what it likes. `say` gets what it was asked in one exchange. */
export const createPeerOf = (
  seed: number,
  say: (asked: readonly Block[], version: number) => readonly Block[] | Promise<readonly Block[]>,
  versions: { readonly from: number; readonly to: number } = { from: 1, to: 2 },
) => {
  const identity = lmIdentityFrom(Buffer.alloc(32, seed));
  const handshakes = new Map<number, ReturnType<typeof answerLink>>();
  const links = new Map<number, LinkKeys>();
  let next = 1;
  const seen = { hellos: 0, exchanges: 0 };
  const linkAt = (body: string): LinkKeys => {
    const keys = links.get(Buffer.from(body.slice(0, 8), 'base64').readUInt32BE(0));
    if (keys === undefined) throw new PeerRefusal(409, 'no such link');
    return keys;
  };
  const post: Post = async (_, path, body) => {
    if (path === '/lm/v1/hello') {
      seen.hellos += 1;
      const answering = answerLink(identity, 'peer', next, fromBase64(body) ?? Buffer.alloc(0), systemEntropy, versions);
      handshakes.set(next, answering);
      next += 1;
      return toBase64(answering.answer);
    }
    if (path === '/lm/v1/confirm') {
      const bytes = fromBase64(body) ?? Buffer.alloc(4);
      const keys = handshakes.get(bytes.readUInt32BE(0))?.confirmed(bytes);
      if (keys === undefined) throw new PeerRefusal(409, 'no such handshake');
      links.set(keys.id, keys);
      return '';
    }
    const keys = linkAt(body);
    const { sequence, blocks } = decodeBody(body, keys.incoming);
    if (path === '/lm/v1/exchange') seen.exchanges += 1;
    const said = path === '/lm/v1/listen' ? [] : await say(decodeBlocks(blocks), keys.version);
    return encodeBody(keys.id, sequence, encodeBlocks(said), keys.outgoing);
  };
  return { guid: identity.guid, post, seen, forget: () => links.clear() };
};
