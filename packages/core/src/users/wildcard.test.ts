import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchesWildcard, parseWildcard } from './wildcard.ts';

describe('a name with stars', () => {
  it.each([
    ['ada', 'ada', true],
    ['ada', 'ADA', true],
    ['ada', 'adam', false],
    ['a*', 'ada', true],
    ['*a', 'ada', true],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['a*b*c', 'a-b-b-c', true],
    ['a*b*c', 'a-c-b', false],
    ['a**c', 'abc', true],
    ['a.a', 'axa', false],
    ['*ab*ab', 'ab', false],
    ['*ab*ab', 'abab', true],
    ['*ab*ab', 'abxab', true],
    ['MÜLLER*', 'müller-1', true],
  ])('%s and %s: %s', (pattern, text, expected) => {
    expect(matchesWildcard(parseWildcard(pattern), text)).toBe(expected);
  });

  it('means what a regular expression of it means', () => {
    const word = fc.array(fc.constantFrom('a', 'b', '*', '.'), { maxLength: 8 }).map((letters) => letters.join(''));
    fc.assert(
      fc.property(word, fc.array(fc.constantFrom('a', 'b', '.'), { maxLength: 12 }), (pattern, letters) => {
        const text = letters.join('');
        const expression = new RegExp(`^${pattern.replaceAll('.', String.raw`\.`).replaceAll('*', '.*')}$`);
        expect(matchesWildcard(parseWildcard(pattern), text)).toBe(expression.test(text));
      }),
    );
  });

  it('is compared quickly with a text made to be slow', () => {
    const pattern = parseWildcard(`${'*a'.repeat(100)}*b`);
    const text = 'a'.repeat(20_000);
    const before = process.cpuUsage();
    for (let count = 0; count < 20; count += 1) expect(matchesWildcard(pattern, text)).toBe(false);
    expect(process.cpuUsage(before).user).toBeLessThan(1_000_000);
  });
});
