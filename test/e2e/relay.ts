import { connect, createServer, type Socket } from 'node:net';

// Two license managers of one computer have different ports, and look for others at their own: what comes to this address goes to the port of the other one.

export const relay = async (at: { readonly host: string; readonly port: number }, to: number): Promise<{ close(): void }> => {
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(to, '127.0.0.1');
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(one);
      one.on('error', () => other.destroy()).on('close', () => open.delete(one) && other.destroy());
      one.pipe(other);
    }
  });
  await new Promise<void>((listening) => void server.listen(at.port, at.host, listening));
  return {
    close() {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
};

/** A second address of this computer. */
export const OTHER_LOOPBACK = '127.0.0.2';
