import { Worker } from 'node:worker_threads';
import type { LicensingError } from '@keyhaven/core/errors';
import type { Damage } from './port.ts';
import { diskError, refusalError } from './sqlite-errors.ts';
import type {
  Answer,
  AuditOrder,
  AuditPage,
  CommitOrder,
  Order,
  RowColumns,
  StoreOptions,
  VerifyOrder,
  VerifyPage,
} from './sqlite-protocol.ts';

// The owner's end of the worker: orders as promises, answered in the order they were given. A worker with nothing under way does not
// keep the process alive. When the worker ends unasked, every order, now and later, is rejected with DEVICE_ERR.

export type Opened = { readonly sequence: number; readonly damage: readonly Damage[] };

export type Thread = {
  commit(order: CommitOrder): Promise<void>;
  audit(order: AuditOrder): Promise<AuditPage>;
  verify(order: VerifyOrder): Promise<VerifyPage>;
  close(): Promise<void>;
};

type Pending = { readonly resolve: (answer: Answer) => void; readonly reject: (error: unknown) => void };

/** Starts the worker and reads all rows through `receive`. */
export async function openThread(options: StoreOptions, receive: (rows: RowColumns) => void): Promise<Thread & Opened> {
  const { file } = options;
  const worker = new Worker(new URL('./sqlite-worker.ts', import.meta.url), { name: 'keyhaven-ledger', workerData: options });
  const pending: Pending[] = []; // BOUNDED: one commit, and one order for every audit query under way
  let ended: LicensingError | undefined;

  const fail = (error: LicensingError): void => {
    ended ??= error;
    for (const { reject } of pending.splice(0)) reject(ended);
  };
  const exited = new Promise<void>((resolve) => {
    worker.on('exit', () => {
      fail(diskError(file, 'its thread has ended'));
      resolve();
    });
  });
  worker.on('error', (error: unknown) => fail(diskError(file, error instanceof Error ? error.message : String(error), error)));
  worker.on('message', (answer: Answer) => {
    if (answer.kind === 'rows') {
      receive(answer.rows);
      return;
    }
    const order = pending.shift();
    if (pending.length === 0 && answer.kind !== 'refused') worker.unref();
    order?.resolve(answer);
  });
  const expect = (): Promise<Answer> => new Promise((resolve, reject) => pending.push({ resolve, reject }));
  const ask = (order: Order): Promise<Answer> => {
    if (ended !== undefined) return Promise.reject(ended);
    worker.ref();
    worker.postMessage(order);
    return expect();
  };

  const first = await expect();
  if (first.kind === 'refused') {
    await exited;
    throw refusalError(file, first);
  }
  if (first.kind !== 'ready') throw diskError(file, `its thread began with ${first.kind}`);

  return {
    sequence: first.sequence,
    damage: first.damage,
    async commit(order) {
      const answer = await ask(order);
      if (answer.kind === 'failed') throw diskError(file, answer.detail);
    },
    async audit(order) {
      const answer = await ask(order);
      if (answer.kind === 'audited') return answer.page;
      throw diskError(file, answer.kind === 'unaudited' ? answer.detail : `its thread answered ${answer.kind}`);
    },
    async verify(order) {
      const answer = await ask(order);
      if (answer.kind === 'verified') return answer.page;
      throw diskError(file, answer.kind === 'unaudited' ? answer.detail : `its thread answered ${answer.kind}`);
    },
    async close() {
      if (ended !== undefined) return;
      worker.ref();
      worker.postMessage({ kind: 'close' } satisfies Order);
      await exited;
    },
  };
}
