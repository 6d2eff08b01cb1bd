import { type Duplex, duplexPair } from 'node:stream';
import { systemEntropy } from '@keyhaven/license-manager/machine';
import { createLicensing, type Licensing, type LmSocket } from '@keyhaven/licensing-api/licensing';

// An application in this process that reaches a near LM by a stream in memory: the real Licensing API, without a process of its own.

export type NearApplication = {
  readonly licensing: Licensing;
  /** Its streams end as when the application ends. */
  crash(): void;
};
/** A near LM as it serves streams, or as an application reaches one in a thread. */
export type NearWay = { serve(socket: Duplex): void } | { connect(): LmSocket };

/** A stream that is there already. */
export const asLmSocket = (stream: Duplex): LmSocket => {
  const self = (): LmSocket => socket;
  const socket: LmSocket = Object.assign(stream, { setTimeout: self, ref: self, unref: self });
  queueMicrotask(() => stream.emit('connect'));
  return socket;
};
const pairWith = (lm: { serve(socket: Duplex): void }): LmSocket => {
  const [near, far] = duplexPair();
  lm.serve(far);
  return asLmSocket(near);
};

export const startNearApplication = (
  lm: NearWay,
  of: { readonly pid: number; readonly start?: number; readonly application?: string },
): NearApplication => {
  const streams: Duplex[] = []; // BOUNDED by how often the connection is made again
  const identity = { pid: of.pid, start: of.start ?? 1, user: 'ada', host: 'here', application: of.application ?? 'survey' };
  const licensing = createLicensing({ host: '127.0.0.1', port: 0 }, identity, systemEntropy, {
    dial() {
      const socket = 'connect' in lm ? lm.connect() : pairWith(lm);
      streams.push(socket);
      return socket;
    },
    time: {
      now: () => performance.now(),
      pause: (milliseconds) => new Promise((done) => setTimeout(done, milliseconds)),
      later(milliseconds, task) {
        const timer = setTimeout(task, milliseconds).unref();
        return () => clearTimeout(timer);
      },
    },
  });
  return {
    licensing,
    crash() {
      for (const stream of streams) stream.destroy();
    },
  };
};
