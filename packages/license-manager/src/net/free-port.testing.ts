import { createSocket } from 'node:dgram';

/** A UDP port that was free a moment ago on all of 127.0.0.0/8. */
export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const socket = createSocket('udp4').once('error', reject);
    socket.bind(0, '0.0.0.0', () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
