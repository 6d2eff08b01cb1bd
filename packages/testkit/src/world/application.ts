import type { Entropy } from '@keyhaven/core/crypto';
import { createLicensing, type Licensing } from '@keyhaven/licensing-api/licensing';
import type { Computer } from './computer.ts';
import type { SimSocket } from './sockets.ts';
import type { Life, Timeline } from './timeline.ts';

// A protected application on a simulated computer: the real Licensing API over a simulated connection and simulated time.

export type Application = {
  readonly computer: Computer;
  readonly pid: number;
  readonly start: number;
  readonly life: Life;
  readonly licensing: Licensing;
  /** kill -9 */
  crash(): void;
};

export const startApplication = (computer: Computer, timeline: Timeline, entropy: Entropy, pid: number, user: string): Application => {
  const life: Life = { alive: true };
  const start = Math.floor(timeline.now) + 1;
  const sockets: SimSocket[] = []; // BOUNDED by how often the connection is made again
  computer.processes.add(`${pid}.${start}`);
  const licensing = createLicensing(
    { host: '127.0.0.1', port: 1947 },
    { pid, start, user, host: computer.name, application: 'simulated' },
    entropy,
    {
      dial() {
        const socket = computer.dial(life);
        sockets.push(socket);
        return socket;
      },
      time: {
        now: () => timeline.now,
        pause: (milliseconds) => new Promise((done) => timeline.after(milliseconds, life, done)),
        later: (milliseconds, task) => timeline.after(milliseconds, life, task),
      },
    },
  );
  return {
    computer,
    pid,
    start,
    life,
    licensing,
    crash() {
      if (!life.alive) return;
      life.alive = false;
      computer.processes.delete(`${pid}.${start}`);
      for (const socket of sockets) socket.cut();
    },
  };
};
