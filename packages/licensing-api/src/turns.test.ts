import { LicensingError, Status } from '@keyhaven/core/errors';
import type { HostKind } from '@keyhaven/core/hosts';
import { describe, expect, it } from 'vitest';
import { createAsking } from './asking.ts';
import { testTime } from './limits.testing.ts';
import { createLimits, type Limit } from './limits.ts';
import type { LmLink } from './lm-link.ts';
import { fromAll, inShare, inTurn } from './turns.ts';

// How the time of one call is divided among those that are asked (A6), on a clock that stands still.

const limitOf = (ms = 10_000): Limit => createLimits(testTime({ now: () => 0 })).begin(ms);
const silent = new LicensingError(Status.LOCAL_COMM_ERR);

it.each([
  [1, 10_000],
  [2, 5_000],
  [3, 10_000 / 3],
  [50, 2_000],
])('the share of one of %i keys', async (left, ms) => {
  expect(await inShare(limitOf(), left, async (part) => part.ms)).toBeCloseTo(ms);
});

describe('license managers that are asked in turn', () => {
  const asking = () =>
    createAsking({ ask: ['external', 'admin'], steps: [], refusal: { status: Status.KEY_NOT_FOUND, detail: '', remedy: '' } });
  /** What each had, and for what. */
  const ask = async (starts: 'no' | 'in time' | 'late', ms?: number) => {
    const given: string[] = [];
    const linkTo = (kind: HostKind): LmLink => {
      const using: LmLink['using'] = async (part) => {
        given.push(`${kind} starts ${part.ms}`);
        if (starts === 'late') throw silent;
        return undefined as never;
      };
      return { kind, starting: kind === 'external' && starts !== 'no', using } as LmLink;
    };
    const work = async ({ kind }: LmLink, part: Limit): Promise<string> => {
      given.push(`${kind} works ${part.ms}`);
      throw silent;
    };
    await expect(inTurn(asking(), limitOf(ms), linkTo, work, () => true)).rejects.toMatchObject({ status: 33 });
    const inTurns = given.splice(0);
    await expect(fromAll(asking(), limitOf(ms), linkTo, work)).rejects.toMatchObject({ status: 33 });
    expect(given).toEqual(inTurns);
    return given;
  };

  it.each([
    ['one that runs has its part', 'no', undefined, ['external works 5000', 'admin works 10000']],
    [
      'one that has to be started has all but a fifth for that, and then its part',
      'in time',
      undefined,
      ['external starts 8000', 'external works 5000', 'admin works 10000'],
    ],
    ['one that does not start in that time leaves a fifth', 'late', undefined, ['external starts 8000', 'admin works 10000']],
    ['of what the application says', 'late', 60_000, ['external starts 48000', 'admin works 60000']],
  ] as const)('%s', async (_name, starts, ms, expected) => {
    expect(await ask(starts, ms)).toEqual(expected);
  });
});
