import { describe, expect, it } from 'vitest';
import { MINUTE, mono, SECOND } from '../time/index.ts';
import { createHolderLeases, LEASE_MS, RENEW_MS } from './index.ts';

const id = (number: number): string => number.toString(16).padStart(32, '0');
const at = (seconds: number) => mono(seconds * SECOND);
const leases = () => createHolderLeases(LEASE_MS, RENEW_MS);
const UNTIL = 0.99 * LEASE_MS - SECOND;

describe('the lease at the LM of the applications (R8)', () => {
  it('is renewed as soon as something is held, then once a minute, all sessions of a peer together', () => {
    const holder = leases();
    holder.opened(at(5), 'p');
    expect(holder.nextTimeout()).toBe(at(5));
    for (let session = 0; session < 50; session++) holder.attached(at(5), 'p', id(session));
    holder.attached(at(5), 'q', id(99));
    expect(holder.timeout(at(5))).toEqual([
      { kind: 'renew', peer: 'p' },
      { kind: 'renew', peer: 'q' },
    ]);
    expect(holder.renewal(at(5), 'p').count).toBe(50);
    holder.renewal(at(5), 'q');
    for (const peer of ['p', 'q']) holder.renewed(peer);
    expect(holder.nextTimeout()).toBe(at(65));
    expect(holder.timeout(mono(at(65) - 1))).toEqual([]);
    expect(holder.timeout(at(65))).toHaveLength(2);
  });

  it('is asked for again every ten seconds until the peer answers', () => {
    const holder = leases();
    holder.attached(at(0), 'p', id(1));
    const asked: number[] = [];
    for (let now = 0; now <= 60; now++) if (holder.timeout(at(now)).length > 0) asked.push(now);
    expect(asked).toEqual([0, 10, 20, 30, 40, 50, 60]);
  });

  it('I2: counts from before the renewal was sent, not from its answer, and less than the owner does', () => {
    const holder = leases();
    holder.attached(at(0), 'p', id(1));
    holder.renewal(at(0), 'p');
    holder.renewed('p');
    expect(holder.until('p')).toBe(UNTIL);
    expect(holder.nextTimeout()).toBe(at(60));
    holder.renewal(at(60), 'p');
    // Nothing comes; the second minute asks again.
    holder.renewal(at(70), 'p');
    holder.renewed('p');
    expect(holder.until('p')).toBe(at(70) + UNTIL);
    holder.renewed('p');
    expect(holder.until('p'), 'an answer to nothing changes nothing').toBe(at(70) + UNTIL);
  });

  it('lapses whole, at its moment and not before, and is then no longer held', () => {
    const holder = leases();
    for (const session of [1, 2]) holder.attached(at(0), 'p', id(session));
    holder.renewal(at(0), 'p');
    holder.renewed('p');
    const early = holder.timeout(mono(UNTIL - 1));
    expect(early.every(({ kind }) => kind === 'renew')).toBe(true);
    expect(holder.nextTimeout()).toBe(UNTIL);
    expect(holder.timeout(mono(UNTIL))).toContainEqual({ kind: 'lapsed', peer: 'p', sessions: [id(1), id(2)] });
    expect(holder.sessions('p')).toEqual([]);
    expect(holder.nextTimeout(), 'nothing is held, nothing is waited for').toBeUndefined();
  });

  it('goes on for a peer with an open channel, so that a session granted any moment has a lease', () => {
    const holder = leases();
    holder.opened(at(0), 'p');
    holder.renewal(at(0), 'p');
    holder.renewed('p');
    expect(holder.nextTimeout()).toBe(at(60));
    holder.closed('p');
    expect(holder.nextTimeout()).toBeUndefined();
  });

  it('is not begun by a renewal that finds nothing held any more', () => {
    const holder = leases();
    holder.opened(at(0), 'p');
    holder.closed('p');
    expect(holder.renewal(at(0), 'p')).toMatchObject({ count: 0 });
    expect(holder.list(at(0), 'p')).toEqual([]);
    holder.renewed('p');
    expect(holder.nextTimeout()).toBeUndefined();
  });

  it('takes an end for what it is, once', () => {
    const holder = leases();
    holder.attached(at(0), 'p', id(1));
    expect(holder.detached('p', id(2))).toBe(false);
    expect(holder.detached('p', id(1))).toBe(true);
    expect(holder.detached('p', id(1))).toBe(false);
    expect(holder.timeout(at(2 * MINUTE))).toEqual([]);
  });
});
