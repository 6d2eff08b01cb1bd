import { LicensingError } from '@keyhaven/core/errors';
import { describe, expect, it } from 'vitest';
import { readCatalog } from './catalog.ts';

const catalogOf = (license: string, more = ''): string => `products: [{ id: 1, features: [{ id: 2, license: ${license}${more} }] }]`;
const licenseOf = (text: string) => readCatalog(catalogOf(text)).products[0]?.features[0]?.license;
const faultsOf = (text: string, more = ''): string => {
  try {
    readCatalog(catalogOf(text, more));
    return '';
  } catch (error) {
    if (error instanceof LicensingError) return error.detail ?? '';
    throw error;
  }
};

describe('license types of a catalog (K1, K8)', () => {
  it.each<readonly [string, object]>([
    ['{ type: perpetual }', { type: 'perpetual' }],
    ['{ type: perpetual, from: 2027-01-01 }', { type: 'perpetual', from: '2027-01-01T00:00:00Z' }],
    ['{ type: expiration, until: 2027-12-31 }', { type: 'expiration', until: '2027-12-31T23:59:59.999Z' }],
    ['{ type: expiration, until: 2027-12-31, graceDays: 14 }', { type: 'expiration', until: '2027-12-31T23:59:59.999Z', graceDays: 14 }],
    ['{ type: period, days: 1 }', { type: 'period', days: 1 }],
    ['{ type: period, days: 4w, graceDays: 1w2d }', { type: 'period', days: 28, graceDays: 9 }],
    [
      '{ type: period, days: 3650, from: 2027-01-01T09:00:00+01:00, graceDays: 365 }',
      { type: 'period', days: 3_650, from: '2027-01-01T08:00:00Z', graceDays: 365 },
    ],
    ['{ type: executions, count: 16777215, from: 2027-01-01 }', { type: 'executions', count: 16_777_215, from: '2027-01-01T00:00:00Z' }],
    [
      '{ type: expiration, until: 2027-01-01, from: 2027-01-01 }',
      { type: 'expiration', until: '2027-01-01T23:59:59.999Z', from: '2027-01-01T00:00:00Z' },
    ],
  ])('%s', (text, expected) => expect(licenseOf(text)).toEqual(expected));

  it.each<readonly [string, readonly string[]]>([
    ['{ type: rental }', ['license.type: must be {type: perpetual}, {type: expiration, until: DATE}, {type: period, days: N}']],
    ['{ type: period }', ['license.days: must be a whole number from 1 to 3650']],
    ['{ type: period, days: 36h }', ['license.days: must be a whole number from 1 to 3650, in days, or a duration of whole days']],
    ['{ type: period, days: 0 }', ['license.days: must be a whole number from 1 to 3650']],
    [
      '{ type: period, days: 3651, graceDays: 366, from: soon }',
      ['license.days: must be', 'license.graceDays: must be a whole number from 1 to 365', 'license.from: must be a date'],
    ],
    ['{ type: period, days: 30, until: 2027-12-31 }', ['license.until: is unknown']],
    ['{ type: period, days: 30, trial: true }', ['license.trial: is unknown']],
    ['{ type: perpetual, graceDays: 3 }', ['license.graceDays: is unknown']],
    ['{ type: executions, count: 3, graceDays: 3 }', ['license.graceDays: is unknown']],
    ['{ type: executions, count: 16777216 }', ['license.count: must be a whole number from 1 to 16777215']],
    ['{ type: expiration, until: 2027-01-01, from: 2027-01-02 }', ['license.from: must not be after until']],
    [
      '{ type: expiration, until: 2092-01-01, from: 1979-12-31 }',
      ['license.until: must be from 1980-01-01 to 2091-12-31', 'license.from: must be from'],
    ],
  ])('%s is refused with every fault named', (text, expected) => {
    for (const fault of expected) expect(faultsOf(text)).toContain(fault);
  });

  it('cannot be detached where the days count from the first use', () => {
    expect(faultsOf('{ type: period, days: 30 }', ', detachable: true')).toContain(
      'detachable: must be false where days count from the first use',
    );
    expect(faultsOf('{ type: expiration, until: 2027-01-01, graceDays: 3 }', ', detachable: true')).toBe('');
  });
});
