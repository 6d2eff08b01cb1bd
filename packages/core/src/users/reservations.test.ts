import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Applicant, decideLogin, decideRelease, type Login, rowsOf, type SeatTerms, type SessionRow } from '../seats/index.ts';
import { wall } from '../time/index.ts';
import { createReservations, parseUserRules, type Reservations } from './index.ts';

const numRuns = process.env['SLOW'] === undefined ? 300 : 5_000;
const asked = { vendor: 7, key: '77', product: 1, feature: 42 };
const pool = { key: '77', product: 1, feature: 42 };
const by = (user: string, pid = 1): Applicant => ({
  holder: 'local',
  host: 'h',
  user,
  application: 'a',
  pid,
  start: 1,
  address: '127.0.0.1',
});

/** Seats of one pool with rules, as the authority joins them. */
class Site {
  readonly rows = new Map<string, object>();
  readonly reservations: Reservations;
  terms: SeatTerms;
  constructor(lines: readonly string[], seats: number, count: SeatTerms['count'] = 'login') {
    const { rules, faults } = parseUserRules(lines);
    expect(faults).toEqual([]);
    this.reservations = createReservations(rules);
    this.terms = { seats, count, network: true, until: undefined, executions: undefined };
  }
  login(session: string, applicant: Applicant, seats = 1): string {
    const command: Login = {
      kind: 'login',
      pool,
      terms: this.terms,
      session,
      applicant,
      seats,
      executions: 0,
      dieAtExpiration: false,
      reservedForOthers: this.reservations.forOthers(asked, applicant),
    };
    expect(rowsOf(command).length).toBeGreaterThan(1);
    const { changes, reply } = decideLogin(
      { get: <R extends object>(key: string) => this.rows.get(key) as R | undefined },
      command,
      wall(0),
    );
    this.#write(changes);
    if (reply.kind === 'refused') return reply.detail;
    this.reservations.began(session, asked, reply.session);
    return 'granted';
  }
  logout(session: string): void {
    this.reservations.ended(session);
    const row = this.rows.get(`77/session/${session}`) as SessionRow | undefined;
    if (row === undefined) return;
    const command = { kind: 'release', pool, session, consumer: row.consumer, cause: 'logout' } as const;
    this.#write(decideRelease({ get: <R extends object>(key: string) => this.rows.get(key) as R | undefined }, command).changes);
  }
  get used(): number {
    return (this.rows.get('77/pool/1.42') as { used: number } | undefined)?.used ?? 0;
  }
  #write(changes: readonly { readonly key: string; readonly row: object | undefined }[]): void {
    for (const { key, row } of changes) {
      if (row === undefined) this.rows.delete(key);
      else this.rows.set(key, row);
    }
  }
}

describe('seats reserved for some (R9)', () => {
  it('the last ones are for them, and the others get the rest', () => {
    const site = new Site(['allow=ada,feature:42,reserve=2'], 3);
    expect(site.login('1', by('bob'))).toBe('granted');
    expect(site.login('2', by('eve'))).toBe('1 of 3 seats are in use and 2 are reserved for others.');
    expect(site.login('3', by('ada'))).toBe('granted');
    expect(site.login('4', by('eve')), 'one of two is still reserved').toContain('1 are reserved');
    expect(site.login('5', by('ada'))).toBe('granted');
    expect(site.used).toBe(3);
  });

  it('what they have is no longer kept for them beside it', () => {
    const site = new Site(['allow=ada,feature:42,reserve=1'], 2);
    expect(site.login('1', by('ada'))).toBe('granted');
    expect(site.login('2', by('bob'))).toBe('granted');
    site.logout('1');
    expect(site.login('3', by('bob'))).toContain('reserved');
    expect(site.login('4', by('ada'))).toBe('granted');
  });

  it('a reservation of a product keeps seats of each of its features, and of no other product', () => {
    const { rules } = parseUserRules(['allow=ada,product:1,reserve=2']);
    const reservations = createReservations(rules);
    const others = (of: Partial<typeof asked>): number => reservations.forOthers({ ...asked, ...of }, by('bob'));
    expect([others({}), others({ feature: 7 }), others({ product: 2 })]).toEqual([2, 2, 0]);
    reservations.began('1', asked, { ...by('ada'), seats: 1 });
    expect([others({}), others({ feature: 7 })]).toEqual([1, 2]);
  });

  it('whoever shares the seat of a process or station takes none and is not refused', () => {
    const site = new Site(['allow=ada,feature:42,reserve=1'], 2, 'station');
    expect(site.login('1', by('bob'))).toBe('granted');
    expect(site.login('2', by('eve', 2))).toBe('granted');
    expect(site.login('3', by('ada', 3)), 'on the same station').toBe('granted');
    expect(site.used).toBe(1);
    expect(site.login('4', { ...by('eve'), holder: 'B' })).toContain('reserved');
    expect(site.login('5', { ...by('ada'), holder: 'C' })).toBe('granted');
  });

  it('whoever shares a seat is not refused either where the license has become smaller', () => {
    const site = new Site(['allow=ada,feature:42,reserve=1'], 2, 'station');
    expect(site.login('1', by('bob'))).toBe('granted');
    site.terms = { ...site.terms, seats: 1 };
    expect(site.login('2', by('eve', 2))).toBe('granted');
  });

  it('whoever is in two reservations takes a place of the second when the first has none left', () => {
    const site = new Site(['group both = ada', 'allow=both,feature:42,reserve=1', 'allow=ada,feature:42,reserve=1'], 2);
    expect(site.login('1', by('ada'))).toBe('granted');
    expect(site.login('2', by('bob'))).toContain('reserved');
    expect(site.login('3', by('ada'))).toBe('granted');
  });

  const user = fc.constantFrom('ada', 'bob', 'eve', 'max');
  const step = fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('login' as const),
        user,
        pid: fc.integer({ min: 1, max: 3 }),
        seats: fc.integer({ min: 1, max: 3 }),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('logout' as const), which: fc.nat(30) }) },
  );
  it('I1 and the promise: never more seats out than sold, and never fewer free than are reserved and not taken', () => {
    fc.assert(
      fc.property(
        fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 }), fc.integer({ min: 0, max: 4 })),
        fc.constantFrom<SeatTerms['count']>('login', 'process', 'station'),
        fc.array(step, { maxLength: 40 }),
        ([first, second, more], count, steps) => {
          const seats = first + second + more;
          // ada is in both, eve in one, max in one, bob in none.
          const lines = [
            'group a = ada, eve',
            'group b = ada, max',
            `allow=a,feature:42,reserve=${first}`,
            `allow=b,product:1,reserve=${second}`,
          ];
          const site = new Site(lines, seats, count);
          const held: string[] = [];
          for (const [index, each] of steps.entries()) {
            if (each.kind === 'logout') {
              const [session] = held.splice(each.which % Math.max(1, held.length), 1);
              if (session !== undefined) site.logout(session);
            } else if (site.login(`s${index}`, by(each.user, each.pid), each.seats) === 'granted') held.push(`s${index}`);
            const reserved = site.reservations.forOthers(asked, by('bob'));
            expect(site.used).toBeLessThanOrEqual(seats);
            expect(seats - site.used, 'what is reserved and not taken is free').toBeGreaterThanOrEqual(reserved);
          }
          for (const session of held) site.logout(session);
          expect(site.used).toBe(0);
          expect(site.reservations.forOthers(asked, by('bob')), 'all places are back').toBe(first + second);
        },
      ),
      { numRuns },
    );
  });

  it('a seat that is reserved and free is granted to whom it is reserved for', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 0, max: 3 }),
        fc.array(user, { maxLength: 12 }),
        (reserve, more, users) => {
          const site = new Site([`allow=ada,feature:42,reserve=${reserve}`], reserve + more);
          let own = 0;
          for (const [index, each] of users.entries()) {
            const reply = site.login(`s${index}`, by(each));
            if (each === 'ada' && own < reserve) expect(reply).toBe('granted');
            if (each === 'ada' && reply === 'granted') own += 1;
          }
        },
      ),
      { numRuns },
    );
  });
});
