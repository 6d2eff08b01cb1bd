import { createSecretKey } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DAY, HOUR, wall } from '@keyhaven/core/time';
import { openSqliteLedger } from '@keyhaven/ledger';
import { describe, expect, it } from 'vitest';
import { createSimulatedClock } from '../simulated-clock.testing.ts';
import { type OpenSession, openHistory } from './history.ts';

const CLIENTS = 1_000;
const FEATURES = 3;
const START = Date.UTC(2026, 0, 1);

describe('a year of 1,000 clients', () => {
  it('is a history of less than 100 MB on the disk (C5)', { timeout: 120_000 }, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'year-'));
    const clock = createSimulatedClock(START);
    const ledger = await openSqliteLedger({ directory, now: () => clock.wall(), authenticationKey: createSecretKey(Buffer.alloc(32, 9)) });
    const open = new Map<string, OpenSession>();
    const used = new Map<number, number>();
    const history = await openHistory({
      ledger,
      clock,
      used: ({ feature }) => used.get(feature) ?? 0,
      sessions: () => [],
      onProblem: (error) => {
        throw error;
      },
    });
    const at = (kind: string, client: number, feature: number): void => {
      used.set(feature, (used.get(feature) ?? 0) + (kind === 'granted' ? 1 : kind === 'released' ? -1 : 0));
      const detail = { product: 1, feature, user: `somebody.${client}`, host: `workstation-${client}`, status: 38 };
      history.decided({ kind, scope: '1234567890123456789', detail }, clock.wall());
    };
    try {
      // Every single day each client works with every feature for two hours, and is refused now and then; more hours cost 15 bytes each.
      for (let day = 0; day < 365; day += 1) {
        for (const [hour, kind] of [
          [8, 'granted'],
          [10, 'released'],
        ] as const) {
          clock.advance(START + day * DAY + hour * HOUR - clock.wall());
          for (let client = 0; client < CLIENTS; client += 1) {
            for (let feature = 1; feature <= FEATURES; feature += 1) {
              at(kind, client, feature);
              if ((client + day) % 10 === 0 && kind === 'granted') at('refused', client, feature);
            }
          }
          await history.flush();
        }
      }
      clock.advance(DAY);
      await history.flush();
      expect(open.size).toBe(0);
      const [item] = await history.report({ from: wall(START), to: wall(START + 365 * DAY), by: 'product' });
      expect(item).toMatchObject({ grants: CLIENTS * FEATURES * 365, denials: CLIENTS * FEATURES * 36.5 });
      expect(item?.hours).toBeCloseTo(CLIENTS * FEATURES * 2 * 365, -2);
      const users = await history.report({ from: wall(START), to: wall(START + 365 * DAY), by: 'user' });
      expect(users).toHaveLength(CLIENTS);
      await history.close();
    } finally {
      await ledger.close();
    }
    const bytes = readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
    rmSync(directory, { recursive: true });
    expect(bytes).toBeLessThan(100_000_000);
    expect(bytes, 'it is all there').toBeGreaterThan(5_000_000);
  });
});
