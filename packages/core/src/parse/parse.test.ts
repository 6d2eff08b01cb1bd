import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boolean, either, integer, list, literal, object, optional, ParseError, parse, parseJson, tagged, text } from './index.ts';

const shape = object({
  name: text(5, /^[a-z]*$/, 'small letters'),
  count: integer(1, 9),
  on: optional(boolean),
  what: either<number | 'all'>('a number or "all"', integer(0, 3), literal('all')),
  list: list(
    tagged<{ readonly type: string }>('type', { a: object({ type: literal('a'), x: integer(0, 1) }), b: object({ type: literal('b') }) }),
    2,
  ),
});
const good = { name: 'abc', count: 3, on: true, what: 'all', list: [{ type: 'a', x: 1 }, { type: 'b' }] } as const;
const faultsOf = (value: unknown): readonly string[] => {
  try {
    parse(shape, value);
  } catch (error) {
    if (error instanceof ParseError) return error.faults;
    throw error;
  }
  return [];
};

describe('a decoder', () => {
  it('gives what is good as it is, in the order of the shape', () => {
    const { name, ...others } = good;
    expect(JSON.stringify(parse(shape, { ...others, name }))).toBe(JSON.stringify(good));
  });

  it('leaves out what is optional and absent', () => {
    const { on: _, ...without } = good;
    expect(Object.keys(parse(shape, without))).not.toContain('on');
    expect(Object.keys(parse(shape, { ...good, on: undefined }))).not.toContain('on');
  });

  it('names the place of every fault at once', () => {
    expect(faultsOf({ name: 'A', count: 0, on: 1, what: 4, list: [{ type: 'c' }, { type: 'a' }], more: 1 })).toEqual([
      'document.more: is unknown',
      'document.name: must be small letters',
      'document.count: must be a whole number from 1 to 9',
      'document.on: must be true or false',
      'document.what: must be a number or "all"',
      'document.list[0].type: must be a or b',
      'document.list[1].x: is missing',
    ]);
  });

  it.each([
    ['count', [0.5, 10, '3', null, Number.NaN]],
    ['name', ['abcdef', 1, null]],
    ['list', [{}, [1], Array(3).fill({ type: 'b' }), 'ab']],
    ['what', [null, -1, 'ALL']],
  ])('refuses in %s what is not of its type', (field, values) => {
    for (const value of values) expect(faultsOf({ ...good, [field]: value }).length, JSON.stringify(value)).toBeGreaterThan(0);
  });

  it('takes no field from a prototype, and tags none of the names that every object has', () => {
    expect(faultsOf(Object.create(good))).toContain('document.count: is missing');
    expect(() => parseJson(shape, '{"__proto__":{"name":"abc"}}')).toThrow('document.__proto__: is unknown');
    expect(() => parse(tagged('type', { a: boolean }), { type: 'toString' })).toThrow(ParseError);
  });

  it('says so where there is nothing, or no JSON', () => {
    expect(() => parse(shape, undefined)).toThrow(ParseError);
    expect(() => parse(() => undefined, 1, 'it')).toThrow(new ParseError(['it: is missing']));
    expect(() => parseJson(shape, '{', 'it')).toThrow(new ParseError(['it: is not JSON']));
  });

  it('throws ParseError and nothing else, for any JSON', () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        try {
          parseJson(shape, json);
        } catch (error) {
          if (!(error instanceof ParseError)) throw error;
        }
      }),
    );
  });
});
