import { describe, expect, it } from 'vitest';
import { WireError } from '../bytes/index.ts';
import { LicensingError } from '../errors/index.ts';
import { chooseVersion, spanOf, type VersionRange } from './versions.ts';

const names = { protocol: 'talk', beginning: 'the application', answering: 'the manager' };
const range = (from: number, to = from): VersionRange => ({ from, to });
const outcome = (ours: VersionRange, theirs: VersionRange): number | { status: number; detail: string | undefined; remedy: string } => {
  try {
    return chooseVersion(ours, theirs, names);
  } catch (error) {
    if (!(error instanceof LicensingError)) throw error;
    return { status: error.status, detail: error.detail, remedy: error.remedy };
  }
};

describe('two ends with versions of their own (T6)', () => {
  it('speak the highest that both know, of all ranges up to 5', () => {
    const all = [0, 1, 2, 3, 4, 5].flatMap((from) => [0, 1, 2, 3, 4, 5].filter((to) => to >= from).map((to) => range(from, to)));
    for (const ours of all) {
      for (const theirs of all) {
        const common = [0, 1, 2, 3, 4, 5].filter((each) => [ours, theirs].every(({ from, to }) => from <= each && each <= to));
        const found = outcome(ours, theirs);
        const wanted = common.at(-1) ?? { status: theirs.from > ours.to ? 42 : 11 };
        if (typeof wanted === 'number') expect(found).toBe(wanted);
        else expect(found).toMatchObject(wanted);
      }
    }
  });

  it('where none is common, name both ranges and the side to upgrade', () => {
    expect(outcome(range(1), range(2, 3))).toEqual({
      status: 42,
      detail: 'In the talk, the application speaks versions 2 to 3 and the manager version 1: upgrade the manager.',
      remedy: 'Upgrade the manager to a release that speaks version 2 of the talk.',
    });
    expect(outcome(range(4, 6), range(1))).toEqual({
      status: 11,
      detail: 'In the talk, the application speaks version 1 and the manager versions 4 to 6: upgrade the application.',
      remedy: 'Upgrade the application to a release that speaks version 4 of the talk.',
    });
  });

  it('do not take a range that ends before it begins', () => {
    expect(() => chooseVersion(range(1, 3), range(3, 2), names)).toThrow(WireError);
  });

  it('are written as people say them', () => expect([spanOf(range(1)), spanOf(range(1, 2))]).toEqual(['version 1', 'versions 1 to 2']));
});
