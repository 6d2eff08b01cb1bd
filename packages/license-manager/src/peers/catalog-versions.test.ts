import { Buffer } from 'node:buffer';
import { type Block, callLink, decodeBlocks, decodeBody, encodeBlocks, encodeBody, lmIdentityFrom } from '@keyhaven/core/link';
import { describe, expect, it } from 'vitest';
import { createSite } from '../authority/site.testing.ts';
import { systemEntropy } from '../machine/index.ts';
import { createOwnCatalog } from '../own-catalog.ts';
import { createLinkAnswerer } from './link-answerer.ts';
import { catalogKey, createCaller, createPeerOf, keysOf, settle } from './link-peers.testing.ts';
import { PeerRefusal, type Post } from './post.ts';

// R3: the data of keys is exchanged in versions, and after the first time only what is different.

const owner = lmIdentityFrom(Buffer.alloc(32, 9));

const createOwner = async (count: number) => {
  const { clock, authority } = await createSite();
  let keys = keysOf(count);
  const own = createOwnCatalog({ boot: 3, entropy: systemEntropy, keys: () => keys });
  const answerer = createLinkAnswerer({
    self: owner,
    hostname: 'owner',
    clock,
    entropy: systemEntropy,
    authority,
    catalog: own.current,
    changes: own.changes,
  });
  const post: Post = async (_, path, body) => {
    if (path === '/lm/v1/hello') return answerer.hello(body, '10.0.0.1');
    if (path === '/lm/v1/confirm') return answerer.confirm(body, '10.0.0.1');
    return path === '/lm/v1/listen' ? answerer.listen(body) : answerer.exchange(body, '10.0.0.1');
  };
  return {
    own,
    answerer,
    post,
    keys: () => keys,
    change(next: typeof keys, told = true) {
      keys = next;
      if (told) own.touch();
    },
  };
};

const linked = async (count: number) => {
  const there = await createOwner(count);
  const here = await createCaller(new Map([['10.0.0.9', there.post]]));
  here.peers.found(owner.guid, { host: '10.0.0.9', port: 1947 });
  await settle();
  const peer = here.peers.get(owner.guid);
  if (peer === undefined) throw new Error('not found');
  /** Characters both ways of what was said since. */
  const traffic = async (work: () => Promise<unknown> | void): Promise<number> => {
    const before = here.sent.length;
    await work();
    await settle();
    return here.sent.slice(before).reduce((sum, { request, answer }) => sum + request.length + answer.length, 0);
  };
  return { there, here, peer, traffic };
};

describe('the keys of another license manager (R3)', () => {
  it('are told whole at first; afterwards the bytes do not grow with their number', async () => {
    const sizes = [];
    for (const count of [10, 1_000, 4_000]) {
      const { there, here, peer, traffic } = await linked(count);
      expect(peer.catalog).toEqual(there.keys());
      const first = here.sent.reduce((sum, { answer }) => sum + answer.length, 0);
      const nothing = await traffic(() => peer.refresh());
      there.change([...there.keys().slice(1), catalogKey(1, 2)]);
      const one = await traffic(() => here.peers.changed(owner.guid));
      expect(peer.catalog.find(({ key }) => key === '1')?.counter).toBe(2);
      there.change(there.keys().filter(({ key }) => key !== '2'));
      const gone = await traffic(() => here.peers.changed(owner.guid));
      const told = (list: typeof peer.catalog): string[] => list.map((key) => JSON.stringify(key)).sort((a, b) => a.localeCompare(b));
      expect(told(peer.catalog)).toEqual(told(there.keys()));
      sizes.push({ count, first, nothing, one, gone });
    }
    const [few, ...many] = sizes;
    for (const each of many) {
      expect(each.first).toBeGreaterThan((few?.first ?? 0) + 100 * (each.count - 10));
      expect(each).toMatchObject({ nothing: few?.nothing, one: few?.one, gone: few?.gone });
    }
    expect(few?.nothing).toBeLessThan(250);
    expect(few?.one).toBeLessThan(500);
  });

  it('are told with their seats in use when that is asked, and then only those that are different', async () => {
    const { there, peer, traffic } = await linked(500);
    there.change([...there.keys().slice(0, -1), catalogKey(500, 7)], false);
    await traffic(() => peer.refresh());
    expect(peer.catalog.at(-1)?.counter).toBe(1);
    expect(await traffic(() => peer.refresh(true))).toBeLessThan(500);
    expect(peer.catalog.find(({ key }) => key === '500')?.counter).toBe(7);
  });

  it('are told whole again by one that was started anew, or has forgotten what is gone', async () => {
    const { there, here, peer } = await linked(3);
    const again = await createOwner(5);
    there.answerer.close();
    here.peers.found(owner.guid, { host: '10.0.0.9', port: 1947 });
    await settle();
    expect(peer.catalog).toHaveLength(3);
    // The same identity, another run: versions of before mean nothing to it.
    const other = await createCaller(new Map([['10.0.0.9', ((...request) => post(...request)) satisfies Post]]));
    let { post } = there;
    other.peers.found(owner.guid, { host: '10.0.0.9', port: 1947 });
    await settle();
    expect(other.peers.get(owner.guid)?.catalog).toHaveLength(3);
    ({ post } = again);
    await other.peers.get(owner.guid)?.refresh();
    await settle();
    expect(other.peers.get(owner.guid)?.catalog).toEqual(again.keys());
  });
});

describe('who is told of changes by UDP (R6)', () => {
  it('is whoever has a link here and wants it: not one that listens on nothing, nor one that has gone', async () => {
    const there = await createOwner(1);
    const callers: (readonly string[])[] = [];
    const calling = async (host: string, hears: boolean, seed: number) => {
      const post: Post = async (_, path, body) => {
        if (path === '/lm/v1/hello') return there.answerer.hello(body, host);
        return path === '/lm/v1/confirm' ? there.answerer.confirm(body, host) : there.answerer.exchange(body, host);
      };
      const self = lmIdentityFrom(Buffer.alloc(32, seed));
      const { peers } = await createCaller(new Map([['10.0.0.9', post]]), { hears, self });
      peers.found(owner.guid, { host: '10.0.0.9', port: 1947 });
      await settle();
      callers.push(there.answerer.callers());
    };
    await calling('10.0.0.1', true, 21);
    await calling('10.0.0.2', false, 22);
    await calling('10.0.0.3', true, 23);
    // The same one from elsewhere: the first link is gone.
    await calling('10.0.0.4', true, 21);
    expect(callers).toEqual([['10.0.0.1'], ['10.0.0.1'], ['10.0.0.1', '10.0.0.3'], ['10.0.0.3', '10.0.0.4']]);
    there.answerer.close();
    expect(there.answerer.callers()).toEqual([]);
  });
});

describe('a license manager of the first release (T6)', () => {
  it('that asks gets whole catalogs, in the versions that it knows', async () => {
    const there = await createOwner(2);
    const calling = callLink(lmIdentityFrom(Buffer.alloc(32, 4)), 'old', systemEntropy, { from: 1, to: 1 });
    const { keys, confirmation } = calling.confirm(
      Buffer.from(there.answerer.hello(calling.hello.toString('base64'), '10.0.0.3'), 'base64'),
    );
    there.answerer.confirm(confirmation.toString('base64'), '10.0.0.3');
    let sequence = 0;
    const exchange = async (block: Block): Promise<Block[]> => {
      sequence += 1;
      const text = await there.answerer.exchange(encodeBody(keys.id, sequence, encodeBlocks([block]), keys.outgoing), '10.0.0.3');
      return decodeBlocks(decodeBody(text, keys.incoming).blocks);
    };
    const version = 3 * 65_536;
    expect(await exchange({ kind: 'ask catalog', version: 0 })).toEqual([{ kind: 'catalog', version, json: JSON.stringify(there.keys()) }]);
    expect(await exchange({ kind: 'ask catalog', version })).toEqual([{ kind: 'catalog', version, json: '' }]);
    there.change([catalogKey(8)]);
    expect(await exchange({ kind: 'ask catalog', version })).toEqual([
      { kind: 'catalog', version: version + 1, json: JSON.stringify([catalogKey(8)]) },
    ]);
    // What only later links have breaks this one.
    await expect(exchange({ kind: 'ask changes', version: 0, fresh: false, hears: false })).rejects.toMatchObject({ code: 400 });
    await expect(exchange({ kind: 'ask catalog', version: 0 })).rejects.toBeInstanceOf(PeerRefusal);
  });

  it('that is asked is asked as it understands', async () => {
    const asked: Block[] = [];
    const old = createPeerOf(
      5,
      (blocks) => {
        asked.push(...blocks);
        return blocks.flatMap((block): Block[] =>
          block.kind === 'ask catalog' ? [{ kind: 'catalog', version: 7, json: block.version === 7 ? '' : JSON.stringify(keysOf(2)) }] : [],
        );
      },
      { from: 1, to: 1 },
    );
    const { peers } = await createCaller(new Map([['10.0.0.5', old.post]]));
    peers.found(old.guid, { host: '10.0.0.5', port: 1947 });
    await settle();
    const peer = peers.get(old.guid);
    await peer?.refresh();
    await peer?.refresh(true);
    expect(asked).toEqual([
      { kind: 'ask catalog', version: 0 },
      { kind: 'ask catalog', version: 7 },
      { kind: 'ask catalog', version: 0 },
    ]);
    expect(peer?.catalog).toEqual(keysOf(2));
  });
});

describe('what another license manager says of its keys', () => {
  const answering = (say: (asked: Extract<Block, { kind: 'ask changes' }>) => Block[]) =>
    createPeerOf(6, (blocks) => blocks.flatMap((block) => (block.kind === 'ask changes' ? say(block) : [])));
  const peerOf = async (there: ReturnType<typeof createPeerOf>) => {
    const { peers } = await createCaller(new Map([['10.0.0.6', there.post]]));
    peers.found(there.guid, { host: '10.0.0.6', port: 1947 });
    await settle();
    const peer = peers.get(there.guid);
    if (peer === undefined) throw new Error('gone');
    return peer;
  };
  const whole = (count: number): Block => ({
    kind: 'changes',
    since: 0,
    version: 100,
    more: false,
    removed: [],
    json: JSON.stringify(keysOf(count)),
  });

  it('comes in parts that are taken together, or not at all', async () => {
    const parts: Block[] = [
      { kind: 'changes', since: 0, version: 9, more: true, removed: [], json: JSON.stringify([catalogKey(1)]) },
      { kind: 'changes', since: 0, version: 9, more: true, removed: [], json: JSON.stringify([catalogKey(2)]) },
    ];
    let last: Block[] = [];
    const there = answering(() => [...parts, ...last]);
    const peer = await peerOf(there);
    expect(peer.catalog).toEqual([]);
    last = [{ kind: 'changes', since: 0, version: 9, more: false, removed: [], json: JSON.stringify([catalogKey(3)]) }];
    await peer.refresh();
    expect(peer.catalog.map(({ key }) => key)).toEqual(expect.arrayContaining(['1', '2', '3']));
  });

  it('is nothing where it is no catalog, and where nobody asked', async () => {
    let answer: Block[] = [whole(3)];
    const there = createPeerOf(6, () => answer);
    const peer = await peerOf(there);
    expect(peer.catalog).toHaveLength(3);
    // One answer to the one question; the other one is not even read.
    answer = [{ ...whole(2), version: 101 } as Block, { ...whole(1), version: 102 } as Block];
    await peer.refresh();
    expect(peer.catalog).toHaveLength(2);
    answer = [{ kind: 'changes', since: 101, version: 103, more: false, removed: [], json: '{"no":"list"}' }];
    await peer.refresh();
    expect(peer.catalog).toEqual([]);
  });

  it('is asked for whole again where it is a change to something else than what is known', async () => {
    const asked: number[] = [];
    let since = 0;
    const there = answering(({ version }) => {
      asked.push(version);
      const json = JSON.stringify(since === 0 ? keysOf(2) : []);
      return [{ kind: 'changes', since: version === 0 ? 0 : since, version: 100 + asked.length, more: false, removed: [], json }];
    });
    const peer = await peerOf(there);
    since = 55;
    await peer.refresh();
    since = 0;
    await peer.refresh();
    expect(asked).toEqual([0, 101, 0]);
    expect(peer.catalog).toHaveLength(2);
  });
});
