import type { Block } from '@keyhaven/core/link';
import { MINUTE, SECOND } from '@keyhaven/core/time';
import { describe, expect, it } from 'vitest';
import { createCaller, createPeerOf, keysOf, settle } from './link-peers.testing.ts';
import type { Post } from './post.ts';

// R3, R8: one license manager at several addresses, of both families and in two subnets.

const at = (host: string) => ({ host, port: 1947 });
const silence: Post = () => new Promise(() => undefined);
const refused: Post = async () => {
  throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
};
const unreachable: Post = async () => {
  throw Object.assign(new Error('connect EHOSTUNREACH'), { code: 'EHOSTUNREACH' });
};
const withKeys = (blocks: readonly Block[]): Block[] =>
  blocks.flatMap((block): Block[] =>
    block.kind === 'ask changes'
      ? [{ kind: 'changes', since: 0, version: 50, more: false, removed: [], json: JSON.stringify(keysOf(1)) }]
      : block.kind === 'renew'
        ? [{ kind: 'renewed', agreed: true }]
        : [],
  );

describe('a license manager that was found at several addresses', () => {
  it('is linked where it answers first, after a quarter of a second where the first address is silent', async () => {
    const there = createPeerOf(3, withKeys);
    const posts = new Map([
      ['10.0.0.3', silence],
      ['fd00::3', there.post],
    ]);
    const { peers, pass, clock, sent } = await createCaller(posts);
    const zero = clock.mono();
    peers.found(there.guid, at('10.0.0.3'));
    peers.found(there.guid, at('fd00::3'));
    await pass(200);
    expect(peers.get(there.guid)?.state).toBe('connecting');
    await pass(100);
    expect(peers.get(there.guid)).toMatchObject({ state: 'linked', address: at('fd00::3') });
    expect(clock.mono() - zero).toBe(300);
    expect(sent.filter(({ to }) => to.host === '10.0.0.3')).toHaveLength(1);
    await peers.close();
  });

  it('is not linked where another one answers, however fast', async () => {
    const [there, poser] = [createPeerOf(3, withKeys), createPeerOf(4, withKeys)];
    const posts = new Map([
      ['10.6.6.6', poser.post],
      ['10.0.0.3', there.post],
    ]);
    const { peers } = await createCaller(posts);
    peers.found(there.guid, at('10.6.6.6'));
    peers.found(there.guid, at('10.0.0.3'));
    await settle();
    expect(peers.get(there.guid)).toMatchObject({ state: 'linked', address: at('10.0.0.3') });
    await peers.close();
  });

  it('is linked at another one at once when the one in use fails, and its keys stay known', async () => {
    const there = createPeerOf(3, withKeys);
    const posts = new Map([
      ['10.0.0.3', there.post],
      ['10.0.1.3', there.post],
    ]);
    const { peers, changes, clock } = await createCaller(posts);
    peers.found(there.guid, at('10.0.0.3'));
    await settle();
    peers.found(there.guid, at('10.0.1.3'));
    await settle();
    const peer = peers.get(there.guid);
    expect(peer?.address).toEqual(at('10.0.0.3'));
    changes.length = 0;
    const before = clock.mono();
    posts.set('10.0.0.3', unreachable);
    await peer?.refresh();
    await settle();
    expect(peer).toMatchObject({ state: 'linked', address: at('10.0.1.3') });
    expect(peer?.catalog).toHaveLength(1);
    expect(clock.mono()).toBe(before);
    expect(changes).toEqual(['lost', 'linked', 'linked']);
    // And back.
    posts.set('10.0.0.3', there.post);
    posts.set('10.0.1.3', unreachable);
    await peer?.refresh();
    await settle();
    expect(peer).toMatchObject({ state: 'linked', address: at('10.0.0.3') });
    await peers.close();
  });

  it('that refuses connections has stopped: its other addresses are not tried before it is sought', async () => {
    const there = createPeerOf(3, withKeys);
    const posts = new Map([
      ['10.0.0.3', there.post],
      ['10.0.1.3', there.post],
    ]);
    const { peers, sent, pass } = await createCaller(posts);
    peers.found(there.guid, at('10.0.0.3'));
    await settle();
    peers.found(there.guid, at('10.0.1.3'));
    await settle();
    for (const host of posts.keys()) posts.set(host, refused);
    const before = sent.length;
    await peers.get(there.guid)?.refresh();
    await settle();
    expect(sent.length - before).toBe(1);
    await pass(SECOND);
    expect(sent.length - before).toBe(3);
    await peers.close();
  });

  it('that fails at all of them is sought with growing pauses, and not all the time', async () => {
    const there = createPeerOf(3, withKeys);
    const posts = new Map([
      ['10.0.0.3', there.post],
      ['10.0.1.3', there.post],
    ]);
    const { peers, pass, sent } = await createCaller(posts);
    peers.found(there.guid, at('10.0.0.3'));
    await settle();
    peers.found(there.guid, at('10.0.1.3'));
    await settle();
    for (const host of posts.keys()) posts.set(host, refused);
    const before = sent.length;
    await peers.get(there.guid)?.refresh();
    await pass(30 * MINUTE, SECOND);
    const tries = sent.length - before;
    expect(tries).toBeGreaterThan(10);
    expect(tries).toBeLessThan(40);
    await peers.close();
  });

  it('and comes back at a new address keeps what was known of it, and the seats that are held there', async () => {
    const there = createPeerOf(3, withKeys);
    const posts = new Map([['10.0.0.3', there.post]]);
    const { peers, pass } = await createCaller(posts);
    peers.found(there.guid, at('10.0.0.3'));
    await settle();
    const peer = peers.get(there.guid);
    posts.clear();
    await peer?.refresh();
    expect(peer?.state).toBe('lost');
    there.forget();
    posts.set('10.0.7.7', there.post);
    peers.found(there.guid, at('10.0.7.7'));
    await pass(SECOND);
    expect(peers.get(there.guid)).toBe(peer);
    expect(peer).toMatchObject({ state: 'linked', address: at('10.0.7.7') });
    await peers.close();
  });
});

describe('a license manager that has no keys', () => {
  it('and goes is not sought, but known when it says that it is back', async () => {
    const there = createPeerOf(3, (blocks) =>
      blocks.flatMap((block): Block[] =>
        block.kind === 'ask changes' ? [{ kind: 'changes', since: 0, version: 50, more: false, removed: [], json: '[]' }] : [],
      ),
    );
    const posts = new Map([['10.0.0.3', there.post]]);
    const { peers, pass, sent } = await createCaller(posts);
    peers.found(there.guid, at('10.0.0.3'));
    await settle();
    posts.clear();
    peers.stopped(there.guid);
    await pass(5 * SECOND);
    const before = sent.length;
    await pass(10 * MINUTE, SECOND);
    expect(sent.length).toBe(before);
    expect(await peers.reconnect()).toBe(false);
    posts.set('10.0.0.3', there.post);
    peers.changed(there.guid);
    await settle();
    expect(peers.get(there.guid)?.state).toBe('linked');
    await peers.close();
  });

  it('a hint that nobody proves leaves nothing behind', async () => {
    const { peers } = await createCaller(new Map());
    for (let each = 0; each < 200; each += 1) {
      peers.found(`${'A'.repeat(36)}${String(each).padStart(4, '0')}`, at('10.0.0.9'));
      if (each % 50 === 0) await settle();
    }
    await settle();
    expect(peers.all()).toEqual([]);
    await peers.close();
  });
});
