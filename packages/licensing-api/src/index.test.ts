import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as api from './index.ts';

// The public door: what programs may rely on. A change here is a change for everybody, so it must be made here, too.

const guide = readFileSync(join(import.meta.dirname, '../../../docs/guide/licensing-api.md'), 'utf8');
const source = readFileSync(join(import.meta.dirname, 'index.ts'), 'utf8');

/** First cells of the table under a heading. */
const rows = (heading: string): string[] => {
  const [, section = ''] = guide.split(`\n## ${heading}\n`);
  return [...(section.split('\n## ')[0] ?? '').matchAll(/^\| (`.*?) \|/gm)].map(([, cell = '']) => cell);
};

describe('the exports of the Licensing API', () => {
  it('are these values and no others', () => {
    const kinds = Object.fromEntries(Object.entries(api).map(([name, value]) => [name, typeof value]));
    expect(kinds).toEqual({
      login: 'function',
      getInfo: 'function',
      update: 'function',
      transfer: 'function',
      configure: 'function',
      recipient: 'function',
      requestKey: 'function',
      getVersion: 'function',
      apiVersion: 'function',
      datetimeToHasptime: 'function',
      hasptimeToDatetime: 'function',
      Status: 'object',
      LicensingError: 'function',
    });
  });

  it('are these types and no others', () => {
    const lists = [...source.matchAll(/^export (type )?\{([^}]*)\}/gm)].flatMap(([, all, list = '']) =>
      list.split(',').flatMap((entry) => (all !== undefined || /^\s*type /.test(entry) ? [entry.replace(/^\s*type /, '').trim()] : [])),
    );
    const own = [...source.matchAll(/^export type (\w+) =/gm)].map(([, name = '']) => name);
    expect([...lists, ...own].sort()).toEqual(
      [
        'Configuration',
        'DateTime',
        'LicenseManagerVersion',
        'Version',
        'VersionOptions',
        'Versions',
        'Format',
        'FormatInput',
        'InfoData',
        'LoginOptions',
        'RecipientOptions',
        'Scope',
        'ScopeInput',
        'Session',
        'SessionEvent',
        'SessionInfo',
        'StatusCode',
        'TelemetrySpan',
        'TelemetryTracer',
        'TransferOptions',
      ].sort(),
    );
  });

  it('are those that the guide names', () => {
    expect(
      rows('What the package exports')
        .map((cell) => cell.replaceAll('`', ''))
        .sort(),
    ).toEqual(Object.keys(api).sort());
  });

  it('have the numbers of the field', () => {
    expect(api.Status).toMatchObject({
      OK: 0,
      KEY_NOT_FOUND: 7,
      FEATURE_NOT_FOUND: 31,
      LOCAL_COMM_ERR: 33,
      TOO_MANY_USERS: 38,
      SCHAN_ERR: 46,
      INT_ERR: 699,
    });
    expect(new Set(Object.values(api.Status)).size).toBe(Object.keys(api.Status).length);
  });

  it('refuse a transfer whose action is none (59), or that names no recipient (58)', async () => {
    await expect(api.transfer({ action: '<recall/>', vendorCode: '' })).rejects.toMatchObject({ status: 59, name: 'INV_ACTION' });
    await expect(api.transfer({ action: 'detach', vendorCode: '' })).rejects.toMatchObject({ status: 58, name: 'INV_RECIPIENT' });
  });
});

describe('the guide to the Licensing API', () => {
  it('names every option of a login', () => {
    const wanted = [
      'vendorCode',
      'feature',
      'scope',
      'seats',
      'executions',
      'dieAtExpiration',
      'expiringWithinMs',
      'lm',
      'wait',
      'onWaiting',
      'signal',
    ];
    expect(
      rows('Login')
        .map((cell) => cell.replaceAll('`', ''))
        .sort(),
    ).toEqual(wanted.sort());
  });
});
