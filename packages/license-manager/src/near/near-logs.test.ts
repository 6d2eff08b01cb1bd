import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_NEAR_SETTINGS } from '@keyhaven/core/near-settings';
import { createMemoryLedger } from '@keyhaven/ledger';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSimulatedClock } from '../simulated-clock.testing.ts';
import { NEAR_LOG_BYTES, openNearLogFile } from './near-log-file.ts';
import { openNearLogs } from './near-logs.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'near-logs-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const clock = createSimulatedClock();
const read = (name: string): string => readFileSync(join(directory, name), 'utf8');

describe('the logs of an External or Integrated LM', () => {
  const open = (more: Partial<typeof DEFAULT_NEAR_SETTINGS>) =>
    openNearLogs({ directory, clock, settings: { ...DEFAULT_NEAR_SETTINGS, ...more }, onProblem: () => undefined });

  it('make no file where they are off', async () => {
    const logs = open({});
    const ledger = createMemoryLedger({ now: () => clock.wall() });
    expect(logs.watch(ledger)).toBe(ledger);
    expect(logs.watchForwarded(ledger)).toBe(ledger);
    logs.event({ level: 'error', event: 'something' });
    await logs.close();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('have what keys of the user granted and refused, and which sessions began and ended at other license managers', async () => {
    const logs = open({ requestLog: true });
    const ledger = logs.watch(createMemoryLedger({ now: () => clock.wall() }));
    const audit = [
      { kind: 'granted', scope: '77', detail: { feature: 42, user: 'ada', host: 'desk', holder: 'local' } },
      { kind: 'refused', scope: '77', detail: { feature: 42, user: 'bob', host: 'desk', holder: 'local', status: 38 } },
      { kind: 'note', scope: 'lm', detail: {} },
    ];
    await ledger.update([], () => ({ changes: [], audit, reply: undefined }));
    const remote = logs.watchForwarded(createMemoryLedger({ now: () => clock.wall() }));
    const about = { attached: 0, key: '88', application: { user: 'ada', host: 'desk' } };
    const row = { peer: 'G'.repeat(40), host: 'server', port: 1947, pid: 7, start: 1, about };
    const put = async (of: object | undefined): Promise<void> =>
      remote.update([], () => ({ changes: [{ key: 'lm/forwarded/abcd', row: of }], audit: [], reply: undefined }));
    await put(row);
    // What its owner tells about it is learned later.
    await put({ ...row, about: { ...about, facts: {} } });
    await put(undefined);
    await put(undefined);
    await logs.close();
    expect(
      read('logs/access.log')
        .split('\n')
        .map((line) => line.replace(/^\S+ \S+ /, '')),
    ).toEqual([
      '127.0.0.1:0 ada@desk - - LOGIN(key=77, feature=42) result(0)',
      '127.0.0.1:0 bob@desk - - LOGIN(key=77, feature=42) result(38)',
      `127.0.0.1:0 ada@desk - - LOGIN(key=88, session=abcd, licenseManager=${'G'.repeat(40)}) result(0)`,
      '127.0.0.1:0 - - - LOGOUT(key=remote, session=abcd) result(0)',
      '',
    ]);
    expect(readdirSync(join(directory, 'logs'))).toEqual(['access.log']);
  });

  it('have warnings and errors, and nothing of less', async () => {
    const logs = open({ errorLog: true });
    logs.event({ level: 'warn', event: 'a peer cannot be used', detail: 'no answer' });
    logs.event({ level: 'info', event: 'something else' });
    await logs.close();
    expect(read('logs/error.log')).toMatch(/^\S+ \S+ warn a peer cannot be used .*no answer.*\n$/);
    expect(statSync(join(directory, 'logs/error.log')).mode & 0o777).toBe(0o600);
  });

  it('are bounded, whoever of several processes writes', async () => {
    const writers = [1, 2, 3].map(() => openNearLogFile({ directory, log: 'access', clock, onProblem: () => undefined }));
    const line = `${'x'.repeat(9_999)}\n`;
    for (let round = 0; round < 150; round += 1) {
      for (const writer of writers) writer.write(line);
      await Promise.all(writers.map((writer) => writer.flush()));
    }
    expect(readdirSync(directory).toSorted()).toEqual(['access.1.log', 'access.log']);
    for (const name of ['access.1.log', 'access.log'])
      expect(statSync(join(directory, name)).size, name).toBeLessThanOrEqual(NEAR_LOG_BYTES + writers.length * line.length);
    expect(read('access.log').replaceAll(line, ''), 'whole lines').toBe('');
    await Promise.all(writers.map((writer) => writer.close()));
  });

  it('lose lines and nothing else where the disk refuses them, and say how many', async () => {
    const problems: string[] = [];
    writeFileSync(join(directory, 'logs'), 'not a directory');
    const writer = openNearLogFile({
      directory: join(directory, 'logs'),
      log: 'access',
      clock,
      onProblem: (problem) => problems.push(problem),
    });
    for (let count = 0; count < 3; count += 1) {
      writer.write('a\n');
      await writer.flush();
    }
    expect([problems, writer.lost()]).toEqual([['lines of the access log are lost'], 3]);
    rmSync(join(directory, 'logs'));
    writer.write('b\n');
    await writer.close();
    expect(read('logs/access.log')).toMatch(/^\S+ 3 lines were lost\nb\n$/);
  });
});
