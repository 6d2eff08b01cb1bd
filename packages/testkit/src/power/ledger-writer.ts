import { createSecretKey } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { wall } from '@keyhaven/core/time';
import { type Decision, openSharedLedger, openSqliteLedger, type RowKey, type Rows } from '@keyhaven/ledger';

// A process whose power is cut: clients that log in and out on a real ledger, and a line in the file of acknowledgements for each that was
// acknowledged. Arguments: the directory, `owned` or `shared`, how many acknowledgements, and whether it closes the ledger at the end.

const [root = '', kind = 'owned', count = '100', ending = 'killed'] = process.argv.slice(2);
const CLIENTS = 6;
const POOL: RowKey = 'a/pool/1';
type Pool = { readonly used: number; readonly next: number };

const acknowledgements = openSync(join(root, 'acks'), 'a');
const acknowledge = (line: string): void => void writeSync(acknowledgements, `${line}\n`);
const options = { directory: join(root, 'state'), now: () => wall(Date.now()), authenticationKey: createSecretKey(Buffer.alloc(32, 1)) };
const ledger = await (kind === 'shared' ? openSharedLedger({ ...options, patience: 60_000 }) : openSqliteLedger(options));
acknowledge('open');

const sessionKey = (number: number): RowKey => `a/session/${number}`;
const poolOf = (rows: Rows): Pool => rows.get<Pool>(POOL) ?? { used: 0, next: 1 };
const change = (verb: 'login' | 'logout', number: number, pool: Pool): Decision<number> => ({
  changes: [
    { key: sessionKey(number), row: verb === 'login' ? { number, text: 'x'.repeat(100) } : undefined },
    { key: POOL, row: pool },
  ],
  audit: [{ kind: verb, scope: 'a', detail: { number } }],
  reply: number,
});

let left = Number(count);
const client = async (): Promise<void> => {
  while (left > 0) {
    const number = await ledger.update([POOL], (rows) => {
      const { used, next } = poolOf(rows);
      return change('login', next, { used: used + 1, next: next + 1 });
    });
    acknowledge(`login ${number}`);
    left -= 1;
    if (number % 8 === 0) continue; // It stays.
    acknowledge(`leaving ${number}`);
    await ledger.update([POOL, sessionKey(number)], (rows) => {
      const { used, next } = poolOf(rows);
      return change('logout', number, { used: used - 1, next });
    });
    acknowledge(`logout ${number}`);
    left -= 1;
  }
};
await Promise.all(Array.from({ length: CLIENTS }, client));
if (ending === 'closed') await ledger.close();
closeSync(acknowledgements);
process.kill(process.pid, 'SIGKILL');
