import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/**
 * Starts `count` processes of one program, lets all of them begin at once, and gives how often they did their work per second, together.
 * Each says `ready`, begins at a line on stdin, and says its count.
 */
export const crowd = async (count: number, seconds: number, args: readonly string[]): Promise<number> => {
  const members = Array.from({ length: count }, () => {
    const child = spawn(process.execPath, [...args, String(seconds)], { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    return { child, next: async (): Promise<string> => (await lines.next()).value ?? 'nothing' };
  });
  try {
    for (const { next } of members) {
      const line = await next();
      if (line !== 'ready') throw new Error(`a process said ${line} and not that it is ready`);
    }
    for (const { child } of members) child.stdin.end('go\n');
    const counts = await Promise.all(members.map(async ({ next }) => Number(await next())));
    return counts.reduce((sum, each) => sum + each, 0) / seconds;
  } finally {
    for (const { child } of members) child.kill('SIGKILL');
  }
};
