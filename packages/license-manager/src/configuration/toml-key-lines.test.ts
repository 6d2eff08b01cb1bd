import { describe, expect, it } from 'vitest';
import { parseConfiguration } from './load.ts';
import { tomlKeyLine } from './toml-key-lines.ts';

const text = [
  'name = "here"',
  '',
  '[search]  # of others',
  'intervalMinutes = 5',
  'addresses = [',
  '  "a",',
  ']',
  '[access]',
  'users = []',
  '',
].join('\n');

describe('the line of a key in a TOML file', () => {
  it.each([
    [['name'], 1],
    [['search', 'intervalMinutes'], 4],
    [['search', 'addresses', 0], 5],
    [['search', 'broadcast'], 3],
    [['access', 'users', 3], 9],
    [['log', 'access'], undefined],
    [['nam'], undefined],
  ])('%j is %s', (path, line) => {
    expect(tomlKeyLine(text, path)).toBe(line);
  });

  it('is in what is said of a file with faults, with the file', () => {
    const fault = (toml: string): string => {
      try {
        parseConfiguration('/etc/keyhaven.toml', Buffer.from(toml));
        return '';
      } catch (error) {
        return error instanceof Error ? error.message : '';
      }
    };
    expect(fault('name = "here"\n[search]\nintervalMinutes = 1\n')).toContain('/etc/keyhaven.toml: line 3: search.intervalMinutes: ');
    expect(fault('name = "here"\n[search]\nintervalMinuets = 6\n')).toMatch(/line 3: search: .*intervalMinuets/);
    expect(fault('name = "here"\n[search\n')).toMatch(/\/etc\/keyhaven\.toml: line 2: /);
    expect(fault('[tls]\ncertificate = "a"\n'), 'what is missing is at its table').toContain('line 1: tls.key: ');
  });
});
