import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Note } from '@keyhaven/core/network';
import type { PeerAddress } from './post.ts';

const isSocket = (stream: Duplex): stream is Socket => 'bytesWritten' in stream && 'connecting' in stream;

/** Tells of a connection to another LM, or to the proxy on the way there (R10). */
export const noteConnection = (socket: Duplex, { host: peer, port }: PeerAddress, note: Note, kind: 'link' | 'tls' = 'link'): void => {
  if (!isSocket(socket)) return;
  const common = { direction: 'out', kind, peer, port } as const;
  let result = 'closed';
  socket.once('connect', () => note({ ...common, event: 'opened', sent: 0, received: 0, result: 'connected' }));
  socket.once('error', (error: NodeJS.ErrnoException) => {
    result = error.code ?? error.message;
  });
  socket.once('close', () => note({ ...common, event: 'closed', sent: socket.bytesWritten, received: socket.bytesRead, result }));
};
