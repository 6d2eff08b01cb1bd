import { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import { oldHttpAnswer } from '@keyhaven/core/compat';
import type { Clock } from '@keyhaven/core/time';

/**
 * Answers a connection that begins with a whole request of HTTP/1.0 from a program that looks for license managers (C6), and hands on every other
 * one as it came. Nobody is waited for: such a request comes in one piece.
 */
export const serveOldHttp = (socket: Socket, clock: Pick<Clock, 'wall'>, next: (socket: Socket) => void): void => {
  const chunk: unknown = socket.read();
  if (chunk instanceof Uint8Array && chunk.length > 0) {
    const answer = chunk.length <= 2_048 ? oldHttpAnswer(Buffer.from(chunk).toString('latin1'), clock.wall()) : undefined;
    if (answer !== undefined) {
      socket.on('error', () => socket.destroy());
      socket.resume();
      socket.end(answer, 'latin1', () => socket.destroySoon());
      return;
    }
    socket.unshift(chunk);
  }
  next(socket);
};
