import { catalogue, notProduced, type StatusName } from '@keyhaven/core/errors';
import { describe, expect, it } from 'vitest';
import { outcomeOf } from './lms.ts';
import { ofLicenses } from './of-licenses.ts';
import { ofRequests } from './of-requests.ts';
import { ofTransfers } from './of-transfers.ts';

// A2: each status is either produced here, through a door that people use or a function of core with real inputs, or the catalogue says why
// this version cannot produce it. docs/errors.md is written from the same list.

const tables = [ofRequests, ofLicenses, ofTransfers];
const producers: Partial<Record<StatusName, () => unknown>> = Object.assign({}, ...tables) as Partial<Record<StatusName, () => unknown>>;
const reasons: Partial<Record<StatusName, string>> = notProduced;

describe('every status of the catalogue (A2)', () => {
  it('has a test that produces it, or a reason why nothing does, and not both', () => {
    const has = (name: StatusName): string =>
      [producers[name] && 'producer', reasons[name] && 'reason'].filter(Boolean).join(' and ') || 'neither';
    const faults = catalogue.filter(({ name }) => !['producer', 'reason'].includes(has(name))).map(({ name }) => `${name}: ${has(name)}`);
    expect(faults).toEqual([]);
    const named = tables.flatMap((table) => Object.keys(table));
    expect(new Set(named).size, 'each is in one table').toBe(named.length);
  });

  it.each(catalogue.filter(({ name }) => producers[name] !== undefined))('$status $name is produced', async ({ name, status }) => {
    expect(await outcomeOf(() => producers[name]?.())).toBe(status);
  });
});
