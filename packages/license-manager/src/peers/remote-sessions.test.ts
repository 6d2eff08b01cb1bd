import { Buffer } from 'node:buffer';
import type { Block } from '@keyhaven/core/link';
import { wall } from '@keyhaven/core/time';
import { createMemoryLedger, type MemoryLedger } from '@keyhaven/ledger';
import { describe, expect, it } from 'vitest';
import { createCaller, createPeerOf, settle } from './link-peers.testing.ts';

// T1: the LM of an application knows what its applications use elsewhere, from the owners of the keys, and ends it there.

const ID = '0b'.repeat(16);
const session = Buffer.from(ID, 'hex');
const application = { pid: 7, start: 70, user: 'ada', host: 'drawing', application: 'plot' };
const facts = { key: '17', product: 1, feature: 42, seats: 2, since: 1_767_225_600_000 };
const silent = { opened: () => undefined, record: () => undefined, lost: () => undefined };

/** An owner that grants a session to whoever opens a channel. */
const ownerOf = (to: number, more: (asked: readonly Block[]) => readonly Block[] = () => []) => {
  const heard: Block[] = []; // BOUNDED by one test
  const owner = createPeerOf(
    9,
    (asked, version) => {
      heard.push(...asked);
      return [
        ...asked.flatMap((block): Block[] => {
          if (block.kind === 'ask changes') return [{ kind: 'changes', since: 0, version: 1, more: false, removed: [], json: '[]' }];
          if (block.kind === 'renew') return [{ kind: 'renewed', agreed: true }];
          if (block.kind !== 'open') return [];
          const attached: Block = { kind: 'attached', channel: block.channel, session };
          return version < 4 ? [attached] : [attached, { kind: 'session', session, ...facts }];
        }),
        ...more(asked),
      ];
    },
    { from: 1, to },
  );
  return { ...owner, heard, kinds: () => heard.map(({ kind }) => kind) };
};
const linked = async (owner: ReturnType<typeof ownerOf>, ledger?: MemoryLedger) => {
  const posts = new Map([['10.0.0.9', owner.post]]);
  const caller = await createCaller(posts, ledger === undefined ? {} : { ledger });
  caller.peers.found(owner.guid, { host: '10.0.0.9', port: 1947 });
  await settle();
  return { ...caller, posts };
};
const open = async ({ peers }: Awaited<ReturnType<typeof linked>>, owner: { readonly guid: string }): Promise<void> => {
  peers.open(owner.guid, { key: '17', opening: Buffer.alloc(110) }, application, silent);
  await settle();
};

describe('the sessions of applications here on keys elsewhere', () => {
  it('are known with what their owner tells, and ended there as by an administrator', async () => {
    const owner = ownerOf(4);
    const caller = await linked(owner);
    await open(caller, owner);
    expect([...caller.peers.sessions()]).toMatchObject([{ id: ID, key: '17', application, facts, peer: { guid: owner.guid } }]);
    expect(await caller.peers.end('00'.repeat(16))).toBeUndefined();
    expect(await caller.peers.end(ID)).toMatchObject({ session: { id: ID }, heard: true });
    expect([...caller.peers.sessions()]).toEqual([]);
    expect(owner.kinds()).toContain('end');
    expect(owner.kinds()).not.toContain('release');
    await caller.peers.close();
  });

  it('of an owner of version 3 are known without what it cannot tell, and are released there', async () => {
    const owner = ownerOf(3);
    const caller = await linked(owner);
    await open(caller, owner);
    expect([...caller.peers.sessions()]).toMatchObject([{ id: ID, key: '17', application, facts: undefined }]);
    expect(await caller.peers.end(ID)).toMatchObject({ heard: true });
    expect(owner.kinds()).toContain('release');
    expect(owner.kinds()).not.toContain('end');
    expect(owner.kinds()).not.toContain('ask sessions');
    await caller.peers.close();
  });

  it('are told as not heard of where the owner does not answer, and ended when it does', async () => {
    const owner = ownerOf(4);
    const caller = await linked(owner);
    await open(caller, owner);
    caller.posts.delete('10.0.0.9');
    const ended = caller.peers.end(ID);
    await caller.pass(4_000);
    expect(await ended).toMatchObject({ heard: false });
    caller.posts.set('10.0.0.9', owner.post);
    const before = owner.heard.length;
    await caller.pass(60_000, 1_000);
    caller.peers.found(owner.guid, { host: '10.0.0.9', port: 1947 });
    await settle();
    expect(owner.heard.slice(before)).toContainEqual({ kind: 'end', session });
    await caller.peers.close();
  });

  it('are known after a restart, and an owner is asked for what an earlier release did not keep', async () => {
    const ledger = createMemoryLedger({ now: () => wall(0) });
    const owner = ownerOf(4, (asked) =>
      asked.some(({ kind }) => kind === 'ask sessions') ? [{ kind: 'session', session, ...facts }] : [],
    );
    const first = await linked(owner, ledger);
    await open(first, owner);
    await first.peers.close();
    const again = await linked(owner, ledger);
    expect([...again.peers.sessions()]).toMatchObject([{ id: ID, application, facts, key: '17' }]);
    expect(owner.kinds()).not.toContain('ask sessions');
    await again.peers.close();

    const row = { peer: owner.guid, host: '10.0.0.9', port: 1947, pid: 7, start: 70 };
    await ledger.update([`lm/forwarded/${ID}`], () => ({ changes: [{ key: `lm/forwarded/${ID}`, row }], audit: [], reply: undefined }));
    const upgraded = await linked(owner, ledger);
    await settle();
    expect(owner.kinds()).toContain('ask sessions');
    expect([...upgraded.peers.sessions()]).toMatchObject([{ id: ID, facts, application: undefined, process: { pid: 7, start: 70 } }]);
    await upgraded.peers.close();
  });

  it('are described by nobody but their owner', async () => {
    const owner = ownerOf(4);
    const liar = createPeerOf(
      5,
      (asked) => asked.flatMap((block): Block[] => (block.kind === 'open' ? [{ kind: 'session', session, ...facts, feature: 666 }] : [])),
      { from: 1, to: 4 },
    );
    const caller = await linked(owner);
    await open(caller, owner);
    caller.posts.set('10.0.0.5', liar.post);
    caller.peers.found(liar.guid, { host: '10.0.0.5', port: 1947 });
    await settle();
    caller.peers.open(liar.guid, { key: '18', opening: Buffer.alloc(110) }, application, silent);
    await settle();
    expect([...caller.peers.sessions()]).toMatchObject([{ id: ID, facts: { feature: 42 } }]);
    await caller.peers.close();
  });
});
