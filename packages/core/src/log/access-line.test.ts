import { describe, expect, it } from 'vitest';
import { wall } from '../time/index.ts';
import { type AccessRecord, accessLine, accessPattern, DEFAULT_PATTERN, jsonLine, originOf, patternFault } from './access-line.ts';
import { lineSafe, saidParams } from './line-safe.ts';

const record: AccessRecord = {
  at: wall(Date.UTC(2026, 10, 24, 8, 5, 9)),
  address: '192.0.2.7',
  port: 50_123,
  client: 'ada@drawing room',
  method: 'POST',
  url: '/lm/v1/exchange?a=b',
  function: 'LOGIN',
  params: { key: '17', feature: 42, application: 'draw it', rule: null },
  status: 38,
  origin: 'remote',
};

describe('a line of the access log (field-facts 2.9)', () => {
  it('is in the format of the field', () => {
    expect(accessLine(accessPattern(DEFAULT_PATTERN).parts, record)).toBe(
      '2026-11-24 08:05:09 192.0.2.7:50123 ada@drawing_room POST /lm/v1/exchange?a=b LOGIN(key=17, feature=42, application="draw it") result(38)\n',
    );
  });

  it('follows a pattern of its own, and has one end of line in any case', () => {
    const lineOf = (pattern: string): string => accessLine(accessPattern(pattern).parts, record);
    expect(lineOf('{statuscode} {clientaddr}')).toBe('38 192.0.2.7\n');
    expect(lineOf('{statuscode}{newline}{function}{newline}')).toBe('38\nLOGIN\n');
    expect(lineOf('plain {nothing} {x')).toBe('plain - {x\n');
    expect(lineOf('a\u0007b\nc')).toBe('a\\x07b\\x0ac\n');
    expect(accessPattern('{nothing} {url} {toString}').unknown).toEqual(['nothing', 'toString']);
  });

  it('says what is wrong with a pattern', () => {
    const all = '{timestamp} {clientaddr} {clientport} {clientid} {method} {url} {function} {functionparams} {statuscode} {newline}';
    for (const right of [DEFAULT_PATTERN, all, '{"at":"{timestamp}"}', '{url} } {']) expect(patternFault(right), right).toBe(undefined);
    expect(patternFault('{clientid} {sessioncount} {\u202e}')).toBe(
      `the pattern names {sessioncount}, {\\u202e}, and there is only ${all}`,
    );
    for (const open of ['{url} {method', '{url} method}']) expect(patternFault(open), open).toMatch(/brace/);
    for (const empty of ['', 'text', '{newline}']) expect(patternFault(empty), empty).toMatch(/^the pattern has no value at all: \{/);
  });

  it('is one line of one record, whatever others say (S8)', () => {
    const hostile = '\r\n2026-11-24 00:00:00 127.0.0.1:1 admin GET / X() result(0)\u2028\u001b[2J\u202e\u0000 "quoted" \ud800';
    const evil = {
      ...record,
      client: hostile,
      url: hostile,
      method: hostile,
      address: hostile,
      function: hostile,
      params: { [hostile]: hostile },
    };
    const line = accessLine(accessPattern(DEFAULT_PATTERN).parts, evil);
    expect(line.slice(0, -1)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
    expect(line.endsWith('\n')).toBe(true);
    const json = jsonLine(evil);
    expect(json.slice(0, -1)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
    expect(Object.keys(JSON.parse(json) as object)).toEqual([
      'at',
      'address',
      'port',
      'client',
      'method',
      'url',
      'function',
      'status',
      'origin',
      'params',
    ]);
    expect(lineSafe('x'.repeat(5_000)).length).toBeLessThan(1_100);
    expect(saidParams({ a: 'result(0) x' })).toBe('a="result(0) x"');
  });

  it('is of the kind that its switch names', () => {
    expect([originOf(true, false), originOf(false, false), originOf(true, true), originOf(false, true)]).toEqual([
      'local',
      'remote',
      'admin',
      'admin',
    ]);
  });
});
