import { globSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ambientFaults, type Declared, importFaults, type Source, thirdPartyReachedFrom, withoutJsx } from './rules.ts';
import { importsOf, scan } from './scan.ts';

const root = join(import.meta.dirname, '../..');
const builtins = new Set(builtinModules);

function namesIn(value: unknown, field: string): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const dependencies: unknown = Object.entries(value).find(([name]) => name === field)?.[1];
  return typeof dependencies === 'object' && dependencies !== null ? Object.keys(dependencies) : [];
}

function declaredIn(folder: string): ReadonlySet<string> {
  const manifest: unknown = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
  return new Set(
    ['dependencies', 'devDependencies', 'peerDependencies', 'optionalDependencies'].flatMap((field) => namesIn(manifest, field)),
  );
}

const packages = globSync('packages/*/package.json', { cwd: root }).map((path) => path.split(/[\\/]/)[1] ?? '');
const declared: Declared = new Map([['.', declaredIn('.')], ...packages.map((name) => [name, declaredIn(`packages/${name}`)] as const)]);

const sources: Source[] = globSync(['packages/*/{src,bin}/**/*.{ts,tsx,js}', '{scripts,bench,test}/**/*.{ts,js}', '*.ts'], {
  cwd: root,
  exclude: (name) => name === 'node_modules',
}).map((file) => withoutJsx({ file: file.replaceAll('\\', '/'), text: readFileSync(join(root, file), 'utf8') }));

describe('the import rule in this checkout', () => {
  it('is held by every source', () => {
    expect(sources.flatMap((source) => importFaults(source, declared, builtins))).toEqual([]);
  });

  it('is checked on real imports: core, its tests and the scripts are seen', () => {
    const seen = (prefix: string): number =>
      sources.filter(({ file }) => file.startsWith(prefix)).reduce((sum, { text }) => sum + importsOf(scan(text)).length, 0);
    for (const prefix of ['packages/core/src/', 'packages/ledger/src/', 'packages/control-center/src/pages/', 'scripts/', 'test/'])
      expect(seen(prefix), prefix).toBeGreaterThan(0);
  });
});

describe('an Integrated LM and what an External LM is made of', () => {
  it.each(['integrated/index.ts', 'external/main.ts'])('%s loads no third-party code, nor does its thread', (entry) => {
    expect(thirdPartyReachedFrom(`packages/license-manager/src/${entry}`, sources, builtins)).toEqual([]);
  });

  it('is found out where it does, whatever the way', () => {
    const text = {
      'packages/license-manager/src/integrated/index.ts':
        "import { a } from '../a.ts'; new Worker(new URL('./thread.ts', import.meta.url));",
      'packages/license-manager/src/integrated/thread.ts': "import { b } from '@keyhaven/core/b'; import type { T } from 'typed';",
      'packages/license-manager/src/a.ts': "export { f } from 'fastify'; import './gone.ts';",
      'packages/core/src/b/index.ts': "import { readFileSync } from 'node:fs'; const z = async () => import('zod');",
    };
    const made = Object.entries(text).map(([file, of]) => ({ file, text: of }));
    expect(thirdPartyReachedFrom('packages/license-manager/src/integrated/index.ts', made, builtins)).toEqual([
      'packages/license-manager/src/a.ts loads fastify',
      'packages/license-manager/src/gone.ts is not there',
      'packages/core/src/b/index.ts loads zod',
    ]);
  });
});

describe('the purity of core in this checkout', () => {
  it('is held by every source of core', () => {
    expect(sources.flatMap(ambientFaults)).toEqual([]);
  });

  it('holds for its package.json: no dependency at all', () => {
    expect([...(declared.get('core') ?? [])]).toEqual([]);
  });
});

const known: Declared = new Map([
  ['.', new Set(['vitest'])],
  ['core', new Set<string>()],
  ['ledger', new Set(['@keyhaven/core'])],
  ['control-center', new Set(['@keyhaven/core'])],
  ['license-manager', new Set(['@keyhaven/core', '@keyhaven/ledger', 'zod'])],
  ['licensing-api', new Set(['@keyhaven/core', '@keyhaven/license-manager'])],
]);
const faultsOf = (file: string, text: string): string[] => importFaults({ file, text }, known, builtins);
const CORE = 'packages/core/src/session/session.ts';

describe('the import rule finds', () => {
  const broken: readonly (readonly [string, string, string, string])[] = [
    ['a builtin in core', CORE, "import { readFileSync } from 'node:fs';", 'core imports node:fs'],
    ['a builtin without its prefix', CORE, "import net from 'net';", 'core imports net'],
    ['a type-only import of a builtin', CORE, "import type { Socket } from 'node:net';", 'core imports node:net'],
    ['a re-export of a builtin', CORE, "export * from 'node:os';", 'core imports node:os'],
    ['a named re-export', CORE, "export { hostname as name } from 'node:os';", 'core imports node:os'],
    ['a dynamic import', CORE, "const f = async () => (await import('node:fs')).readFileSync;", 'core imports node:fs'],
    ['an import inside a type', CORE, "let a: import('node:net').Socket;", 'core imports node:net'],
    ['a side-effect import', CORE, "import 'node:fs';", 'core imports node:fs'],
    ['an import after a template', CORE, "const t = `${a ? `'${b}` : '}'}`; import { x } from 'node:fs';", 'core imports node:fs'],
    [
      'an import after a regular expression in a template',
      CORE,
      "const q = `${/['\"`]/.test(a)}`; import { x } from 'node:fs';",
      'core imports node:fs',
    ],
    ['an import after a regular expression', CORE, "const q = /['\"`]/; import { x } from 'node:fs';", 'core imports node:fs'],
    ['an import over several lines', CORE, "import {\n  type A,\n  b,\n} from\n  'node:fs';", 'core imports node:fs'],
    ['a computed import in core', CORE, 'const f = (name: string) => import(name);', 'core imports a module whose name is computed'],
    [
      'entropy from node:crypto',
      CORE,
      "import { createHash, randomBytes as r } from 'node:crypto';",
      'core imports randomBytes of node:crypto',
    ],
    ['key generation', CORE, "import { generateKeyPairSync } from 'node:crypto';", 'core imports generateKeyPairSync of node:crypto'],
    ['the web crypto object', CORE, "import { webcrypto } from 'node:crypto';", 'core imports webcrypto of node:crypto'],
    ['node:crypto by its default export', CORE, "import crypto from 'node:crypto';", 'core imports default of node:crypto'],
    ['node:crypto as a namespace', CORE, "import * as crypto from 'node:crypto';", 'core imports all of node:crypto'],
    ['third-party code in core', CORE, "import { z } from 'zod';", 'core uses third-party code: zod'],
    ['a package above core', CORE, "import type { Ledger } from '@keyhaven/ledger';", 'core must not import ledger'],
    ['core by its own name', CORE, "import { mono } from '@keyhaven/core/time';", 'imports its own package by name: @keyhaven/core/time'],
    ['the testkit outside tests', CORE, "import { lab } from '@keyhaven/testkit';", 'only tests, bench and scripts import the testkit'],
    ['a test tool outside tests', CORE, "import fc from 'fast-check';", 'a test tool outside tests: fast-check'],
    ['a test in a source', CORE, "import { f } from './f.test.ts';", 'imports what only tests use: ./f.test.ts'],
    [
      'a path out of the package',
      CORE,
      "import v from '../../../../vectors/a.json';",
      'leaves its package by a path: ../../../../vectors/a.json',
    ],
    [
      'a path into another package',
      'packages/core/src/a/a.test.ts',
      "import { x } from '../../../ledger/src/port.ts';",
      'reaches into another package by a path: ../../../ledger/src/port.ts',
    ],
    ['seats in wire', 'packages/core/src/wire/frame.ts', "import { d } from '../seats/decide.ts';", 'core/wire must not know core/seats'],
    [
      'wire in license',
      'packages/core/src/license/terms.ts',
      "import type { F } from '../wire/index.ts';",
      'core/license must not know core/wire',
    ],
    [
      'license in seats',
      'packages/core/src/seats/decide.ts',
      "export * from '../license/terms.ts';",
      'core/seats must not know core/license',
    ],
    [
      'an import upwards',
      'packages/ledger/src/a.ts',
      "import { x } from '@keyhaven/license-manager';",
      'ledger must not import license-manager',
    ],
    [
      'third-party code in the API',
      'packages/licensing-api/src/a.ts',
      "import { z } from 'zod';",
      'licensing-api uses third-party code: zod',
    ],
    [
      'a license manager in the API, before it is needed',
      'packages/licensing-api/src/a.ts',
      "import { openIntegratedLm } from '@keyhaven/license-manager/integrated';",
      'licensing-api must not import license-manager',
    ],
    [
      'another license manager in the API',
      'packages/licensing-api/src/a.ts',
      "const f = async () => import('@keyhaven/license-manager');",
      'licensing-api must not import license-manager',
    ],
    [
      'a package that is not declared',
      'packages/license-manager/src/a.ts',
      "import pino from 'pino';",
      'pino is not declared in packages/license-manager/package.json',
    ],
    [
      'more than types in a page',
      'packages/control-center/src/a.tsx',
      "import { sayLicense } from '@keyhaven/core/admin';",
      'control-center takes more than types of @keyhaven/core/admin',
    ],
    ['an undeclared package in a script', 'scripts/a.ts', "import { z } from 'zod';", 'zod is not declared in package.json'],
  ];
  it.each(broken)('%s', (_, file, text, fault) => {
    expect(
      faultsOf(file, text).some((found) => found.endsWith(`: ${fault}`)),
      faultsOf(file, text).join('\n'),
    ).toBe(true);
  });

  it('a package that it does not know', () => {
    expect(faultsOf('packages/extra/src/a.ts', '')).toHaveLength(1);
  });

  it('the line of the fault', () => {
    expect(faultsOf(CORE, "/* one\ntwo */\nconst a = `\n`;\nimport 'node:fs';")).toEqual([`${CORE}:5: core imports node:fs`]);
  });
});

describe('the import rule allows', () => {
  const fine: readonly (readonly [string, string, string])[] = [
    ['deterministic primitives in core', CORE, "import { createHash, createHmac, type KeyObject } from 'node:crypto';"],
    ['types of what core may not call', CORE, "import type { webcrypto } from 'node:crypto';"],
    ['buffers in core', CORE, "import { Buffer } from 'node:buffer';"],
    ['neighbours in core', CORE, "import { mono } from '../time/index.ts';\nimport type { F } from '../wire/index.ts';"],
    ['imports in comments and strings', CORE, "// import 'node:fs';\n/* import 'node:fs' */ const a = \"import 'node:fs'\";"],
    ['what only looks like an import', CORE, 'const here = import.meta.url; a.import(b); export { here };'],
    ['test tools and builtins in tests of core', 'packages/core/src/a/a.test.ts', "import fc from 'fast-check'; import fs from 'node:fs';"],
    ['the testkit in tests', 'packages/ledger/src/a.test.ts', "import { world } from '@keyhaven/testkit';"],
    ['test tools in a contract suite', 'packages/ledger/src/contract.ts', "import { it } from 'vitest';"],
    ['what is declared and below', 'packages/license-manager/src/a.ts', "import { z } from 'zod'; import { L } from '@keyhaven/ledger';"],
    ['every package in scripts', 'scripts/a.ts', "import { main } from '@keyhaven/cli'; import { lab } from '@keyhaven/testkit/lab';"],
  ];
  it.each(fine)('%s', (_, file, text) => {
    expect(faultsOf(file, text)).toEqual([]);
  });
});

describe('the purity of core', () => {
  const ambient = (text: string): string[] => ambientFaults({ file: CORE, text }).map((fault) => fault.replace(/^.*: core uses /, ''));

  it.each([
    ['Date.now', 'const t = Date.now();'],
    ['new Date()', 'const t = new Date();'],
    ['new Date()', 'const t = new Date;'],
    ['Date()', 'const t = Date();'],
    ['Date', 'const { now } = Date;'],
    ['Date', "const t = Date['now']();"],
    ['performance', 'performance.now()'],
    ['Math.random', 'Math.random()'],
    ['setTimeout', 'setTimeout(f, 1)'],
    ['setInterval', 'const later = setInterval;'],
    ['setImmediate', 'setImmediate(f)'],
    ['queueMicrotask', 'queueMicrotask(f)'],
    ['process', 'const a = process.env.A;'],
    ['process', 'const { env } = process;'],
    ['console', "console.log('a')"],
    ['globalThis', "globalThis['fetch']"],
    ['fetch', "await fetch('a')"],
    ['Worker', "new Worker('a')"],
    ['crypto', 'crypto.randomUUID()'],
    ['AbortSignal.timeout', 'AbortSignal.timeout(5)'],
    ['Date.now', 'const a = `at ${Date.now()}`;'],
    ['Math.random', 'const a = `${`${b}` + Math.random()}`;'],
  ])('forbids %s: %s', (fault, text) => {
    expect(ambient(text)).toEqual([fault]);
  });

  it.each([
    'const day = new Date(wall); clock.setTimeout(f); this.process.pid;',
    "// Date.now()\nconst a = 'Math.random()'; /* process.env */ const r = /console.log/;",
    'type Seat = { readonly process: ProcessId; readonly console?: string };',
    'const a = `Date.now() ${b}`;',
    'store.fetch(a); const half = total / 2 / count;',
  ])('allows %s', (text) => {
    expect(ambient(text)).toEqual([]);
  });

  it('is asked of core alone, and not of its tests', () => {
    expect(ambientFaults({ file: 'packages/ledger/src/a.ts', text: 'Date.now()' })).toEqual([]);
    expect(ambientFaults({ file: 'packages/core/src/a/a.test.ts', text: 'Date.now()' })).toEqual([]);
  });

  it('is not given up silently: text that cannot be scanned is an error', () => {
    expect(() => ambient("const a = 'no end")).toThrow('line 1');
    expect(() => ambient('const a = `no end ${b}')).toThrow('template');
  });
});
