import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { wall } from '@keyhaven/core/time';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseSettings } from '../settings.ts';
import { createSimulatedClock } from '../simulated-clock.testing.ts';
import { openLogFile } from './log-file.ts';
import { createLogs, type LogSettings, type Logs } from './logs.ts';

let directory = '';
let settings: LogSettings;
let problems: string[];
let logs: Logs;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'logs-'));
  problems = [];
  settings = parseSettings('[log]\naccess = true\nlocal = true\nremote = true\nadmin = true\nerrors = true\n').log;
  logs = createLogs({
    directory,
    clock: createSimulatedClock(),
    settings: () => settings,
    open: openLogFile,
    onProblem: (problem, error) => problems.push(`${problem}: ${String(error)}`),
  });
});
afterEach(async () => {
  await logs.close();
  rmSync(directory, { recursive: true });
});

const at = wall(Date.UTC(2026, 10, 24, 3, 4, 5));
const who = { user: 'ada', host: 'drawing', application: 'draw', pid: 7, address: '192.0.2.7', holder: 'b'.repeat(8) };
const all = (): void => {
  logs.request({ address: '192.0.2.7', port: 5_000, method: 'POST', url: '/lm/v1/exchange', kind: 'exchange', status: 200 });
  logs.request({ address: '127.0.0.1', port: 5_001, method: 'GET', url: '/api/v1/keys', kind: 'administration', status: 200 });
  logs.request({ address: '127.0.0.1', port: 5_002, method: 'GET', url: '/healthz', kind: 'health', status: 200 });
  logs.decided({ kind: 'granted', scope: '17', detail: { ...who, product: 1, feature: 42, seats: 1 } }, at);
  logs.decided({ kind: 'refused', scope: '17', detail: { ...who, holder: 'local', status: 38, cause: 'full\nresult(0)' } }, at);
  logs.decided({ kind: 'settings changed', scope: 'lm', detail: {} }, at);
};
const lines = async (log: 'access' | 'error' = 'access'): Promise<readonly string[]> => {
  await logs.flush();
  return logs.tail(log, 100);
};

describe('the access log (C5, field-facts 2.9)', () => {
  it('has what was asked and answered, in the format of the field', async () => {
    all();
    expect(await lines()).toEqual([
      '2026-11-24 03:00:00 192.0.2.7:5000 - POST /lm/v1/exchange EXCHANGE() result(200)',
      '2026-11-24 03:00:00 127.0.0.1:5001 - GET /api/v1/keys ADMINISTRATION() result(200)',
      '2026-11-24 03:00:00 127.0.0.1:5002 - GET /healthz HEALTH() result(200)',
      '2026-11-24 03:04:05 192.0.2.7:0 ada@drawing - - LOGIN(key=17, application=draw, pid=7, product=1, feature=42, seats=1, holder=bbbbbbbb) result(0)',
      '2026-11-24 03:04:05 192.0.2.7:0 ada@drawing - - LOGIN(key=17, application=draw, pid=7, cause="full\\x0aresult(0)") result(38)',
    ]);
  });

  it.each([
    ['local', 2],
    ['remote', 2],
    ['admin', 1],
  ] as const)('has of %s requests what its switch says', async (name, count) => {
    settings = { ...settings, local: false, remote: false, admin: false, [name]: true };
    all();
    expect(await lines()).toHaveLength(count);
  });

  it('is not there where it is off', async () => {
    settings = { ...settings, access: false };
    all();
    expect(await lines()).toEqual([]);
  });

  it('follows a pattern that changes while it runs, names what the pattern does not know, and is JSON where wanted', async () => {
    settings = { ...settings, pattern: '{function}={statuscode} {sessioncount}' };
    logs.decided({ kind: 'released', scope: '17', detail: { ...who } }, at);
    settings = { ...settings, json: true };
    logs.decided({ kind: 'released', scope: '17', detail: { ...who } }, at);
    const [first, second] = await lines();
    expect(first).toBe('LOGOUT=0 -');
    expect(JSON.parse(second ?? '')).toMatchObject({
      at: '2026-11-24T03:04:05.000Z',
      function: 'LOGOUT',
      client: 'ada@drawing',
      status: 0,
    });
    expect(problems).toEqual([
      expect.stringMatching(
        /^the pattern of the access log is wrong: the pattern names \{sessioncount\}, and there is only \{timestamp\} \{/,
      ),
    ]);
  });
});

describe('the error log', () => {
  it('has warnings and errors, a line each, whatever they say (S8)', async () => {
    logs.event({ level: 'info', event: 'started' });
    logs.event({ level: 'warn', event: 'odd', user: 'a\nb\u001b[1m', error: new Error('no\ndisk'), list: [1] });
    settings = { ...settings, json: true };
    logs.event({ level: 'error', event: 'bad', error: new Error('x') });
    const [first, second, third] = await lines('error');
    expect(first).toBe(
      '2026-11-24 03:00:00 warn odd user=a\\x0ab\\x1b[1m, error="Error: no\\x0adisk", list=[1]'
        .replace('user=a\\x0ab\\x1b[1m', 'user="a\\x0ab\\x1b[1m"')
        .replace('list=[1]', 'list="[1]"'),
    );
    expect(JSON.parse(second ?? '')).toEqual({ at: '2026-11-24T03:00:00.000Z', level: 'error', event: 'bad', error: 'Error: x' });
    expect(third).toBeUndefined();
    expect(readFileSync(join(directory, 'error.log'), 'utf8')).not.toContain('\u001b');
  });
});
