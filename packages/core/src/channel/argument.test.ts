import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

// The argument of docs/protocol/channel.md names the tests that show it. They must be there.

const root = join(import.meta.dirname, '../../../..');
const lines = readFileSync(join(root, 'docs/protocol/channel.md'), 'utf8').split('\n');
const rows = lines.filter((line) => line.startsWith('| **')).map((line) => line.split(' | '));
const sources = [...globSync('packages/*/src/**/*.test.ts', { cwd: root }), ...globSync('test/e2e/*.test.ts', { cwd: root })];
const tests = sources.map((file) => ({ file, text: readFileSync(join(root, file), 'utf8') }));

describe('the argument in docs/protocol/channel.md', () => {
  it('answers every goal of the attacker', () => expect(rows.length).toBeGreaterThan(12));

  it.each(rows.map(([goal = '', , shown = '']) => ({ goal, shown })))('names tests that exist for $goal', ({ shown }) => {
    expect(shown.length).toBeGreaterThan(5);
    for (const [, name = ''] of shown.matchAll(/"([^"]+)"/g))
      expect(
        tests.some(({ text }) => text.includes(name)),
        name,
      ).toBe(true);
    for (const [, file = ''] of shown.matchAll(/`([\w.-]+)`/g))
      expect(
        tests.some((each) => each.file.endsWith(`/${file}`)),
        file,
      ).toBe(true);
  });
});
