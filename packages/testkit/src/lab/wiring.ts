import { ip, linkStates, until } from './tool.ts';

// The switch of a lab: a namespace of its own with one bridge per subnet and, while hosts are parted, one more per group and subnet.
// The other end of every port is an interface of a host. Nothing of it appears in the computer's own network.

/** One interface of a host and the port of the switch that its cable goes to. */
export type Wire = {
  readonly host: string;
  readonly namespace: string;
  /** In the host's namespace: eth0, eth1, ... */
  readonly name: string;
  readonly port: string;
  readonly subnet: number;
  readonly address: string;
  readonly broadcast: string;
  readonly address6: string;
  readonly linkLocal: string;
};

export type Wiring = {
  readonly namespace: string;
  connect(wire: Wire, mac: string): Promise<void>;
  disconnect(wire: Wire): Promise<void>;
  /** Cable in or out, as the host sees it: an interface without carrier keeps its addresses. */
  plug(wires: readonly Wire[], up: boolean): Promise<void>;
  /** From now on frames pass only among wires whose hosts are in the same group. Carriers stay up, frames are lost in silence. */
  group(groupOf: (host: string) => number): Promise<void>;
  /** The indexes of the bridges themselves, which repeat in a capture what came in by a port. */
  bridgeIndexes(): Promise<ReadonlySet<number>>;
};

export const createWiring = (namespace: string): Wiring => {
  const bridges = new Set<string>();
  const wires = new Set<Wire>();
  let groupOf: (host: string) => number = () => 0;

  const bridgeFor = (wire: Wire): { readonly name: string; readonly commands: readonly string[] } => {
    const name = `br${wire.subnet}g${groupOf(wire.host)}`;
    if (bridges.has(name)) return { name, commands: [] };
    bridges.add(name);
    // Snooping would need a querier; without it a bridge may hold back multicast that a plain switch floods.
    return { name, commands: [`link add ${name} type bridge stp_state 0 forward_delay 0 mcast_snooping 0`, `link set ${name} up`] };
  };

  const ready = (expected: readonly Wire[], up: boolean): Promise<void> =>
    until(`the cables of ${expected.map(({ host, name }) => `${host}/${name}`).join(', ')} are ${up ? 'in' : 'out'}`, async () => {
      const ports = await linkStates(namespace);
      const portsReady = expected.every(({ port }) => {
        const found = ports.find(({ name }) => name === port);
        return found !== undefined && (up ? found.state === 'UP' && found.portState === 'forwarding' : found.state !== 'UP');
      });
      if (!portsReady) return false;
      for (const host of new Set(expected.map((wire) => wire.namespace))) {
        const links = await linkStates(host);
        const mine = expected.filter((wire) => wire.namespace === host);
        if (!mine.every((wire) => (links.find(({ name }) => name === wire.name)?.state === 'UP') === up)) return false;
      }
      return true;
    });

  return {
    namespace,
    async connect(wire, mac) {
      const bridge = bridgeFor(wire);
      wires.add(wire);
      await ip(namespace, [
        ...bridge.commands,
        `link add ${wire.port} type veth peer name ${wire.name} address ${mac} netns ${wire.namespace}`,
        `link set ${wire.port} master ${bridge.name} up`,
      ]);
      await ip(wire.namespace, [
        `addr add ${wire.address}/24 broadcast ${wire.broadcast} dev ${wire.name}`,
        `addr add ${wire.address6}/64 dev ${wire.name} nodad`,
        `link set ${wire.name} up`,
      ]);
      await ready([wire], true);
    },
    async disconnect(wire) {
      wires.delete(wire);
      await ip(namespace, [`link delete ${wire.port}`]);
    },
    async plug(chosen, up) {
      await ip(
        namespace,
        chosen.map(({ port }) => `link set ${port} ${up ? 'up' : 'down'}`),
      );
      await ready(chosen, up);
    },
    async group(next) {
      groupOf = next;
      const commands = [...wires].flatMap((wire) => {
        const bridge = bridgeFor(wire);
        return [...bridge.commands, `link set ${wire.port} master ${bridge.name}`];
      });
      await ip(namespace, commands);
      const plugged = (await linkStates(namespace)).filter(({ state }) => state === 'UP').map(({ name }) => name);
      await ready(
        [...wires].filter(({ port }) => plugged.includes(port)),
        true,
      );
    },
    async bridgeIndexes() {
      return new Set((await linkStates(namespace)).filter(({ name }) => bridges.has(name)).map(({ index }) => index));
    },
  };
};
