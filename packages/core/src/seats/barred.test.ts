import { describe, expect, it } from 'vitest';
import { Status } from '../errors/index.ts';
import { wall } from '../time/index.ts';
import { login, Table, terms } from './table.testing.ts';

describe('a login that something stands against (K6, K9)', () => {
  const barred = { status: Status.CLONE_DETECTED, detail: 'a copy' } as const;

  it('is refused with that, takes nothing and is noted', () => {
    const table = new Table();
    expect(table.login(login('a', { barred }))).toEqual({ kind: 'refused', status: 64, detail: 'a copy' });
    expect(table.pool).toEqual({ used: 0, executions: 0 });
  });

  it('is granted again where it was granted before: nothing is taken twice, and nothing is taken back by asking', () => {
    const table = new Table();
    expect(table.login(login('a')).kind).toBe('granted');
    expect(table.login(login('a', { barred }))).toMatchObject({ kind: 'granted', repeated: true });
    expect(table.pool.used).toBe(1);
  });
});

describe('the license time at a login (K6)', () => {
  const dated = (time: number | undefined) =>
    login('x', { terms: terms({ until: wall(5_000) }), ...(time === undefined ? {} : { time: wall(time) }) });

  it.each([
    ['alone, before the end', 4_000, undefined, 'granted'],
    ['alone, after the end', 6_000, undefined, Status.FEATURE_EXPIRED],
    ['later than the ledger', 4_000, 6_000, Status.FEATURE_EXPIRED],
    ['earlier than the ledger', 6_000, 4_000, Status.FEATURE_EXPIRED],
    ['both before the end', 4_000, 4_500, 'granted'],
  ] as const)('the later of the two counts: %s', (_, ledger, time, expected) => {
    const table = new Table();
    table.now = wall(ledger);
    const reply = table.login(dated(time));
    expect(reply.kind === 'granted' ? 'granted' : reply.status).toBe(expected);
    if (reply.kind === 'granted') expect(reply.session.since).toBe(ledger);
  });
});
