import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { exampleSites } from './examples.ts';
import { kinds, traffic, withTables } from './index.ts';

const document = readFileSync(new URL('../../../../docs/network.md', import.meta.url), 'utf8');

describe('docs/network.md', () => {
  it('says of every kind of traffic and of every site what the code says; else run scripts/network-doc.ts', () => {
    expect(withTables(document)).toBe(document);
    for (const kind of kinds) expect(document).toMatch(new RegExp(`^\\| (\\*\\*|\\*)${kind}(\\*\\*|\\*) \\|`, 'm'));
  });

  it('misses no part', () => {
    for (const part of ['traffic', ...exampleSites]) {
      expect(() => withTables(document.replace(`<!-- ${part}: `, '<!-- other: '))).toThrow(RangeError);
    }
  });
});

describe('the table of traffic', () => {
  it('has each kind once, in whole sentences that do not break the table', () => {
    expect(traffic.map(({ kind }) => kind)).toEqual(kinds);
    for (const { trigger, purpose, bytes, answer, ...rest } of traffic) {
      for (const text of [trigger, purpose]) expect(text).toMatch(/^[A-Z][^|\n]+\.$/);
      for (const text of Object.values(rest)) expect(text).not.toMatch(/[|\n]/);
      for (const range of [bytes, ...(answer === undefined ? [] : [answer])]) expect(range.least).toBeLessThanOrEqual(range.most);
    }
  });
});
