import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createLineQueue } from './line-queue.ts';

const opened = () => {
  const source = new PassThrough();
  return { source, queue: createLineQueue(source, () => 'a program') };
};

describe('a line queue', () => {
  it('gives each waiter the first line it wants and leaves the others in order', async () => {
    const { source, queue } = opened();
    const ready = queue.next((line) => line.startsWith('ready'), 1_000);
    const done = queue.next((line) => line === 'done', 1_000);
    source.end('one\ndone\nready {}\ntwo\r\nready again\nrest');
    expect([await ready, await done]).toEqual(['ready {}', 'done']);
    expect(await queue.next((line) => line.startsWith('ready'), 1_000)).toBe('ready again');
    const rest: string[] = [];
    for await (const line of queue.all()) rest.push(line);
    expect(rest).toEqual(['one', 'two', 'rest']);
  });

  it('fails a wait when the output ends, before or after the wait began, and tells what was said instead', async () => {
    const { source, queue } = opened();
    const waiting = queue.next((line) => line === 'ready', 1_000);
    source.end('broken\n');
    await expect(waiting).rejects.toThrow(/the output ended .*"broken".*a program/);
    await expect(queue.next((line) => line === 'ready', 1_000)).rejects.toThrow('the output ended');
  });

  it('fails a wait when its time is over', async () => {
    const { queue } = opened();
    await expect(queue.next(() => true, 1)).rejects.toThrow('1 ms passed');
  });

  it('keeps the latest ten thousand unread lines', async () => {
    const { source, queue } = opened();
    source.end(Array.from({ length: 10_002 }, (_, index) => index).join('\n'));
    await expect(queue.next((line) => line === 'never', 1_000)).rejects.toThrow('the output ended');
    expect(await queue.next(() => true, 1_000)).toBe('2');
  });
});
