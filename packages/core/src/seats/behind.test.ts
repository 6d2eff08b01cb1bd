import { describe, expect, it } from 'vitest';
import { login, Table, terms } from './table.testing.ts';

describe('A4 a login while somebody waits before it', () => {
  it.each([
    ['needs a seat that is free', 'login', { behind: 3 }, 38],
    ['needs nothing more, for its process has a seat', 'process', { behind: 3 }, 'granted'],
    ['is before all who wait', 'login', { behind: 0 }, 'granted'],
  ] as const)('that %s', (_name, count, more, expected) => {
    const table = new Table();
    const sold = terms({ seats: 5, count });
    expect(table.login(login('first', { terms: sold })).kind).toBe('granted');
    const reply = table.login(login('second', { terms: sold, ...more }));
    expect(reply.kind === 'granted' ? 'granted' : reply.status).toBe(expected);
    expect(table.pool.used).toBe(expected === 38 || count === 'process' ? 1 : 2);
  });

  it('is refused nothing where seats are not counted, and keeps what it has when it is repeated', () => {
    const table = new Table();
    const unlimited = terms({ seats: undefined });
    expect(table.login(login('a', { terms: unlimited, behind: 1 })).kind).toBe('granted');
    expect(table.login(login('a', { terms: terms({ seats: 1 }), behind: 1 }))).toMatchObject({ kind: 'granted', repeated: true });
  });
});
