import type { NetworkEvent, Noted } from '@keyhaven/core/network';
import { describe, expect, it } from 'vitest';
import { createSimulatedClock } from '../simulated-clock.testing.ts';
import { createJournal, upcomingOf } from './index.ts';

const event = (port: number): Noted => ({
  event: 'datagram',
  direction: 'out',
  kind: 'search',
  peer: '192.0.2.255',
  port,
  sent: 40,
  received: 0,
  result: 'sent',
});

describe('the journal of the network', () => {
  it('keeps the last 1,000 events in their order, numbered from the first on', () => {
    const { note, recent } = createJournal(createSimulatedClock());
    expect(recent()).toEqual([]);
    for (let port = 1; port <= 2_345; port += 1) {
      note(event(port));
      const kept = recent();
      if (port % 500 !== 0 && port !== 2_345) continue;
      expect(kept).toHaveLength(Math.min(port, 1_000));
      expect(kept.map(({ number }) => number)).toEqual(kept.map((each) => each.port));
      expect(kept.at(-1)?.number).toBe(port);
    }
  });

  it('tells each event at once to all who listen, with the time of the day', () => {
    const clock = createSimulatedClock();
    const journal = createJournal(clock);
    const heard: NetworkEvent[][] = [[], []];
    const [stop] = heard.map((list) =>
      journal.listen(
        (each) => list.push(each),
        () => undefined,
      ),
    );
    journal.note(event(1));
    stop?.();
    journal.note(event(2));
    expect(heard.map((list) => list.map(({ port }) => port))).toEqual([[1], [1, 2]]);
    expect(heard[0]?.[0]?.at).toBe(new Date(clock.wall()).toISOString());
  });

  it('has room for so many who listen, and tells them when it is over', () => {
    const journal = createJournal(createSimulatedClock());
    let over = 0;
    const stops = Array.from({ length: 32 }, () =>
      journal.listen(
        () => undefined,
        () => (over += 1),
      ),
    );
    expect(journal.full).toBe(true);
    stops[0]?.();
    expect(journal.full).toBe(false);
    journal.close();
    expect(over).toBe(31);
  });
});

describe('what comes next', () => {
  it('is told by the time of the day, the soonest first, and never in the past', () => {
    const clock = createSimulatedClock();
    const day = clock.wall();
    const due = (ms: number) => (clock.mono() + ms) as ReturnType<typeof clock.mono>;
    const at = (ms: number): string => new Date(day + ms).toISOString();
    expect(
      upcomingOf(clock, [
        { kind: 'search', to: 'a', due: due(5_000) },
        { kind: 'names', to: 'b', due: due(-10) },
        { kind: 'exchange', to: 'c', due: due(1_000) },
      ]),
    ).toEqual([
      { kind: 'names', to: 'b', at: at(0) },
      { kind: 'exchange', to: 'c', at: at(1_000) },
      { kind: 'search', to: 'a', at: at(5_000) },
    ]);
  });
});
