import type { Applicant, Login, PoolId, SessionRow } from '@keyhaven/core/seats';
import type { Access } from '../access/index.ts';
import type { Keystore } from '../keystore/index.ts';

// What the administrator's rules say to the seats here (R9). They are asked by key, and know vendors; without rules everybody may take every
// seat. Seats that run count for what is reserved, so each is told in the order of the decisions.

export type SeatRules = {
  /** Whether the rules say something else to an application of another computer than to one of this. */
  asksWhere(): boolean;
  /** The command with what the rules say to it. */
  ruled(command: Login): Login;
  /** A session runs, from its grant or from the ledger. */
  began(id: string, pool: PoolId, row: SessionRow): void;
  ended(id: string): void;
  /** Among those who wait for a seat of the pool, the greater goes first. */
  priorityOf(applicant: Applicant, pool: PoolId): number;
  /** Seats of the pool that the applicant must leave to others, as of now. */
  reservedForOthers(applicant: Applicant, pool: PoolId): number;
};

export const createSeatRules = (access: Access | undefined, keystore: Keystore): SeatRules => {
  const vendorOf = ({ key }: PoolId): number => keystore.get(key)?.identity.vendor ?? 0;
  return {
    asksWhere: () => access?.asksWhere() ?? false,
    ruled: (command) => access?.ruled(command, vendorOf(command.pool)) ?? command,
    began: (id, pool, row) => access?.began(id, pool, vendorOf(pool), row),
    ended: (id) => access?.ended(id),
    priorityOf: (applicant, pool) => access?.priorityOf(applicant, pool, vendorOf(pool)) ?? 0,
    reservedForOthers: (applicant, pool) => access?.reservedForOthers(applicant, pool, vendorOf(pool)) ?? 0,
  };
};
