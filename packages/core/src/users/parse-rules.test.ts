import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseClientRules, parseUserRules } from './index.ts';

const faults = (...lines: string[]): string[] => parseUserRules(lines).faults.map(({ line, fault }) => `${line}: ${fault}`);
const clientFaults = (...lines: string[]): string[] => parseClientRules(lines).faults.map(({ line, fault }) => `${line}: ${fault}`);

describe('Users rules as they are written (R9)', () => {
  it.each([
    'allow=ada',
    'deny=ada@lab-1',
    'allow=*',
    'deny=@lab-*',
    'deny=ada@all',
    'deny=all@all',
    'allow = ada , vendor:37515, key:2622877015606951895, product:1, feature:42',
    'deny=vendor:7',
    'deny=*@10.23.*,feature:42',
    'deny=*@2001:db8::/32',
    `allow=*,lm:${'A'.repeat(40)}`,
    'deny=*,lm:local',
    'deny=*,lm:Kng88OwgzMT_QEPE2D9Sb7PLYWt8kbFrmyMmP8nw',
    'deny=*,lm:bvGUlG6-Vu3wLqo6oRmJiGbqCCC5d6sI-j46Q8AE',
    'allow=ada,priority=10',
    'allow=ada,feature:42,reserve=2,priority=10',
    "allow=o'neil",
    'allow=müller@büro',
    'allow=Ada Lovelace@lab-1',
    String.raw`allow=CORP\ada`,
    '# words',
    '; words of older files',
    '',
  ])('%s is understood', (line) => {
    expect(faults(line)).toEqual([]);
  });

  it.each([
    ['permit=ada', 'neither allow=, deny='],
    ['allow', 'neither allow=, deny='],
    ['ALLOW=ada', 'neither allow=, deny='],
    ['allow=ada,colour:1', '"colour:1" is not understood here'],
    ['allow=ada,feature=42', '"feature=42" is not understood here'],
    ['allow=ada,feature:', 'feature must be a whole number from 0 to 65471'],
    ['allow=ada,feature:65472', 'feature must be a whole number'],
    ['allow=ada,feature:4e1', 'feature must be a whole number'],
    ['allow=ada,product:-1', 'product must be a whole number'],
    ['allow=ada,vendor:0', 'vendor must be a whole number'],
    ['allow=ada,key:18446744073709551616', 'no id of a key'],
    ['allow=ada,feature:1,feature:2', 'feature is there twice'],
    ['allow=ada@10.300.*', 'no address'],
    ['allow=ada@10.1.2.3/8', 'no address'],
    ['allow=ada@fe80:::1', 'no address'],
    ['allow=ada@b@c', 'no host name'],
    ['allow=ada=bob', 'no user name'],
    ['allow=ada,lm:here', 'lm must be local or a GUID'],
    [`allow=ada,lm:${'A'.repeat(39)}+`, 'lm must be local or a GUID'],
    ['allow=ada,reserve=2', 'reserve needs a product: or a feature:'],
    ['allow=ada,feature:1,reserve=0', 'reserve must be a whole number from 1'],
    ['deny=ada,feature:1,reserve=1', '"reserve=1" is not understood here'],
    ['deny=ada,priority=1', '"priority=1" is not understood here'],
    ['allow=ada,priority=1001', 'priority must be'],
    ['allow=ada,', '"" is not understood here'],
    ['group=ada', 'neither allow=, deny='],
    ['group a b = ada', 'no name for a group'],
    ['group all = ada', 'no name for a group'],
    ['group g = ada,,bob', 'a member is missing'],
  ])('%s is a fault: %s', (line, expected) => {
    expect(faults(line)).toEqual([expect.stringContaining(expected)]);
  });

  it('names every faulty line with its number, groups among them', () => {
    expect(faults('allow=ada', 'group g = h', 'group h = ada', 'nonsense', 'group h = bob', 'deny=x@1.2.3.4.5')).toEqual([
      expect.stringMatching(/^1: "h" is a group/),
      expect.stringMatching(/^3: "nonsense"/),
      expect.stringMatching(/^4: the group h is there twice/),
      expect.stringMatching(/^5: /),
    ]);
  });

  it('of any text gives rules or faults and never throws (S6)', () => {
    const word = fc.constantFrom(
      'allow',
      'deny',
      'group',
      '=',
      '@',
      ',',
      '*',
      'feature:',
      '4',
      'reserve=',
      '10.*',
      '/8',
      '::',
      'ada',
      ' ',
      '%',
    );
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.string(),
            fc.array(word).map((words) => words.join('')),
          ),
          { maxLength: 5 },
        ),
        (lines) => {
          for (const { rules, faults: found } of [parseUserRules(lines), parseClientRules(lines)]) {
            expect(rules.length + found.length).toBeLessThanOrEqual(2 * lines.length);
            for (const { line } of found) expect(lines[line]?.trim()).not.toBe('');
          }
        },
      ),
    );
  });
});

describe('Access from Remote Clients as it is written (R9)', () => {
  it.each([
    'allow=10.23.*',
    'deny=192.168.0.0/16',
    'deny=10.23.*',
    'allow=hello_world',
    'deny=*',
    'deny=fe80::/10',
    `deny=*,lm:${'b'.repeat(40)}`,
  ])('%s is understood', (line) => {
    expect(clientFaults(line)).toEqual([]);
  });
  it.each([
    ['allow=', 'missing'],
    ['deny=10.23', 'no address'],
    ['deny=10.23.*.5', 'no address'],
    ['deny=10.0.0.0/33', 'no address'],
    ['deny=::/129', 'no address'],
    ['deny=a b', 'no host name'],
    ['deny=ada@lab', 'no host name'],
    ['allow=x,feature:1', 'not understood'],
    ['10.23.*', 'neither allow= nor deny='],
  ])('%s is a fault: %s', (line, expected) => {
    expect(clientFaults(line)).toEqual([expect.stringContaining(expected)]);
  });
});
