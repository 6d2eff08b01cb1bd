import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { linesAfter } from './log-lines.ts';

describe('what is new in a log', () => {
  it('is what was written since, however far the view has moved', () => {
    const lines = fc.array(fc.uuid(), { maxLength: 30 }).map((all) => [...new Set(all)]);
    fc.assert(
      fc.property(lines, fc.nat(30), fc.integer({ min: 1, max: 30 }), (all, at, view) => {
        const first = Math.min(at, all.length);
        const [before, after] = [all.slice(0, first).slice(-view), all.slice(-view)];
        const isSeen = first > 0 && after.some((line) => before.includes(line));
        expect(linesAfter(before, after)).toEqual(isSeen ? all.slice(first) : after);
      }),
    );
  });

  it('is one more of lines that are all the same', () => {
    expect(linesAfter(['a', 'a'], ['a', 'a', 'a'])).toEqual(['a']);
    expect(linesAfter(['a', 'a'], ['a', 'a'])).toEqual([]);
  });

  it('is all of another file', () => {
    expect(linesAfter(['a', 'b'], ['c'])).toEqual(['c']);
    expect(linesAfter(['a', 'b'], [])).toEqual([]);
  });
});
