import { createSecretKey } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { SECOND } from '@keyhaven/core/time';
import { type AuditEntry, createMemoryLedger, type Ledger, openSqliteLedger } from '@keyhaven/ledger';
import { afterEach, describe, expect, it } from 'vitest';
import { createSimulatedClock } from '../simulated-clock.testing.ts';
import { createAuditWriter } from './audit-writer.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const entry = (kind: string): AuditEntry => ({ kind, scope: 'lm', detail: {} });

const site = () => {
  const clock = createSimulatedClock();
  const inner = createMemoryLedger({ now: () => clock.wall() });
  const disk = { full: false, refused: 0 };
  const update: Ledger['update'] = async (...of) => {
    if (!disk.full) return inner.update(...of);
    disk.refused += 1;
    throw new LicensingError(Status.DEVICE_ERR, { detail: 'no space is left' });
  };
  const events: string[] = [];
  const writer = createAuditWriter({ ledger: { update }, clock, onEvent: ({ level, event }) => void events.push(`${level} ${event}`) });
  const kinds = async (): Promise<readonly string[]> => (await inner.audit()).map(({ kind }) => kind).toReversed();
  return { clock, inner, disk, events, writer, kinds };
};

describe('audit entries that nothing waits for (C5)', () => {
  it('are in the audit, and nothing is reported', async () => {
    const { writer, kinds, events } = site();
    writer.write(entry('refused'));
    expect(await kinds()).toEqual(['refused']);
    expect([writer.lost(), writer.unreported(), events]).toEqual([0, 0, []]);
  });

  it('are counted where the disk refuses them; one line of the error log says it, however many there are', async () => {
    const { writer, disk, events } = site();
    disk.full = true;
    for (let count = 0; count < 100; count += 1) writer.write(entry('refused'));
    writer.write(entry('settings changed'));
    await expect.poll(() => writer.lost()).toBe(101);
    expect(writer.unreported()).toBe(101);
    expect(events).toEqual(['error an audit entry was not written']);
  });

  it('leave their number, kinds and time in the audit as soon as the disk takes entries again', async () => {
    const { writer, disk, clock, inner, events } = site();
    disk.full = true;
    writer.write(entry('refused'));
    writer.write(entry('settings changed'));
    await expect.poll(() => writer.lost()).toBe(2);
    const from = clock.wall();
    clock.advance(5 * SECOND);
    // The report itself was refused: it is tried again.
    await expect.poll(() => disk.refused).toBe(3);
    expect(writer.unreported()).toBe(2);
    disk.full = false;
    await expect.poll(async () => (clock.advance(5 * SECOND), writer.unreported())).toBe(0);
    const [found] = await inner.audit({ kind: 'audit entries lost' });
    expect(found?.detail).toEqual({ count: 2, kinds: 'refused, settings changed', from, to: from });
    expect(writer.lost(), 'the metric never goes back').toBe(2);
    expect(events.at(-1)).toMatch(/^info the disk takes audit entries again/);
  });

  it('are reported by a ledger that commits later than it decides', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'audit-writer-'));
    closers.push(() => rmSync(directory, { recursive: true }));
    const clock = createSimulatedClock();
    const ledger = await openSqliteLedger({ directory, now: () => clock.wall(), authenticationKey: createSecretKey(Buffer.alloc(32, 1)) });
    const events: string[] = [];
    const writer = createAuditWriter({ ledger, clock, onEvent: ({ event }) => void events.push(event) });
    writer.write(entry('refused'));
    expect((await ledger.audit()).map(({ kind }) => kind)).toEqual(['refused']);
    await ledger.close();
    writer.write(entry('refused'));
    await expect.poll(() => events).toEqual(['an audit entry was not written']);
  });
});
