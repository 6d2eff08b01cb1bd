import { Reader } from '@keyhaven/core/bytes';
import { decodeDatagram } from '@keyhaven/core/discovery';
import { type Block, decodeBlocks } from '@keyhaven/core/link';
import { decodeToApplication, decodeToLm, FrameDecoder } from '@keyhaven/core/wire';
import { captureAvailable, type Packet, type Stream, streams } from '@keyhaven/testkit/lab';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSite, eventually, FEATURE, type Lm, linkedTo, needsLab, type Site } from './site.ts';

const noCapture = captureAvailable();
const PORT = 1947;
const SECRET = Buffer.from('what the application keeps in the key');
const PLAIN = Buffer.from('what the application has encrypted by the key');
const READS = 50;

/** One HTTP message; `start` is its request or status line. */
type Message = { readonly start: string; readonly body: string };

const messagesOf = ({ bytes }: Stream): Message[] => {
  const messages: Message[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf('\r\n\r\n', at);
    if (end < 0) break;
    const head = bytes.toString('latin1', at, end);
    const length = Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? 0);
    messages.push({ start: head.split('\r\n')[0] ?? '', body: bytes.toString('latin1', end + 4, end + 4 + length) });
    at = end + 4 + length;
  }
  return messages;
};
/** The blocks of an exchange: behind link number, sequence and MAC. */
const blocksOf = ({ body }: Message): Block[] => {
  const reader = new Reader(Buffer.from(body, 'base64'));
  reader.bytes(4 + 8 + 32);
  return decodeBlocks(reader.rest());
};
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$|^[A-Za-z0-9_-]*$/;

describe('what passes on the wire while an application uses a key of another computer', () => {
  let site: Site | undefined;
  let guids: ReadonlySet<string>;
  /** All addresses of a computer: the others speak to the one that they heard it from first. */
  let hosts: { readonly office: ReadonlySet<string>; readonly yard: ReadonlySet<string> };
  let bridge: readonly Packet[];
  let loopback: readonly Packet[];
  let ciphertext: Buffer;
  let readBack: Buffer;
  let decrypted: Buffer;
  beforeEach(needsLab(() => site, noCapture));
  beforeAll(async () => {
    if (noCapture !== undefined) return;
    site = await createSite({ hosts: ['office', 'yard', 'ship'] });
    const { code } = site;
    const [onBridge, onLoopback] = await Promise.all([site.lab.capture(), site.host('yard').captureLoopback()]);
    const [office, yard, ship] = await Promise.all([site.startLm('office'), site.startLm('yard'), site.startLm('ship')]);
    guids = new Set([office, yard, ship].map(({ guid }) => guid));
    const addresses = ({ host }: Lm) =>
      new Set(host.interfaces().flatMap(({ address, address6, linkLocal }) => [address, address6, linkLocal]));
    hosts = { office: addresses(office), yard: addresses(yard) };
    // A key that comes before the LM has said that it started is told by that alone.
    await Promise.all([linkedTo(yard, office, 0), linkedTo(ship, office, 0), linkedTo(office, yard, 0), linkedTo(office, ship, 0)]);
    await site.license(office);
    await Promise.all([linkedTo(yard, office), linkedTo(ship, office)]);
    const asked = { vendorCode: code, feature: FEATURE.unlimited };
    const [first, second, third] = await Promise.all([site.application('yard'), site.application('yard'), site.application('yard')]);
    const session = await first.login(asked);
    await first.login(asked);
    await first.login({ ...asked, feature: FEATURE.fiveSeats });
    await second.login(asked);
    await second.login(asked);
    // Opens a channel while five sessions of two other applications are there.
    await third.login(asked);
    await session.write(0, SECRET);
    readBack = await session.read(0, SECRET.length);
    ciphertext = await session.encrypt(PLAIN);
    decrypted = await session.decrypt(ciphertext);
    for (let count = 0; count < READS; count += 1) await session.read(0, SECRET.length);
    await Promise.all([first, second, third].map((application) => application.end()));
    await eventually('all seats are given back', async () => (await office.sessions()).length === 0);
    await ship.end('SIGTERM');
    [bridge, loopback] = await Promise.all([onBridge.stop(), onLoopback.stop()]);
  });
  afterAll(async () => site?.close());

  const tcp = (packets: readonly Packet[]) => packets.filter((packet) => packet.protocol === 'tcp');
  const udp = (packets: readonly Packet[]) => packets.filter((packet) => packet.protocol === 'udp');
  /** The HTTP messages that went from one computer to another: requests to its port, or answers from it. */
  const messages = (from: ReadonlySet<string>, to: ReadonlySet<string>, what: 'requests' | 'answers'): Message[] =>
    streams(bridge)
      .filter(
        ({ source, destination }) =>
          from.has(source.address) && to.has(destination.address) && (what === 'requests' ? destination : source).port === PORT,
      )
      .flatMap((stream) => {
        expect(stream.complete).toBe(true);
        return messagesOf(stream);
      });
  const exchanges = (what: 'requests' | 'answers'): Block[][] => {
    const [from, to] = what === 'requests' ? [hosts.yard, hosts.office] : [hosts.office, hosts.yard];
    const paths = messages(hosts.yard, hosts.office, 'requests').map(({ start }) => start.split(' ')[1]);
    return messages(from, to, what)
      .filter((_, index) => paths[index] === '/lm/v1/exchange')
      .map(blocksOf);
  };

  it('UDP goes from port 1947 to port 1947 and nowhere else (R1)', () => {
    expect(udp(bridge).length).toBeGreaterThan(6);
    expect(new Set(udp(bridge).flatMap(({ source, destination }) => [source.port, destination.port]))).toEqual(new Set([PORT]));
  });

  it('discovery datagrams have exactly 40 bytes with the GUID of the sender, and no answer is larger than its question (R5)', () => {
    const read = udp(bridge).map(({ payload }) => ({ length: payload.length, datagram: decodeDatagram(payload) }));
    const kinds = new Set(read.map(({ datagram }) => datagram?.kind));
    expect(kinds).toEqual(new Set(['ask', 'answer', 'started', 'changed', 'stopping', 'search']));
    for (const { length, datagram } of read) {
      expect(guids).toContain(datagram?.guid);
      const [least, most] = datagram?.kind === 'changed' ? [41, 1_199] : [40, 40];
      expect(length).toBeGreaterThanOrEqual(least);
      expect(length).toBeLessThanOrEqual(most);
    }
  });

  it('TCP is opened to port 1947 and to no other (R3, L2)', () => {
    const opened = tcp([...bridge, ...loopback]).filter(({ syn, source }) => syn && source.port !== PORT);
    expect(opened.length).toBeGreaterThan(4);
    expect(new Set(opened.map(({ destination }) => destination.port))).toEqual(new Set([PORT]));
    for (const { source, destination } of tcp([...bridge, ...loopback])) expect([source.port, destination.port]).toContain(PORT);
  });

  it('applications speak to 127.0.0.1 only, in frames of the local protocol (L1, L3, L5)', () => {
    for (const { source, destination } of tcp(loopback)) expect([source.address, destination.address]).toEqual(['127.0.0.1', '127.0.0.1']);
    const toLm = streams(loopback).filter(({ bytes, destination }) => destination.port === PORT && bytes[0] === 0);
    expect(toLm.length).toBe(3);
    let records = 0;
    for (const { source, bytes, complete } of toLm) {
      expect(complete).toBe(true);
      const sent = new FrameDecoder().push(bytes).map(decodeToLm);
      expect(sent[0]).toMatchObject({ kind: 'hello', host: 'yard', application: 'application.ts' });
      records += sent.filter(({ kind }) => kind === 'record').length;
      const back = streams(loopback).find((each) => each.destination.port === source.port && each.source.port === PORT);
      const received = new FrameDecoder().push(back?.bytes ?? Buffer.alloc(0)).map(decodeToApplication);
      expect(received.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['welcome', 'found', 'opened', 'record']));
    }
    expect(records).toBeGreaterThanOrEqual(READS);
  });

  it('between computers there is text only: HTTP with base64 in the bodies, which holds the blocks of the link protocol (R7)', () => {
    for (const { payload } of tcp(bridge)) expect(payload.toString('latin1')).toMatch(/^[\x20-\x7e\r\n]*$/);
    for (const stream of streams(bridge)) {
      const found = messagesOf(stream);
      for (const { start, body } of found) {
        expect(start).toMatch(/^POST \/lm\/v1\/(hello|confirm|exchange) HTTP\/1\.1$|^HTTP\/1\.1 200 OK$/);
        expect(body).toMatch(BASE64);
      }
    }
    const asked = exchanges('requests').flat();
    const answered = exchanges('answers').flat();
    // Those of the applications, each with its process (K35), and one by which their LM had the key of the catalog prove itself (K9).
    expect(asked.flatMap((block) => (block.kind === 'open for' ? [block.forwarded] : []))).toEqual([false, false, false]);
    expect(asked.filter(({ kind }) => kind === 'open').length).toBe(1);
    expect(asked.filter(({ kind }) => kind === 'record').length).toBeGreaterThanOrEqual(READS);
    expect(answered.filter(({ kind }) => kind === 'record').length).toBeGreaterThanOrEqual(READS);
    expect(answered.filter(({ kind }) => kind === 'attached').length).toBe(6);
    // The applications were killed, and their LM gave their seats back.
    expect(asked.filter(({ kind }) => kind === 'release').length).toBe(6);
  });

  it('nothing of what a session exchanges is readable, neither between computers nor on the own one (K10, L7)', () => {
    const carried = streams([...bridge, ...loopback]).flatMap((stream) => [
      stream.bytes,
      ...(stream.bytes[0] === 0 ? [] : messagesOf(stream).map(({ body }) => Buffer.from(body, 'base64'))),
    ]);
    const everything = Buffer.concat([...carried, ...[...bridge, ...loopback].map(({ payload }) => payload)]);
    // The control: what is meant to be readable is found in the same bytes.
    expect(everything.includes('Five seats')).toBe(true);
    expect([readBack, decrypted]).toEqual([SECRET, PLAIN]);
    for (const secret of [SECRET, PLAIN, ciphertext]) {
      for (const part of [secret.subarray(0, 16), secret.subarray(-16)]) {
        expect(everything.includes(part)).toBe(false);
        expect(everything.includes(part.toString('hex'))).toBe(false);
        expect(everything.includes(part.subarray(0, 15).toString('base64'))).toBe(false);
      }
    }
  });

  it('one kept-alive connection carries everything from one LM to another (R8)', () => {
    const syns = tcp(bridge).filter(
      ({ syn, source, destination }) =>
        syn && hosts.yard.has(source.address) && hosts.office.has(destination.address) && destination.port === PORT,
    );
    expect(messages(hosts.yard, hosts.office, 'requests').length).toBeGreaterThan(READS);
    expect(syns.length).toBe(1);
  });

  it('one renewal in one request speaks for all sessions of all applications of a computer (R8)', () => {
    const renewals = exchanges('requests').map((blocks) => blocks.filter((block) => block.kind === 'renew'));
    for (const each of renewals) expect(each.length).toBeLessThanOrEqual(1);
    // At each channel that was opened: for the proof of the key, before any session, with three of the first application, with five of two.
    expect(renewals.flat().map(({ count }) => count)).toEqual([0, 0, 3, 5]);
    expect(
      exchanges('answers')
        .flat()
        .filter((block) => block.kind === 'renewed'),
    ).toEqual([true, true, true, true].map((agreed) => ({ kind: 'renewed', agreed })));
  });
});
