import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { catalogue, notProduced, type StatusName } from '@keyhaven/core/errors';
import { describe, expect, it } from 'vitest';
import { outcomeOf, within } from './lms.ts';
import { ofIdentities } from './of-identities.ts';
import { ofLicenses } from './of-licenses.ts';
import { ofRequests } from './of-requests.ts';
import { ofTransfers } from './of-transfers.ts';

// A2: each status is either produced here, through a door that people use or a function of core with real inputs, or the catalogue says why
// this version cannot produce it. docs/errors.md is written from the same list.

const tables = [ofRequests, ofLicenses, ofTransfers, ofIdentities];
const producers: Partial<Record<StatusName, () => unknown>> = Object.assign({}, ...tables) as Partial<Record<StatusName, () => unknown>>;
const root = join(import.meta.dirname, '../..');
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

  it('is thrown nowhere where the catalogue says that nothing produces it', () => {
    // A check that cannot fail: what is applied has a secret for each feature.
    const guards = ['ENC_NOT_SUPP in packages/license-manager/src/authority/key-channel.ts'];
    const sources = globSync('packages/*/src/**/*.ts', { cwd: root }).filter(
      (file) => !/\.test\.|\.testing\.|core\/src\/errors\//.test(file),
    );
    expect(sources.length).toBeGreaterThan(100);
    const thrown = sources.flatMap((file) => {
      const text = readFileSync(join(root, file), 'utf8');
      return [...text.matchAll(/(?:\w\(|status: )Status\.([A-Z_]+)/g)].flatMap(([, name = '']) =>
        name in reasons ? [`${name} in ${file}`] : [],
      );
    });
    expect([...new Set(thrown)].filter((each) => !guards.includes(each))).toEqual([]);
  });

  const claimed = catalogue.filter(({ name }) => producers[name] !== undefined);
  it.concurrent.for(claimed)('$status $name is produced', async ({ name, status }, test) => {
    expect(await within(test, () => outcomeOf(() => producers[name]?.()))).toBe(status);
  });
});
