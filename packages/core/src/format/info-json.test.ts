import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LicensingError } from '../errors/index.ts';
import { site } from './info.testing.ts';
import { parseInfoData } from './info-json.ts';

describe('information as JSON', () => {
  it('comes back as it went', () => {
    expect(parseInfoData(JSON.stringify(site))).toEqual(site);
  });

  it('passes over what a later version adds (T6)', () => {
    const later = JSON.parse(JSON.stringify(site).replaceAll('"id":', '"added":{"x":1},"id":')) as unknown;
    expect(parseInfoData(JSON.stringify(later))).toEqual(site);
  });

  it.each([
    ['no JSON', '{'],
    ['another shape', '{"licenseManagers":{}}'],
    ['an id that is a number', '{"licenseManagers":[{"id":1,"vendors":[]}]}'],
    ['a license unknown', JSON.stringify(site).replace('"perpetual"', '"forever"')],
  ])('is refused with INT_ERR where it is %s', (_, json) => {
    expect(() => parseInfoData(json)).toThrow(LicensingError);
  });

  it('of any text gives a LicensingError and nothing else (S6)', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (json) => {
        try {
          parseInfoData(json);
        } catch (error) {
          expect(error).toBeInstanceOf(LicensingError);
        }
      }),
    );
  });
});
