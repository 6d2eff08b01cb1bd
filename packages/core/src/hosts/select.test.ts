import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseScope, type ScopeInput, toScope } from '../scope/index.ts';
import { admittedKinds } from './admitted.ts';
import { explainSelection, lmChoices, type Situation, select } from './select.ts';
import { type HostKind, type KeyKind, keyKinds } from './serves.ts';

// T5: every combination of what can be, against a table written by hand. The table needs no code to be read.

type Row = {
  readonly choice: string;
  readonly runs?: string;
  readonly external?: boolean;
  readonly integrated?: boolean;
  readonly store?: boolean;
  readonly search?: boolean;
  readonly kinds?: string;
  readonly ask: readonly HostKind[] | number;
};
const { rows } = JSON.parse(readFileSync(new URL('../../../../vectors/selection.json', import.meta.url), 'utf8')) as {
  readonly rows: readonly Row[];
};

const both = [false, true];
const subsets = Array.from({ length: 2 ** keyKinds.length }, (_, bits) => keyKinds.filter((_kind, index) => (bits >> index) % 2 === 1));
const situations: readonly Situation[] = lmChoices.flatMap((choice) =>
  (['yes', 'no', 'unknown'] as const).flatMap((adminRuns) =>
    both.flatMap((externalBeside) =>
      both.flatMap((integratedAvailable) =>
        both.flatMap((userStore) =>
          both.flatMap((nearSearch) =>
            subsets.map((kinds) => ({ choice, adminRuns, externalBeside, integratedAvailable, userStore, nearSearch, kinds })),
          ),
        ),
      ),
    ),
  ),
);

const letters = (kinds: readonly KeyKind[]): string => {
  const admits = (...some: readonly KeyKind[]): boolean => kinds.length === 0 || kinds.some((kind) => some.includes(kind));
  const only = kinds.length === 1 && kinds[0] === 'hl-hasp';
  return `${only ? 'H' : 'h'}${admits('hl-hasp', 'sl-adminmode', 'sl-legacy') ? 'A' : 'a'}${admits('hl-driverless') ? 'D' : 'd'}${admits('sl-usermode') ? 'U' : 'u'}`;
};
const fits = (row: Row, situation: Situation): boolean => {
  const own = letters(situation.kinds);
  return (
    row.choice === situation.choice &&
    (row.runs ?? situation.adminRuns) === situation.adminRuns &&
    (row.external ?? situation.externalBeside) === situation.externalBeside &&
    (row.integrated ?? situation.integratedAvailable) === situation.integratedAvailable &&
    (row.store ?? situation.userStore) === situation.userStore &&
    (row.search ?? situation.nearSearch) === situation.nearSearch &&
    (row.kinds ?? '').split('').every((letter) => own.includes(letter))
  );
};

describe('vectors/selection.json', () => {
  it(`decides each of the ${situations.length} situations as the code does, and each of its rows decides some`, () => {
    const deciding = new Set<Row>();
    const wrong = situations.flatMap((situation) => {
      const row = rows.find((each) => fits(each, situation));
      if (row !== undefined) deciding.add(row);
      const { ask, refusal } = select(situation);
      const found = refusal?.status ?? ask;
      return JSON.stringify(found) === JSON.stringify(row?.ask) ? [] : [{ situation, found, wanted: row?.ask }];
    });
    expect(wrong.slice(0, 5)).toEqual([]);
    expect(rows.filter((row) => !deciding.has(row))).toEqual([]);
    expect(situations).toHaveLength(4 * 3 * 2 * 2 * 2 * 2 * 32);
  });
});

describe('select', () => {
  it('says of each license manager in one sentence why it is asked or not, those that are asked first', () => {
    for (const situation of situations) {
      const { ask, steps, refusal } = select(situation);
      expect(steps.map((step) => step.licenseManager).sort()).toEqual(['admin', 'external', 'integrated']);
      expect(steps.filter((step) => step.asked).map((step) => step.licenseManager)).toEqual(ask);
      expect(steps.slice(0, ask.length).every((step) => step.asked)).toBe(true);
      for (const { why } of steps) expect(why).toMatch(/^[A-Z][^.]*(?:\d\.[^.]*)?\.$/);
      expect(refusal === undefined, JSON.stringify(situation)).toBe(ask.length > 0);
      if (refusal !== undefined) expect(`${refusal.detail} ${refusal.remedy}`).toMatch(/^[A-Z].*\. [A-Z].*\.$/);
    }
  });

  it('never asks both an External and an Integrated LM, and asks no near LM where nothing speaks for one', () => {
    for (const situation of situations) {
      const { ask } = select(situation);
      expect(ask.includes('external') && ask.includes('integrated')).toBe(false);
      const plain = situation.choice === 'auto' && !situation.externalBeside && !situation.userStore && !situation.nearSearch;
      if (plain && /[AD]/.test(letters(situation.kinds))) expect(ask.filter((host) => host !== 'admin')).toEqual([]);
    }
  });

  it('is explained in a line for each license manager', () => {
    const situation: Situation = {
      choice: 'auto',
      adminRuns: 'unknown',
      externalBeside: true,
      integratedAvailable: true,
      userStore: true,
      nearSearch: false,
      kinds: keyKinds,
    };
    expect(explainSelection(select(situation))).toEqual([
      'External LM: asked. The user has a store of keys of this vendor.',
      'Admin LM: asked. It serves all keys of this computer but SL UserMode keys, and those of the network.',
      'Integrated LM: passed over. The External LM beside the application is used instead.',
    ]);
  });
});

describe('admittedKinds', () => {
  const cases: readonly (readonly [scope: ScopeInput | string, kinds: readonly KeyKind[]])[] = [
    [{}, keyKinds],
    [{ key: { id: '123' }, licenseManager: { hostname: 'elsewhere' }, product: { id: 1 } }, keyKinds],
    [{ key: { type: 'HASP-SL' } }, ['sl-adminmode', 'sl-usermode', 'sl-legacy']],
    [{ key: { type: 'hasp-sl-usermode' } }, ['sl-usermode']],
    [{ key: { type: { not: 'HASP-SL-UserMode' } } }, ['hl-driverless', 'hl-hasp', 'sl-adminmode', 'sl-legacy']],
    [{ key: { type: 'HASP-HL' } }, ['hl-driverless', 'hl-hasp']],
    [{ key: { configuration: 'hasphl' } }, ['hl-hasp']],
    [{ key: { configuration: 'sentinelhl,driverless' } }, ['hl-driverless']],
    [{ key: { configuration: 'haspsl-legacy' } }, ['sl-legacy']],
    [{ key: { type: 'HASP-HL', configuration: 'haspsl-adminmode' } }, []],
    [[{ key: { type: 'HASP-SL-AdminMode' } }, { key: { id: '9' } }], keyKinds],
    [
      [{ key: { type: 'HASP-SL-AdminMode', id: '1' } }, { key: { configuration: 'haspsl-usermode' } }],
      ['sl-adminmode', 'sl-usermode'],
    ],
    [
      '<haspscope><license_manager hostname="x"><hasp type="HASP-SL-AdminMode"><feature id="1"/></hasp></license_manager></haspscope>',
      ['sl-adminmode'],
    ],
  ];
  it.each(cases)('of %j is %j', (scope, kinds) => {
    expect(admittedKinds(typeof scope === 'string' ? parseScope(scope).scope : toScope(scope))).toEqual(kinds);
  });
});
