import { describe, expect, it } from 'vitest';
import { Status } from '../errors/index.ts';
import { wall } from '../time/index.ts';
import { decideLogin, type Login, type LoginReply } from './index.ts';
import { applicant, login, pool, Table, terms } from './table.testing.ts';

const outcome = (reply: LoginReply): string | number => (reply.kind === 'granted' ? 'granted' : reply.status);
const from = (holder: string, pid = 1, start = 1) => applicant({ holder, pid, start });

describe('what a seat counts (K1)', () => {
  const visits = [
    { who: 'a first login', by: from('local', 1, 1) },
    { who: 'the same process again', by: from('local', 1, 1) },
    { who: 'another process', by: from('local', 2, 1) },
    { who: 'a later process of the same id', by: from('local', 1, 2) },
    { who: 'another computer', by: from('remote', 1, 1) },
    { who: 'that computer again', by: from('remote', 9, 9) },
    {
      who: 'another license manager of that computer, for a process that it has seen',
      by: applicant({ holder: 'near', station: 'remote', unit: '9.9' }),
    },
    { who: 'the same, for a connection of which it sees no process', by: applicant({ holder: 'near', station: 'remote', unit: '?a' }) },
    {
      who: 'one that came to that computer through a forward',
      by: applicant({ holder: 'near', station: 'remote', unit: '?b', forwarded: true }),
    },
  ];
  it.each([
    ['login', [1, 2, 3, 4, 5, 6, 7, 8, 9]],
    ['process', [1, 1, 2, 3, 4, 5, 5, 6, 7]],
    ['station', [1, 1, 1, 1, 2, 2, 2, 2, 3]],
  ] as const)('per %s', (count, used) => {
    const table = new Table();
    const seen = visits.map(({ by }, index) => {
      expect(outcome(table.login(login(`s${index}`, { terms: terms({ seats: undefined, count }), applicant: by })))).toBe('granted');
      return table.pool.used;
    });
    expect(seen).toEqual(used);
  });

  it.each(['process', 'station'] as const)(
    'a %s that asks for more seats takes the difference, and keeps the most until its last session ends',
    (count) => {
      const table = new Table();
      const of = { terms: terms({ count }) };
      table.login(login('a', { ...of, seats: 2 }));
      table.login(login('b', { ...of, seats: 4 }));
      table.login(login('c', { ...of, seats: 1 }));
      expect(table.pool.used).toBe(4);
      table.release('b');
      table.release('a');
      expect(table.pool.used).toBe(4);
      table.release('c');
      expect(table.pool).toEqual({ used: 0, executions: 0 });
      expect(table.consumers).toEqual([]);
    },
  );
});

describe('a login that is refused', () => {
  const granted: readonly Login[] = [login('held', { seats: 3, executions: 2 })];
  const local = terms({ network: false });
  const dated = terms({ until: wall(1_000) });
  const counted = (executions: number) => terms({ executions });
  it.each<[string, readonly Login[], Login, string | number]>([
    ['fits exactly', granted, login('x', { seats: 2 }), 'granted'],
    ['one seat too many', granted, login('x', { seats: 3 }), Status.TOO_MANY_USERS],
    ['more than there are', [], login('x', { seats: 6 }), Status.TOO_MANY_USERS],
    ['none at all counts as one', [login('full', { seats: 5 })], login('x', { seats: 0 }), Status.TOO_MANY_USERS],
    ['unlimited', [], login('x', { seats: 32_752, terms: terms({ seats: undefined }) }), 'granted'],
    ['a feature that was not sold', [], login('x', { terms: undefined }), Status.FEATURE_NOT_FOUND],
    ['from another computer where only this one may', [], login('x', { terms: local, applicant: from('remote') }), Status.ACCESS_DENIED],
    ['from this computer where only this one may', [], login('x', { terms: local }), 'granted'],
    ['at the last moment', [], login('x', { terms: dated }), 'granted'],
    ['after the last moment', [], login('x', { terms: terms({ until: wall(999) }) }), Status.FEATURE_EXPIRED],
    ['the last execution', granted, login('x', { terms: counted(1) }), 'granted'],
    [
      'all executions used',
      [login('held', { terms: counted(2), executions: 2 })],
      login('x', { terms: counted(2) }),
      Status.FEATURE_EXPIRED,
    ],
    [
      'more executions than are left',
      [login('held', { terms: counted(2) })],
      login('x', { terms: counted(2), executions: 2 }),
      Status.FEATURE_INSUFFICIENT_EXECUTION_COUNT,
    ],
    ['executions where none are counted', [], login('x', { executions: 9 }), 'granted'],
  ])('%s', (_name, before, command, expected) => {
    const table = new Table();
    for (const each of before) expect(outcome(table.login(each))).toBe('granted');
    const rows = new Map(table.rows);
    expect(outcome(table.login(command))).toBe(expected);
    if (expected !== 'granted') expect(table.rows, 'a refusal changes nothing').toEqual(rows);
  });

  it('is written to the audit with its cause', () => {
    const { audit } = decideLogin({ get: () => undefined }, login('x', { seats: 6 }), wall(0));
    expect(audit).toMatchObject([
      { kind: 'refused', scope: pool.key, detail: { status: 38, seats: 6, cause: '0 of 5 seats are in use and 6 more are needed.' } },
    ]);
  });
});

describe('a login that is repeated (S20)', () => {
  it.each(['login', 'process', 'station'] as const)('takes neither seat nor execution a second time, counted per %s', (count) => {
    const table = new Table();
    const command = login('x', { terms: terms({ count, executions: 10 }), seats: 2, executions: 3 });
    const first = table.login(command);
    const after = new Map(table.rows);
    expect(first).toMatchObject({ kind: 'granted', repeated: false });
    expect(table.login(command)).toMatchObject({ kind: 'granted', repeated: true });
    expect(table.rows).toEqual(after);
    expect(table.pool).toEqual({ used: 2, executions: 3 });
  });

  it('is granted again even when the license ended or the pool is full meanwhile, and says what it was granted', () => {
    const table = new Table();
    table.login(login('x', { seats: 5 }));
    const again = table.login(login('x', { seats: 1, terms: terms({ until: wall(0), seats: 1 }) }));
    expect(again).toMatchObject({ kind: 'granted', repeated: true, session: { seats: 5 } });
  });
});

describe('a release', () => {
  it('frees what the session took, once', () => {
    const table = new Table();
    table.login(login('a', { seats: 2, terms: terms({ executions: 5 }) }));
    table.login(login('b', { seats: 3, terms: terms({ executions: 5 }) }));
    expect(table.release('a')).toEqual({ kind: 'released' });
    expect(table.pool).toEqual({ used: 3, executions: 2 });
    expect(table.release('a', { consumer: undefined })).toEqual({ kind: 'unknown' });
    expect(table.pool.used).toBe(3);
  });

  it('gives no execution back', () => {
    const table = new Table();
    const of = { terms: terms({ executions: 2 }) };
    for (const id of ['a', 'b']) {
      expect(outcome(table.login(login(id, of)))).toBe('granted');
      table.release(id);
    }
    expect(outcome(table.login(login('c', of)))).toBe(Status.FEATURE_EXPIRED);
  });

  it('frees a seat counted per process after the license counts logins', () => {
    const table = new Table();
    table.login(login('a', { terms: terms({ count: 'process' }) }));
    table.login(login('b', { terms: terms({ count: 'login' }) }));
    table.login(login('c', { terms: terms({ count: 'station' }) }));
    expect(table.pool.used).toBe(3);
    for (const id of ['b', 'a', 'c']) table.release(id);
    expect(table.pool.used).toBe(0);
    expect([...table.rows.keys()]).toEqual(['77/pool/1.42']);
  });
});
