import { parentPort, workerData } from 'node:worker_threads';
import { type Answer, type Order, storeOptionsFrom } from './sqlite-protocol.ts';
import { refusalOf } from './sqlite-schema.ts';
import { openStore, type Store } from './sqlite-store.ts';

// The thread that owns SQLite: orders come in and are answered one by one. The rules are in sqlite-store.ts.

const port = parentPort;
if (port === null) throw new Error('sqlite-worker.ts runs only as a worker thread');

const say = (answer: Answer): void => port.postMessage(answer);
const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function start(): Store | undefined {
  let store: Store | undefined;
  try {
    store = openStore(storeOptionsFrom(workerData));
    const damage = store.load((rows) => say({ kind: 'rows', rows }));
    say({ kind: 'ready', sequence: store.lastSequence(), damage });
    return store;
  } catch (error) {
    store?.close();
    say(refusalOf(error));
    return undefined;
  }
}

function serve(store: Store, order: Order): void {
  switch (order.kind) {
    case 'commit':
      try {
        store.commit(order);
        say({ kind: 'committed' });
      } catch (error) {
        say({ kind: 'failed', detail: textOf(error) });
      }
      return;
    case 'audit':
      try {
        say({ kind: 'audited', page: store.audit(order) });
      } catch (error) {
        say({ kind: 'unaudited', detail: textOf(error) });
      }
      return;
    case 'verify':
      try {
        say({ kind: 'verified', page: store.verify(order.page) });
      } catch (error) {
        say({ kind: 'unaudited', detail: textOf(error) });
      }
      return;
    case 'close':
      port?.close();
      store.close();
      return;
  }
}

const store = start();
if (store === undefined) port.close();
else port.on('message', (order: Order) => serve(store, order));
