import { hostname, networkInterfaces } from 'node:os';
import { lmIdentityFrom } from '@keyhaven/core/link';
import { type Clock, mono, wall } from '@keyhaven/core/time';
import { systemEntropy } from '../machine/index.ts';
import { discoveryInterfaces, startDiscovery, systemResolve } from '../net/index.ts';
import { createDoctor, type Doctor } from './doctor.ts';
import { ownNetworks } from './of-lm.ts';

/** Timers that keep the process alive, unlike those of a license manager. */
const clock: Clock = {
  mono: () => mono(performance.now()),
  wall: () => wall(Date.now()),
  after(milliseconds, task) {
    const timer = setTimeout(task, milliseconds);
    return () => clearTimeout(timer);
  },
};

/**
 * The doctor of a command where no license manager runs: it asks from any port, with an identity of the moment. @throws LicensingError where this
 * computer opens no socket
 */
export const doctorOfCommand = async (port: number, found: 'nothing' | 'another program'): Promise<Doctor & { close(): Promise<void> }> => {
  const identity = lmIdentityFrom(systemEntropy.bytes(32));
  const random = (): number => Buffer.from(systemEntropy.bytes(6)).readUIntBE(0, 6) / 2 ** 48;
  // An LM that serves nobody and searches nobody (R2): nothing but its questions is used.
  const discovery = await startDiscovery({
    clock,
    entropy: random,
    guid: identity.guid,
    bootCount: 0,
    tcpPort: 0,
    udpPort: port,
    localPort: 0,
    bind: [],
    settings: { broadcastSearch: false, searchAddresses: [], intervalMs: 300_000 },
    onFound: () => undefined,
    onHeard: () => undefined,
    onClone: () => undefined,
  });
  const doctor = createDoctor(
    () => ({
      clock,
      entropy: systemEntropy,
      note: () => undefined,
      identity,
      self: { kind: 'command', name: hostname(), port, found },
      questions: discovery.questions,
      interfaces: () => discoveryInterfaces(networkInterfaces()),
      networks: ownNetworks,
      resolve: systemResolve,
      known: () => [],
      deniedHere: () => undefined,
    }),
    () => [],
  );
  return { ...doctor, close: () => discovery.stop() };
};
