import { MessageChannel, Worker } from 'node:worker_threads';
import { LicensingError, Status } from '@keyhaven/core/errors';
import type { NearOverrides } from '@keyhaven/core/near-settings';
import { defaultUserStore } from '../near/user-store.ts';
import type { Fault, FromThread, Start, ToThread } from './messages.ts';
import { PortStream } from './port-stream.ts';

// The Integrated LM (T4): a license manager in a thread of the application. Its renewals do not wait for the application's event loop (A3).
// A thread with nothing under way does not keep the process alive, and none has to be closed: the sessions of a process that ends stay for
// three minutes. When the thread fails, what it failed with is thrown here, and the application fails with it.

export type IntegratedLmOptions = {
  readonly vendor: number;
  /** The user's store of keys of this vendor; the usual one where absent. */
  readonly directory?: string;
  /** The directory of the application, where its settings file may be. */
  readonly beside?: string;
  /** What the application says instead of its settings file. */
  readonly overrides?: NearOverrides;
};

export type IntegratedLm = {
  readonly guid: string;
  /** A connection of the local protocol; emits `connect` as a socket does. */
  connect(): PortStream;
  /** Logs all sessions out; resolves when that is durable and the thread has ended. Rejects where the disk refuses: then they stay as of one that died. */
  close(): Promise<void>;
};

export type { PortStream } from './port-stream.ts';

/** Names the module of the thread; an application in one file has it inside. */
const THREAD = new URL('./thread.ts', import.meta.url);

const errorOf = ({ status, detail, remedy }: Fault): LicensingError => new LicensingError(status, { detail, remedy });

/** @throws LicensingError as `openNearLm`; INT_ERR (699) where the thread cannot be started */
export const openIntegratedLm = (options: IntegratedLmOptions): Promise<IntegratedLm> =>
  new Promise((resolve, reject) => {
    const { vendor, directory = defaultUserStore(vendor), beside, overrides = {} } = options;
    const worker = new Worker(THREAD, {
      name: 'keyhaven-integrated-lm',
      workerData: { vendor, directory, beside, overrides } satisfies Start,
    });
    let state: 'starting' | 'open' | 'closing' | 'ended' = 'starting';
    const ended = Promise.withResolvers<void>();
    ended.promise.catch(() => undefined); // Whoever closes it is told.
    const say = (message: ToThread, port?: MessageChannel['port1']): void => worker.postMessage(message, port === undefined ? [] : [port]);

    const fail = (cause: Error): void => {
      const before = state;
      state = 'ended';
      ended.resolve();
      if (before === 'starting')
        reject(new LicensingError(Status.INT_ERR, { detail: `The Integrated LM does not start: ${cause.message}`, cause }));
      // T4: out of every promise, so that nothing goes on as if it had a license manager.
      else if (before !== 'ended')
        queueMicrotask(() => {
          throw cause;
        });
    };
    worker.on('error', (error: unknown) => fail(error instanceof Error ? error : new Error(String(error))));
    worker.on('exit', (code) => {
      if (state === 'closing') state = 'ended';
      if (state === 'ended') return ended.resolve();
      fail(new Error(`The thread of the Integrated LM has ended with code ${code}.`));
    });
    worker.on('message', (message: FromThread) => {
      switch (message.kind) {
        case 'ready':
          state = 'open';
          worker.unref();
          return resolve(lm(message.guid));
        case 'refused':
          // The thread ends by itself, here as after it was closed.
          state = 'ended';
          return reject(errorOf(message.fault));
        case 'closed':
          if (message.fault !== undefined) ended.reject(errorOf(message.fault));
          return;
      }
    });

    const lm = (guid: string): IntegratedLm => ({
      guid,
      connect() {
        const { port1, port2 } = new MessageChannel();
        const stream = new PortStream(port1);
        if (state === 'open') say({ kind: 'connect', port: port2 }, port2);
        else port2.close();
        queueMicrotask(() => stream.emit('connect'));
        return stream;
      },
      close() {
        if (state === 'open') {
          state = 'closing';
          worker.ref();
          say({ kind: 'close' });
        }
        return ended.promise;
      },
    });
  });
