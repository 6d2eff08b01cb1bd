import { Buffer } from 'node:buffer';
import { type Block, callLink, decodeBlocks, decodeBody, encodeBlocks, encodeBody, lmIdentityFrom, MAX_PADDING } from '@keyhaven/core/link';
import { describe, expect, it } from 'vitest';
import { createSite } from '../authority/site.testing.ts';
import { systemEntropy } from '../machine/index.ts';
import { createLinkAnswerer } from './link-answerer.ts';

// K20: another LM's doctor on its link.

const linked = async () => {
  const { clock, authority } = await createSite();
  const asked: string[] = [];
  const answerer = createLinkAnswerer({
    self: lmIdentityFrom(Buffer.alloc(32, 1)),
    hostname: 'h',
    clock,
    entropy: systemEntropy,
    authority,
    catalog: () => ({ version: 1, keys: () => [] }),
    probes: {
      heard(address, cookie) {
        asked.push(`heard ${address} ${cookie}`);
        return cookie === 5;
      },
      call(address, cookie) {
        asked.push(`call ${address} ${cookie}`);
        return true;
      },
    },
  });
  const calling = callLink(lmIdentityFrom(systemEntropy.bytes(32)), 'pc', systemEntropy);
  const { confirmation, keys } = calling.confirm(Buffer.from(answerer.hello(calling.hello.toString('base64'), '192.0.2.9'), 'base64'));
  answerer.confirm(confirmation.toString('base64'), '192.0.2.9');
  let sequence = 0;
  const exchange = async (blocks: readonly Block[], address = '192.0.2.9'): Promise<Block[]> => {
    sequence += 1;
    const body = encodeBody(keys.id, sequence, encodeBlocks(blocks), keys.outgoing);
    return decodeBlocks(decodeBody(await answerer.exchange(body, address), keys.incoming).blocks);
  };
  return { asked, exchange };
};
const NONE = Buffer.alloc(0);
const probe = (what: 'call' | 'heard' | 'size', number: number, padding: Uint8Array = NONE): Block => ({
  kind: 'probe',
  what,
  number,
  padding,
});

describe('a doctor on its link (K20)', () => {
  it('is told of its own address, whatever the link was made from', async () => {
    const { asked, exchange } = await linked();
    expect(await exchange([probe('heard', 5)])).toEqual([{ kind: 'probed', what: 'heard', number: 5, yes: true, padding: NONE }]);
    expect(await exchange([probe('heard', 6)])).toMatchObject([{ yes: false }]);
    expect(await exchange([probe('call', 7)], '2001:db8::9')).toMatchObject([{ what: 'call', yes: true }]);
    expect(asked).toEqual(['heard 192.0.2.9 5', 'heard 192.0.2.9 6', 'call 2001:db8::9 7']);
  });

  it('gets an answer as large as it asks for, and not larger than the largest question', async () => {
    const { exchange } = await linked();
    const [answer] = await exchange([probe('size', MAX_PADDING, Buffer.alloc(MAX_PADDING))]);
    expect(answer?.kind === 'probed' && answer.padding.length).toBe(MAX_PADDING);
    await expect(exchange([probe('size', MAX_PADDING + 1)])).rejects.toMatchObject({ code: 400 });
  });

  it('asks one thing in a body', async () => {
    const { asked, exchange } = await linked();
    await expect(exchange([probe('call', 1), probe('call', 2)])).rejects.toMatchObject({ code: 400 });
    expect(asked).toEqual([]);
  });
});
