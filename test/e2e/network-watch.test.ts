import {
  type Kind,
  kindOfConnection,
  kindOfDatagram,
  kindOfRequest,
  type NetworkEvent,
  trafficOf,
  type Upcoming,
} from '@keyhaven/core/network';
import { captureAvailable, type Packet } from '@keyhaven/testkit/lab';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { conversations, messagesOf, type NetworkRun, networkRun } from './network-run.ts';
import { eventually, needsLab, type Site } from './site.ts';

// The live view of three license managers beside a capture of all that passed between them (R10): both tell the same.

const noCapture = captureAvailable();
const KEYHAVEN = new URL('../../packages/cli/bin/keyhaven.js', import.meta.url).pathname;
type WatchLine = ({ readonly type: 'traffic' } & NetworkEvent) | { readonly type: 'next'; readonly scheduled: readonly Upcoming[] };

describe('keyhaven net watch', () => {
  let run: NetworkRun | undefined;
  beforeEach(needsLab(() => run?.site, noCapture));
  const watched = new Map<string, WatchLine[]>();
  /** keyhaven net watch on each computer, begun when the license managers run already. */
  const watchAll = async (site: Site): Promise<void> => {
    for (const host of site.lab.hosts) {
      const seen: WatchLine[] = [];
      watched.set(host.name, seen);
      const process = await host.spawn('node', [KEYHAVEN, 'net', 'watch', '--json']);
      const read = async (): Promise<void> => {
        for await (const line of process.lines()) seen.push(JSON.parse(line) as WatchLine);
      };
      void read();
      await eventually(`${host.name} is watched`, async () => seen.some(({ type }) => type === 'next'));
    }
  };
  beforeAll(async () => {
    if (noCapture !== undefined) return;
    run = await networkRun(watchAll);
    // The last that happened: one computer said goodbye by IPv4 and IPv6, and the others heard it.
    const farewells = (host: string): number =>
      (watched.get(host) ?? []).filter((line) => line.type === 'traffic' && line.kind === 'stopping' && line.result !== 'own').length;
    await eventually('the watches tell the last of the run', async () => ['office', 'yard', 'ship'].every((host) => farewells(host) >= 2));
  });
  afterAll(async () => run?.site.close());
  const captured = (): NetworkRun => {
    if (run === undefined) throw new Error('no run');
    return run;
  };
  const traffic = (host: string): NetworkEvent[] => (watched.get(host) ?? []).flatMap((line) => (line.type === 'traffic' ? [line] : []));
  const zoneless = (address: string): string => address.split('%', 1)[0] ?? '';
  /** The same on the wire: a hint is a question, too. */
  const onWire = (kind: Kind): Kind => (kind === 'hint' ? 'search' : kind);
  const names = ['office', 'yard', 'ship'] as const;
  const own = (host: (typeof names)[number]): ReadonlySet<string> =>
    new Set(
      captured()
        .lms[host].host.interfaces()
        .flatMap(({ address, address6, linkLocal }) => [address, address6, linkLocal]),
    );
  const udp = () => captured().bridge.filter((packet) => packet.protocol === 'udp');
  const said = (kind: Kind | undefined, address: string, bytes: number): string => `${kind} ${address} ${bytes}`;
  /** What is in the first list and not in the second, each as often as it is there. */
  const missing = (all: readonly string[], from: readonly string[]): string[] => {
    const left = [...from];
    return all.filter((each) => {
      const at = left.indexOf(each);
      if (at >= 0) left.splice(at, 1);
      return at < 0;
    });
  };

  it.each(names)('tells each datagram that %s sends, and nothing else', (host) => {
    const addresses = own(host);
    const told = traffic(host).filter(({ event, direction, result }) => event === 'datagram' && direction === 'out' && result === 'sent');
    expect(told.map(({ kind, peer, sent }) => said(onWire(kind), zoneless(peer), sent)).toSorted()).toEqual(
      udp()
        .filter(({ source }) => addresses.has(source.address))
        .map(({ payload, destination }) => said(kindOfDatagram(payload), destination.address, payload.length))
        .toSorted(),
    );
    expect(told.length).toBeGreaterThanOrEqual(4);
  });

  it.each(['office', 'yard'] as const)('tells each datagram that %s receives, and nothing else', (host) => {
    const addresses = own(host);
    const heard = (packet: Packet): boolean =>
      !addresses.has(packet.source.address) && (packet.cast !== 'unicast' || addresses.has(packet.destination.address));
    const of = (packets: readonly Packet[]): string[] =>
      packets.filter(heard).map(({ payload, source }) => said(kindOfDatagram(payload), source.address, payload.length));
    const told = traffic(host)
      .filter(({ event, direction, result }) => event === 'datagram' && direction === 'in' && result !== 'own')
      .map(({ kind, peer, received }) => said(kind, zoneless(peer), received));
    expect(missing(told, of(udp()))).toEqual([]);
    // What came before it listened it cannot tell: so from its own first datagram on.
    const begun = udp().findIndex(({ source }) => addresses.has(source.address));
    expect(missing(of(udp().slice(begun)), told)).toEqual([]);
    expect(told.length).toBeGreaterThan(4);
  });

  it('tells each connection between computers and what it was for', () => {
    const { bridge } = captured();
    // Whoever asks a computer that has just stopped is answered by its system: no connection, and nobody there to tell it.
    const all = conversations(bridge).filter(({ there }) =>
      bridge.some(
        (packet) =>
          packet.protocol === 'tcp' &&
          packet.syn &&
          packet.source.port === 1947 &&
          packet.source.address === there.destination.address &&
          packet.destination.port === there.source.port,
      ),
    );
    for (const host of names) {
      const addresses = own(host);
      const to = all.filter(({ there }) => addresses.has(there.destination.address));
      const opened = (of: 'in' | 'out') =>
        traffic(host).filter(({ event, direction, peer }) => event === 'opened' && direction === of && peer !== '127.0.0.1');
      expect(
        opened('in')
          .map(({ kind, peer, port }) => `${kind} ${zoneless(peer)} ${port}`)
          .toSorted(),
      ).toEqual(to.map(({ there }) => `${kindOfConnection(there.bytes)} ${there.source.address} ${there.source.port}`).toSorted());
      const links = all.filter(({ there }) => addresses.has(there.source.address) && kindOfConnection(there.bytes) === 'link');
      expect(
        opened('out')
          .map(({ peer }) => zoneless(peer))
          .toSorted(),
      ).toEqual(links.map(({ there }) => there.destination.address).toSorted());
    }
    const ended = traffic('office').filter(({ event, kind }) => event === 'closed' && kind === 'refused');
    expect(ended.map(({ received }) => received).toSorted((a, b) => a - b)).toEqual([3, 14]);
  });

  it('tells each request between license managers, with the bytes of both bodies', () => {
    const all = conversations(captured().bridge).filter(({ there }) => kindOfConnection(there.bytes) === 'link');
    for (const host of names) {
      const addresses = own(host);
      const of = (direction: 'in' | 'out') => {
        const mine = all.filter(({ there }) => addresses.has((direction === 'in' ? there.destination : there.source).address));
        return mine
          .flatMap(({ there, back }) => {
            const answers = back === undefined ? [] : messagesOf(back);
            return messagesOf(there).flatMap(({ start, body }, index) =>
              answers[index] === undefined
                ? []
                : [said(kindOfRequest('POST', start.split(' ')[1] ?? ''), String(body.length), answers[index].body.length)],
            );
          })
          .toSorted();
      };
      const told = (direction: 'in' | 'out') =>
        traffic(host)
          .filter(
            (each) =>
              each.event === 'request' && each.direction === direction && trafficOf(each.kind).layer === 'request' && each.result === '200',
          )
          .map(({ kind, sent, received }) =>
            direction === 'out' ? said(kind, String(sent), received) : said(kind, String(received), sent),
          )
          .toSorted();
      expect(told('out')).toEqual(of('out'));
      expect(told('in')).toEqual(of('in'));
    }
    expect(traffic('yard').filter(({ event, kind }) => event === 'request' && kind === 'listen').length).toBeGreaterThan(0);
  });

  it('tells what is scheduled next and when: each search after five to six minutes, and the renewal of seats within one', () => {
    const lines = (watched.get('yard') ?? []).flatMap((line) => (line.type === 'next' ? [line.scheduled] : []));
    const searches = lines.flat().filter(({ kind }) => kind === 'search');
    expect(new Set(searches.map(({ to }) => to))).toEqual(new Set([captured().lms.yard.host.broadcast, 'ff02::1%eth0']));
    const begun = Date.parse(traffic('yard').find(({ kind, direction }) => kind === 'search' && direction === 'out')?.at ?? '');
    for (const { at } of searches) {
      expect(Date.parse(at) - begun).toBeGreaterThan(4.9 * 60_000);
      expect(Date.parse(at) - begun).toBeLessThan(6.1 * 60_000);
    }
    expect(lines.flat().some(({ kind }) => kind === 'exchange')).toBe(true);
  });

  it('tells people one line for each, and what comes next; --recent ends there', async () => {
    const { code, stdout } = await captured().site.keyhaven('office', 'net', 'watch', '--recent');
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.at(-1)).toMatch(/^next: [a-z]+ to \S+ at \d\d:\d\d:\d\d/);
    expect(lines).toContainEqual(
      expect.stringMatching(
        /^[\d:.]{12} {2}-> {2}search +10\.199\.1\.255:1947 +40 B out +sent {2}\| Asks who else is a license manager\.$/,
      ),
    );
    for (const line of lines.slice(0, -1)) expect(line).toMatch(/^[\d:.]{12} {2}(->|<-) {2}[a-z]+ .* \| [A-Z].*\.$/);
  });

  it('numbers what happened without a gap, from the first on', () => {
    for (const host of names) expect(traffic(host).map(({ number }) => number)).toEqual(traffic(host).map((_, index) => index + 1));
  });
});
