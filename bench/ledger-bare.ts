import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';

// The reference of bench/ledger.ts: a worker that inserts one 200-byte row per request and commits what came in one message.

const database = new DatabaseSync(String(workerData));
database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
database.exec('CREATE TABLE item (id INTEGER PRIMARY KEY, text TEXT NOT NULL)');
const insert = database.prepare('INSERT INTO item (text) VALUES (?)');

parentPort?.on('message', (texts: string[] | 'close') => {
  if (texts === 'close') {
    database.close();
    parentPort?.close();
    return;
  }
  database.exec('BEGIN');
  for (const text of texts) insert.run(text);
  database.exec('COMMIT');
  parentPort?.postMessage('committed');
});
