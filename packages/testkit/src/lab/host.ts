import { writeFile } from 'node:fs/promises';
import { type Capture, startCapture } from './capture.ts';
import { type HostIdentity, type LabProcess, type ProcessOptions, type RunResult, runProcess, startProcess } from './lab-process.ts';
import type { Wire, Wiring } from './wiring.ts';

// One computer of a lab: its own network, name and machine id; the disk is shared with the others.

/** What every /etc/hosts says. */
export const LOCALHOST = '127.0.0.1 localhost\n::1 localhost\n';

/** An interface as its host sees it. */
export type Interface = Pick<Wire, 'name' | 'subnet' | 'address' | 'broadcast' | 'address6' | 'linkLocal'>;

export type Host = {
  readonly name: string;
  /** What os.hostname() says there; the same as `name`. */
  readonly hostname: string;
  readonly machineId: string;
  /** The name of the network namespace, for other tools. */
  readonly namespace: string;
  /** Of the first interface that is there now: eth0 unless it was removed. */
  readonly interface: string;
  readonly address: string;
  readonly broadcast: string;
  readonly address6: string;
  interfaces(): readonly Interface[];
  spawn(command: string, args: readonly string[], options?: ProcessOptions): Promise<LabProcess>;
  /** Runs to the end, or rejects after 10 s unless told; `code` is null when a signal ended it. */
  run(command: string, args: readonly string[], options?: ProcessOptions & { readonly timeoutMs?: number }): Promise<RunResult>;
  /** Takes the cables out or puts them back; one interface when named. Resolves when the host has noticed. */
  link(up: boolean, name?: string): Promise<void>;
  addInterface(subnet: number): Promise<Interface>;
  removeInterface(name: string): Promise<void>;
  captureLoopback(): Promise<Capture>;
  /** The names that this host knows from now on, its own /etc/hosts, with their addresses; `localhost` it knows always. */
  names(known: Readonly<Record<string, readonly string[]>>): Promise<void>;
};

export type HostParts = {
  readonly identity: HostIdentity;
  readonly machineId: string;
  /** The place of this host in the lab, from 0; it decides the last number of its addresses. */
  readonly index: number;
  /** Two bytes that set this lab's hardware addresses apart from those of others. */
  readonly labBytes: readonly [number, number];
  readonly wiring: Wiring;
  /** Told of what must end with the lab. */
  readonly started: (process: LabProcess) => void;
  readonly capturing: (capture: Capture) => void;
};

export const createHost = ({ identity, machineId, index, labBytes, wiring, started, capturing }: HostParts): Host => {
  const wires: Wire[] = [];
  let count = 0;
  const first = (): Wire => {
    const [wire] = wires;
    if (wire === undefined) throw new Error(`${identity.hostname} has no interface now`);
    return wire;
  };
  return {
    name: identity.hostname,
    hostname: identity.hostname,
    machineId,
    namespace: identity.namespace,
    get interface() {
      return first().name;
    },
    get address() {
      return first().address;
    },
    get broadcast() {
      return first().broadcast;
    },
    get address6() {
      return first().address6;
    },
    interfaces: () => [...wires],
    async spawn(command, args, options) {
      const process = await startProcess(identity, command, args, options);
      started(process);
      return process;
    },
    run: (command, args, options) => runProcess(identity, command, args, options),
    async link(up, name) {
      const chosen = wires.filter((wire) => name === undefined || wire.name === name);
      if (chosen.length === 0) throw new Error(`${identity.hostname} has no interface ${name ?? ''}`);
      await wiring.plug(chosen, up);
    },
    async addInterface(subnet) {
      const nth = count;
      count += 1;
      const [high, low] = labBytes;
      // 02: set by hand, for one computer only. The link-local address follows from it (RFC 4291, appendix A).
      const wire: Wire = {
        host: identity.hostname,
        namespace: identity.namespace,
        name: `eth${nth}`,
        port: `h${index}e${nth}`,
        subnet,
        address: `10.199.${subnet}.${10 + index}`,
        broadcast: `10.199.${subnet}.255`,
        address6: `fd00:10:199:${subnet}::${10 + index}`,
        linkLocal: `fe80::${hex(high * 256 + 0xff)}:${hex(0xfe00 + low)}:${hex(index * 256 + nth)}`,
      };
      await wiring.connect(wire, ['02', '00', byte(high), byte(low), byte(index), byte(nth)].join(':'));
      wires.push(wire);
      return wire;
    },
    async removeInterface(name) {
      const position = wires.findIndex((wire) => wire.name === name);
      const wire = wires[position];
      if (wire === undefined) throw new Error(`${identity.hostname} has no interface ${name}`);
      wires.splice(position, 1);
      await wiring.disconnect(wire);
    },
    // In place: what is mounted is the file, not its name.
    names: (known) =>
      writeFile(
        identity.hostsFile,
        [LOCALHOST, ...Object.entries(known).flatMap(([name, addresses]) => addresses.map((address) => `${address} ${name}\n`))].join(''),
      ),
    async captureLoopback() {
      const capture = await startCapture(identity.namespace, 'loopback');
      capturing(capture);
      return capture;
    },
  };
};

const hex = (number: number): string => number.toString(16);
const byte = (number: number): string => hex(number).padStart(2, '0');
