import { Buffer } from 'node:buffer';
import { Writer } from '@keyhaven/core/bytes';
import { openingFor } from '@keyhaven/core/channel';
import { openDocument, readCertificate } from '@keyhaven/core/license';
import { type Block, callLink, decodeBlocks, decodeBody, encodeBlocks, encodeBody, lmIdentityFrom } from '@keyhaven/core/link';
import { type Call, decodeWaitAnswer, readReplies, signingKeyIn, writeCall } from '@keyhaven/core/session';
import { SECOND } from '@keyhaven/core/time';
import { describe, expect, it } from 'vitest';
import { connectApplication, createSite, someone } from '../authority/site.testing.ts';
import { systemEntropy } from '../machine/index.ts';
import { createLinkAnswerer } from './link-answerer.ts';
import { PeerRefusal } from './post.ts';

// K19: how an owner speaks first to a license manager whose applications wait.

const drain = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
};

/** Another license manager with one application in one channel, at an owner whose only seat is taken. */
const waitingFromElsewhere = async () => {
  const site = await createSite();
  const key = await site.licensed({ features: [{ id: 42, seats: 1 }] });
  const holder = connectApplication(site, key);
  expect((await holder.login(42)).status).toBe(0);
  const answerer = createLinkAnswerer({
    self: lmIdentityFrom(Buffer.alloc(32, 1)),
    hostname: 'owner',
    clock: site.clock,
    entropy: systemEntropy,
    authority: site.authority,
    catalog: () => ({ version: 1, keys: () => [] }),
  });
  const calling = callLink(lmIdentityFrom(systemEntropy.bytes(32)), 'elsewhere', systemEntropy);
  const { keys, confirmation } = calling.confirm(Buffer.from(answerer.hello(calling.hello.toString('base64'), '10.0.0.9'), 'base64'));
  answerer.confirm(confirmation.toString('base64'), '10.0.0.9');
  let sequence = 0;
  const blocksOf = (text: string): Block[] => decodeBlocks(decodeBody(text, keys.incoming).blocks);
  const exchange = async (...blocks: Block[]): Promise<Block[]> => {
    sequence += 1;
    const asked = answerer.exchange(encodeBody(keys.id, sequence, encodeBlocks(blocks), keys.outgoing), '10.0.0.9');
    let answer: string | undefined;
    void asked.then((text) => {
      answer = text;
    });
    await drain();
    if (answer === undefined) site.clock.advance(250);
    return blocksOf(await asked);
  };
  const opening = openingFor({ vendor: key.identity.vendor, key: key.identity.id }, systemEntropy);
  const [opened] = await exchange({ kind: 'open', channel: 1, key: key.identity.id, opening: opening.message });
  if (opened?.kind !== 'opened') throw new Error('no channel');
  const { channel } = opening.complete(opened.answer, (document) =>
    signingKeyIn(readCertificate(openDocument('certificate', document, key.identity.vendorKey).payload)),
  );
  const nonce = systemEntropy.bytes(16);
  let place = 0;
  const record = (call: Call): Block => {
    const out = new Writer();
    writeCall(out, 1, call);
    return { kind: 'record', channel: 1, record: channel.seal(out.done()) };
  };
  const wait = (): Block => {
    const more = { product: 1, feature: 42, seats: 1, executions: 0, dieAtExpiration: false, application: someone };
    return record({ kind: 'wait', login: { kind: 'login', nonce, ...more }, place, ticket: Buffer.alloc(32) });
  };
  const told = (blocks: readonly Block[]) =>
    blocks.flatMap((block) =>
      block.kind === 'record' ? readReplies(channel.open(block.record)).map(({ body }) => decodeWaitAnswer(body)) : [],
    );
  const listenBody = () => encodeBody(keys.id, sequence, encodeBlocks([]), keys.outgoing);
  return {
    site,
    exchange,
    wait,
    told,
    knows: (at: number) => {
      place = at;
    },
    listenBody,
    listen: async () => blocksOf(await answerer.listen(listenBody())).map(({ kind }) => kind),
    answerer,
    record,
    nonce,
    free: async () => {
      const [session] = site.authority.sessions();
      if (session !== undefined) await site.authority.release(session, 'logout');
      await drain();
    },
  };
};

describe('K19 a listening request', () => {
  it('is asked for while a question is held, and only then; a held question holds up no exchange', async () => {
    const { site, exchange, wait, told, knows } = await waitingFromElsewhere();
    const first = await exchange(wait());
    expect([told(first), first.at(-1)?.kind]).toMatchObject([[{ kind: 'waiting', place: 1 }], 'record']);
    knows(1);
    const before = site.clock.mono();
    expect(await exchange(wait())).toEqual([{ kind: 'listen' }]);
    expect(site.clock.mono()).toBe(before);
  });

  it('is answered when there is something to fetch, which the next exchange brings', async () => {
    const { exchange, wait, told, knows, listen, free } = await waitingFromElsewhere();
    await exchange(wait()).then(told);
    knows(1);
    await exchange(wait());
    const heard = listen();
    await free();
    expect(await heard).toEqual(['more']);
    const fetched = await exchange();
    expect(fetched.map(({ kind }) => kind)).toEqual(['record']);
    expect(told(fetched)).toMatchObject([{ kind: 'granted' }]);
  });

  it('is answered after four seconds where nothing happens: to go on while somebody waits, to stop when nobody does', async () => {
    const { site, exchange, wait, told, knows, listen, record, nonce } = await waitingFromElsewhere();
    await exchange(wait()).then(told);
    knows(1);
    await exchange(wait());
    for (const expected of [['listen'], ['listen']]) {
      const heard = listen();
      site.clock.advance(4 * SECOND);
      expect(await heard).toEqual(expected);
    }
    await exchange(record({ kind: 'withdraw', nonce }));
    await exchange(); // What is said to the question that was held.
    const last = listen();
    await drain();
    site.clock.advance(4 * SECOND);
    expect(await last).toEqual([]);
  });

  it('played again takes the place of the one before, and does nothing else; of another link or changed it is refused', async () => {
    const { site, exchange, wait, told, knows, listen, listenBody, answerer, free } = await waitingFromElsewhere();
    await exchange(wait()).then(told);
    knows(1);
    await exchange(wait());
    const [first, again] = [listen(), listen()];
    expect(await first).toEqual(['listen']);
    await free();
    expect(await again).toEqual(['more']);
    // As an exchange it is one that was here before.
    await expect(answerer.exchange(listenBody(), '10.0.0.9')).rejects.toBeInstanceOf(PeerRefusal);
    const changed = Buffer.from(listenBody(), 'base64');
    changed[20] = (changed[20] ?? 0) ^ 1;
    await expect(answerer.listen(changed.toString('base64'))).rejects.toMatchObject({ code: 400 });
    changed[0] = (changed[0] ?? 0) ^ 1;
    await expect(answerer.listen(changed.toString('base64'))).rejects.toMatchObject({ code: 409 });
    expect(told(await exchange())).toMatchObject([{ kind: 'granted' }]);
    void site;
  });
});
