import { type ChildProcess, spawn } from 'node:child_process';
import { createSecretKey, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { wall } from '@keyhaven/core/time';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Ledger } from './port.ts';
import { openSharedLedger } from './shared.ts';

const ROUNDS = 2;
const LIMIT = 7;
const MOST_LINES = 40;
const writer = fileURLToPath(new URL('./shared-writer.ts', import.meta.url));
const authenticationKey = createSecretKey(Buffer.alloc(32, 1));

function start(directory: string, mode: string): ChildProcess & { readonly stdout: NonNullable<ChildProcess['stdout']> } {
  const child = spawn(process.execPath, [writer, directory, String(LIMIT), mode], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

/** Runs a writer and kills it when it has printed `lines` lines: each gets its turns, or this does not end. */
async function runAndKill(directory: string, lines: number): Promise<readonly string[]> {
  const child = start(directory, 'clients');
  const ended = once(child, 'exit');
  const printed: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    printed.push(line);
    if (printed.length === lines) child.kill('SIGKILL');
  }
  expect(await ended).toEqual([null, 'SIGKILL']);
  return printed.slice(0, -1); // the last line may have been cut by the kill
}

/** As the system says it: T = stopped. */
const stateOf = (pid: number | undefined): string | undefined => /\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1];

const numbers = (lines: readonly string[], verb: string): readonly number[] =>
  lines.filter((line) => line.startsWith(`${verb} `)).map((line) => Number(line.slice(verb.length + 1)));

type Session = { readonly number: number };
type Pool = { readonly used: number; readonly next: number };

async function rowsOf<R extends object>(ledger: Ledger, prefix: string): Promise<readonly R[]> {
  const found: R[] = [];
  for await (const [, row] of ledger.scan<R>(prefix)) found.push(row);
  return found;
}

describe('a ledger that several processes share', () => {
  it(`has the exact sum, all that was acknowledged and never more than the limit, under kill -9 of each of ten processes, ${ROUNDS} times`, {
    timeout: 600_000,
  }, async () => {
    const directory = join(mkdtempSync(join(tmpdir(), 'ledger-')), 'state');
    onTestFinished(() => rmSync(join(directory, '..'), { recursive: true }));
    for (let round = 0; round < ROUNDS; round += 1) {
      const runs = Array.from({ length: 10 }, () => runAndKill(directory, randomInt(1, MOST_LINES)));
      const lines = (await Promise.all(runs)).flat();
      const ledger = await openSharedLedger({ directory, now: () => wall(0), authenticationKey });
      expect(ledger.damage()).toEqual([]);

      const audit = (await ledger.audit()).toReversed();
      expect(audit.length).toBeLessThan(10_000); // all of it
      expect(audit.map(({ sequence }) => sequence)).toEqual(audit.map((_, index) => index + 1));
      const open = new Set<unknown>();
      for (const { kind, detail } of audit) {
        if (kind === 'login') expect(open.has(detail['number'])).toBe(false);
        if (kind === 'login') open.add(detail['number']);
        else expect(open.delete(detail['number'])).toBe(true);
        expect(open.size).toBeLessThanOrEqual(LIMIT);
      }
      const told = (verb: string): ReadonlySet<unknown> =>
        new Set(audit.filter(({ kind }) => kind === verb).map(({ detail }) => detail['number']));
      const [loggedIn, loggedOut] = [told('login'), told('logout')];
      expect(numbers(lines, 'login').filter((number) => !loggedIn.has(number))).toEqual([]);
      expect(numbers(lines, 'logout').filter((number) => !loggedOut.has(number))).toEqual([]);
      expect(new Set(numbers(lines, 'login')).size).toBe(numbers(lines, 'login').length); // no seat was given twice

      const sessions = (await rowsOf<Session>(ledger, 'a/session/')).map(({ number }) => number);
      expect(new Set(sessions)).toEqual(open);
      const [pool] = await rowsOf<Pool>(ledger, 'a/pool/');
      expect(pool).toEqual({ used: open.size, next: loggedIn.size + 1 });
      await ledger.close();
    }
  });

  it.skipIf(process.platform === 'win32')(
    'says who holds it when a process is stopped in the middle of a transaction, and goes on when that goes on or is killed',
    { timeout: 300_000 },
    async () => {
      const directory = mkdtempSync(join(tmpdir(), 'ledger-'));
      onTestFinished(() => rmSync(directory, { recursive: true }));
      const open = (patience: number): Promise<Ledger> => openSharedLedger({ directory, now: () => wall(0), authenticationKey, patience });
      // One that gives up soon, and one that waits however long a busy computer takes to let the other process go on.
      const [hasty, patient] = [await open(400), await open(240_000)];
      const increment = (ledger: Ledger): Promise<number> =>
        ledger.update(['a/b/c'], (rows) => {
          const count = (rows.get<{ count: number }>('a/b/c')?.count ?? 0) + 1;
          return { changes: [{ key: 'a/b/c', row: { count } }], audit: [], reply: count };
        });
      for (const signal of ['SIGCONT', 'SIGKILL'] as const) {
        const child = start(directory, 'hold');
        const ended = once(child, 'exit');
        const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
        expect((await lines.next()).value).toBe('held');
        if (process.platform === 'linux') await expect.poll(() => stateOf(child.pid), { timeout: 120_000 }).toBe('T');
        const refused: unknown = await increment(hasty).catch((error: unknown) => error);
        expect(refused).toMatchObject({ name: 'DEVICE_ERR', message: expect.stringContaining('held for 0.4 s') });
        if (process.platform === 'linux') {
          expect(refused).toMatchObject({
            message: expect.stringMatching(new RegExp(`by process ${child.pid} \\(.+\\), which is stopped`)),
          });
        }
        const waiting = increment(patient);
        child.kill(signal);
        expect(await waiting).toBe(signal === 'SIGCONT' ? 1 : 2);
        await ended;
      }
      await hasty.close();
      await patient.close();
    },
  );
});
