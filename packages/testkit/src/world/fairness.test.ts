import { describe, expect, it } from 'vitest';
import { createFairness } from './fairness.ts';

const entry = (kind: string, session: string, pid: number, feature = 41) => ({
  kind,
  scope: '7',
  detail: { product: 1, feature, session, pid },
});
const watching = (ended: readonly number[] = []) => {
  const faults: string[] = [];
  const fairness = createFairness({
    counts: (feature) => feature === 41,
    hasEnded: (pid) => ended.includes(pid),
    fault: (text) => void faults.push(text),
  });
  return { fairness, faults };
};

describe('the watch over fairness', () => {
  it('is content where seats go in the order of the line, and around those who left or died', () => {
    const { fairness, faults } = watching([3]);
    fairness.saw('owner', [entry('granted', 'before', 9), ...[1, 2, 3, 4].map((pid) => entry('waiting', `s${pid}`, pid))]);
    fairness.saw('owner', [entry('granted', 's1', 1), entry('withdrawn', 's2', 2), entry('granted', 's4', 4)]);
    expect([faults, fairness.granted]).toEqual([[], 2]);
  });

  it('names who was overtaken, by somebody behind him or by somebody who did not wait', () => {
    const { fairness, faults } = watching();
    fairness.saw(
      'owner',
      [1, 2].map((pid) => entry('waiting', `s${pid}`, pid)),
    );
    fairness.saw('owner', [entry('granted', 's2', 2), entry('granted', 'hasty', 9), entry('granted', 'elsewhere', 9, 42)]);
    fairness.saw('another owner', [entry('granted', 'there', 9)]);
    expect(faults).toHaveLength(2);
    expect(faults[0]).toMatch(/^A4: process 2 .* before process 1/);
    expect(faults[1]).toMatch(/^A4: process 9 .* before process 1/);
  });
});
