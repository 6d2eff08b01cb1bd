import { Buffer } from 'node:buffer';
import { Status } from '@keyhaven/core/errors';
import { callLink, decodeBlocks, decodeBody, encodeBlocks, encodeBody, type LinkKeys, lmIdentityFrom } from '@keyhaven/core/link';
import { describe, expect, it } from 'vitest';
import { createSite } from '../authority/site.testing.ts';
import { systemEntropy } from '../machine/index.ts';
import { createLinkAnswerer, type LinkAnswerer, type LinkAnswererOptions } from './link-answerer.ts';
import { MAX_HANDSHAKES_PER_ORIGIN, MAX_LINKS_PER_ORIGIN } from './origin.ts';
import { PeerRefusal } from './post.ts';

// S14: identities are free to make, so what an LM holds for others is limited by where they come from.

const answererOf = async (more: Partial<LinkAnswererOptions> = {}): Promise<LinkAnswerer> => {
  const { clock, authority } = await createSite();
  return createLinkAnswerer({
    self: lmIdentityFrom(Buffer.alloc(32, 1)),
    hostname: 'h',
    clock,
    entropy: systemEntropy,
    authority,
    catalog: () => ({ version: 1, keys: () => [] }),
    ...more,
  });
};
/** A license manager of a new identity at an address. */
const callerAt = (answerer: LinkAnswerer, address: string, host = 'pc') => {
  const calling = callLink(lmIdentityFrom(systemEntropy.bytes(32)), host, systemEntropy);
  let answer: string | undefined;
  let keys: LinkKeys | undefined;
  let sequence = 0;
  return {
    hello(): void {
      answer = answerer.hello(calling.hello.toString('base64'), address);
    },
    confirm(): void {
      const confirmed = calling.confirm(Buffer.from(answer ?? '', 'base64'));
      answerer.confirm(confirmed.confirmation.toString('base64'), address);
      keys = confirmed.keys;
    },
    link(): void {
      this.hello();
      this.confirm();
    },
    /** Whether the link still serves. */
    async works(): Promise<boolean> {
      if (keys === undefined) return false;
      sequence += 1;
      const asked = encodeBlocks([{ kind: 'ask catalog', version: 0 }]);
      try {
        const reply = await answerer.exchange(encodeBody(keys.id, sequence, asked, keys.outgoing), address);
        return decodeBlocks(decodeBody(reply, keys.incoming).blocks).length > 0;
      } catch (error) {
        if (error instanceof PeerRefusal && error.code === 409) return false;
        throw error;
      }
    },
  };
};
const refusalOf = (work: () => void): PeerRefusal | undefined => {
  try {
    work();
  } catch (error) {
    if (error instanceof PeerRefusal) return error;
    throw error;
  }
  return undefined;
};

describe('a flood of self-made identities from one address (S14)', () => {
  it('pushes out its own links and nobody else’s', async () => {
    const answerer = await answererOf();
    const good = Array.from({ length: 5 }, (_, index) => callerAt(answerer, `10.0.0.${index + 1}`));
    for (const each of good) each.link();
    const flood = Array.from({ length: MAX_LINKS_PER_ORIGIN + 50 }, () => callerAt(answerer, '10.6.6.6'));
    for (const each of flood) each.link();
    for (const each of good) expect(await each.works()).toBe(true);
    expect(await flood[0]?.works(), 'the oldest of the flood').toBe(false);
    expect(await flood[49]?.works()).toBe(false);
    expect(await flood[50]?.works()).toBe(true);
    expect(await flood.at(-1)?.works()).toBe(true);
  });

  it('pushes out its own handshakes and nobody else’s', async () => {
    const answerer = await answererOf();
    const good = callerAt(answerer, '10.0.0.1');
    good.hello();
    const flood = Array.from({ length: MAX_HANDSHAKES_PER_ORIGIN + 1 }, () => callerAt(answerer, '2001:db8::6:6'));
    for (const each of flood) each.hello();
    good.confirm();
    expect(await good.works()).toBe(true);
    expect(refusalOf(() => flood[0]?.confirm())).toMatchObject({ code: 409 });
    expect(refusalOf(() => flood[1]?.confirm())).toBeUndefined();
    expect(refusalOf(() => flood.at(-1)?.confirm())).toBeUndefined();
  });

  it('leaves room again when its links are gone', async () => {
    const answerer = await answererOf();
    const identity = Array.from({ length: MAX_LINKS_PER_ORIGIN }, () => callerAt(answerer, '10.6.6.6'));
    for (const each of identity) each.link();
    const first = identity[0];
    expect(await first?.works()).toBe(true);
    // Used a moment ago: the second is the oldest now.
    callerAt(answerer, '10.6.6.6').link();
    expect(await first?.works()).toBe(true);
    expect(await identity[1]?.works()).toBe(false);
  });

  it('is not limited from this computer', async () => {
    const answerer = await answererOf();
    const all = Array.from({ length: MAX_LINKS_PER_ORIGIN + 10 }, () => callerAt(answerer, '127.0.0.1'));
    for (const each of all) each.link();
    expect(await all[0]?.works()).toBe(true);
  });
});

describe('rules on other computers at the link (R9)', () => {
  const bar = { status: Status.ACCESS_DENIED, detail: 'Not you.', rule: 'deny=x' } as const;
  it('refuse it at the first word where the address decides, and at the second where its name or GUID does', async () => {
    const answerer = await answererOf({
      against: ({ address, host }) => (address === '10.6.6.6' || host === 'bad' ? bar : undefined),
    });
    expect(refusalOf(() => callerAt(answerer, '10.6.6.6').hello())).toMatchObject({ code: 403 });
    const named = callerAt(answerer, '10.0.0.1', 'bad');
    named.hello();
    expect(refusalOf(() => named.confirm())).toMatchObject({ code: 403 });
    expect(await named.works()).toBe(false);
    const good = callerAt(answerer, '10.0.0.1', 'good');
    good.link();
    expect(await good.works()).toBe(true);
  });
});
