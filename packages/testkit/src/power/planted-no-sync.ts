import { DatabaseSync } from 'node:sqlite';

// A mistake for the tests of power cuts to find: SQLite waits for no disk.

const { exec } = DatabaseSync.prototype;
DatabaseSync.prototype.exec = function (this: DatabaseSync, sql: string): void {
  exec.call(this, sql.replace('synchronous = FULL', 'synchronous = OFF'));
};
