import { expect } from 'vitest';
import { type Wall, wall } from '../time/index.ts';
import {
  type Applicant,
  type ConsumerRow,
  decideLogin,
  decideRelease,
  type Login,
  type LoginReply,
  type PoolId,
  type PoolRow,
  poolRowKey,
  type Release,
  type ReleaseReply,
  rowsOf,
  type SeatDecision,
  type SeatTerms,
  type SessionRow,
  sessionRowKey,
} from './index.ts';

// A table of rows that decisions are applied to, as a ledger does it, and which holds them to what they may do.

export const pool: PoolId = { key: '77', product: 1, feature: 42 };
export const terms = (of: Partial<SeatTerms> = {}): SeatTerms => ({
  seats: 5,
  count: 'login',
  network: true,
  until: undefined,
  executions: undefined,
  ...of,
});
export const applicant = (of: Partial<Applicant> = {}): Applicant => ({
  holder: 'local',
  host: 'h',
  user: 'u',
  application: 'a',
  pid: 1,
  start: 1,
  address: '127.0.0.1',
  ...of,
});
export const login = (session: string, of: Partial<Login> = {}): Login => ({
  kind: 'login',
  pool,
  terms: terms(),
  session,
  applicant: applicant(),
  seats: 1,
  executions: 0,
  dieAtExpiration: false,
  ...of,
});

export class Table {
  readonly rows = new Map<string, object>();
  now: Wall = wall(1_000);

  login(command: Login): LoginReply {
    return this.#apply(command, (rows) => decideLogin(rows, command, this.now));
  }
  /** As the authority does: by what the session's row says. */
  release(session: string, of: Partial<Release> = {}): ReleaseReply {
    const row = this.session(session);
    const command: Release = { kind: 'release', pool, session, consumer: row?.consumer, cause: 'logout', ...of };
    return this.#apply(command, (rows) => decideRelease(rows, command));
  }
  session(id: string): SessionRow | undefined {
    return this.rows.get(sessionRowKey(pool.key, id)) as SessionRow | undefined;
  }
  get sessions(): string[] {
    return [...this.rows.keys()].filter((key) => key.includes('/session/')).map((key) => key.split('/')[2]!);
  }
  get pool(): PoolRow {
    return (this.rows.get(poolRowKey(pool)) as PoolRow | undefined) ?? { used: 0, executions: 0 };
  }
  get consumers(): ConsumerRow[] {
    return [...this.rows].filter(([key]) => key.includes('/consumer/')).map(([, row]) => row as ConsumerRow);
  }
  /** What `used` has to be: the sessions that count for themselves, and each process or station once. */
  get sum(): number {
    const alone = this.sessions.map((id) => this.session(id)!).filter((row) => row.consumer === undefined);
    return [...alone, ...this.consumers].reduce((sum, { seats }) => sum + seats, 0);
  }

  #apply<T>(command: Login | Release, decide: (rows: { get<R extends object>(key: string): R | undefined }) => SeatDecision<T>): T {
    const named = rowsOf(command);
    const rows = {
      get: <R extends object>(key: string): R | undefined => {
        expect(named, 'a decision reads only what it names').toContain(key);
        return this.rows.get(key) as R | undefined;
      },
    };
    const decision = decide(rows);
    expect(decide(rows), 'the same rows give the same decision').toEqual(decision);
    for (const { key, row } of decision.changes) {
      expect(key.startsWith(`${pool.key}/`)).toBe(true);
      if (row === undefined) this.rows.delete(key);
      else this.rows.set(key, JSON.parse(JSON.stringify(row)) as object);
    }
    return decision.reply;
  }
}
