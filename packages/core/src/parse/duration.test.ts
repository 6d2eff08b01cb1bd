import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDuration, parseDays, parseDuration } from './duration.ts';

describe('a duration', () => {
  it.each([
    ['0', 0],
    ['3600', 3_600],
    ['90s', 90],
    ['15m', 900],
    ['12h', 43_200],
    ['7d', 604_800],
    ['2w', 1_209_600],
    ['1d12h', 129_600],
    ['1w2d3h4m5s', 604_800 + 2 * 86_400 + 3 * 3_600 + 4 * 60 + 5],
  ])('%s has %i seconds', (text, seconds) => {
    expect(parseDuration(text)).toBe(seconds);
  });

  it.each(['', 'd', '7 d', '7D', '-1', '+1', '1.5h', '12h1d', '1d1d', '1y', '7d ', '0x10', '1e3', '12345678901', '7d5', '٣d'])(
    '%j is none',
    (text) => {
      expect(parseDuration(text)).toBeUndefined();
      expect(parseDays(text)).toBeUndefined();
    },
  );

  it('is read as it is written, for every number of seconds', () => {
    fc.assert(
      fc.property(fc.nat({ max: 4_000_000_000 }), (seconds) => {
        expect(parseDuration(formatDuration(seconds))).toBe(seconds);
        expect(parseDuration(`${seconds}s`)).toBe(seconds);
      }),
    );
  });

  it('is a safe whole number or none, whatever the text', () => {
    const unitText = fc.array(fc.tuple(fc.bigInt(0n, 99_999_999_999n), fc.constantFrom('w', 'd', 'h', 'm', 's', '', ' ')), {
      maxLength: 6,
    });
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          unitText.map((parts) => parts.map(([count, unit]) => `${count}${unit}`).join('')),
        ),
        (text) => {
          for (const found of [parseDuration(text), parseDays(text)])
            expect(found === undefined || (Number.isSafeInteger(found) && found >= 0)).toBe(true);
        },
      ),
    );
  });
});

describe('a number of days', () => {
  it.each([
    ['30', 30],
    ['30d', 30],
    ['4w', 28],
    ['1w1d', 8],
    ['48h', 2],
  ])('%s is %i', (text, days) => {
    expect(parseDays(text)).toBe(days);
  });

  it.each(['36h', '90s', '1d12h'])('%s is no whole number', (text) => {
    expect(parseDays(text)).toBeUndefined();
  });
});
