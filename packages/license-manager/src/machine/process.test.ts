import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isRunning, processStart } from './index.ts';

const started = async (command: string, args: readonly string[]): Promise<{ child: ChildProcess; pid: number; line: string }> => {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line]: Buffer[] = await once(child.stdout ?? child, 'data');
  return { child, pid: child.pid ?? 0, line: String(line).trim() };
};
const linux = process.platform === 'linux';

describe('a process', () => {
  it('is known by its id and the moment it started', () => {
    const start = processStart(process.pid) ?? -1;
    expect(start).toBeGreaterThan(0);
    expect(isRunning({ pid: process.pid, start })).toBe(true);
    expect(isRunning({ pid: process.pid, start: start + 1 })).toBe(false);
  });

  it('that did not say when it started is known by its id alone', () => {
    expect(isRunning({ pid: process.pid, start: 0 })).toBe(true);
    expect(isRunning({ pid: 0, start: 0 })).toBe(false);
    expect(isRunning({ pid: 0xffff_ffff, start: 0 })).toBe(false);
  });

  it('is gone at once when it was killed, and somebody else under its id is another one', async () => {
    const { child, pid } = await started('sh', ['-c', 'echo up; read x']);
    const start = processStart(pid) ?? -1;
    expect(isRunning({ pid, start })).toBe(true);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(isRunning({ pid, start })).toBe(false);
    // This process as the one that was given the id again.
    expect(isRunning({ pid: process.pid, start })).toBe(false);
  });

  it('that is a zombie is gone, though its id is taken', async (context) => {
    if (!linux) return context.skip('zombies are looked for in /proc');
    // The shell becomes `sleep`, which never asks how its child ended; the child lives until that has happened.
    const { child, line } = await started('sh', ['-c', 'sleep 1 & echo $!; exec sleep 60']);
    const pid = Number(line);
    const state = (): string => readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.[0] ?? '';
    await expect.poll(state, { timeout: 20_000, interval: 5 }).toBe('Z');
    expect(processStart(pid)).toBeUndefined();
    expect(isRunning({ pid, start: 0 })).toBe(false);
    child.kill('SIGKILL');
  });

  it('may have any name', async (context) => {
    if (!linux) return context.skip('names are in /proc');
    const { child, pid } = await started('bash', ['-c', 'printf ") Z 1 2 (" > /proc/self/comm; echo up; read x']);
    expect(readFileSync(`/proc/${pid}/stat`, 'latin1')).toContain(') Z 1 2 (');
    expect(processStart(pid)).toBeGreaterThan(processStart(process.pid) ?? Number.POSITIVE_INFINITY);
    child.kill('SIGKILL');
  });
});
