// A reference of P2: a floating license server of the usual open-source kind, that is HTTP with JSON, a claim or release as one immediate
// transaction of SQLite that is on the disk before it is answered, and the lease renewed by claiming again. Our own stand-in for that
// design (docs/decisions/0004-performance.md says why), with the fastest parts at hand: bare node:http, prepared statements.
//   node bench/reference/floating-server.ts FILE

import { createServer } from 'node:http';
import { DatabaseSync } from 'node:sqlite';

const database = new DatabaseSync(process.argv[2] ?? ':memory:');
database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
database.exec('CREATE TABLE license (id INTEGER PRIMARY KEY, node TEXT, expires INTEGER)');
database.exec('CREATE TABLE audit (id INTEGER PRIMARY KEY, license INTEGER, node TEXT, event TEXT, at INTEGER)');
database.exec('CREATE INDEX by_node ON license (node)');
const fill = database.prepare('INSERT INTO license (node) VALUES (NULL)');
database.exec('BEGIN');
for (let i = 0; i < 100; i++) fill.run();
database.exec('COMMIT');

const held = database.prepare('SELECT id FROM license WHERE node = ?');
const free = database.prepare('SELECT id FROM license WHERE node IS NULL LIMIT 1');
const take = database.prepare('UPDATE license SET node = ?, expires = ? WHERE id = ?');
const audit = database.prepare('INSERT INTO audit (license, node, event, at) VALUES (?, ?, ?, ?)');

const claim = (node: string): number => {
  database.exec('BEGIN IMMEDIATE');
  const row = held.get(node) ?? free.get();
  const id = row?.['id'];
  if (typeof id !== 'number') {
    database.exec('ROLLBACK');
    return 410;
  }
  take.run(node, Date.now() + 60_000, id);
  audit.run(id, node, 'claimed', Date.now());
  database.exec('COMMIT');
  return 201;
};
const release = (node: string): number => {
  database.exec('BEGIN IMMEDIATE');
  const id = held.get(node)?.['id'];
  if (typeof id !== 'number') {
    database.exec('ROLLBACK');
    return 404;
  }
  take.run(null, null, id);
  audit.run(id, node, 'released', Date.now());
  database.exec('COMMIT');
  return 204;
};

const server = createServer((request, response) => {
  const node = (request.url ?? '').slice('/v1/nodes/'.length);
  request.resume();
  request.on('end', () => {
    const status = request.method === 'PUT' ? claim(node) : release(node);
    response.writeHead(status, { 'content-type': 'application/json' }).end(status === 201 ? '{"status":"claimed"}' : undefined);
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') process.stdout.write(`${address.port}\n`);
});
