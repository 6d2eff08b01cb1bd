import { readers, readersOfFeatures } from '@keyhaven/testkit/feeds';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FeatureInfo, KeyInfo, SessionInfo } from '../admin/index.ts';
import { deviceRow, diagnosticsOf, featureRow, feedOf, feedText, MAX_FEED_ROWS, sessionRow } from './index.ts';

const now = Date.UTC(2026, 0, 1);
const lm = { guid: 'g', hostname: 'here', address: '127.0.0.1' };
const feature = (name: string, more: Partial<FeatureInfo> = {}): FeatureInfo => ({
  feature: 42,
  name,
  product: 5,
  key: '2622877015606951895',
  vendor: 7,
  local: true,
  licenseManager: lm,
  license: { type: 'perpetual' },
  seats: { limit: 10, used: 3, waiting: 0 },
  count: 'login',
  network: true,
  sessions: 3,
  ...more,
});
const session = (user: string, host: string): SessionInfo => ({
  id: '00112233445566778899aabbccddeeff',
  key: '2622877015606951895',
  product: 5,
  feature: 42,
  user,
  host,
  address: '192.0.2.1',
  pid: 7,
  application: 'a',
  since: '2026-01-01T12:00:00.000Z',
  seats: 1,
  local: true,
  location: 'keys-1',
  licenseManager: lm,
  holder: 'local',
});
const key: KeyInfo = { key: '1', type: 'hl-driverless', vendor: 7, local: true, licenseManager: lm, updateCounter: 1, damage: null };
const hostile = [
  '},',
  '{',
  '}',
  '/*',
  '*/',
  '*/{"fid":"1"},/*',
  '<script>alert(1)</script>',
  '"',
  '\\',
  '\\"},',
  "'",
  '\u2028',
  '\0\n',
  '[',
  ']',
  '\ud800',
  '</nobr>',
  '/*JSON:features*/',
  '<code>7</code>',
  '\\u007b',
];

const features = (names: readonly string[]): string =>
  feedOf(
    'features',
    names.map((name, at) => featureRow(at + 1, feature(name), key, { name }, now)),
  );
const sessions = (names: readonly string[]): string =>
  feedOf(
    'sessions',
    names.map((name, at) => sessionRow(at + 1, session(name, name), { vendor: 7, productName: name, featureName: name })),
  );

describe('the feeds, read in each of the known ways', () => {
  it.each(Object.entries(readersOfFeatures))('%s finds the same rows, whatever names are in them (S8)', (_, read) => {
    for (const names of [[], ['Terrain'], hostile, hostile.map((each) => each.repeat(30))]) {
      for (const [text, field] of [
        [features(names), 'fn'],
        [sessions(names), 'usr'],
      ] as const) {
        const rows = read(text);
        expect(rows.map((row) => row[field])).toEqual(names.map(feedText));
        expect(rows.every((row) => row['fid'] === '42')).toBe(true);
      }
    }
  });

  it.each(Object.entries(readersOfFeatures))('%s: any names at all', (_, read) => {
    const piece = fc.oneof(fc.constantFrom(...hostile), fc.string({ unit: 'binary', maxLength: 8 }));
    const name = fc.array(piece, { maxLength: 5 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.array(name, { maxLength: 4 }), (names) => {
        expect(read(features(names)).map(({ fn }) => fn)).toEqual(names.map(feedText));
        expect(read(sessions(names)).map(({ mch }) => mch)).toEqual(names.map(feedText));
      }),
      { numRuns: 60 },
    );
  });

  it('has the frame of the contract, byte by byte', () => {
    expect(features([])).toBe(
      '/*JSON:features*/\r\n\r\n{"fhaspid":"0","ffea":"0","cnt":"0"}\r\n/*\r\n <admin_status>\r\n  <code>0</code>\r\n  <text>SNTL_ADMIN_STATUS_OK</text>\r\n </admin_status>\r\n*/\r\n',
    );
    expect(feedOf('devices', [deviceRow(1, key)])).toMatch(/^\/\*JSON:devices\*\/\r\n\r\n\{"ndx":"1",[^{}]*\},\r\n\{"cnt":"1"\}\r\n\/\*/);
  });

  it('stays under 8 MiB, and counts the rows that it has', () => {
    const text = features(Array.from({ length: 30_000 }, () => 'ä'.repeat(500)));
    expect(Buffer.byteLength(text)).toBeLessThan(8 * 1024 * 1024);
    const rows = readers['tool7']?.(text) ?? [];
    expect(rows.length).toBeGreaterThan(1_000);
    expect(readers['tool7']?.(features(Array.from({ length: 10_001 }, () => '')))?.length).toBe(MAX_FEED_ROWS);
  });
});

describe('rows', () => {
  it('tell a feature as monitoring scripts know it', () => {
    const row = (of: Partial<FeatureInfo>) => featureRow(1, feature('A & B', of), key, { name: 'P' }, now);
    expect(row({})).toMatchObject({
      ven: '7',
      fid: '42',
      fn: 'A &amp; B',
      logc: '3',
      logl: '10',
      lic: 'Perpetual',
      cnt: 'Login',
      isloc: '1',
      unusable: '0',
      prid: '5',
    });
    expect(row({ seats: { limit: null, used: 0, waiting: 0 } })['logl']).toBe('-1');
    expect(row({ seats: { limit: 9, used: 2, waiting: 0, peak: 7 } })).toMatchObject({ logc: '2', logp: '7' });
    expect(row({ seats: { limit: 9, used: 2, waiting: 0 } })['logp']).toBe('2');
    const until = { license: { type: 'expiration', until: '2037-06-05', ends: '2037-06-05T19:55:00.000Z' } } as const;
    expect(row(until)).toMatchObject({ lic: 'Expiration Date<br><nobr>&nbsp;Fri Jun 5, 2037 19:55</nobr>', ex: '0' });
    expect(/(\w{3})\s+(\d{1,2}),\s+(\d{4})/.exec(row(until)['lic'] ?? '')?.slice(1)).toEqual(['Jun', '5', '2037']);
    expect(row({ license: { type: 'executions', count: 3, used: 3 } })).toMatchObject({ lic: '', ex: '1', unusable: '1' });
    expect(featureRow(1, feature('x'), { type: 'sl-adminmode', damage: 'broken' }, undefined, now)).toMatchObject({
      dis: '1',
      unusable: '1',
    });
    expect(featureRow(1, feature('x'), { type: 'sl-adminmode', damage: null }, undefined, now)['typ']).toContain('-SL');
    expect(featureRow(1, feature('x'), { ...key, name: 'A & B' }, undefined, now)).toMatchObject({ haspname: 'A &amp; B' });
  });

  it('tell what is detached, who uses it, and that a license has not begun', () => {
    const row = (of: Partial<FeatureInfo>, product: { readonly detachable?: number | null } = {}) =>
      featureRow(1, feature('A', of), key, { name: 'P', ...product }, now);
    expect(row({})).toMatchObject({ det: '0', detc: '0', sesc: '3', locked: '1', unusable: '0' });
    expect(row({ detachable: true, detached: 2, sessions: 7 })).toMatchObject({ det: '1', detc: '2', sesc: '7' });
    expect(row({ local: false, sessions: 0 }, { detachable: 4 })).toMatchObject({ det: '1', detc: '0', sesc: '0' });
    expect(row({ local: false }, {})).toMatchObject({ det: '0' });
    expect(row({ license: { type: 'period', days: 30, trial: true } })).toMatchObject({ locked: '0', unusable: '0', ex: '0' });
    const from = (at: number) => row({ license: { type: 'perpetual', from: new Date(at).toISOString() } });
    expect(from(now + 1_000)).toMatchObject({ unusable: '1', ex: '0' });
    expect(from(now)).toMatchObject({ unusable: '0' });
  });

  it('tell a key in hardware so that key tools find it', () => {
    const row = deviceRow(1, key);
    expect(row).toMatchObject({ isloc: '1', cloned: '0', key_disabled: '0', ven: '7', vid: '7' });
    expect(row['typ']).toMatch(/^Sentinel HL/);
    expect(row['configuration']?.split(',')).toContain('sentinelhl');
    expect(deviceRow(1, { ...key, damage: 'x', warnings: ['a clone'] })).toMatchObject({ cloned: '1', key_disabled: '1' });
  });
});

it('diagnostics are one object with one id', () => {
  const guid = 'abcDEF0123456789+/'.padEnd(40, 'x');
  const text = diagnosticsOf({ srvguid: guid, srvname: '}/*' });
  expect(text.startsWith('/*JSON:diagnostics*/')).toBe(true);
  const found = [...text.matchAll(/"srvguid":"([^"]*)"/g)];
  expect(found).toHaveLength(1);
  expect(found[0]?.[1]).toMatch(/^[A-Za-z0-9+/]{40}$/);
});
