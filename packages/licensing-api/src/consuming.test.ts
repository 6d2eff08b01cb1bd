import { Buffer } from 'node:buffer';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { CONSUMED_KEPT } from '@keyhaven/core/seats';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createConsuming } from './consuming.ts';
import { testLimit } from './limits.testing.ts';

/** A key that counts, and remembers the nonces that it has to; a way to it that loses requests and answers. */
const counting = (losses: readonly ('request' | 'answer' | 'nothing')[]) => {
  let kept: string[] = [];
  let counted = 0;
  let next = 0;
  let made = 0;
  const consume = createConsuming(
    async (nonce, executions) => {
      const loss = losses[next++] ?? 'nothing';
      const name = Buffer.from(nonce).toString('hex');
      if (loss !== 'request' && !kept.includes(name)) {
        kept = [...kept, name].slice(-CONSUMED_KEPT);
        counted += executions;
      }
      if (loss !== 'nothing') throw new LicensingError(Status.REMOTE_COMM_ERR);
      return counted;
    },
    () => Buffer.from([made >> 8, made++ & 0xff]),
  );
  return { consume, counted: () => counted };
};

const limit = testLimit();

describe('executions of a session whose answers get lost (K1)', () => {
  it('are counted once for each call that succeeded, if every call that failed is made again', async () => {
    const loss = fc.constantFrom('request' as const, 'answer' as const, 'nothing' as const);
    await fc.assert(
      fc.asyncProperty(
        fc.array(loss, { maxLength: 30 }),
        fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 12 }),
        async (losses, wishes) => {
          const { consume, counted } = counting(losses);
          let wanted = 0;
          for (const wish of wishes) {
            wanted += wish;
            for (;;) {
              const done = await consume(wish, limit).then(
                () => true,
                () => false,
              );
              if (done) break;
            }
          }
          expect(counted()).toBe(wanted);
        },
      ),
    );
  });
  it('are never repeated when the key may have forgotten their nonce', async () => {
    const { consume, counted } = counting(['answer']);
    await consume(7, limit).catch(() => undefined);
    for (let other = 0; other < CONSUMED_KEPT; other += 1) await consume(1, limit);
    await consume(7, limit);
    expect(counted()).toBe(7 + CONSUMED_KEPT + 7);
  });
  it('go on after one that was refused', async () => {
    const { consume } = counting(['answer']);
    const [first, second] = await Promise.allSettled([consume(1, limit), consume(2, limit)]);
    expect([first.status, second.status]).toEqual(['rejected', 'fulfilled']);
  });
});
