import type { Session } from '@keyhaven/licensing-api';
import type { Licensing } from '@keyhaven/licensing-api/licensing';
import { type Figure, median } from './figures.ts';
import { licensingAt, meanLogin } from './remote.ts';
import type { Lm } from './site.ts';

// P5: a login at an LM with 100,000 sessions in a pool without limit beside one at an LM with 100 sessions in a pool of 100 seats and more.
// A pool is one row with a count, so its size is not a figure that could be turned up: seats are the number in a comparison.

const ROUNDS = 9;
const LOGINS = 150;
const AT_ONCE = 256;
const MANY = 100_000;
const FEW = 100;
/** A channel carries up to 65,536 sessions. */
const PER_CHANNEL = 50_000;

const fill = async (licensing: Licensing, vendorCode: string, count: number): Promise<Session[]> => {
  const sessions: Session[] = [];
  const worker = async (): Promise<void> => {
    while (sessions.length < count) {
      const session = licensing.login({ vendorCode, feature: 11 });
      sessions.push(await session);
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, count) }, worker));
  return sessions;
};

export const benchSize = async (small: Lm, large: Lm, smallCode: string, largeCode: string): Promise<Figure[]> => {
  const fillers: Licensing[] = [];
  const filled = async (lm: Lm, code: string, count: number): Promise<void> => {
    for (let left = count; left > 0; left -= PER_CHANNEL) {
      const licensing = licensingAt(lm);
      fillers.push(licensing);
      await fill(licensing, code, Math.min(left, PER_CHANNEL));
    }
  };
  await filled(small, smallCode, FEW);
  await filled(large, largeCode, MANY);
  const few = licensingAt(small);
  const many = licensingAt(large);
  try {
    await meanLogin(few, smallCode, 11, LOGINS);
    await meanLogin(many, largeCode, 11, LOGINS);
    const rounds: { few: number; many: number }[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      rounds.push({ few: await meanLogin(few, smallCode, 11, LOGINS), many: await meanLogin(many, largeCode, 11, LOGINS) });
    }
    const value = median(rounds.map((each) => each.many)) * 1_000;
    const reference = median(rounds.map((each) => each.few)) * 1_000;
    return [
      {
        clause: 'P5',
        what: 'login with 100,000 sessions',
        value,
        reference,
        unit: 'us',
        referenceIs: 'login with 100 sessions',
        ratio: value / reference,
        target: { atMost: 1.2 },
      },
    ];
  } finally {
    for (const each of [...fillers, few, many]) each.close();
  }
};
