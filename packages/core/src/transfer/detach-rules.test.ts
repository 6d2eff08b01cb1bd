import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { detachRuleFor, parseDetachRules } from './index.ts';

const faults = (...lines: string[]): string[] => parseDetachRules(lines).faults.map(({ line, fault }) => `${line}: ${fault}`);

describe('rules of detaching for single products', () => {
  it('say what they say, in any order and with spaces', () => {
    const lines = [
      ' # words',
      '',
      'product:5,enabled=0,maxdays=7,reserved=2',
      ' reservedpercent = 12.5 , Key:77, PRODUCT: 0 ,vendor:7,enabled=1',
    ];
    expect(parseDetachRules(lines)).toEqual({
      rules: [
        { product: 5, enabled: false, maxDays: 7, reservedSeats: 2 },
        { product: 0, vendor: 7, key: '77', enabled: true, reservedPercent: 12.5 },
      ],
      faults: [],
    });
  });

  it.each([
    ['enabled=0', 'product: is missing'],
    ['product=5', '"product=5" is not understood here'],
    ['product:5,days=3', '"days=3" is not understood here'],
    ['product:5,', '"" is not understood here'],
    ['product:65472', 'product must be a whole number from 0 to 65471'],
    ['product:5,product:6', 'product is there twice'],
    ['product:5,enabled=yes', 'enabled must be 0 or 1'],
    ['product:5,maxdays=0', 'maxdays must be from 0.01 to 3650'],
    ['product:5,maxdays=1e3', 'maxdays must be'],
    ['product:5,reserved=1.5', 'reserved must be a whole number'],
    ['product:5,reservedpercent=101', 'reservedpercent must be from 0 to 100'],
    ['product:5,vendor:0', 'vendor must be a whole number from 1'],
    ['product:5,key:x', 'key must be the id of a key'],
    ['product:5,constructor=1', 'is not understood here'],
  ])('%s is a fault: %s', (line, expected) => {
    expect(faults('product:1', line)).toEqual([expect.stringContaining(`1: `)]);
    expect(faults(line)).toEqual([expect.stringContaining(expected)]);
  });

  it('are of the first that matches, whole', () => {
    const { rules } = parseDetachRules([
      'product:5,vendor:7,maxdays=1',
      'product:5,key:9,enabled=0',
      'product:5,reserved=3',
      'product:5,enabled=1',
    ]);
    expect(detachRuleFor(rules, { vendor: 7, key: '9', product: 5 })).toEqual({ product: 5, vendor: 7, maxDays: 1 });
    expect(detachRuleFor(rules, { vendor: 8, key: '9', product: 5 })).toEqual({ product: 5, key: '9', enabled: false });
    expect(detachRuleFor(rules, { vendor: 8, key: '1', product: 5 })).toEqual({ product: 5, reservedSeats: 3 });
    expect(detachRuleFor(rules, { vendor: 7, key: '9', product: 6 })).toEqual({});
  });

  it('of any text give rules or faults and never throw (S6)', () => {
    const word = fc.constantFrom('product:', '5', ',', 'enabled=', '0', 'maxdays=', ' ', '=', ':', 'toString:', '.');
    const line = fc.oneof(
      fc.string(),
      fc.array(word).map((words) => words.join('')),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 4 }), (lines) => {
        const { rules, faults: found } = parseDetachRules(lines);
        expect(rules.length + found.length).toBeLessThanOrEqual(lines.length);
      }),
    );
  });
});
