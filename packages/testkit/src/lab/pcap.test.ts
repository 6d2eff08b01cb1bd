import { Buffer } from 'node:buffer';
import { describe, expect, it } from 'vitest';
import { cooked, ethernet, ipv4, pcap, udp } from './frames.fixture.ts';
import { readPcap } from './pcap.ts';

const body = ipv4(17, [127, 0, 0, 1], [127, 0, 0, 1], udp(1, 2, Buffer.from('x')));

describe('readPcap', () => {
  it('reads either byte order and either fineness of time', () => {
    for (const little of [true, false]) {
      for (const nano of [true, false]) {
        const records = [1, 2].map((seconds) => ({
          seconds,
          fraction: nano ? 500_000_000 : 500_000,
          frame: ethernet('020000000002', 0x0800, body),
        }));
        const packets = readPcap(pcap({ little, nano, linkType: 1 }, records));
        expect(packets.map(({ at }) => at)).toEqual([1_500, 2_500]);
        expect(packets.map(({ protocol, payload }) => [protocol, payload.toString()])).toEqual([
          ['udp', 'x'],
          ['udp', 'x'],
        ]);
      }
    }
  });

  it('reads cooked captures of all interfaces', () => {
    const file = pcap({ little: true, nano: false, linkType: 276 }, [{ seconds: 1, fraction: 0, frame: cooked(1, 3, 0x0800, body) }]);
    expect(readPcap(file)).toMatchObject([{ protocol: 'udp', cast: 'broadcast', interfaceIndex: 3 }]);
  });

  it('keeps the whole records of a file cut anywhere', () => {
    const frame = ethernet('020000000002', 0x0800, body);
    const file = pcap(
      { little: true, nano: false, linkType: 1 },
      [1, 2].map((seconds) => ({ seconds, fraction: 0, frame })),
    );
    for (let length = 24; length <= file.length; length += 1) {
      expect(readPcap(file.subarray(0, length))).toHaveLength(Math.floor((length - 24) / (16 + frame.length)));
    }
  });

  it('refuses what is no pcap file and link types it cannot read', () => {
    expect(() => readPcap(Buffer.alloc(0))).toThrow('not a pcap file');
    expect(() => readPcap(Buffer.alloc(64))).toThrow('not a pcap file');
    expect(() => readPcap(pcap({ little: true, nano: false, linkType: 105 }, []))).toThrow('link type 105');
  });
});
