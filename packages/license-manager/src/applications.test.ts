import { MINUTE, SECOND } from '@keyhaven/core/time';
import { describe, expect, it } from 'vitest';
import { createApplications } from './applications.ts';
import { createSimulatedClock } from './simulated-clock.testing.ts';

const app = { pid: 100, start: 7 };

const world = () => {
  const clock = createSimulatedClock();
  const alive = new Set<number>([app.pid]);
  const holding = new Set<number>([app.pid]);
  const ended: number[] = [];
  const applications = createApplications({
    clock,
    running: ({ pid }) => alive.has(pid),
    needed: ({ pid }) => holding.has(pid),
    onEnded: ({ pid }) => {
      ended.push(pid);
      holding.delete(pid);
    },
  });
  return { clock, alive, holding, ended, applications };
};

describe('an application of this computer', () => {
  it('behind another process ends with the process that it names, which keeps nothing for longer than the lease', () => {
    const { clock, alive, holding, ended, applications } = world();
    const [first, second] = [
      { pid: 201, start: 2 ** 52 + 1 },
      { pid: 202, start: 2 ** 52 + 2 },
    ];
    for (const process of [first, second]) {
      holding.add(process.pid);
      applications.connected(process, app);
    }
    applications.disconnected(first);
    clock.advance(3 * MINUTE + 5_000);
    expect(ended).toEqual([first.pid]);
    applications.disconnected(second);
    clock.advance(MINUTE);
    expect(ended).toEqual([first.pid]);
    alive.delete(app.pid);
    clock.advance(5_000);
    expect(ended).toEqual([first.pid, second.pid]);
  });

  it('of another computer that a license manager stored has the time of a lease to come back after a restart', () => {
    const { clock, holding, ended, applications } = world();
    const process = { pid: 203, start: 2 ** 52 + 3 };
    holding.add(process.pid);
    applications.away(process);
    clock.advance(2 * MINUTE);
    expect(ended).toEqual([]);
    clock.advance(2 * MINUTE);
    expect(ended).toEqual([process.pid]);
  });

  it('that was killed gives its seats back at once, though its socket closes a moment before it is gone', () => {
    const { clock, alive, ended, applications } = world();
    applications.connected(app);
    applications.disconnected(app);
    clock.advance(5);
    expect(ended).toEqual([]);
    alive.delete(app.pid);
    clock.advance(100);
    expect(ended).toEqual([app.pid]);
    clock.advance(10 * MINUTE);
    expect(ended).toEqual([app.pid]);
    expect(clock.waiting).toBe(0);
  });

  it('that lives without a connection keeps its seats for as long as it lives (L4, S22, T3)', () => {
    const { clock, alive, ended, applications } = world();
    applications.connected(app);
    applications.disconnected(app);
    clock.advance(24 * 60 * MINUTE);
    expect(ended).toEqual([]);
    alive.delete(app.pid);
    clock.advance(2 * SECOND);
    expect(ended).toEqual([app.pid]);
  });

  it('is not looked at while one of its connections is open', () => {
    const { clock, alive, ended, applications } = world();
    applications.connected(app);
    applications.connected(app);
    applications.disconnected(app);
    alive.delete(app.pid);
    clock.advance(10 * MINUTE);
    expect(ended).toEqual([]);
    applications.disconnected(app);
    clock.advance(5);
    expect(ended).toEqual([app.pid]);
  });

  it('that comes back in between is not looked at any more', () => {
    const { clock, ended, applications } = world();
    applications.connected(app);
    applications.disconnected(app);
    clock.advance(50);
    applications.connected(app);
    expect(clock.waiting).toBe(0);
    clock.advance(10 * MINUTE);
    expect(ended).toEqual([]);
  });

  it('that cannot be seen from here is kept for the lease, three minutes, and not longer', () => {
    const { clock, alive, ended, applications } = world();
    alive.delete(app.pid);
    applications.connected(app);
    clock.advance(60 * MINUTE);
    applications.disconnected(app);
    clock.advance(3 * MINUTE - 1);
    expect(ended).toEqual([]);
    clock.advance(1);
    expect(ended).toEqual([app.pid]);
  });

  it('without sessions is forgotten at the first look', () => {
    const { clock, holding, applications } = world();
    holding.clear();
    applications.connected(app);
    applications.disconnected(app);
    clock.advance(5);
    expect(clock.waiting).toBe(0);
  });

  it('of a session that was stored before the start is looked for without ever having connected (S22)', () => {
    const { clock, alive, ended, applications } = world();
    applications.away(app);
    applications.away(app);
    clock.advance(10 * MINUTE);
    expect(ended).toEqual([]);
    alive.delete(app.pid);
    clock.advance(2 * SECOND);
    expect(ended).toEqual([app.pid]);
  });

  it('under a process id that is used again is not taken for the one before', () => {
    const { clock, ended, applications } = world();
    applications.connected(app);
    applications.connected({ ...app, start: 8 });
    applications.disconnected({ ...app, start: 8 });
    clock.advance(5);
    expect(ended).toEqual([]);
  });

  it('is not looked at any more after close', () => {
    const { clock, applications } = world();
    applications.away(app);
    applications.close();
    expect(clock.waiting).toBe(0);
  });
});
