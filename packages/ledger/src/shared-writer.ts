import { createSecretKey } from 'node:crypto';
import { wall } from '@keyhaven/core/time';
import type { Decision, RowKey, Rows } from './port.ts';
import { openSharedLedger } from './shared.ts';

// One of the processes that shared-crash.test.ts kills: clients that log in and out under a limit that all processes share, with a line on
// stdout for each login and logout that was acknowledged. Whoever finds no seat takes those of dead processes back. With `hold` instead,
// it stops in the middle of a transaction.

const [directory = '', limit = '1', mode = 'clients'] = process.argv.slice(2);
const CLIENTS = 3;
const POOL: RowKey = 'a/pool/1';
type Pool = { readonly used: number; readonly next: number };

const ledger = await openSharedLedger({
  directory,
  now: () => wall(Date.now()),
  authenticationKey: createSecretKey(Buffer.alloc(32, 1)),
  // Ten of these on a busy computer wait for each other; whoever gets no turn at all does not end, and that is what the test sees.
  patience: 600_000,
});

const sessionKey = (number: number): RowKey => `a/session/${number}`;
const poolOf = (rows: Rows): Pool => rows.get<Pool>(POOL) ?? { used: 0, next: 1 };
const changed = (kind: string, number: number, pool: Pool): Decision<number> => ({
  changes: [
    { key: sessionKey(number), row: kind === 'login' ? { number, process: process.pid } : undefined },
    { key: POOL, row: pool },
  ],
  audit: [{ kind, scope: 'a', detail: { number } }],
  reply: number,
});

/** The number of the session; undefined when all seats are taken. */
const login = (): Promise<number | undefined> =>
  ledger.update([POOL], (rows) => {
    const { used, next } = poolOf(rows);
    if (used >= Number(limit)) return { changes: [], audit: [], reply: undefined };
    return changed('login', next, { used: used + 1, next: next + 1 });
  });

const logout = (number: number): Promise<boolean> =>
  ledger.update([POOL, sessionKey(number)], (rows): Decision<boolean> => {
    if (rows.get(sessionKey(number)) === undefined) return { changes: [], audit: [], reply: false };
    const { used, next } = poolOf(rows);
    return { ...changed('logout', number, { used: used - 1, next }), reply: true };
  });

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

async function sweep(): Promise<void> {
  for await (const [, session] of ledger.scan<{ number: number; process: number }>('a/session/')) {
    if (!isAlive(session.process)) await logout(session.number);
  }
}

async function client(): Promise<never> {
  for (;;) {
    const number = await login();
    if (number === undefined) {
      await sweep();
      continue;
    }
    process.stdout.write(`login ${number}\n`);
    if (!(await logout(number))) throw new Error(`the session ${number} of a living process has gone`);
    process.stdout.write(`logout ${number}\n`);
  }
}

if (mode === 'hold') {
  await ledger.update([POOL], () => {
    process.stdout.write('held\n');
    process.kill(process.pid, 'SIGSTOP');
    return { changes: [], audit: [], reply: undefined };
  });
  process.stdout.write('released\n');
  await ledger.close();
} else await Promise.all(Array.from({ length: CLIENTS }, client));
