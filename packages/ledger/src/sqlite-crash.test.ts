import { spawn } from 'node:child_process';
import { createSecretKey, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { wall } from '@keyhaven/core/time';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openSqliteLedger } from './sqlite.ts';

const ROUNDS = 15;
const writer = fileURLToPath(new URL('./crash-writer.ts', import.meta.url));

/** Runs the writer and kills it when it has printed `lines` lines; resolves to all complete lines it printed. */
async function runAndKill(directory: string, lines: number): Promise<readonly string[]> {
  const child = spawn(process.execPath, [writer, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const printed: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    printed.push(line);
    if (printed.length === lines) child.kill('SIGKILL');
  }
  expect(await ended).toEqual([null, 'SIGKILL']);
  return printed.slice(0, -1); // the last line may have been cut by the kill
}

const numbers = (lines: readonly string[], verb: string): readonly number[] =>
  lines.filter((line) => line.startsWith(`${verb} `)).map((line) => Number(line.slice(verb.length + 1)));

describe('the SQLite ledger under kill -9', () => {
  it(`has all that was acknowledged, whole and in order, in each of ${ROUNDS} rounds (I3, S21)`, { timeout: 120_000 }, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'ledger-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const there = new Set<number>();
    let acknowledged = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      // One round in five dies while it opens and recovers what the one before left.
      const lines = await runAndKill(directory, round % 5 === 4 ? 1 : randomInt(2, 1_500));
      const ledger = await openSqliteLedger({
        directory,
        now: () => wall(0),
        authenticationKey: createSecretKey(Buffer.alloc(32, 1)),
      });
      expect(ledger.damage()).toEqual([]);

      const sessions = new Set<number>();
      for await (const [, { number }] of ledger.scan<{ number: number }>('a/session/')) sessions.add(number);
      for (const number of numbers(lines, 'login')) if (number % 2 === 0) there.add(number); // odd ones leave
      expect([...there].filter((number) => !sessions.has(number))).toEqual([]);
      expect(numbers(lines, 'logout').filter((number) => sessions.has(number))).toEqual([]);
      acknowledged += numbers(lines, 'login').length + numbers(lines, 'logout').length;

      const audit = await ledger.audit();
      const last = audit[0]?.sequence ?? 0;
      expect(last).toBeGreaterThanOrEqual(acknowledged);
      expect(audit.map(({ sequence }) => sequence)).toEqual(audit.map((_, index) => last - index));
      const count = (kind: string): number => audit.filter((record) => record.kind === kind).length;
      const whole = last === audit.length; // one answer of the audit has at most 10,000 records
      expect(whole ? count('login') - count('logout') : sessions.size).toBe(sessions.size);
      for await (const [, pool] of ledger.scan<{ used: number }>('a/pool/')) expect(pool.used).toBe(sessions.size);
      await ledger.close();
    }
    expect(acknowledged).toBeGreaterThan(0);
  });
});
