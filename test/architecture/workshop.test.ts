import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { textFaults } from '../../scripts/workshop/committed.ts';
import { difference } from '../../scripts/workshop/installed.js';
import { completed, unverified } from '../../scripts/workshop/lockfile.ts';
import { type Tally, verdict } from '../../scripts/workshop/tally.ts';

// The tools that say whether all is well must not say so when it is not.

describe('the verdict on a test run', () => {
  const tally = (change: Partial<Tally>): Tally => ({ passed: 3, failed: 0, unselected: 0, skipped: [], ...change });

  it('is good when something passed, nothing failed and the run ended well', () => {
    expect(verdict(tally({}), 0)).toEqual({ lines: ['3 passed, 0 failed'], status: 0 });
  });

  it.each<[string, Tally | undefined, number | null, string]>([
    ['a test failed', tally({ failed: 1 }), 1, '3 passed, 1 failed'],
    ['a test failed although the run says 0', tally({ failed: 1 }), 0, '3 passed, 1 failed'],
    ['the run failed although no test did', tally({}), 1, '3 passed, 1 failed'],
    ['the run was killed', tally({}), null, '3 passed, 1 failed'],
    ['the run left no report', undefined, 0, '0 passed, 1 failed'],
    ['no test ran', tally({ passed: 0 }), 0, '0 passed, 1 failed'],
  ])('is bad when %s', (_, found, exit, last) => {
    const { lines, status } = verdict(found, exit);
    expect([lines.at(-1), status]).toEqual([last, 1]);
  });

  it('gives the reason of every skipped test', () => {
    const skipped = [
      { name: 'a', reason: 'not root' },
      { name: 'b', reason: 'no tshark' },
      { name: 'c', reason: 'not root' },
    ];
    expect(verdict(tally({ skipped }), 0).lines).toEqual([
      'Skipped (not root):',
      '  a',
      '  c',
      'Skipped (no tshark):',
      '  b',
      '3 passed, 0 failed, 3 skipped',
    ]);
  });
});

describe('what is installed', () => {
  const locked = {
    '': { version: '1.0.0' },
    'packages/a': { version: '1.0.0' },
    'node_modules/a': { version: '1.0.0', integrity: 'x' },
    'node_modules/@keyhaven/core': { link: true },
    'node_modules/other-platform': { version: '1.0.0', integrity: 'y', optional: true },
    'node_modules/runtime': { version: '24.0.0', integrity: 'z', optional: true },
  };
  const { 'node_modules/other-platform': _, '': __, ...installed } = locked;
  const reason = (found: Parameters<typeof difference>[1], onDisk = (_path: string): boolean => true): string | undefined =>
    difference(locked, found, 'runtime', onDisk);

  it('agrees with the lockfile, where packages for other platforms may be absent', () => {
    expect(reason(installed)).toBeUndefined();
  });

  it('differs when a package is absent, another one, changed, no longer wanted, or gone from the disk', () => {
    const { 'node_modules/a': a, 'node_modules/runtime': runtime, ...rest } = installed;
    expect(reason({ ...rest, 'node_modules/runtime': runtime })).toContain('node_modules/a is not installed');
    expect(reason({ ...installed, 'node_modules/a': { ...a, version: '1.0.1' } })).toContain('1.0.1');
    expect(reason({ ...installed, 'node_modules/a': { ...a, integrity: 'w' } })).toContain('node_modules/a');
    expect(reason({ ...installed, 'node_modules/b': a })).toContain('node_modules/b is no longer wanted');
    expect(reason(installed, (path) => path !== 'node_modules/@keyhaven/core')).toContain('is gone');
  });

  it('differs when the pinned runtime is absent, although it is optional', () => {
    const { 'node_modules/runtime': _runtime, ...rest } = installed;
    expect(reason(rest)).toContain('runtime is not installed');
  });
});

describe('the lockfile', () => {
  const parent = { version: '1.0.0', dev: true, optionalDependencies: { '@a/linux-x64-musl': '1.0.0', '@a/linux-x64': '1.0.0' } };
  const text = JSON.stringify({ packages: { 'node_modules/a': parent, 'node_modules/@a/linux-x64': { version: '1.0.0' } } });

  it('gets an entry for an optional package that the registry did not carry', () => {
    const result = completed(text);
    expect(result.absent).toEqual(['@a/linux-x64-musl']);
    expect(JSON.parse(result.text)).toMatchObject({
      packages: {
        'node_modules/@a/linux-x64-musl': { version: '1.0.0', cpu: ['x64'], dev: true, libc: ['musl'], optional: true, os: ['linux'] },
      },
    });
  });

  it('stays as it is when nothing is absent', () => {
    const { text: once } = completed(text);
    expect(completed(once)).toEqual({ text: once, absent: [] });
  });
});

describe('a package of the lockfile', () => {
  const hash = `sha512-${'A'.repeat(86)}==`;
  const faults = (entry: object): string[] =>
    unverified(JSON.stringify({ packages: { '': {}, 'packages/a': {}, 'node_modules/b': entry } }));

  it('has the hash of what npm may install, on every platform', () => {
    expect(faults({ version: '1.0.0', integrity: hash })).toEqual([]);
    expect(faults({ link: true, resolved: 'packages/a' })).toEqual([]);
    for (const integrity of [undefined, '', 'sha1-AAAA', 'sha512-AAAA', `md5-x ${hash}`])
      expect(faults({ version: '1.0.0', optional: true, integrity })).toEqual(['node_modules/b']);
  });

  it('is so in this repository', () => {
    expect(unverified(readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8'))).toEqual([]);
  });
});

describe('a committed file', () => {
  const slash = '/';
  it.each([
    ['a download address', '"resolved"' + ': "https://host/a.tgz"'],
    ['a registry', 'registry=' + 'http://host/'],
    ['the path of a machine', `cd ${slash}home/somebody/keyhaven`],
    ['the path of a machine', `'${slash}work/main'`],
    ['the path of a machine', `C:\\${'Users'}\\somebody`],
  ])('must not hold %s', (fault, text) => {
    expect(textFaults('a.md', `fine\n${text}`)).toEqual([`a.md:2: holds ${fault}`]);
  });

  it.each(['"resolved": "packages/cli",', 'docs/work/a and ~/home/b', 'https://example.org/home/page'])('may hold %s', (text) => {
    expect(textFaults('a.md', text)).toEqual([]);
  });
});
