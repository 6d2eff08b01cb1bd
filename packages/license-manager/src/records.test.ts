import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { SECOND } from '@keyhaven/core/time';
import { createMemoryLedger, type Ledger } from '@keyhaven/ledger';
import { afterEach, describe, expect, it } from 'vitest';
import { createSite } from './authority/site.testing.ts';
import { createRecords } from './records.ts';
import { parseSettings } from './settings.ts';
import { createSimulatedClock } from './simulated-clock.testing.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Records of a license manager whose disk is full when the test says so. */
const openRecords = async () => {
  const stateDirectory = mkdtempSync(join(tmpdir(), 'records-'));
  closers.push(() => rmSync(stateDirectory, { recursive: true }));
  const clock = createSimulatedClock();
  const inner = createMemoryLedger({ now: () => clock.wall() });
  const disk = { full: false, writes: 0, listening: true, owed: 0, unreported: 0 };
  const update: Ledger['update'] = async (...of) => {
    disk.writes += 1;
    if (!disk.full) return inner.update(...of);
    const [keys, decide] = of;
    await inner.update(keys, (rows, now) => ({ ...decide(rows, now), changes: [], audit: [] }));
    throw new LicensingError(Status.DEVICE_ERR);
  };
  const settings = parseSettings('', { name: 'here' });
  const records = createRecords({ stateDirectory, clock, settings: () => settings, onEvent: () => undefined });
  closers.push(() => records.close());
  const ledger = records.watch({ ...inner, update });
  const { authority } = await createSite({ ledger, clock });
  const sources = { version: '1', catalog: () => [], damaged: () => [], remoteSessions: () => 0, peers: () => [] };
  await records.begin({
    authority,
    acts: { owed: () => disk.owed },
    audit: { lost: () => 0, unreported: () => disk.unreported },
    sources,
    isListening: () => disk.listening,
  });
  return { records, ledger, clock, disk };
};

describe('whether a license manager is ready (C5)', () => {
  it('is asked of the disk, also where nothing else is written', async () => {
    const { records, clock, disk } = await openRecords();
    const unready = (): Promise<readonly string[]> => records.faces.unready();
    expect(await unready()).toEqual([]);
    disk.full = true;
    clock.advance(6 * SECOND);
    expect(await unready()).toEqual(['the ledger cannot be written']);
    expect(records.faces.metrics('').text).toContain('keyhaven_ledger_writable 0\n');
    disk.full = false;
    expect(await unready(), 'within the second').toEqual(['the ledger cannot be written']);
    clock.advance(SECOND);
    expect(await unready()).toEqual([]);
    disk.owed = 1;
    expect(await unready()).toEqual(['the end of an administrative act is not in the audit']);
    disk.owed = 0;
    disk.unreported = 3;
    expect(await unready()).toEqual(['the disk refused 3 entries of the audit']);
    disk.unreported = 0;
    disk.listening = false;
    expect(await unready()).toEqual(['no socket is open']);
    disk.listening = true;
    records.settingsFault({ brief: 'line 3', full: 'line 3: a secret' });
    expect(await unready(), 'it serves').toEqual([]);
    expect([false, true].map(records.faces.degraded)).toEqual([['line 3'], ['line 3: a secret']]);
    records.settingsFault(undefined);
    expect(records.faces.degraded(true)).toEqual([]);
  });

  it('is in the metrics of the next reader, where only these are read', async () => {
    const { records, clock, disk } = await openRecords();
    const writable = (): string => /^keyhaven_ledger_writable (\d)/m.exec(records.faces.metrics('').text)?.[1] ?? '';
    disk.full = true;
    clock.advance(6 * SECOND);
    expect(writable()).toBe('1');
    await expect.poll(writable).toBe('0');
  });

  it('costs one write in five seconds at most, and none where something else was written', async () => {
    const { records, ledger, clock, disk } = await openRecords();
    const before = disk.writes;
    clock.advance(6 * SECOND);
    await Promise.all(Array.from({ length: 100 }, () => records.faces.unready()));
    for (let asked = 0; asked < 100; asked += 1) await records.faces.unready();
    expect(disk.writes).toBe(before + 1);
    clock.advance(6 * SECOND);
    await ledger.update([], () => ({ changes: [], audit: [{ kind: 'started', scope: 'lm', detail: {} }], reply: undefined }));
    await records.faces.unready();
    expect(disk.writes).toBe(before + 2);
  });
});
