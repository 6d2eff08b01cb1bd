import { describe, expect, it } from 'vitest';
import { Status } from '../errors/index.ts';
import { wall } from '../time/index.ts';
import { decideDetach, detachRows, openRecipient } from './index.ts';
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
