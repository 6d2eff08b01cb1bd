import { createHash } from 'node:crypto';
import { createDiscovery, type Discovery, defaultSettings, guidText, type Send } from '@keyhaven/core/discovery';
import { type Mono, mono } from '@keyhaven/core/time';
import { createRandom } from '../world/index.ts';
import { createAgenda } from './agenda.ts';

// Many license managers that are switched on together, on one subnet or on several, with the real machines of core/discovery and without sockets: how much do
// they send, and how soon do all know of a new key (P7)? The same seed gives the same run (I7).

export type CrowdOptions = {
  readonly count: number;
  /** So many of them have keys from the start. */
  readonly servers: number;
  readonly seed: number;
  /** LMs to a subnet, at most 250; then everybody has the addresses of the LMs with keys as search parameters. Absent: one subnet for all. */
  readonly perSubnet?: number;
  /** Milliseconds that a datagram is under way. */
  readonly delay?: number;
};

export type CrowdFigures = {
  readonly count: number;
  readonly servers: number;
  /** Datagrams in the first minute after all were switched on. */
  readonly powerUp: number;
  /** Most datagrams in any 100 ms of it. */
  readonly burst: number;
  /** Datagrams in one interval of the search, long after. */
  readonly perInterval: number;
  /** Milliseconds from a new key at one LM to the notification at all others that were to know of it; -1 where some never heard. */
  readonly known: number;
  /** LMs without keys that do not know all LMs with keys after the first minute. */
  readonly blind: number;
};

const INTERVAL = 5 * 60_000;
/** The jitter makes an interval up to a fifth longer; in so much time everybody has searched once more. */
const SETTLED = INTERVAL * 1.2 + 60_000;

type Place = { readonly address: string; readonly broadcast: string; readonly from: number; readonly to: number };

const placeOf = (index: number, count: number, perSubnet: number | undefined): Place => {
  if (perSubnet === undefined) {
    const [a, b] = [(index + 1) >> 8, (index + 1) & 0xff];
    return { address: `10.0.${a}.${b}`, broadcast: '10.0.255.255', from: 0, to: count };
  }
  const subnet = Math.floor(index / perSubnet);
  const prefix = `10.${(subnet >> 8) + 1}.${subnet & 0xff}`;
  const from = subnet * perSubnet;
  return { address: `${prefix}.${(index % perSubnet) + 1}`, broadcast: `${prefix}.255`, from, to: Math.min(count, from + perSubnet) };
};

export const simulateCrowd = ({ count, servers, seed, perSubnet, delay = 0.2 }: CrowdOptions): CrowdFigures => {
  const random = createRandom(`crowd ${seed}`);
  const agenda = createAgenda(count);
  const machines: Discovery[] = [];
  const knows = Array.from({ length: count }, () => new Set<string>());
  const guids = Array.from({ length: count }, (_, index) =>
    guidText(createHash('sha256').update(`${seed} ${index}`).digest().subarray(0, 30)),
  );
  const sent: number[] = [];
  let now = mono(0);
  /** Since a key was added. */
  const heardOfKey = new Set<number>();

  const places = guids.map((_, index) => placeOf(index, count, perSubnet));
  const byAddress = new Map(places.map(({ address }, index) => [address, index]));
  const subnets = new Map(places.map(({ broadcast, from, to }) => [broadcast, { from, to }]));
  const serverAddresses = places.slice(0, servers).map(({ address }) => address);
  /** Who found an LM connects to it, and is notified by it. */
  const linked = Array.from({ length: count }, () => new Set<string>());
  const byGuid = new Map(guids.map((guid, index) => [guid, index]));

  const deliver = (from: number, { to, bytes }: Send): void => {
    const source = { address: places[from]?.address ?? '', port: 1947, local: '0.0.0.0' };
    const at = mono(now + delay);
    agenda.at(at, () => {
      const subnet = subnets.get(to);
      if (subnet === undefined) {
        const receiver = byAddress.get(to);
        if (receiver !== undefined) take(receiver, source, bytes);
        return;
      }
      for (let receiver = subnet.from; receiver < subnet.to; receiver += 1) if (receiver !== from) take(receiver, source, bytes);
    });
  };
  const take = (index: number, source: { address: string; port: number; local: string }, bytes: Uint8Array): void => {
    machines[index]?.datagram(now, source, bytes);
    turn(index);
  };
  const link = (index: number, other: number): void => {
    linked[index]?.add(places[other]?.address ?? '');
    linked[other]?.add(places[index]?.address ?? '');
    for (const each of [index, other]) machines[each]?.peers(now, [...(linked[each] ?? [])]);
  };
  const turn = (index: number): void => {
    const machine = machines[index];
    if (machine === undefined) return;
    for (let output = machine.poll(); output !== undefined; output = machine.poll()) {
      if (output.kind === 'send') {
        sent.push(now);
        deliver(index, output);
      } else if (output.kind === 'found') {
        knows[index]?.add(output.guid);
        link(index, byGuid.get(output.guid) ?? index);
      } else if (output.kind === 'heard') {
        if (!output.known) machine.ask(now, output.address);
        if (output.notification.kind === 'changed') heardOfKey.add(index);
      }
    }
    agenda.wake(index, machine.nextTimeout(now));
  };

  for (let index = 0; index < count; index += 1) {
    const machine = createDiscovery({
      guid: guids[index] ?? '',
      tcpPort: 1947,
      bootCount: 1,
      settings: { ...defaultSettings, intervalMs: INTERVAL, searchAddresses: perSubnet === undefined ? [] : serverAddresses },
      entropy: () => random.next(),
    });
    machines.push(machine);
    const { address, broadcast } = places[index] ?? placeOf(index, count, perSubnet);
    machine.interfaces(now, [{ name: 'eth0', address, family: 4, broadcast }]);
    machine.start(now);
    machine.serving(index < servers);
    turn(index);
  }

  const runUntil = (end: Mono): void => {
    for (let next = agenda.next(); next !== undefined && next.at <= end; next = agenda.next()) {
      now = next.at;
      agenda.take();
      if (next.kind === 'task') next.task();
      else {
        machines[next.index]?.timeout(now);
        turn(next.index);
      }
    }
    now = end;
  };
  const countIn = (from: number, to: number): number => sent.filter((at) => at >= from && at < to).length;

  runUntil(mono(60_000));
  const powerUp = sent.length;
  const slots = new Map<number, number>();
  for (const at of sent) slots.set(Math.floor(at / 100), (slots.get(Math.floor(at / 100)) ?? 0) + 1);
  const serversGuids = guids.slice(0, servers);
  const blind = knows.filter((of, index) => serversGuids.some((guid, server) => server !== index && !of.has(guid))).length;

  // A key more at the first of those that have some.
  heardOfKey.clear();
  heardOfKey.add(0);
  const added = now;
  machines[0]?.keysChanged(now, [{ what: 'added', keyId: 1n, version: 1 }]);
  turn(0);
  let known = -1;
  while (now < added + 10_000) {
    runUntil(mono(now + 1));
    if (heardOfKey.size < count) continue;
    known = now - added;
    break;
  }

  runUntil(mono(added + SETTLED));
  const from = now;
  runUntil(mono(from + INTERVAL * 1.1)); // The mean pause between two searches.
  return {
    count,
    servers,
    powerUp,
    burst: Math.max(0, ...slots.values()),
    perInterval: countIn(from, now),
    known,
    blind,
  };
};
