import { LicensingError, Status } from '@keyhaven/core/errors';
import { decodeGrant } from '@keyhaven/core/session';
import { MINUTE, wall } from '@keyhaven/core/time';
import { createMemoryLedger, type Ledger } from '@keyhaven/ledger';
import { describe, expect, it } from 'vitest';
import { connectApplication, createSite } from './site.testing.ts';

/** A ledger whose disk can be full: as the port says, what was answered early is undone and what waits is refused. */
const fillable = () => {
  const inner = createMemoryLedger({ now: () => wall(0) });
  let full = false;
  let undone = 0;
  const refused = (): Promise<never> => Promise.reject(new LicensingError(Status.DEVICE_ERR));
  const ledger: Ledger = {
    ...inner,
    update(keys, decide, options) {
      if (!full) return inner.update(keys, decide, options);
      if (options?.durability !== 'later') {
        // Reading alone is answered when the disk has nothing to do.
        return keys.length > 0 && undone === 0
          ? inner.update(keys, (rows, now) => ({ ...decide(rows, now), changes: [], audit: [] })).then(refused)
          : refused();
      }
      undone += 1;
      return inner.update(keys, (rows, now) => ({ ...decide(rows, now), changes: [], audit: [] }), options);
    },
  };
  return {
    ledger,
    inner,
    fill(value: boolean) {
      full = value;
      undone = 0;
    },
  };
};
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a disk that is full', () => {
  it('refuses logins with 43 and keeps nothing of them', async () => {
    const { ledger, inner, fill } = fillable();
    const site = await createSite({ ledger });
    const key = await site.licensed({ features: [{ id: 42, seats: 1 }] });
    const app = connectApplication(site, key);
    const before = JSON.stringify(inner.snapshot().rows);
    fill(true);
    expect((await app.login(42)).status).toBe(43);
    await turn();
    expect(JSON.stringify(inner.snapshot().rows)).toBe(before);
    expect(site.authority.sessionCount).toBe(0);
    expect(site.authority.used({ key: key.identity.id, product: 1, feature: 42 })).toBe(0);
    fill(false);
    expect((await app.login(42)).status).toBe(0);
    expect(site.authority.used({ key: key.identity.id, product: 1, feature: 42 })).toBe(1);
  });

  it('does not lose a release for ever: it is repeated until the disk takes it, and the seat is free', async () => {
    const { ledger, fill } = fillable();
    const site = await createSite({ ledger });
    const key = await site.licensed({ features: [{ id: 42, seats: 1 }] });
    const app = connectApplication(site, key);
    const { handle } = decodeGrant((await app.login(42)).body);
    fill(true);
    expect((await app.call({ kind: 'logout', handle })).status).toBe(0);
    await turn();
    site.clock.advance(10_000);
    await turn();
    fill(false);
    // The ledger still holds the seat of the release that it undid.
    expect((await app.login(42)).status).toBe(38);
    site.clock.advance(2_000);
    await turn();
    expect((await app.login(42)).status).toBe(0);
    expect(site.ended).toHaveLength(1);
    site.clock.advance(10 * MINUTE);
    await turn();
    expect(site.authority.sessionCount).toBe(1);
  });
});
