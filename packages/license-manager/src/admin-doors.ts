import type { Socket } from 'node:net';
import type { Note } from '@keyhaven/core/network';
import { type Clock, SECOND } from '@keyhaven/core/time';
import { secureContext } from './admin-start.ts';
import { serveOldHttp } from './compat/index.ts';
import { type FrontOptions, openFront } from './front/index.ts';
import { createHttpServer, type HttpFaces } from './http/index.ts';
import type { LmEvent } from './lm/index.ts';
import { type LocalConnectionOptions, serveLocalConnection } from './local/index.ts';
import type { Settings } from './settings.ts';

// The TCP ports of an Admin LM: one for all (L6), or a second one for administration, which is then at that one only (R9).

export type Doors = {
  /** What is listened on. */
  readonly addresses: readonly string[];
  /** Where administration is, when it has a port of its own. */
  readonly adminAddresses: readonly string[];
  close(): Promise<void>;
};

export const openDoors = async (options: {
  readonly settings: Settings;
  readonly bind: readonly string[];
  readonly clock: Clock;
  readonly faces: HttpFaces;
  readonly local: LocalConnectionOptions;
  readonly note: Note;
  /** Whether somebody at an address has proven something (front/admission.ts). */
  readonly isKnown: (address: string) => boolean;
  readonly onEvent: (event: LmEvent) => void;
}): Promise<Doors> => {
  const { settings, bind, clock, faces, onEvent } = options;
  const { limits, port, adminPort } = settings;
  const tls = await secureContext(settings);
  const closers: (() => Promise<void>)[] = [];
  const closeAll = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  const open = async (
    at: number,
    onLocal: FrontOptions['onLocal'],
    serving?: Parameters<typeof createHttpServer>[2],
  ): Promise<readonly string[]> => {
    const http = await createHttpServer(faces, undefined, serving);
    closers.push(() => http.close());
    const front = await openFront({
      bind,
      port: at,
      clock,
      limits: {
        connections: limits.connections,
        connectionsPerAddress: limits.connectionsPerAddress,
        firstByteMs: limits.firstByteSeconds * SECOND,
      },
      isKnown: options.isKnown,
      tls,
      onLocal,
      onHttp: (socket) => serveOldHttp(socket, clock, (other) => void http.server.emit('connection', other)),
      onRefused: (reason, address) => onEvent({ level: 'debug', event: 'connection refused', reason, address, port: at }),
      note: options.note,
    });
    closers.push(() => front.close());
    return front.addresses;
  };
  const local = (socket: Socket): void => serveLocalConnection(socket, options.local);
  try {
    if (adminPort === undefined) return { addresses: await open(port, local), adminAddresses: [], close: closeAll };
    const addresses = await open(port, local, { part: 'link', adminPort });
    const adminAddresses = await open(adminPort, (socket) => void socket.destroy(), { part: 'administration' });
    return { addresses, adminAddresses, close: closeAll };
  } catch (error) {
    await closeAll();
    throw error;
  }
};
