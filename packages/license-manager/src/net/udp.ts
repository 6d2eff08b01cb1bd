import { createSocket, type Socket } from 'node:dgram';
import { isIPv4 } from 'node:net';
import { familyOf, type Interface, isLoopback, withoutZone } from '@keyhaven/core/discovery';
import { LicensingError, Status } from '@keyhaven/core/errors';

// The UDP sockets of one LM (L2). Opening fails with one clear sentence; after that nothing here throws: networks that are down,
// forbidden or full are reported by `onProblem` and counted, and the LM lives.
//
// Never shares its port: with SO_REUSEADDR a second process would silently take over what is sent to the first.

export type UdpAddress = { readonly address: string; readonly port: number; readonly family: 4 | 6 };
export type UdpProblem = { readonly local: string; readonly to: string | undefined; readonly code: string };
/** `local` names the socket to answer from, `via` the interface of a broadcast. */
export type UdpSend = {
  readonly to: string;
  readonly port: number;
  readonly local?: string | undefined;
  readonly via?: string | undefined;
};

export type UdpOptions = {
  readonly port: number;
  /** Exactly these addresses, loopback included; empty: all of IPv4, and of IPv6 where there is IPv6. */
  readonly bind: readonly string[];
  readonly onDatagram: (bytes: Uint8Array, from: { address: string; port: number; local: string }) => void;
  readonly onProblem?: ((problem: UdpProblem) => void) | undefined;
};

export type Udp = {
  readonly addresses: readonly UdpAddress[];
  /** Resolves to undefined when the system took the datagram, else to the code of what it said instead. */
  send(target: UdpSend, bytes: Uint8Array): Promise<string | undefined>;
  /** The interfaces to choose sockets by; IPv6 sockets join the group of each. */
  interfaces(list: readonly Interface[]): void;
  readonly failures: ReadonlyMap<string, number>;
  close(): Promise<void>;
};

const ANY4 = '0.0.0.0';
const ANY6 = '::';
/** IPv6 is not there: turned off in the system, or without any address. */
const ABSENT = new Set(['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EPROTONOSUPPORT', 'EINVAL', 'ENOSYS']);

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'UNKNOWN';

/** All its targets are addresses; a name that slips through must not start a name query here. */
const literal = (host: string, _options: unknown, callback: (error: null, address: string, family: number) => void): void =>
  callback(null, host, familyOf(host));

const open = (address: string, port: number): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const family = familyOf(address);
    const socket = createSocket({ type: family === 4 ? 'udp4' : 'udp6', ipv6Only: family === 6, lookup: literal });
    const refuse = (error: Error): void => {
      socket.close();
      reject(error);
    };
    socket.once('error', refuse);
    socket.bind({ address, port, exclusive: true }, () => {
      socket.off('error', refuse);
      // Until the caller listens, so that a late error of one socket does not end the process while the next one opens.
      socket.on('error', () => {});
      try {
        if (family === 4) socket.setBroadcast(true);
        resolve(socket);
      } catch (error) {
        refuse(error instanceof Error ? error : new Error(String(error)));
      }
    });
  });

const refusal = (address: string, port: number, cause: unknown): LicensingError => {
  const code = codeOf(cause);
  const where = `UDP ${familyOf(address) === 6 ? `[${address}]` : address}:${port}`;
  if (code === 'EADDRINUSE') {
    return new LicensingError(Status.LOCAL_COMM_ERR, {
      detail: `${where} is in use by another process`,
      remedy: `Another license manager probably runs on this computer: stop it, or find who uses UDP port ${port}.`,
      cause,
    });
  }
  if (address === ANY4 && ABSENT.has(code)) {
    return new LicensingError(Status.LOCAL_COMM_ERR, {
      detail: `This computer has no IPv4 (${code}), and the license manager does not work without it`,
      remedy: 'Turn IPv4 on; the loopback interface is enough.',
      cause,
    });
  }
  const remedy =
    code === 'EACCES' ? `Give the license manager the right to use port ${port}.` : 'Use --bind with addresses that this computer has.';
  return new LicensingError(Status.LOCAL_COMM_ERR, { detail: `${where} cannot be opened (${code})`, remedy, cause });
};

const openAll = async (bind: readonly string[], port: number): Promise<Map<string, Socket>> => {
  const sockets = new Map<string, Socket>();
  const wanted = bind.length > 0 ? [...new Set(bind)] : [ANY4, ANY6];
  for (const address of wanted) {
    try {
      sockets.set(address, await open(address, port));
    } catch (error) {
      // L2: IPv6 where it exists; an address that was asked for by name must exist.
      if (bind.length === 0 && address === ANY6 && ABSENT.has(codeOf(error))) continue;
      for (const socket of sockets.values()) socket.close();
      throw refusal(address, port, error);
    }
  }
  return sockets;
};

const commonBits = (a: string, b: string): number => {
  const value = (text: string): number => text.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
  return isIPv4(a) && isIPv4(b) ? Math.clz32((value(a) ^ value(b)) >>> 0) : 0;
};

/** The socket for a target: the one that heard, the one of the interface, else the nearest of the same family and reach. */
export const chooseLocal = (locals: readonly string[], target: UdpSend, links: readonly Interface[]): string | undefined => {
  if (target.local !== undefined) return locals.find((local) => local === target.local);
  const family = familyOf(target.to);
  const same = locals.filter((local) => familyOf(local) === family);
  const any = same.find((local) => local === ANY4 || local === ANY6);
  if (any !== undefined) return any;
  if (target.via !== undefined) {
    return same.find((local) => links.some(({ name, address }) => name === target.via && address === withoutZone(local)));
  }
  const reach = same.filter((local) => isLoopback(local) === isLoopback(target.to));
  return reach.reduce<string | undefined>(
    (best, local) => (best === undefined || commonBits(local, target.to) > commonBits(best, target.to) ? local : best),
    undefined,
  );
};

export const openUdp = async (options: UdpOptions): Promise<Udp> => {
  const { port, bind, onDatagram, onProblem } = options;
  const sockets = await openAll(bind, port);
  // BOUNDED by the error codes of the system.
  const failures = new Map<string, number>();
  let links: readonly Interface[] = [];
  let closed = false;

  const problem = (local: string, to: string | undefined, code: string): string => {
    failures.set(code, (failures.get(code) ?? 0) + 1);
    onProblem?.({ local, to, code });
    return code;
  };
  for (const [local, socket] of sockets) {
    // Windows reports here that an earlier datagram met a closed port.
    socket.on('error', (error) => problem(local, undefined, codeOf(error)));
    socket.on('message', (bytes, { address, port: from }) => onDatagram(bytes, { address, port: from, local }));
  }

  return {
    addresses: [...sockets].map(([address, socket]) => ({ address, port: socket.address().port, family: familyOf(address) })),
    failures,
    send(target, bytes) {
      const local = chooseLocal([...sockets.keys()], target, links);
      const socket = local === undefined ? undefined : sockets.get(local);
      if (closed || local === undefined || socket === undefined)
        return Promise.resolve(problem(local ?? '', target.to, closed ? 'CLOSED' : 'NO_SOCKET'));
      return new Promise((resolve) => {
        try {
          socket.send(bytes, target.port, target.to, (error) =>
            resolve(error === null ? undefined : problem(local, target.to, codeOf(error))),
          );
        } catch (error) {
          resolve(problem(local, target.to, codeOf(error)));
        }
      });
    },
    interfaces(list) {
      links = list;
      for (const { family, broadcast } of list) {
        if (family !== 6 || broadcast === undefined) continue;
        try {
          // All nodes are in this group, but not every system hands it to a socket that has not joined.
          sockets.get(ANY6)?.addMembership(withoutZone(broadcast), `::${broadcast.slice(broadcast.indexOf('%'))}`);
        } catch {
          // Joined before, or the interface has just gone.
        }
      }
    },
    async close() {
      if (closed) return;
      closed = true;
      await Promise.all([...sockets.values()].map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))));
    },
  };
};
