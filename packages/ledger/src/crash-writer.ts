import { createSecretKey } from 'node:crypto';
import { wall } from '@keyhaven/core/time';
import { openSqliteLedger } from './index.ts';
import type { Decision, RowKey, Rows } from './port.ts';

// The process that sqlite-crash.test.ts kills: many clients at once, each a login and, where the session has an odd number, a logout,
// and a line on stdout for each that was acknowledged. The pool row in the ledger says which number is next.

const [directory = ''] = process.argv.slice(2);
const CLIENTS = 24;
const POOL: RowKey = 'a/pool/1';
type Pool = { readonly used: number; readonly next: number };

process.stdout.write('open\n');
const ledger = await openSqliteLedger({
  directory,
  now: () => wall(Date.now()),
  authenticationKey: createSecretKey(Buffer.alloc(32, 1)),
});

const sessionKey = (number: number): RowKey => `a/session/${number}`;

function change(kind: 'login' | 'logout', number: number, pool: Pool): Decision<number> {
  return {
    changes: [
      { key: sessionKey(number), row: kind === 'login' ? { number, text: 'x'.repeat(100) } : undefined },
      { key: POOL, row: pool },
    ],
    audit: [{ kind, scope: 'a', detail: { number } }],
    reply: number,
  };
}

const poolOf = (rows: Rows): Pool => rows.get<Pool>(POOL) ?? { used: 0, next: 1 };

async function client(): Promise<never> {
  for (;;) {
    const number = await ledger.update([POOL], (rows) => {
      const { used, next } = poolOf(rows);
      return change('login', next, { used: used + 1, next: next + 1 });
    });
    process.stdout.write(`login ${number}\n`);
    if (number % 2 === 0) continue;
    await ledger.update([POOL, sessionKey(number)], (rows) => {
      const { used, next } = poolOf(rows);
      return change('logout', number, { used: used - 1, next });
    });
    process.stdout.write(`logout ${number}\n`);
  }
}

await Promise.all(Array.from({ length: CLIENTS }, client));
