import { LicensingError } from '@keyhaven/core/errors';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DateTime, datetimeToHasptime, hasptimeToDatetime } from './hasp-time.ts';

const at = (year: number, month: number, day: number, hour = 0, minute = 0, second = 0): DateTime => ({
  year,
  month,
  day,
  hour,
  minute,
  second,
});
const statusOf = (call: () => unknown): number => {
  try {
    call();
    return 0;
  } catch (error) {
    if (error instanceof LicensingError) return error.status;
    throw error;
  }
};

describe('time conversion (A1)', () => {
  const known: readonly [time: number, date: DateTime][] = [
    [0, at(1970, 1, 1)],
    [951_782_400, at(2000, 2, 29)],
    [1_798_729_445, at(2026, 12, 31, 15, 4, 5)],
    [2 ** 31, at(2038, 1, 19, 3, 14, 8)],
    [253_402_300_799, at(9999, 12, 31, 23, 59, 59)],
  ];
  it.each(known)('%i is %o, in both directions', (time, date) => {
    expect(hasptimeToDatetime(time)).toEqual(date);
    expect(datetimeToHasptime(date)).toBe(time);
  });

  it('gives back every second from 1970 to the end of 9999', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 253_402_300_799 }), (time) => {
        expect(datetimeToHasptime(hasptimeToDatetime(time))).toBe(time);
      }),
    );
  });

  it.each([
    ['before 1970', at(1969, 12, 31)],
    ['after 9999', at(10_000, 1, 1)],
    ['month 0', at(2027, 0, 1)],
    ['month 13', at(2027, 13, 1)],
    ['day 0', at(2027, 1, 0)],
    ['the 29th of February of a year without one', at(2027, 2, 29)],
    ['the 31st of April', at(2027, 4, 31)],
    ['hour 24', at(2027, 1, 1, 24)],
    ['minute 60', at(2027, 1, 1, 0, 60)],
    ['a leap second', at(2016, 12, 31, 23, 59, 60)],
    ['half a second', at(2027, 1, 1, 0, 0, 0.5)],
  ])('refuses %s with 24', (_name, date) => {
    expect(statusOf(() => datetimeToHasptime(date))).toBe(24);
  });
  it.each([-1, 0.5, 253_402_300_800, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])('refuses the time %d with 24', (time) => {
    expect(statusOf(() => hasptimeToDatetime(time))).toBe(24);
  });
  it('refuses what is no date or no number', () => {
    const loose = datetimeToHasptime as (value: unknown) => number;
    for (const junk of [undefined, null, 5, 'now', [], new Date()]) expect([24, 501]).toContain(statusOf(() => loose(junk)));
    expect(statusOf(() => loose({ ...at(2027, 1, 1), month: '1' }))).toBe(24);
    expect(statusOf(() => loose({ ...at(2027, 1, 1), seconds: 1 }))).toBe(501);
    for (const junk of [undefined, null, '5', 5n, {}])
      expect(statusOf(() => (hasptimeToDatetime as (value: unknown) => unknown)(junk))).toBe(24);
  });
});
