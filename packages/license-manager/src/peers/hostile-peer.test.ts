import type { Block } from '@keyhaven/core/link';
import { MINUTE, SECOND } from '@keyhaven/core/time';
import { describe, expect, it } from 'vitest';
import { candidatesFor } from '../candidates.ts';
import { catalogKey, createCaller, createPeerOf, keysOf, settle } from './link-peers.testing.ts';
import { PeerRefusal, type Post } from './post.ts';

// A license manager that proves its identity and then lies, never answers, or answers for ever (issue 5 "Bad input"): bounded in memory and time,
// told once, and the others are used as if it were not there.

const at = (host: string) => ({ host, port: 1947 });
const telling = (json: string): Block => ({ kind: 'changes', since: 0, version: 60, more: false, removed: [], json });
const honest = (seed: number) =>
  createPeerOf(seed, (blocks) =>
    blocks.flatMap((block): Block[] => (block.kind === 'ask changes' ? [telling(JSON.stringify([catalogKey(77)]))] : [])),
  );

/** This LM with a hostile one, and an honest one beside it. */
const site = async (say: Parameters<typeof createPeerOf>[1] | { readonly post: Post }) => {
  const bad = typeof say === 'function' ? createPeerOf(3, say) : { ...createPeerOf(3, () => []), post: say.post };
  const good = honest(4);
  const troubles: string[] = [];
  const posts = new Map([
    ['10.6.6.6', bad.post],
    ['10.0.0.4', good.post],
  ]);
  const here = await createCaller(posts, { onTrouble: (detail) => void troubles.push(detail) });
  here.peers.found(bad.guid, at('10.6.6.6'));
  here.peers.found(good.guid, at('10.0.0.4'));
  await settle();
  return {
    ...here,
    bad,
    good,
    troubles,
    posted: () => here.sent.filter(({ to }) => to.host === '10.6.6.6').length,
    expectGood() {
      expect(here.peers.get(good.guid)).toMatchObject({ state: 'linked', address: at('10.0.0.4') });
      expect(here.peers.get(good.guid)?.catalog).toEqual([catalogKey(77)]);
    },
  };
};

describe('a hostile license manager', () => {
  it('that has always more to come and says nothing is asked five times a second at most, and given up', async () => {
    const { pass, posted, troubles, expectGood, peers, bad } = await site(() => [{ kind: 'more' }]);
    await pass(10 * SECOND);
    const before = posted();
    expect(before).toBeLessThan(60);
    await pass(5 * MINUTE, 250);
    expect(posted() - before).toBeLessThan(1_500);
    expect(troubles).toEqual(['10.6.6.6:1947: it answers without end and says nothing.']);
    expectGood();
    expect(peers.get(bad.guid)?.catalog ?? []).toEqual([]);
    // And again, for a day: told once.
    for (let hour = 0; hour < 3; hour += 1) {
      peers.found(bad.guid, at('10.6.6.6'));
      await pass(6 * MINUTE, 250);
    }
    expect(troubles).toHaveLength(1);
    await peers.close();
  });

  it('that pours out what nobody asked for is given up after a bounded number of bytes, and nothing of it is kept', async () => {
    const json = JSON.stringify(keysOf(4_000));
    const poured: Block[] = Array.from({ length: 5 }, () => telling(json));
    let bytes = 0;
    const { pass, troubles, expectGood, peers, bad } = await site((asked) => {
      bytes += poured.length * json.length;
      // The one question is answered, and never again: what follows is for nobody.
      return asked.length > 0 ? [telling('[]'), { kind: 'more' }] : [...poured, { kind: 'more' }];
    });
    for (let turn = 0; turn < 200 && troubles.length === 0; turn += 1) await pass(SECOND, 250);
    expect(troubles).toEqual(['10.6.6.6:1947: it answers without end and says nothing.']);
    expect(bytes).toBeLessThan(70 * 1024 * 1024);
    expect(peers.get(bad.guid)?.catalog ?? []).toEqual([]);
    expectGood();
    await peers.close();
  });

  it('that tells more keys than fit has none, and takes no room from others', async () => {
    const long = JSON.stringify(keysOf(4_000));
    const parts: Block[] = Array.from({ length: 60 }, () => ({
      kind: 'changes',
      since: 0,
      version: 5,
      more: true,
      removed: [],
      json: long,
    }));
    let told = 0;
    const { pass, expectGood, peers, bad } = await site(() => {
      told += 5;
      return [...parts.slice(0, 5), told < 300 ? { kind: 'more' } : telling('[]')];
    });
    await pass(30 * SECOND, 250);
    expect(peers.get(bad.guid)?.catalog.length ?? 0).toBeLessThanOrEqual(4_000);
    expectGood();
    await peers.close();
  });

  it('that disagrees with every renewal is told the list once for each', async () => {
    let lists = 0;
    const { peers, bad, pass } = await site((asked) =>
      asked.flatMap((block): Block[] => {
        if (block.kind === 'renewing') lists += 1;
        if (block.kind === 'ask changes') return [telling(JSON.stringify([catalogKey(1)]))];
        return block.kind === 'renew' || block.kind === 'renewing' ? [{ kind: 'renewed', agreed: false }] : [];
      }),
    );
    peers.get(bad.guid)?.renew();
    await pass(10 * SECOND);
    expect(lists).toBe(1);
    peers.get(bad.guid)?.renew();
    await pass(SECOND);
    expect(lists).toBe(2);
    await peers.close();
  });

  it('that says all the time that its keys have changed is asked twice a second, and at last once more', async () => {
    const { peers, bad, pass, posted, expectGood } = await site((asked) => (asked.length > 0 ? [telling('[]')] : []));
    const before = posted();
    for (let second = 0; second < 20; second += 1) {
      for (let each = 0; each < 50; each += 1) peers.changed(bad.guid);
      await pass(SECOND);
    }
    expect(posted() - before).toBeLessThan(60);
    const then = posted();
    await pass(5 * SECOND);
    expect(posted() - then).toBeLessThanOrEqual(1);
    expectGood();
    await peers.close();
  });

  it('that answers something else than the protocol is told of once, with what is wrong', async () => {
    for (const [post, reason] of [
      [async () => '<html>', /10\.6\.6\.6:1947: /],
      [async () => '', /10\.6\.6\.6:1947: /],
      [async () => 'QUJD'.repeat(100), /10\.6\.6\.6:1947: /],
      [async () => Promise.reject(new PeerRefusal(302, 'it answers with a redirect (HTTP 302), which is not followed')), /redirect/],
    ] as const) {
      const { troubles, peers, bad, pass, expectGood } = await site({ post });
      for (let round = 0; round < 5; round += 1) {
        peers.found(bad.guid, at('10.6.6.6'));
        await pass(6 * MINUTE, MINUTE);
      }
      expect(troubles).toEqual([expect.stringMatching(reason)]);
      expect(peers.get(bad.guid)).toBeUndefined();
      expectGood();
      await peers.close();
    }
  });

  it('that is merely not there, or denies us, is no trouble', async () => {
    for (const post of [
      async () => Promise.reject(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })),
      async () => Promise.reject(new PeerRefusal(403, 'access from remote clients is off')),
    ] satisfies Post[]) {
      const { troubles, peers } = await site({ post });
      expect(troubles).toEqual([]);
      await peers.close();
    }
  });
});

describe('lies about keys', () => {
  const source = (guid: string, ids: readonly number[]) => ({
    local: false,
    guid,
    hostname: guid,
    address: guid,
    kind: 'admin',
    keys: ids.map((id) => ({
      ...catalogKey(id),
      vendorKey: '',
      pools: [
        {
          product: 1,
          productName: '',
          feature: 5,
          name: '',
          license: { type: 'perpetual' as const },
          limit: 9,
          used: 0,
          executions: 0,
          count: 'login' as const,
          network: true,
        },
      ],
    })),
  });
  it('do not keep an application from the keys of others: each license manager has its turn', () => {
    const question = { request: 1, vendor: 7, vendorKey: new Uint8Array(), feature: 5, scope: '' };
    const liar = source(
      'liar',
      Array.from({ length: 4_000 }, (_, index) => index + 1),
    );
    const order = candidatesFor(question, [liar, source('honest', [9_001, 9_002])]);
    expect(order.slice(0, 4).map(({ key }) => key)).toEqual(['1', '9001', '2', '9002']);
    expect(order).toHaveLength(256);
  });
});
