import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { LogRules } from '@keyhaven/core/log';
import { DAY, HOUR, MINUTE } from '@keyhaven/core/time';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSimulatedClock, type SimulatedClock } from '../simulated-clock.testing.ts';
import { type LogWriter, openLogFile } from './log-file.ts';
import { tailOf } from './tail.ts';

let root = '';
let directory = '';
let clock: SimulatedClock;
let rules: LogRules;
let problems: string[];
const opened: LogWriter[] = [];
const open = (): LogWriter => {
  const writer = openLogFile({ directory, log: 'access', clock, rules: () => rules, onProblem: (problem) => problems.push(problem) });
  opened.push(writer);
  return writer;
};
const names = (): string[] => readdirSync(directory).toSorted();
const text = (name: string): string => readFileSync(join(directory, name), 'utf8');

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'logs-'));
  directory = join(root, 'logs');
  clock = createSimulatedClock(Date.UTC(2026, 10, 24, 22));
  rules = { daily: false, maxBytes: 0, compressDays: 0, deleteDays: 0 };
  problems = [];
});
afterEach(async () => {
  for (const writer of opened.splice(0)) await writer.close();
  rmSync(root, { recursive: true });
});

describe('a log on disk', () => {
  it('is written soon, for its owner only, and goes on with what is there', async () => {
    const writer = open();
    writer.write('one\n');
    writer.write('two\n');
    await writer.flush();
    expect(text('access.log')).toBe('one\ntwo\n');
    expect([statSync(directory).mode & 0o777, statSync(join(directory, 'access.log')).mode & 0o777]).toEqual([0o700, 0o600]);
    await writer.close();
    const again = open();
    again.write('three\n');
    await again.close();
    again.write('four\n');
    expect(text('access.log')).toBe('one\ntwo\nthree\n');
    expect(await tailOf(join(directory, 'access.log'), 2)).toEqual(['two', 'three']);
    expect(await tailOf(join(directory, 'gone.log'), 2)).toEqual([]);
  });

  it('begins a new file each day, compresses and deletes by age', async () => {
    rules = { daily: true, maxBytes: 0, compressDays: 2, deleteDays: 4 };
    const writer = open();
    for (let day = 0; day < 6; day += 1) {
      writer.write(`day ${day}\n`);
      await writer.flush();
      utimesSync(join(directory, 'access.log'), clock.wall() / 1_000, clock.wall() / 1_000);
      clock.advance(DAY);
    }
    writer.write('now\n');
    await writer.flush();
    expect(names()).toEqual(['access-2026-11-27.log.gz', 'access-2026-11-28.log.gz', 'access-2026-11-29.log', 'access.log']);
    expect(gunzipSync(readFileSync(join(directory, 'access-2026-11-27.log.gz'))).toString()).toBe('day 3\n');
    expect(text('access-2026-11-29.log')).toBe('day 5\n');
    expect(text('access.log')).toBe('now\n');
  });

  it('begins a new file when it is as large as it may be', async () => {
    rules = { ...rules, maxBytes: 20 };
    const writer = open();
    for (let line = 0; line < 7; line += 1) {
      writer.write(`a line ${line}\n`);
      await writer.flush();
      utimesSync(join(directory, 'access.log'), clock.wall() / 1_000, clock.wall() / 1_000);
    }
    expect(names()).toEqual(['access-2026-11-24.2.log', 'access-2026-11-24.log', 'access.log']);
    expect(names().map(text).join('').length).toBe(7 * 9);
  });

  it('does not follow a symbolic link, and loses lines then and nothing else (S11)', async () => {
    const writer = open();
    const secret = join(root, 'secret');
    writeFileSync(secret, 'secret');
    execFileSync('mkdir', ['-p', directory]);
    symlinkSync(secret, join(directory, 'access.log'));
    writer.write('mine\n');
    await writer.flush();
    expect(readFileSync(secret, 'utf8')).toBe('secret');
    expect(problems).toEqual(['lines of the access log are lost']);
    rmSync(join(directory, 'access.log'));
    writer.write('later\n');
    await writer.flush();
    expect(text('access.log')).toMatch(/^2026-11-24T22:00:00.000Z 1 lines were lost\nlater\n$/);
  });

  it('compresses nothing that a symbolic link names, and follows none to write (S11)', async () => {
    rules = { daily: true, maxBytes: 0, compressDays: 1, deleteDays: 0 };
    execFileSync('mkdir', ['-p', directory]);
    const [secret, victim] = [join(root, 'secret'), join(root, 'victim')];
    writeFileSync(secret, 'secret');
    writeFileSync(victim, 'mine');
    symlinkSync(secret, join(directory, 'access-2026-11-20.log'));
    writeFileSync(join(directory, 'access-2026-11-21.log'), 'old\n');
    symlinkSync(victim, join(directory, 'access-2026-11-21.log.gz.part'));
    const writer = open();
    writer.write('now\n');
    await writer.flush();
    expect(readFileSync(victim, 'utf8')).toBe('mine');
    expect(names()).not.toContain('access-2026-11-20.log.gz');
    expect([readFileSync(secret, 'utf8'), text('access-2026-11-21.log')]).toEqual(['secret', 'old\n']);
    rmSync(join(directory, 'access-2026-11-21.log.gz.part'));
    clock.advance(2 * MINUTE);
    await writer.flush();
    expect(gunzipSync(readFileSync(join(directory, 'access-2026-11-21.log.gz'))).toString()).toBe('old\n');
  });

  it('on a disk that is full loses lines, tells it seldom, and says how many when there is space again', async (context) => {
    execFileSync('mkdir', ['-p', directory]);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k,mode=0700', 'log-test', directory], { stdio: 'ignore' });
    } catch {
      return context.skip('this system does not let this user mount a disk');
    }
    try {
      const writer = open();
      writer.write('first\n');
      await writer.flush();
      const { bavail, bsize } = { bavail: 16, bsize: 4_096 };
      try {
        writeFileSync(join(directory, 'filler'), Buffer.alloc(bavail * bsize));
      } catch {
        // Full is what it is to be.
      }
      for (let line = 0; line < 30; line += 1) {
        writer.write(`${'x'.repeat(1_000)}\n`);
        await writer.flush();
      }
      expect(problems).toEqual(['lines of the access log are lost']);
      rmSync(join(directory, 'filler'));
      writer.write('last\n');
      await writer.flush();
      const lines = text('access.log').split('\n');
      expect(lines.at(-2)).toBe('last');
      expect(lines.at(-3)).toMatch(/Z \d+ lines were lost$/);
    } finally {
      for (const writer of opened.splice(0)) await writer.close();
      execFileSync('umount', [directory]);
    }
  });

  it('waits for nobody: what comes faster than the disk takes it is lost, and counted', async () => {
    const writer = open();
    for (let line = 0; line < 30; line += 1) writer.write(`${'y'.repeat(50_000)}\n`);
    await writer.flush();
    writer.write('after\n');
    await writer.flush();
    expect(text('access.log')).toMatch(/ \d lines were lost\n|10 lines were lost\n/);
    expect(text('access.log').length).toBeLessThan(1_100_000);
  });

  it('touches nothing where it was switched off before its first line', async () => {
    open();
    clock.advance(3 * HOUR + MINUTE);
    await opened[0]?.flush();
    expect(existsSync(directory)).toBe(false);
    chmodSync(root, 0o700);
  });
});
