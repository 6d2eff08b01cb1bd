import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { withProgress } from './progress.ts';

const ERASE = '\r\u001B[K';

const placeOf = (isTTY: boolean, env: Record<string, string> = {}) => {
  const written: string[] = [];
  return { written, place: { output: { isTTY, columns: 30, write: (text: string) => written.push(text) }, env } };
};

describe('progress', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());
  const during = async (ms: number, { place }: ReturnType<typeof placeOf>): Promise<void> => {
    const work = withProgress('asking somebody far away', new Promise((resolve) => setTimeout(resolve, ms)), place);
    await vi.advanceTimersByTimeAsync(ms);
    await work;
  };

  it('is silent for half a second, then tells what and how long, and is gone when it is over', async () => {
    const quick = placeOf(true);
    await during(499, quick);
    expect(quick.written).toEqual([]);
    const slow = placeOf(true);
    await during(2_100, slow);
    expect(slow.written[0]?.startsWith(`${ERASE}- asking somebody far`)).toBe(true);
    expect(slow.written.some((each) => each.includes('…') || each.includes('(1 s)'))).toBe(true);
    expect(slow.written.at(-1)).toBe(ERASE);
    for (const each of slow.written) expect(each.length).toBeLessThan(4 + 30);
  });

  it('is told on a terminal only, and not on a dumb one', async () => {
    for (const place of [placeOf(false), placeOf(true, { TERM: 'dumb' })]) {
      await during(5_000, place);
      expect(place.written).toEqual([]);
    }
  });

  it('ends with the failure of the work, and leaves no line behind', async () => {
    const { place, written } = placeOf(true);
    const work = withProgress('asking', new Promise((_, reject) => setTimeout(() => reject(new Error('away')), 900)), place);
    const told = work.catch((error: unknown) => String(error));
    await vi.advanceTimersByTimeAsync(900);
    expect(await told).toBe('Error: away');
    expect(written.at(-1)).toBe(ERASE);
  });
});
