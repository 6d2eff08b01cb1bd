import { wall } from '@keyhaven/core/time';
import { describe, expect, it } from 'vitest';
import { ledgerContract } from './contract.ts';
import { createMemoryLedger, type LedgerSnapshot, type MemoryLedger } from './memory.ts';

ledgerContract('the memory ledger', async () => {
  let last: MemoryLedger | undefined;
  return {
    async open(now) {
      const initial: LedgerSnapshot | undefined = last?.snapshot();
      last = createMemoryLedger({ now, ...(initial === undefined ? {} : { initial }) });
      return last;
    },
    async remove() {
      last = undefined;
    },
  };
});

describe('a memory ledger', () => {
  const now = () => wall(5);

  it('goes on from a snapshot as it was then, whatever the old one did since', async () => {
    const before = createMemoryLedger({ now });
    await before.update(['a/b/c'], () => ({ changes: [{ key: 'a/b/c', row: { count: 1 } }], audit: [], reply: 0 }));
    const initial = before.snapshot();
    await before.update(['a/b/c'], () => ({ changes: [{ key: 'a/b/c', row: { count: 2 } }], audit: [], reply: 0 }));
    const after = createMemoryLedger({ now, initial });
    const seen = await after.update(['a/b/c'], (rows) => ({ changes: [], audit: [], reply: rows.get('a/b/c') }));
    expect(seen).toEqual({ count: 1 });
  });

  it('forgets the oldest audit records beyond what it keeps', async () => {
    const ledger = createMemoryLedger({ now, auditKept: 10 });
    for (let round = 0; round < 25; round += 1) {
      await ledger.update([], () => ({ changes: [], audit: [{ kind: 'login', scope: 'a', detail: {} }], reply: 0 }));
    }
    expect((await ledger.audit()).map(({ sequence }) => sequence)).toEqual([25, 24, 23, 22, 21, 20, 19, 18, 17, 16]);
  });
});
