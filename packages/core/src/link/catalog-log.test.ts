import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CatalogLog, createCatalogLog } from './catalog-log.ts';

// R3: an LM that knows a version hears only what is different since.

const textOf = (key: string, state: number): string => JSON.stringify({ key, state });
const createOwner = (epochs: readonly number[] = [7], versions?: number) => {
  let drawn = 0;
  const log = createCatalogLog(() => epochs[drawn++] ?? 1_000 + drawn, versions);
  const keys = new Map<string, number>();
  const learn = (): void => log.learn([...keys].map(([key, state]) => [key, textOf(key, state)] as const));
  return { log, keys, learn };
};
/** Another LM, as it takes what it is told. */
const createListener = (log: CatalogLog) => {
  let version = 0;
  const known = new Map<string, string>();
  return {
    known,
    ask() {
      const told = log.since(version);
      if (told.since === 0) known.clear();
      for (const key of told.removed) known.delete(key);
      for (const text of told.keys) known.set((JSON.parse(text) as { key: string }).key, text);
      version = told.version;
      return told;
    },
  };
};

describe('the log of a catalog (R3)', () => {
  it('tells everything at first, then what is new, different or gone, then nothing', () => {
    const { log, keys, learn } = createOwner();
    for (const key of ['1', '2', '3']) keys.set(key, 0);
    learn();
    const listener = createListener(log);
    expect(listener.ask()).toMatchObject({ since: 0, keys: [textOf('1', 0), textOf('2', 0), textOf('3', 0)], removed: [] });
    expect(listener.ask()).toMatchObject({ keys: [], removed: [] });
    keys.set('2', 5).set('4', 0).delete('3');
    learn();
    const told = listener.ask();
    expect(told.since).toBeGreaterThan(0);
    expect(told).toMatchObject({ keys: [textOf('2', 5), textOf('4', 0)], removed: ['3'] });
    expect(listener.ask()).toMatchObject({ keys: [], removed: [] });
    keys.set('3', 1);
    learn();
    expect(listener.ask()).toMatchObject({ keys: [textOf('3', 1)], removed: [] });
  });

  it('has the same version as long as nothing is different', () => {
    const { log, keys, learn } = createOwner();
    keys.set('1', 0);
    learn();
    const { version } = log.since(0);
    learn();
    expect(log.since(version)).toEqual({ since: version, version, keys: [], removed: [] });
  });

  it('answers a version of another epoch, of the future and of none with everything', () => {
    const { log, keys, learn } = createOwner();
    keys.set('1', 0);
    learn();
    const { version } = log.since(0);
    for (const strange of [1, version - 1, version + 1, Number.MAX_SAFE_INTEGER]) expect(log.since(strange).since).toBe(0);
    const again = createOwner([8]);
    again.keys.set('1', 0);
    again.learn();
    expect(again.log.since(version)).toMatchObject({ since: 0, keys: [textOf('1', 0)] });
  });

  it('forgets the keys that have gone first, and then tells everything instead of too little', () => {
    const { log, keys, learn } = createOwner();
    learn();
    const early = createListener(log);
    early.ask();
    for (let key = 0; key < 5_000; key += 1) keys.set(String(key), 0);
    learn();
    const between = createListener(log);
    between.ask();
    for (let key = 0; key < 4_999; key += 1) keys.delete(String(key));
    learn();
    expect(early.ask().since).toBe(0);
    expect(between.ask().since).toBe(0);
    expect([...between.known.keys()]).toEqual(['4999']);
  });

  it('begins another epoch when the versions of one are used up', () => {
    const { log, keys, learn } = createOwner([1, 2], 4);
    keys.set('0', 0).set('1', 0);
    learn();
    const listener = createListener(log);
    const told = [1, 2, 3, 4, 5].map((state) => {
      const { since, version, keys: texts } = listener.ask();
      keys.set('0', state);
      learn();
      return [since, version, texts.length];
    });
    expect(told).toEqual([
      [0, 4, 2],
      [4, 5, 1],
      [5, 6, 1],
      [6, 7, 1],
      [0, 8, 2],
    ]);
  });

  it('whatever happens and whenever somebody asks, he knows what is there', () => {
    const step = fc.record({ key: fc.integer({ min: 0, max: 5 }), state: fc.option(fc.integer({ min: 0, max: 2 })), asks: fc.nat(2) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { log, keys, learn } = createOwner();
        const listeners = [createListener(log), createListener(log)];
        for (const { key, state, asks } of steps) {
          if (state === null) keys.delete(String(key));
          else keys.set(String(key), state);
          learn();
          const listener = listeners[asks];
          listener?.ask();
          if (listener !== undefined) expect(listener.known).toEqual(new Map([...keys].map(([each, at]) => [each, textOf(each, at)])));
        }
      }),
    );
  });
});
