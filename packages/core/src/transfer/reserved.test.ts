import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Status } from '../errors/index.ts';
import { wall } from '../time/index.ts';
import { decideDetach, detachRows, openRecipient, reservedOf } from './index.ts';
import { Side, SOLD } from './sides.testing.ts';

describe('seats that rules keep for others (R9)', () => {
  const now = wall(1_795_000_000_000);
  const lend = (owner: Side, seats: number, kept: number) => {
    const command = {
      key: owner.waiting.id,
      certificate: owner.certificate,
      product: 1,
      to: openRecipient(new Side(0x51).id(now)),
      seats,
      durationMs: 3_600_000,
      maxMs: 3_600_000,
      counted: 0,
      keptFrom: (feature: number) => (feature === 42 ? kept : 0),
    };
    return owner.decide(detachRows(command), (rows) => decideDetach(rows, command, now));
  };

  it('are not lent either, and the rest is', () => {
    const owner = Side.licensed(0x21);
    expect(lend(owner, SOLD - 1, 2)).toMatchObject({
      kind: 'refused',
      status: Status.TOO_MANY_USERS,
      detail: expect.stringContaining('reserved') as string,
    });
    expect(lend(owner, SOLD - 2, 2)).toMatchObject({ kind: 'detached' });
    expect(owner.used).toBe(SOLD - 2);
    expect(lend(owner, SOLD - 2, SOLD), 'what is lent already takes none').toMatchObject({ kind: 'detached' });
  });
});

describe('seats that stay for logins at the owner', () => {
  const now = wall(1_795_000_000_000);
  const lend = (owner: Side, to: number, seats: number, stay: { readonly reservedSeats: number; readonly reservedPercent: number }) => {
    const command = {
      key: owner.waiting.id,
      certificate: owner.certificate,
      product: 1,
      to: openRecipient(new Side(to).id(now)),
      seats,
      durationMs: 3_600_000,
      maxMs: 3_600_000,
      counted: 0,
      stay,
      others: [...owner.detached.keys()],
    };
    return owner.decide(detachRows(command), (rows) => decideDetach(rows, command, now));
  };

  it('are refused with the cause and what to do, whatever was lent before (38)', () => {
    const owner = Side.licensed(0x21);
    const stay = { reservedSeats: 2, reservedPercent: 0 };
    expect(lend(owner, 0x51, SOLD - 1, stay)).toMatchObject({
      kind: 'refused',
      status: Status.TOO_MANY_USERS,
      detail: `2 of ${SOLD} seats of feature 42 (Feature 42) stay for logins here, 0 are detached and ${SOLD - 1} more are needed.`,
      remedy: expect.stringContaining('detach.reservedSeats') as string,
    });
    expect(lend(owner, 0x51, SOLD - 3, stay)).toMatchObject({ kind: 'detached' });
    expect(lend(owner, 0x61, 1, stay)).toMatchObject({ kind: 'detached' });
    expect(lend(owner, 0x71, 1, stay)).toMatchObject({ kind: 'refused', status: Status.TOO_MANY_USERS });
    expect(lend(owner, 0x61, 2, stay), 'an extension with more seats').toMatchObject({ kind: 'refused' });
    expect(lend(owner, 0x61, 1, { reservedSeats: SOLD, reservedPercent: 0 }), 'what is lent already takes none').toMatchObject({
      kind: 'detached',
    });
    expect(owner.used).toBe(SOLD - 2);
  });

  it('may be those that logins have now', () => {
    const owner = Side.licensed(0x21);
    owner.rows.set(`${owner.waiting.id}/pool/1.42`, { used: 2, executions: 0 });
    expect(lend(owner, 0x51, SOLD - 2, { reservedSeats: 2, reservedPercent: 0 })).toMatchObject({ kind: 'detached' });
  });

  it('are the greater of both numbers, percent rounded up, and at most all', () => {
    expect(reservedOf({ reservedSeats: 2, reservedPercent: 10 }, 5)).toBe(2);
    expect(reservedOf({ reservedSeats: 0, reservedPercent: 21 }, 5)).toBe(2);
    expect(reservedOf({ reservedSeats: 9, reservedPercent: 0 }, 5)).toBe(5);
    expect(reservedOf({ reservedSeats: 0, reservedPercent: 100 }, 5)).toBe(5);
    expect(reservedOf({ reservedSeats: 0, reservedPercent: 0 }, 5)).toBe(0);
  });

  it('are never lent, in whatever order copies are asked for', () => {
    const wishes = fc.array(fc.record({ to: fc.integer({ min: 0x51, max: 0x54 }), seats: fc.integer({ min: 1, max: SOLD }) }), {
      maxLength: 6,
    });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: SOLD }), wishes, (reservedSeats, of) => {
        const owner = Side.licensed(0x21);
        for (const { to, seats } of of) lend(owner, to, seats, { reservedSeats, reservedPercent: 0 });
        expect(owner.used).toBeLessThanOrEqual(SOLD - reservedSeats);
      }),
      { numRuns: 40 },
    );
  });
});
