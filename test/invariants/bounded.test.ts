import { Buffer } from 'node:buffer';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { WireError, Writer } from '@keyhaven/core/bytes';
import { decodeDatagram } from '@keyhaven/core/discovery';
import { callLink, lmIdentityFrom } from '@keyhaven/core/link';
import { mono, SECOND } from '@keyhaven/core/time';
import { createListeningConnection, encodeToLm, FrameDecoder, LOCAL_VERSIONS, MAX_CHANNELS, MAX_FRAME } from '@keyhaven/core/wire';
import { createLinkAnswerer, PeerRefusal } from '@keyhaven/license-manager/peers';
import { createRandom, createTimeline, createWorld } from '@keyhaven/testkit/world';
import { describe, expect, it } from 'vitest';

// I5: bytes from outside cost bounded memory and time before they are authenticated.

const random = createRandom('bounded');
const garbage = (length: number): Buffer => Buffer.from(random.entropy.bytes(length));
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
/** What is held, and not what waits to be collected. */
const heap = (): number => {
  collect();
  return process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
};
const MEBIBYTE = 1024 * 1024;
const self = { guid: 'g'.repeat(40), hostname: 'h', idleMs: 600_000 };
const hello = (): Buffer => encodeToLm({ kind: 'hello', ...LOCAL_VERSIONS, pid: 1, start: 1, user: 'u', host: 'h', application: 'a' });

describe('I5 a decoder of frames', () => {
  it('keeps no more than one frame, however the bytes come', () => {
    const decoder = new FrameDecoder(MAX_FRAME);
    const frame = new Writer(8).u32(MAX_FRAME).done();
    decoder.push(frame);
    for (let sent = 0; sent < MAX_FRAME - 1_000; sent += 1_000) {
      decoder.push(Buffer.alloc(1_000));
      expect(decoder.pending).toBeLessThanOrEqual(MAX_FRAME + 4);
    }
  });

  it('refuses a length that is not allowed before a byte of it has come', () => {
    for (const length of [0, MAX_FRAME + 1, 0x7fff_ffff, 0xffff_ffff]) {
      expect(() => new FrameDecoder(MAX_FRAME).push(new Writer(4).u32(length).done())).toThrow(WireError);
    }
  });

  it('throws nothing but WireError at noise', () => {
    for (let count = 0; count < 5_000; count++) {
      try {
        new FrameDecoder(4_096).push(garbage(1 + random.below(200)));
      } catch (error) {
        expect(error).toBeInstanceOf(WireError);
      }
    }
  });
});

describe('I5 a connection of an application', () => {
  it('is closed by the first byte that makes no sense, and costs nothing afterwards', () => {
    const noise = garbage(4_096);
    for (let count = 0; count < 2_000; count++) {
      const connection = createListeningConnection(mono(0), self);
      const events = connection.receive(mono(1), garbage(64));
      if (events.length === 0) continue; // So far the beginning of a short frame.
      expect(events).toMatchObject([{ kind: 'closed' }]);
      expect(connection.receive(mono(2), noise)).toEqual([]);
      expect(connection.nextTimeout()).toBeUndefined();
    }
  });

  it('may send 4 KiB and take ten seconds before its hello, and no more', () => {
    const large = createListeningConnection(mono(0), self);
    expect(large.receive(mono(0), new Writer(4).u32(4_097).done())).toMatchObject([{ kind: 'closed' }]);
    const slow = createListeningConnection(mono(0), self);
    const bytes = hello();
    for (let second = 0; second < 10; second++) slow.receive(mono(second * SECOND), bytes.subarray(second, second + 1));
    expect(slow.timeout(mono(10 * SECOND))).toMatchObject([{ kind: 'closed' }]);
  });

  it(`opens ${MAX_CHANNELS} channels and not one more`, () => {
    const connection = createListeningConnection(mono(0), self);
    connection.receive(mono(0), hello());
    const open = (channel: number) =>
      connection.receive(mono(0), encodeToLm({ kind: 'open', channel, key: '1', lm: '', opening: Buffer.alloc(1) }));
    for (let channel = 0; channel < MAX_CHANNELS; channel++) expect(open(channel)).toMatchObject([{ kind: 'open' }]);
    expect(open(MAX_CHANNELS)).toMatchObject([{ kind: 'closed' }]);
  });
});

describe('I5 an LM that others call', () => {
  const answerer = async () => {
    const world = await createWorld({ seed: 'answerer', computers: 1 });
    const timeline = createTimeline();
    const { lm } = world.computer(0);
    if (lm === undefined) throw new Error('no license manager');
    const clock = timeline.clock({ alive: true }, 1);
    const { authority } = lm;
    return {
      timeline,
      called: createLinkAnswerer({
        self: lmIdentityFrom(Buffer.alloc(32, 1)),
        hostname: 'h',
        clock,
        entropy: random.entropy,
        authority,
        catalog: () => ({ version: 1, keys: () => [] }),
      }),
    };
  };
  const opening = (): string => callLink(lmIdentityFrom(garbage(32)), 'h', random.entropy).hello.toString('base64');

  it('answers noise with a refusal, and holds nothing of it', async () => {
    const { called } = await answerer();
    const before = heap();
    for (let count = 0; count < 3_000; count++) {
      const body = random.chance(0.5) ? garbage(random.below(400)).toString('base64') : garbage(random.below(400)).toString('latin1');
      expect(() => called.confirm(body, '10.0.0.9')).toThrow(PeerRefusal);
      await expect(called.exchange(body, '10.0.0.9')).rejects.toBeInstanceOf(PeerRefusal);
      if (random.chance(0.2)) expect(() => called.hello(body, '10.0.0.9')).toThrow(PeerRefusal);
    }
    expect(heap() - before).toBeLessThan(24 * MEBIBYTE);
  });

  it('has so many handshakes under way at a time, and serves again when they are forgotten', async () => {
    const { called, timeline } = await answerer();
    let refused = 0;
    for (let count = 0; count < 1_100; count++) {
      try {
        called.hello(opening(), `10.0.${count % 20}.1`);
      } catch (error) {
        expect(error).toMatchObject({ code: 503 });
        refused += 1;
      }
    }
    expect(refused).toBeGreaterThan(0);
    await timeline.run(11 * SECOND);
    expect(called.hello(opening(), '10.0.0.9')).not.toBe('');
  });
});

describe('I5 a datagram', () => {
  it('that is noise is nothing, whatever its length', () => {
    for (let count = 0; count < 5_000; count++) {
      try {
        decodeDatagram(garbage(random.chance(0.5) ? 40 : random.below(1_500)));
      } catch (error) {
        expect(error).toBeInstanceOf(WireError);
      }
    }
  });
});
