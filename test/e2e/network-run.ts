import { join } from 'node:path';
import { type Packet, type Stream, streams } from '@keyhaven/testkit/lab';
import { createSite, eventually, FEATURE, type Lm, linkedTo, type Site } from './site.ts';

// A run in which almost everything happens on the network that Keyhaven does: three computers start, one has keys, applications of another use
// them and wait in line, people look, strangers knock, one computer stops. Captured between the computers and on the one with applications.

export const PORT = 1947;

export type NetworkRun = {
  readonly site: Site;
  readonly lms: { readonly office: Lm; readonly yard: Lm; readonly ship: Lm };
  readonly bridge: readonly Packet[];
  readonly loopback: readonly Packet[];
  /** The same as pcap files. */
  readonly files: { readonly bridge: string; readonly loopback: string };
};

const KNOCKS = `
const { connect } = require('node:net');
const [host, hex] = process.argv.slice(1);
const socket = connect(1947, host, () => socket.write(Buffer.from(hex, 'hex')));
socket.on('data', () => undefined).on('close', () => process.exit(0)).on('error', () => process.exit(0));
setTimeout(() => process.exit(0), 3000);`;
const HTTPS = `require('node:tls').connect(1947, process.argv[1], { rejectUnauthorized: false }).on('error', () => undefined);`;
const GET = `fetch('http://' + process.argv[1] + ':1947' + process.argv[2]).then((answer) => answer.text()).then(console.log)`;

const played = async (site: Site, during: (site: Site, lms: NetworkRun['lms']) => Promise<void>): Promise<NetworkRun> => {
  const [onBridge, onLoopback] = await Promise.all([site.lab.capture(), site.host('yard').captureLoopback()]);
  const [office, yard, ship] = await Promise.all([site.startLm('office'), site.startLm('yard'), site.startLm('ship')]);
  const lms = { office, yard, ship };
  await during(site, lms);
  await Promise.all([linkedTo(yard, office, 0), linkedTo(ship, office, 0), linkedTo(office, yard, 0), linkedTo(office, ship, 0)]);
  await site.license(office);
  await Promise.all([linkedTo(yard, office), linkedTo(ship, office)]);

  const asked = { vendorCode: site.code, feature: FEATURE.oneSeat };
  const [first, second] = await Promise.all([site.application('yard'), site.application('yard')]);
  const session = await first.login(asked);
  await session.write(0, Buffer.from('kept in the key'));
  const waiting = second.login({ ...asked, wait: { timeoutMs: 20_000 } });
  await eventually('somebody waits', async () => (await office.features()).some(({ seats }) => seats.waiting > 0));
  await session.logout();
  await (await waiting).read(0, 15);
  // What is scheduled is looked at once a second; the renewal of a seat is to be among it.
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  await second.ask({ vendorCode: site.code }, '<haspformat format="keyinfo"/>').catch(() => undefined);

  const from = (host: string, script: string, ...args: string[]) => site.host(host).run('node', ['-e', script, ...args]);
  const { address } = office.host;
  await from('yard', GET, '127.0.0.1', '/api/v1/status');
  await from('ship', GET, address, '/healthz');
  await from('ship', GET, address, '/');
  // Scanners, and a browser that tries HTTPS, which is refused with an alert where no certificate is.
  await from('ship', KNOCKS, address, Buffer.from('SSH-2.0-scan\r\n').toString('hex'));
  await from('ship', KNOCKS, address, Buffer.of(1, 2, 3).toString('hex'));
  await from('ship', HTTPS, address);
  await Promise.all([first.end(), second.end()]);
  await eventually('all seats are given back', async () => (await office.sessions()).length === 0);
  await ship.end('SIGTERM');
  const [bridge, loopback] = await Promise.all([onBridge.stop(), onLoopback.stop()]);
  const files = { bridge: join(site.directory, 'bridge.pcap'), loopback: join(site.directory, 'loopback.pcap') };
  await Promise.all([onBridge.save(files.bridge), onLoopback.save(files.loopback)]);
  return { site, lms, bridge, loopback, files };
};

/** `during` is called when the license managers run, before anything else happens. */
export const networkRun = async (
  during: (site: Site, lms: NetworkRun['lms']) => Promise<void> = async () => undefined,
): Promise<NetworkRun> => {
  const site = await createSite({ hosts: ['office', 'yard', 'ship'] });
  try {
    return await played(site, during);
  } catch (error) {
    console.error(site.logs());
    await site.close();
    throw error;
  }
};

/** One connection: what its two sides said. */
export type Conversation = { readonly there: Stream; readonly back: Stream | undefined };

export const conversations = (packets: readonly Packet[]): Conversation[] => {
  const all = streams(packets);
  const isReturn = (one: Stream, other: Stream): boolean =>
    one.source.port === other.destination.port &&
    one.source.address === other.destination.address &&
    one.destination.port === other.source.port &&
    one.destination.address === other.source.address;
  return all
    .filter(({ destination }) => destination.port === PORT)
    .map((there) => ({ there, back: all.find((each) => isReturn(each, there)) }));
};

/** One HTTP message; `start` is its request or status line. */
export type Message = { readonly start: string; readonly body: string };

export const messagesOf = ({ bytes }: Stream): Message[] => {
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
