import { LicensingError, Status } from '@keyhaven/core/errors';
import { openTrial, unarmor } from '@keyhaven/core/license';
import { describe, expect, it } from 'vitest';
import { readCatalog } from './catalog.ts';
import { catalogText, fixedEntropy, makeVendor, now } from './fixtures.ts';
import { inspectFile } from './inspect.ts';
import { issueTrial } from './trial.ts';

const vendor = makeVendor(7, 0x11);
const issue = (product: number, days: number, catalog = catalogText) =>
  issueTrial({ vendor, catalog: readCatalog(catalog), product, days, now, entropy: fixedEntropy });
const statusOf = (work: () => unknown): number => {
  try {
    work();
    return 0;
  } catch (error) {
    if (error instanceof LicensingError) return error.status;
    throw error;
  }
};

describe('a trial license (K8)', () => {
  it('is for every computer, for days from the first use, unlimited, and not over the network', () => {
    const trial = openTrial(unarmor(issue(1, 14).text).bytes, vendor.publicKey);
    expect(trial).toMatchObject({ vendor: 7, days: 14, product: { id: 1, name: 'Survey' }, readOnly: 'aGVsbG8' });
    for (const feature of trial.product.features) {
      expect(feature.license).toEqual({ type: 'period', days: 14, trial: true });
      expect(feature.concurrency).toMatchObject({ seats: 'unlimited', network: false });
    }
  });
  it.each<readonly [string, number, number, number]>([
    ['one day', 1, 1, 0],
    ['ninety days', 1, 90, 0],
    ['no day', 1, 0, Status.INVALID_PARAMETER],
    ['more than ninety', 1, 91, Status.INVALID_PARAMETER],
    ['half a day', 1, 0.5, Status.INVALID_PARAMETER],
    ['a product that the catalog lacks', 9, 30, Status.INV_PRODUCT],
    ['a product without features', 3, 30, Status.INVALID_PARAMETER],
  ])('%s', (_name, product, days, status) => expect(statusOf(() => issue(product, days))).toBe(status));
  it('leaves clone protection out: it is for no computer', () => {
    const bound = 'products: [{ id: 1, features: [{ id: 2, license: { type: perpetual } }], protection: { physical: PMType1 } }]';
    expect(issue(1, 5, bound).trial.product.protection).toBeUndefined();
  });
  it('tells a person what it is', () => {
    const { text } = inspectFile(issue(1, 14).text);
    expect(text).toContain('14 days from the first use on each computer');
    expect(text).toContain('Feature 42 Echo sounder: 14 days from the first use, unlimited seats, local only');
  });
});
