import { describe, expect, it } from 'vitest';
import { sayLicense } from './say-license.ts';

describe('a license, for a person', () => {
  it.each([
    [{ type: 'perpetual' } as const, 'perpetual'],
    [{ type: 'perpetual', from: '2027-01-01T00:00:00Z' } as const, 'perpetual, from 2027-01-01T00:00:00Z'],
    [
      {
        type: 'expiration',
        until: '2027-12-31T23:59:59Z',
        graceDays: 1,
        ends: '2027-12-31T23:59:59.000Z',
        graceEnds: '2028-01-01T23:59:59.000Z',
      } as const,
      'expiration, ends 2027-12-31T23:59:59.000Z, grace until 2028-01-01T23:59:59.000Z',
    ],
    [{ type: 'period', days: 30 } as const, 'period, 30 days from first use'],
    [
      { type: 'period', days: 30, trial: true, firstUse: '2027-01-01T00:00:00.000Z', ends: '2027-01-31T00:00:00.000Z' } as const,
      'trial, 30 days, first used 2027-01-01T00:00:00.000Z, ends 2027-01-31T00:00:00.000Z',
    ],
    [{ type: 'executions', count: 5, used: 2 } as const, 'executions, 2 of 5 used'],
  ])('%o', (license, said) => expect(sayLicense(license)).toBe(said));
});
