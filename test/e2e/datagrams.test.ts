import { randomBytes } from 'node:crypto';
import { type Datagram, decodeDatagram, encodeDatagram, guidText } from '@keyhaven/core/discovery';
import { captureAvailable, labAvailable } from '@keyhaven/testkit/lab';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSite, eventually, FEATURE, type Lm, linkedTo, needsLab, type Site } from './site.ts';
import { statusOf, type ToldApplication, type ToldSession } from './told-application.ts';

// A pirate on the network (R5, S14): forged sources, repeated, looping, oversized and fragmented datagrams, and a flood of them. Work is bounded, the
// log has a line, and no session, seat or key is lost.

const noLab = labAvailable() ?? captureAvailable();
/** Sends lines of hex to an address, each as one datagram, from an address of its own choosing: FROM TO COUNT. */
const SEND = `
const [from, to, count] = process.argv.slice(1);
const socket = require('node:dgram').createSocket('udp4');
const lines = require('node:fs').readFileSync(0, 'utf8').split('\\n').filter((line) => line !== '').map((line) => Buffer.from(line, 'hex'));
socket.bind({ address: from, port: from === '0.0.0.0' ? 0 : 1947 }, async () => {
  for (let round = 0; round < Number(count); round += 1) {
    for (const bytes of lines) await new Promise((done) => socket.send(bytes, 1947, to, done));
    if (round % 50 === 0) await new Promise(setImmediate);
  }
  socket.close();
});`;

describe('datagrams of a pirate (R5, S14)', () => {
  let site: Site;
  let office: Lm;
  let yard: Lm;
  let application: ToldApplication;
  let session: ToldSession;
  beforeEach(needsLab(() => site, noLab));
  beforeAll(async () => {
    if (noLab !== undefined) return;
    site = await createSite({ hosts: ['office', 'yard', 'pirate'] });
    for (const host of site.lab.hosts) await host.run('sh', ['-c', 'echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6']);
    [office, yard] = await Promise.all([site.startLm('office'), site.startLm('yard')]);
    await site.license(office);
    await linkedTo(yard, office);
    // It has the address of the office, too, and says so to nobody by ARP: what is forged here are datagrams.
    await site
      .host('pirate')
      .run('sh', [
        '-c',
        `echo 2 > /proc/sys/net/ipv4/conf/all/arp_ignore; echo 2 > /proc/sys/net/ipv4/conf/all/arp_announce; ip addr add ${office.host.address}/32 dev lo`,
      ]);
    application = await site.application('yard');
    session = await application.login({ vendorCode: site.code, feature: FEATURE.oneSeat });
    await session.write(0, Buffer.from('mine'));
  });
  afterAll(async () => site?.close());

  const send = async (from: string, to: string, datagrams: readonly Uint8Array[], count = 1): Promise<void> => {
    const hex = datagrams.map((bytes) => Buffer.from(bytes).toString('hex')).join('\n');
    const pirate = site.host('pirate');
    const { code, stderr } = await pirate.run('sh', [
      '-c',
      'printf "%s\\n" "$0" | "$@"',
      hex,
      process.execPath,
      '-e',
      SEND,
      from,
      to,
      String(count),
    ]);
    expect([code, stderr]).toEqual([0, '']);
  };
  const invented = (): { readonly guid: string; readonly tcpPort: number; readonly bootCount: number } => ({
    guid: guidText(randomBytes(30)),
    tcpPort: 1947,
    bootCount: 7,
  });
  const asOffice = (): ReturnType<typeof invented> => ({ ...invented(), guid: office.guid });
  /** The session goes on, its seat is taken, and the others still know each other. */
  const nothingLost = async (): Promise<void> => {
    expect((await session.read(0, 4)).toString()).toBe('mine');
    expect(await office.used(FEATURE.oneSeat)).toBe(1);
    expect((await yard.peers()).map(({ guid, state, keys }) => ({ guid, state, keys }))).toEqual([
      { guid: office.guid, state: 'linked', keys: 1 },
    ]);
    expect(await statusOf((await site.application('office')).login({ vendorCode: site.code, feature: FEATURE.unlimited }))).toBe(0);
  };
  /** What passes between office and yard while `work` is done. */
  const between = async (work: () => Promise<void>): Promise<{ readonly datagrams: number; readonly connections: number }> => {
    const capture = await site.lab.capture();
    await work();
    const packets = await capture.stop();
    const [one, other] = [office.host.address, yard.host.address];
    const ours = packets.filter(({ source, destination }) => [source, destination].every(({ address }) => [one, other].includes(address)));
    const answers = ours.filter(({ protocol, payload }) => protocol === 'udp' && decodeDatagram(payload)?.kind === 'answer');
    return { datagrams: answers.length, connections: ours.filter((packet) => packet.protocol === 'tcp' && packet.syn).length };
  };

  it('with the source of another computer: one answer at most for each question, to where the source is said to be, and never a loop', async () => {
    const asks = Array.from({ length: 30 }, (_, cookie) => encodeDatagram({ kind: 'ask', ...invented(), cookie }));
    const answers = asks.map((_, cookie) => encodeDatagram({ kind: 'answer', ...asOffice(), cookie }));
    const { datagrams } = await between(() => send(office.host.address, yard.host.address, [...asks, ...answers]));
    // The answers of the yard that go to the office are nothing that the office asked for, and end there. The forged answers count themselves.
    expect(datagrams).toBeLessThanOrEqual(60);
    expect(datagrams).toBeGreaterThan(30);
    await nothingLost();
  });

  it('that say that a license manager stops, or has lost its keys, in its name and from its address: it is asked, and nothing is believed', async () => {
    const lies: Datagram[] = Array.from({ length: 20 }, (_, sequence) => [
      { kind: 'stopping' as const, ...asOffice(), sequence: 1_000 + sequence },
      {
        kind: 'changed' as const,
        ...asOffice(),
        sequence: 2_000 + sequence,
        entries: [{ what: 'removed' as const, keyId: 77n, version: 9 }],
      },
    ]).flat();
    const { connections } = await between(() => send(office.host.address, yard.host.address, lies.map(encodeDatagram)));
    expect(connections, 'by the connection that is there').toBeLessThanOrEqual(2);
    await eventually('the yard knows the key again', async () => (await yard.features()).length > 0);
    await nothingLost();
  });

  it('that come round and round, as in a network with a loop: the first one counts', async () => {
    const said = encodeDatagram({ kind: 'started', ...asOffice(), sequence: 5_000 });
    const { connections } = await between(() => send(office.host.address, yard.host.address, [said], 5_000));
    expect(connections).toBeLessThanOrEqual(2);
    await nothingLost();
  });

  it('that are larger than any of ours, whole and in fragments, get no answer and one line in the log', async () => {
    // From now on in its own name; what it sends to the address of the office is to leave it.
    const own = `ip addr del ${office.host.address}/32 dev lo; ip link set eth0 mtu 576`;
    expect(await site.host('pirate').run('sh', ['-ec', own])).toMatchObject({ code: 0 });
    const capture = await site.lab.capture();
    const sizes = [0, 1, 39, 41, 1_199, 1_500, 9_000];
    const large = sizes.map((size) =>
      Buffer.concat([encodeDatagram({ kind: 'ask', ...invented(), cookie: size }), Buffer.alloc(size)]).subarray(0, size),
    );
    await send('0.0.0.0', office.host.address, large, 50);
    // What is ours arrives in fragments likewise, and is heard: a stranger with changes is worth a question.
    const entries = Array.from({ length: 80 }, (_, keyId) => ({ what: 'added' as const, keyId: BigInt(keyId + 1), version: 1 }));
    await send('0.0.0.0', office.host.address, [encodeDatagram({ kind: 'changed', ...invented(), sequence: 1, entries })]);
    const pirate = site.host('pirate').address;
    const asked = async (): Promise<boolean> => {
      const { stdout } = await site.keyhaven('office', 'net', 'watch', '--recent', '--json');
      return stdout.split('\n').some((line) => line.includes('"hint"') && line.includes(pirate));
    };
    await eventually('the office asks who that was', asked);
    const toPirate = (await capture.stop()).filter(({ protocol, destination }) => protocol === 'udp' && destination.address === pirate);
    expect(toPirate.map(({ payload }) => decodeDatagram(payload)?.kind)).toEqual(['ask']);
    expect(office.process.stderr().split('datagrams come that are no discovery')).toHaveLength(2);
    await nothingLost();
  });

  it('in a flood: answered at the stated rate, in the log once, and logins go on', async () => {
    const resident = async (): Promise<number> => {
      const { stdout } = await office.host.run('sh', ['-c', `sed -n 's/VmRSS:[^0-9]*//p' /proc/${office.process.pid}/status`]);
      return Number.parseInt(stdout, 10) / 1024;
    };
    const before = await resident();
    const capture = await site.lab.capture();
    const started = performance.now();
    const flood = Array.from({ length: 400 }, (_, index): Datagram => {
      if (index % 3 === 0) return { kind: 'ask', ...invented(), cookie: index };
      return index % 3 === 1 ? { kind: 'started', ...invented(), sequence: index } : { kind: 'answer', ...invented(), cookie: index };
    });
    const flooding = Promise.all([1, 2].map(() => send('0.0.0.0', office.host.address, flood.map(encodeDatagram), 50)));
    await nothingLost();
    await flooding;
    const seconds = (performance.now() - started) / 1_000;
    const toPirate = (await capture.stop()).filter(
      ({ protocol, destination }) => protocol === 'udp' && destination.address === site.host('pirate').address,
    );
    expect(toPirate.length).toBeLessThanOrEqual(40 + 20 * seconds + 2);
    expect(toPirate.every(({ payload }) => payload.length === 40)).toBe(true);
    expect(office.process.stderr().split('more datagrams come than are heard')).toHaveLength(2);
    expect((await resident()) - before).toBeLessThan(80);
    await nothingLost();
  });
});
