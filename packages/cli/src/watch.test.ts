import { stripVTControlCharacters } from 'node:util';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { watchList } from './watch.ts';
import { blockScreen, differences, terminalScreen } from './watch-screen.ts';

const gone = () => new LicensingError(Status.LOCAL_COMM_ERR, { detail: 'gone.' });

/** A license manager with one number, and whoever watches it. */
const watched = (topics: readonly string[], everyMs?: number) => {
  const end = new AbortController();
  const lm = { value: 1, reads: 0, away: false, refuses: undefined as LicensingError | undefined };
  const told: string[] = [];
  const streams = new Set<{ change(topic: string | undefined): void; over(error?: Error): void }>();
  const run = watchList<number>({
    topics,
    everyMs,
    signal: end.signal,
    async read() {
      lm.reads += 1;
      if (lm.refuses !== undefined) throw lm.refuses;
      if (lm.away) throw gone();
      return lm.value;
    },
    follow: (signal, onChange) =>
      new Promise((resolve, reject) => {
        if (lm.away) return reject(gone());
        const stream = { change: onChange, over: (error?: Error) => (error === undefined ? resolve() : reject(error)) };
        streams.add(stream);
        signal.addEventListener('abort', () => resolve());
        onChange(undefined);
      }),
    show: (value) => told.push(`is ${value}`),
    away: (reason, ms) => told.push(`${reason} ${ms}`),
  });
  run.catch(() => undefined);
  return {
    lm,
    told,
    run,
    end: () => end.abort(),
    change: (topic: string) => {
      for (const stream of streams) stream.change(topic);
    },
    over: (error?: Error) => {
      for (const stream of [...streams]) stream.over(error);
      streams.clear();
    },
  };
};

describe('--watch', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
  afterEach(() => void vi.useRealTimers());
  const settle = (ms = 100) => vi.advanceTimersByTimeAsync(ms);

  it('reads again when one of its topics has changed, and not otherwise', async () => {
    const { lm, told, change, end, run } = watched(['sessions']);
    await settle();
    const before = lm.reads;
    change('keys');
    await settle(60_000);
    expect(lm.reads).toBe(before);
    lm.value = 2;
    change('sessions');
    await settle();
    expect(told.at(-1)).toBe('is 2');
    expect(lm.reads).toBe(before + 1);
    end();
    await settle();
    await run;
  });

  it('tells that the license manager is away, tries again after longer and longer, and goes on', async () => {
    const { lm, told, over, end, run } = watched(['sessions']);
    await settle();
    lm.away = true;
    over(gone());
    await settle(8_000);
    expect(told.filter((each) => each.startsWith('gone'))).toEqual(['gone. 500', 'gone. 1000', 'gone. 2000', 'gone. 5000']);
    Object.assign(lm, { away: false, value: 7 });
    await settle(6_000);
    expect(told.at(-1)).toBe('is 7');
    end();
    await settle();
    await run;
  });

  it('fails where it never answered, and where it refuses', async () => {
    const first = watched([]);
    first.end();
    await first.run;
    const away = watched(['sessions']);
    away.lm.away = true;
    away.lm.refuses = gone();
    away.over(gone());
    await settle();
    const refused = watched(['sessions']);
    await settle();
    refused.lm.refuses = new LicensingError(Status.ACCESS_DENIED);
    refused.change('sessions');
    await settle();
    await expect(refused.run).rejects.toMatchObject({ status: Status.ACCESS_DENIED });
    away.end();
    await settle();
  });

  it('looks every two seconds where the license manager tells nothing, and as often as somebody wants', async () => {
    const silent = watched(['sessions']);
    await settle();
    silent.over(new LicensingError(Status.TMOF));
    const before = silent.lm.reads;
    await settle(20_000);
    expect(silent.lm.reads - before).toBeGreaterThanOrEqual(9);
    expect(silent.lm.reads - before).toBeLessThanOrEqual(11);
    const often = watched(['sessions'], 500);
    await settle(10_000);
    expect(often.lm.reads).toBeGreaterThanOrEqual(19);
    for (const each of [silent, often]) each.end();
    await settle();
  });
});

const listOf = (...rows: readonly (readonly [string, number])[]) => ({
  heads: ['NAME', 'N'],
  rows: rows.map(([id, n]) => ({ id, cells: [id, n] })),
  none: 'Nothing.',
});
const at = new Date('2027-01-02T03:04:05.000Z');

describe('what a list that changes looks like', () => {
  it('marks what has come and changed, and counts what has gone', () => {
    const { marks, gone: left } = differences(listOf(['a', 1], ['b', 2], ['c', 3]).rows, listOf(['b', 2], ['c', 4], ['d', 5]).rows);
    expect([[...marks], left]).toEqual([
      [
        ['c', '*'],
        ['d', '+'],
      ],
      1,
    ]);
  });

  it('is drawn over on a terminal, within its height, and leaves the last one behind', () => {
    const written: string[] = [];
    const size = { color: false, live: true, columns: 20, rows: 6 };
    const screen = terminalScreen(
      'keyhaven sessions at 127.0.0.1:1947',
      () => size,
      (text) => written.push(text),
    );
    screen.show(listOf(['a', 1], ['b', 2]), at);
    expect(written.join('')).toContain('\u001B[?1049h');
    screen.show(listOf(['a', 1], ['b', 3], ['c', 1]), at);
    const lines = stripVTControlCharacters(written.at(-1) ?? '').split('\n');
    expect(lines.slice(1)).toEqual(['  NAME  N', '  a     1', '* b     3'].slice(0, 2).concat(['  and 2 more', '+ new  * changed  …']));
    Object.assign(size, { rows: 24 });
    screen.show(listOf(['a', 1], ['b', 3], ['c', 1]), at);
    expect(written.at(-1)).toContain('* b     3');
    expect(written.at(-1)).toContain('+ c     1');
    screen.away('Nobody is there.', 500);
    expect(written.at(-1)).toContain('+ c     1');
    screen.close();
    expect(written.at(-1)).toBe('\u001B[?25h\u001B[?1049lNAME  N\na     1\nb     3\nc     1\n');
  });

  it('is a block for each change elsewhere', () => {
    const [written, complained]: [string[], string[]] = [[], []];
    const look = { color: false, live: false };
    const screen = blockScreen(
      () => look,
      (text) => written.push(text),
      (text) => complained.push(text),
    );
    screen.show(listOf(['a', 1]), at);
    screen.show(listOf(['a', 1]), at);
    for (const _ of [1, 2]) screen.away('Nobody is there.', 500);
    screen.show(listOf(), at);
    expect(written).toEqual(['2027-01-02T03:04:05.000Z\nNAME  N\na     1\n\n', '2027-01-02T03:04:05.000Z\nNothing.\n\n']);
    expect(complained).toEqual(['Nobody is there. It is tried again.\n', 'The license manager is back.\n']);
    screen.close();
  });
});
