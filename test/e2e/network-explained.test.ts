import { decodeDatagram } from '@keyhaven/core/discovery';
import {
  type Kind,
  kindOfConnection,
  kindOfDatagram,
  kindOfRequest,
  kindOfSystemPacket,
  type Range,
  trafficOf,
} from '@keyhaven/core/network';
import { decodeToApplication, decodeToLm, FrameDecoder } from '@keyhaven/core/wire';
import { captureAvailable, type Packet, programAvailable } from '@keyhaven/testkit/lab';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { carried, dissect, type Field, type Row, SEPARATOR, sequences } from './dissect.ts';
import { type Conversation, conversations, messagesOf, type NetworkRun, networkRun, PORT } from './network-run.ts';
import { needsLab } from './site.ts';

const noCapture = captureAvailable();
const noTshark = noCapture ?? programAvailable('tshark', 'tshark');
const within = ({ least, most }: Range, size: number, what: string): void => {
  expect(size, `${what}: ${size} bytes`).toBeGreaterThanOrEqual(least);
  expect(size, `${what}: ${size} bytes`).toBeLessThanOrEqual(most);
};

describe('a run, explained (R10)', () => {
  let run: NetworkRun | undefined;
  beforeEach(needsLab(() => run?.site, noCapture));
  beforeAll(async () => {
    if (noCapture !== undefined) return;
    run = await networkRun();
  });
  afterAll(async () => run?.site.close());
  const captured = (): NetworkRun => {
    if (run === undefined) throw new Error('no run');
    return run;
  };

  const connectionOf = (packet: Packet, all: readonly Conversation[]): Conversation[] =>
    all.filter(({ there }) =>
      [[packet.source, packet.destination] as const, [packet.destination, packet.source] as const].some(
        ([from, to]) =>
          from.port === there.source.port &&
          from.address === there.source.address &&
          to.port === there.destination.port &&
          to.address === there.destination.address,
      ),
    );
  const kindOf = (packet: Packet, all: readonly Conversation[]): Kind | undefined => {
    switch (packet.protocol) {
      case 'udp':
        return packet.destination.port === PORT && packet.source.port === PORT ? kindOfDatagram(packet.payload) : undefined;
      case 'tcp': {
        const [conversation, another] = connectionOf(packet, all);
        return conversation === undefined || another !== undefined ? undefined : kindOfConnection(conversation.there.bytes);
      }
      case 'other':
        return kindOfSystemPacket(packet.etherType, packet.ipProtocol, packet.payload[0]);
    }
  };

  it('each packet is of exactly one kind, and has no more and no fewer bytes than the table says', () => {
    const seen = new Set<Kind>();
    const { bridge, loopback } = captured();
    for (const packets of [bridge, loopback]) {
      const all = conversations(packets);
      for (const packet of packets) {
        const kind = kindOf(packet, all);
        expect(
          kind,
          `${packet.protocol} ${JSON.stringify([packet.source, packet.destination])} ${packet.payload.subarray(0, 40).toString('hex')}`,
        ).toBeDefined();
        if (kind === undefined) continue;
        seen.add(kind);
        const row = trafficOf(kind);
        expect(row.layer).toBe(packet.protocol === 'udp' ? 'datagram' : packet.protocol === 'tcp' ? 'connection' : 'system');
        if (packet.protocol !== 'tcp') within(row.bytes, packet.payload.length, kind);
      }
    }
    expect([...seen].toSorted()).toEqual(
      expect.arrayContaining([
        'administration',
        'answer',
        'arp',
        'changed',
        'health',
        'link',
        'local',
        'refused',
        'search',
        'started',
        'stopping',
        'tls',
      ]),
    );
  });

  it('each message within a connection has a size that the table says', () => {
    const { bridge, loopback } = captured();
    const requests = new Set<Kind>();
    for (const { there, back } of [...conversations(bridge), ...conversations(loopback)]) {
      const kind = kindOfConnection(there.bytes);
      const row = trafficOf(kind);
      expect(there.complete && back?.complete !== false).toBe(true);
      switch (kind) {
        case 'local':
          for (const frame of new FrameDecoder().push(there.bytes)) within(row.bytes, 5 + frame.body.length, 'local');
          for (const frame of new FrameDecoder().push(back?.bytes ?? new Uint8Array()))
            within(row.answer ?? row.bytes, 5 + frame.body.length, 'local');
          break;
        case 'link': {
          const answers = back === undefined ? [] : messagesOf(back);
          for (const [index, { start, body }] of messagesOf(there).entries()) {
            const [method = '', path = ''] = start.split(' ');
            const request = trafficOf(kindOfRequest(method, path));
            expect(request.layer).toBe('request');
            requests.add(request.kind);
            within(request.bytes, body.length, request.kind);
            const answer = answers[index];
            if (answer?.start.includes(' 200 ') === true && request.answer !== undefined)
              within(request.answer, answer.body.length, `answer to ${request.kind}`);
          }
          break;
        }
        case 'administration':
        case 'health':
          for (const { body } of messagesOf(there)) within(row.bytes, body.length, kind);
          for (const { body } of back === undefined ? [] : messagesOf(back)) within(row.answer ?? row.bytes, body.length, kind);
          break;
        default:
          within(row.bytes, there.bytes.length, kind);
          if (kind === 'refused' && row.answer !== undefined) within(row.answer, back?.bytes.length ?? 0, kind);
      }
    }
    expect(requests).toEqual(new Set(['hello', 'confirm', 'exchange', 'listen']));
  });

  describe('the Wireshark dissector', () => {
    let rows: { readonly bridge: readonly Row[]; readonly loopback: readonly Row[] } = { bridge: [], loopback: [] };
    beforeEach((context) => {
      if (noTshark !== undefined) context.skip(noTshark);
    });
    beforeAll(async () => {
      if (noTshark !== undefined) return;
      const { files, site, bridge } = captured();
      const ports = new Set(bridge.map(({ interfaceIndex }) => interfaceIndex));
      const [onBridge, onLoopback] = await Promise.all([dissect(site, files.bridge), dissect(site, files.loopback)]);
      // The switch repeats what came in by a port.
      rows = { bridge: onBridge.filter((row) => ports.has(Number(row['sll.ifindex']))), loopback: onLoopback };
    });
    const each = (of: readonly Row[], field: Field): string[] =>
      of.flatMap((row) => (row[field] ?? '').split(SEPARATOR).filter((value) => value !== ''));

    it('names every packet of the run, and finds none malformed', () => {
      const { bridge, loopback } = captured();
      const ours = (packets: readonly Packet[]) =>
        packets.filter(({ source, destination }) => source.port === PORT || destination.port === PORT);
      expect(rows.bridge).toHaveLength(ours(bridge).length);
      expect(rows.loopback).toHaveLength(ours(loopback).length);
      for (const [packets, named] of [
        [bridge, rows.bridge],
        [loopback, rows.loopback],
      ] as const) {
        const all = conversations(packets);
        expect(named.map((row) => row['keyhaven.kind'])).toEqual(ours(packets).map((packet) => kindOf(packet, all)));
        for (const row of named) expect([row['_ws.malformed'], row['keyhaven.malformed'], row['_ws.lua.error']]).toEqual(['', '', '']);
      }
    });

    it('reads datagrams as the code does: kind, GUID, cookie or sequence number, keys', () => {
      const sent = captured().bridge.flatMap((packet) => (packet.protocol === 'udp' ? [decodeDatagram(packet.payload)] : []));
      const shown = rows.bridge.filter((row) => row['keyhaven.datagram'] !== '');
      const words = ['', 'ask', 'answer', 'started', 'stopping', 'changed', 'search'];
      expect(
        shown.map((row) => ({
          kind: words[Number(row['keyhaven.datagram'])],
          guid: row['keyhaven.guid'],
          tcpPort: Number(row['keyhaven.tcp_port']),
          bootCount: Number(row['keyhaven.boot']),
          number: Number(row['keyhaven.cookie'] || row['keyhaven.sequence']),
          keys: row['keyhaven.key'],
        })),
      ).toEqual(
        sent.map((datagram) => {
          if (datagram === undefined) throw new Error('no datagram');
          const { kind, guid, tcpPort, bootCount } = datagram;
          const number = 'cookie' in datagram ? datagram.cookie : datagram.sequence;
          return {
            kind,
            guid,
            tcpPort,
            bootCount,
            number,
            keys: kind === 'changed' ? datagram.entries.map(({ keyId }) => keyId).join(SEPARATOR) : '',
          };
        }),
      );
      expect(new Set(shown.map((row) => row['keyhaven.guid']))).toEqual(new Set(Object.values(captured().lms).map(({ guid }) => guid)));
    });

    it('reads the messages of applications as the code does', () => {
      const { loopback } = captured();
      const locals = conversations(loopback).filter(({ there }) => kindOfConnection(there.bytes) === 'local');
      expect(locals).toHaveLength(2);
      for (const { there, back } of locals) {
        const shown = (port: 'tcp.srcport' | 'tcp.dstport') => rows.loopback.filter((row) => row[port] === String(there.source.port));
        expect(each(shown('tcp.srcport'), 'keyhaven.message')).toEqual(
          new FrameDecoder().push(there.bytes).map((frame) => decodeToLm(frame).kind),
        );
        expect(each(shown('tcp.dstport'), 'keyhaven.message')).toEqual(
          new FrameDecoder().push(back?.bytes ?? new Uint8Array()).map((frame) => decodeToApplication(frame).kind),
        );
        const hello = new FrameDecoder().push(there.bytes).map(decodeToLm)[0];
        expect(hello?.kind === 'hello' && each(shown('tcp.srcport'), 'keyhaven.application')).toEqual(
          hello?.kind === 'hello' && [hello.application],
        );
      }
    });

    it('reads the requests between license managers as the code does, and what they carry', () => {
      const links = conversations(captured().bridge).filter(({ there }) => kindOfConnection(there.bytes) === 'link');
      let blocks = 0;
      for (const { there, back } of links) {
        const port = String(there.source.port);
        const side = (field: 'tcp.srcport' | 'tcp.dstport', address: string) =>
          rows.bridge.filter((row) => row[field] === port && [row['ip.src'], row['ipv6.src']].includes(address));
        const asked = side('tcp.srcport', there.source.address);
        expect(each(asked, 'keyhaven.request')).toEqual(messagesOf(there).map(({ start }) => /\/lm\/v1\/(\w+) /.exec(start)?.[1]));
        expect(each(asked, 'keyhaven.block')).toEqual(carried(messagesOf(there)));
        expect(each(asked, 'keyhaven.exchange')).toEqual(sequences(messagesOf(there)));
        if (back === undefined) continue;
        const names = messagesOf(there).map(({ start }) => /\/lm\/v1\/(\w+) /.exec(start)?.[1] ?? '');
        const answers = messagesOf(back).map((message, index) => ({ ...message, start: `POST /lm/v1/${names[index]} ${message.start}` }));
        const told = side('tcp.dstport', back.source.address);
        expect(each(told, 'keyhaven.block')).toEqual(carried(answers));
        blocks += carried(answers).length;
      }
      expect(links.length).toBeGreaterThan(2);
      expect(blocks).toBeGreaterThan(10);
    });
  });
});
