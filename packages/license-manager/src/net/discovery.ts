import { isIP } from 'node:net';
import {
  createDiscovery,
  type Entry,
  type Found,
  type Heard,
  type Interface,
  type Random,
  type Reason,
  type Settings,
  type Verdict,
  withoutZone,
} from '@keyhaven/core/discovery';
import { type Clock, MINUTE, type Mono, mono, SECOND } from '@keyhaven/core/time';
import { type ReadInterfaces, watchInterfaces } from './interfaces.ts';
import { type Resolve, resolveAll, systemResolve } from './names.ts';
import { createQuestions, type Questions } from './questions.ts';
import { openUdp, type UdpAddress, type UdpProblem } from './udp.ts';

// Runs the discovery machine of core on real sockets, interfaces, names and time. Rules are in core; here only bytes, timers and
// names are carried to and fro.

/** One datagram as it passed, for the live view (R10). `problem`: the system refused to send it. */
export type Traffic =
  | { readonly direction: 'in'; readonly address: string; readonly port: number; readonly bytes: Uint8Array; readonly why: Verdict }
  | {
      readonly direction: 'out';
      readonly address: string;
      readonly port: number;
      readonly bytes: Uint8Array;
      readonly why: Reason;
      readonly problem: string | undefined;
    };

/** The settings of the search; `searchAddresses` may hold host names. */
export type SearchSettings = Omit<Settings, 'udpPort'>;

export type StartDiscovery = {
  readonly clock: Clock;
  /** Numbers in [0, 1) that nobody can predict. */
  readonly entropy: Random;
  readonly guid: string;
  readonly bootCount: number;
  /** 0 where no TCP is served (R2). */
  readonly tcpPort: number;
  /** Where this LM and the others listen. */
  readonly udpPort: number;
  /** Where this LM itself listens, when not there; 0 = a port that the system picks (an LM that serves no other one). */
  readonly localPort?: number | undefined;
  /** Empty: every interface. */
  readonly bind: readonly string[];
  readonly settings: SearchSettings;
  /** An LM may be there: connect and see. */
  readonly onFound: (found: Found) => void;
  /** Ask that peer again; what comes from a stranger has been followed by a question already, and may lead to `onFound`. */
  readonly onHeard: (heard: Heard) => void;
  readonly onClone: (address: string) => void;
  readonly onTraffic?: ((traffic: Traffic) => void) | undefined;
  readonly onProblem?: ((problem: UdpProblem | { readonly name: string; readonly error: unknown }) => void) | undefined;
  readonly readInterfaces?: ReadInterfaces | undefined;
  readonly resolve?: Resolve | undefined;
};

export type RunningDiscovery = {
  /** What is listened on. */
  readonly addresses: readonly UdpAddress[];
  readonly failures: ReadonlyMap<string, number>;
  /** Whether there are keys here that others may use (D18). */
  serving(keys: boolean): void;
  keysChanged(entries: readonly Entry[]): void;
  /** Of the LMs that are connected, and of those that have connected to this one. */
  setPeers(addresses: readonly string[], callers?: readonly string[]): void;
  setSettings(settings: SearchSettings): void;
  /** Questions of a person, out of turn (D19). */
  readonly questions: Questions;
  /** Another LM asks by its link: whether its question was heard here, and for one datagram to its address (K20). */
  readonly probes: { heard(address: string, cookie: number): boolean; call(address: string, cookie: number): boolean };
  nextSearch(): Mono | undefined;
  /** What it is going to send by itself, and the names that it is going to look up (R10). */
  scheduled(): { readonly kind: 'search' | 'hint' | 'names'; readonly to: string; readonly due: Mono }[];
  /** Says goodbye, waits until that is on the wire, closes the sockets. */
  stop(): Promise<void>;
};

/** How long before a search the names are looked up. */
const AHEAD = 5 * SECOND;

const literals = ({ searchAddresses }: SearchSettings): string[] => searchAddresses.filter((entry) => isIP(entry) !== 0);

/** Where sockets are bound to single addresses, only their interfaces are searched. */
export const reachable = (list: readonly Interface[], bind: readonly string[]): readonly Interface[] =>
  bind.length === 0
    ? list
    : list.filter(
        ({ address, family }) => bind.includes(family === 4 ? '0.0.0.0' : '::') || bind.some((own) => withoutZone(own) === address),
      );

export const startDiscovery = async (options: StartDiscovery): Promise<RunningDiscovery> => {
  const { clock, bind, udpPort, onTraffic, onProblem, resolve = systemResolve } = options;
  let wished = options.settings;
  let resolution = 0;
  let stopped = false;
  let underway: Promise<unknown> = Promise.resolve();
  let timer = (): void => {};
  let renewal = (): void => {};
  let lookup: Mono | undefined;
  let nameless: ReadonlySet<string> = new Set();

  const { guid, tcpPort, bootCount, entropy } = options;
  const machine = createDiscovery({
    guid,
    tcpPort,
    bootCount,
    entropy,
    settings: { ...wished, searchAddresses: literals(wished), udpPort },
  });
  const udp = await openUdp({
    port: options.localPort ?? udpPort,
    bind,
    onProblem,
    onDatagram(bytes, from) {
      const why = machine.datagram(clock.mono(), from, bytes);
      onTraffic?.({ direction: 'in', address: from.address, port: from.port, bytes, why });
      turn();
    },
  });

  const questions = createQuestions(
    () => machine.probe(clock.mono()),
    async (to, port, via, bytes) => {
      const problem = await udp.send({ to, port, via }, bytes);
      onTraffic?.({ direction: 'out', address: to, port, bytes, why: 'search', problem });
      return problem;
    },
  );

  /** Empties the machine, and wakes it at its next timeout. */
  const turn = (): void => {
    const sending: Promise<unknown>[] = [];
    for (let output = machine.poll(); output !== undefined; output = machine.poll()) {
      switch (output.kind) {
        case 'send': {
          const { to: address, port, bytes, why } = output;
          const sent = udp.send(output, bytes).then((problem) => {
            onTraffic?.({ direction: 'out', address, port, bytes, why, problem });
            if (problem === undefined || (why !== 'search' && why !== 'hint')) return;
            machine.unsent(clock.mono(), address);
            turn();
          });
          sending.push(sent);
          break;
        }
        case 'found':
          options.onFound(output);
          break;
        case 'heard':
          // D16: a stranger's word is worth one question, never a connection; R2: an LM that serves nobody asks no single address.
          if (!output.known && tcpPort !== 0) machine.ask(clock.mono(), output.address);
          options.onHeard(output);
          break;
        case 'clone':
          options.onClone(output.address);
          break;
        case 'probed':
          questions.answered(output);
          break;
      }
    }
    timer();
    const now = clock.mono();
    const next = machine.nextTimeout(now);
    if (next !== undefined) {
      timer = clock.after(Math.max(0, Math.ceil(next - now)), () => {
        machine.timeout(clock.mono());
        turn();
      });
    }
    if (sending.length > 0) underway = Promise.all(sending);
  };

  /**
   * Names are looked up at the start, when settings or interfaces change, and shortly before each search, so that what is searched
   * is never older than a minute; a name is looked up once a minute at most as long as nothing changes.
   */
  const resolveNames = async (): Promise<void> => {
    resolution += 1;
    const mine = resolution;
    renewal();
    lookup = undefined;
    const nowhere = new Map<string, unknown>(); // BOUNDED by the settings
    const addresses = await resolveAll(wished.searchAddresses, resolve, (name, error) => void nowhere.set(name, error));
    // Told once until the name has an address again: it is looked up all day.
    for (const [name, error] of nowhere) if (!nameless.has(name)) onProblem?.({ name, error });
    nameless = new Set(nowhere.keys());
    if (stopped || mine !== resolution) return;
    machine.settings(clock.mono(), { ...wished, searchAddresses: addresses, udpPort });
    turn();
    if (literals(wished).length === wished.searchAddresses.length) return;
    const now = clock.mono();
    const pause = (machine.nextSearch() ?? now) - now - AHEAD;
    const wait = Math.min(Math.max(pause, MINUTE), 5 * MINUTE);
    lookup = mono(now + wait);
    renewal = clock.after(wait, () => void resolveNames());
  };

  const useInterfaces = (list: readonly Interface[]): void => {
    const links = reachable(list, bind);
    udp.interfaces(links);
    machine.interfaces(clock.mono(), links);
    turn();
  };
  const watch = watchInterfaces({
    clock,
    read: options.readInterfaces,
    onChange(list) {
      useInterfaces(list);
      void resolveNames();
    },
  });
  useInterfaces(watch.current);
  machine.start(clock.mono());
  turn();
  void resolveNames();

  return {
    addresses: udp.addresses,
    failures: udp.failures,
    serving: (keys) => machine.serving(keys),
    keysChanged(entries) {
      machine.keysChanged(clock.mono(), entries);
      turn();
    },
    setPeers(addresses, callers) {
      machine.peers(clock.mono(), addresses, callers);
    },
    questions,
    probes: {
      heard: (address, cookie) => machine.heard(clock.mono(), address, cookie),
      call(address, cookie) {
        const may = machine.call(clock.mono(), address, cookie);
        turn();
        return may;
      },
    },
    setSettings(settings) {
      wished = settings;
      void resolveNames();
    },
    nextSearch: () => machine.nextSearch(),
    scheduled: () => [
      ...machine.upcoming().map(({ to, due, hint }) => ({ kind: hint ? ('hint' as const) : ('search' as const), to, due })),
      ...(lookup === undefined ? [] : [{ kind: 'names' as const, to: 'name servers', due: lookup }]),
    ],
    async stop() {
      if (stopped) return;
      stopped = true;
      watch.stop();
      renewal();
      machine.stop(clock.mono());
      turn();
      await underway;
      await udp.close();
    },
  };
};
