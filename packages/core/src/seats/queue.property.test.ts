import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSeatQueue, type Waiter } from './queue.ts';

// A4, over arbitrary stories of one pool: who comes, who leaves, which seats come free.

type Story = Waiter & { readonly seats: number; readonly kept: number };
type Step =
  | { readonly kind: 'come'; readonly priority: number; readonly seats: number; readonly kept: number; readonly waits: boolean }
  | { readonly kind: 'go'; readonly which: number }
  | { readonly kind: 'free'; readonly which: number };

const step = (priorities: number, kept: number): fc.Arbitrary<Step> =>
  fc.oneof(
    fc.record({
      kind: fc.constant('come' as const),
      priority: fc.nat(priorities),
      seats: fc.integer({ min: 1, max: 3 }),
      kept: fc.nat(kept),
      waits: fc.boolean(),
    }),
    fc.record({ kind: fc.constant('go' as const), which: fc.nat() }),
    fc.record({ kind: fc.constant('free' as const), which: fc.nat() }),
  );

const LIMIT = 4;

/** A pool of LIMIT seats with its line; tells of every grant, with who stood in line then. */
const createPool = (onGrant: (granted: Story, line: readonly Story[]) => void) => {
  const queue = createSeatQueue<Story>();
  const held: Story[] = [];
  let came = 0;
  const used = (): number => held.reduce((sum, { seats }) => sum + seats, 0);
  const fits = ({ seats, kept }: Story): boolean => used() + seats + kept <= LIMIT;
  const keptFrom = ({ kept }: Story): number => kept;
  const serve = (): void => {
    for (const waiter of queue.turns(keptFrom)) {
      if (!fits(waiter)) continue;
      const line = [...queue.all()];
      queue.leave(waiter.id);
      held.push(waiter);
      onGrant(waiter, line);
    }
  };
  const run = (next: Step): void => {
    switch (next.kind) {
      case 'come': {
        const story = { ...next, id: `waiter ${came}`, since: Math.floor(came / 2) };
        came += 1;
        if (fits(story) && !queue.holdsUp(story.priority, story.kept, keptFrom)) {
          held.push(story);
          onGrant(
            story,
            [...queue.all()].filter(({ priority, kept }) => priority >= story.priority && kept <= story.kept),
          );
        } else if (next.waits) queue.join(story);
        return;
      }
      case 'go': {
        const line = [...queue.all()];
        const gone = line[next.which % Math.max(1, line.length)];
        if (gone !== undefined) queue.leave(gone.id);
        return serve();
      }
      case 'free':
        held.splice(next.which % Math.max(1, held.length), 1);
        return serve();
    }
  };
  return { queue, held, used, run, serve };
};

describe('A4 the line of those who wait', () => {
  it('is never overtaken within a priority, by no smaller request and by no newcomer, and never more seats are out than sold', () => {
    fc.assert(
      fc.property(fc.array(step(2, 0), { maxLength: 60, size: 'max' }), (steps) => {
        const pool = createPool((granted, line) => {
          // Whoever was granted stood first among its equals, and nobody of a greater priority waited.
          const [first] = line;
          if (first !== undefined) expect(first.id).toBe(granted.id);
        });
        for (const each of steps) {
          pool.run(each);
          expect(pool.used()).toBeLessThanOrEqual(LIMIT);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('with reservations, is passed only by those who take what those before them may not have', () => {
    fc.assert(
      fc.property(fc.array(step(2, 2), { maxLength: 60, size: 'max' }), (steps) => {
        const pool = createPool((granted, line) => {
          for (const other of line) {
            if (other.id === granted.id) break;
            expect(other.kept).toBeGreaterThan(granted.kept);
          }
        });
        for (const each of steps) {
          pool.run(each);
          expect(pool.used()).toBeLessThanOrEqual(LIMIT);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('ends for everybody: whoever does not leave is granted when seats come free often enough', () => {
    fc.assert(
      fc.property(fc.array(step(2, 1), { maxLength: 60, size: 'max' }), (steps) => {
        const granted = new Set<string>();
        const pool = createPool(({ id }) => void granted.add(id));
        for (const each of steps) pool.run(each);
        const waiting = [...pool.queue.all()].map(({ id }) => id);
        for (let round = 0; round < 200 && pool.queue.size > 0; round++) pool.run({ kind: 'free', which: round });
        expect(pool.queue.size).toBe(0);
        for (const id of waiting) expect(granted.has(id)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('says places that are 1, 2, 3 ... in its order, whoever joined or left', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(3), fc.nat(5), fc.nat(20), fc.boolean()), { maxLength: 60, size: 'max' }), (steps) => {
        const queue = createSeatQueue<Waiter>();
        for (const [priority, since, number, leaves] of steps) {
          if (leaves) queue.leave(`${number}`);
          else queue.join({ id: `${number}`, priority, since });
          const line = [...queue.all()];
          expect(line.map(({ id }) => queue.place(id))).toEqual(line.map((_, index) => index + 1));
          expect(line.toSorted((a, b) => b.priority - a.priority || a.since - b.since)).toEqual(line);
          expect(queue.size).toBe(new Set(line.map(({ id }) => id)).size);
        }
        expect(queue.place('nobody')).toBe(0);
      }),
    );
  });
});

describe('A4 a request for several seats at the head', () => {
  it('is not overtaken by smaller ones, and whoever is away holds up nobody', () => {
    const queue = createSeatQueue<Story>();
    const waiter = (id: string, seats: number): Story => ({ id, seats, since: 0, priority: 0, kept: 0 });
    for (const each of [waiter('three', 3), waiter('one', 1), waiter('another', 1)]) queue.join(each);
    expect([...queue.turns()].map(({ id }) => id)).toEqual(['three']);
    const away = (each: Story): boolean => each.id !== 'three';
    expect([...queue.turns(undefined, away)].map(({ id }) => id)).toEqual(['one']);
    expect(queue.holdsUp(0)).toBe(true);
    expect(queue.holdsUp(1)).toBe(false);
    queue.leave('three');
    expect([...queue.turns()].map(({ id }) => id)).toEqual(['one']);
  });
});
