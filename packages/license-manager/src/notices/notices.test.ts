import { SECOND } from '@keyhaven/core/time';
import { createMemoryLedger } from '@keyhaven/ledger';
import { describe, expect, it } from 'vitest';
import { connectApplication, createSite } from '../authority/site.testing.ts';
import { createSimulatedClock } from '../simulated-clock.testing.ts';
import { createNotices, noticedLedger, type Topic } from './index.ts';

const listen = () => {
  const clock = createSimulatedClock();
  const notices = createNotices(clock);
  const told: string[] = [];
  const stop = notices.listen(
    (topic, count) => told.push(`${topic} ${count}`),
    () => told.push('over'),
  );
  return { clock, notices, told, stop };
};

describe('notices (C3)', () => {
  it('tell a topic at once, and twice a second at most however much happens', () => {
    const { clock, notices, told } = listen();
    for (let time = 0; time < 10_000; time += 1) {
      notices.touch('sessions');
      clock.advance(1);
    }
    clock.advance(SECOND);
    expect(told[0]).toBe('sessions 1');
    expect(told.at(-1)).toBe('sessions 10000');
    expect(told.length).toBeGreaterThanOrEqual(20);
    expect(told.length).toBeLessThanOrEqual(22);
    notices.touch('keys');
    expect(told.at(-1)).toBe('keys 1');
  });

  it('cost nothing without listeners, and have an end', () => {
    const { clock, notices, told, stop } = listen();
    stop();
    notices.touch('keys', 'features');
    expect([told, clock.waiting]).toEqual([[], 0]);
    expect(notices.counts()).toMatchObject({ keys: 1, features: 1, sessions: 0 });
    for (let time = 0; time < 64; time += 1)
      notices.listen(
        () => undefined,
        () => told.push('over'),
      );
    expect(notices.full).toBe(true);
    notices.close();
    expect([told.length, notices.full]).toEqual([64, false]);
  });
});

describe('a ledger that tells', () => {
  it('sees keys, sessions and refusals, whoever decides them', async () => {
    const clock = createSimulatedClock();
    const touched: Topic[] = [];
    const ledger = noticedLedger(createMemoryLedger({ now: () => clock.wall() }), (...topics) => void touched.push(...topics));
    const seen = (): Topic[] => [...new Set(touched.splice(0))].toSorted();
    const site = await createSite({ clock, ledger });
    const key = await site.licensed({ features: [{ id: 42, seats: 1 }] });
    expect(seen()).toEqual(['audit', 'features', 'keys']);
    const application = connectApplication(site, key);
    await application.login(42);
    expect(seen()).toEqual(['audit', 'features', 'sessions']);
    await application.login(42);
    expect(seen()).toEqual(['audit', 'denials']);
    const [session] = [...site.authority.sessions()];
    if (session !== undefined) await site.authority.release(session, 'killed');
    expect(seen()).toEqual(['audit', 'features', 'sessions']);
  });
});
