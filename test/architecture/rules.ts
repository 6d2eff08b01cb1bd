// The import rule and the purity of core, as functions from a file's name and text to the faults in it. No file is read here.
//
// Imports point down: faces -> license-manager -> ledger -> core. Core computes: no time, randomness, timers or I/O of its own.

import { dirname, join } from 'node:path/posix';
import { type Import, importsOf, scan, type Token } from './scan.ts';

export type Source = { readonly file: string; readonly text: string };
/** What each package declares in its package.json, by folder under packages/; `.` is the checkout itself. */
export type Declared = ReadonlyMap<string, ReadonlySet<string>>;

const SCOPE = '@keyhaven/';
const EVERYTHING = ['core', 'ledger', 'license-manager', 'licensing-api', 'vendor-tools', 'control-center', 'cli'];
const MAY_IMPORT: ReadonlyMap<string, readonly string[]> = new Map([
  ['core', []],
  ['ledger', ['core']],
  ['licensing-api', ['core']],
  ['vendor-tools', ['core']],
  ['license-manager', ['core', 'ledger']],
  // Pages in a browser: types only, as below.
  ['control-center', ['core']],
  ['cli', ['core', 'control-center', 'license-manager', 'licensing-api', 'vendor-tools']],
  ['testkit', EVERYTHING],
]);
/** What a package may load when it needs it, and not before: an application that only uses the Admin LM starts no other (T5). */
const MAY_LOAD: ReadonlyMap<string, readonly string[]> = new Map([['licensing-api', [`${SCOPE}license-manager/integrated`]]]);
/** A browser has no node:buffer: of core these take types. */
const TYPES_ONLY = new Set(['control-center']);
/** Packages that get by without third-party code. */
const ON_THEIR_OWN = new Set(['core', 'licensing-api']);
/** Test tools belong to the checkout and need not be declared by each package. */
const TEST_TOOLS = new Set(['vitest', 'fast-check', `${SCOPE}testkit`]);
const CORE_BUILTINS = new Set(['node:buffer', 'node:crypto']);
const CORE_APART = new Set(['wire', 'seats', 'license']);
// What node:crypto draws from the system's entropy, or hands out whole.
const ENTROPY =
  /^(?:random|pseudoRandom|prng|rng|generate|getRandomValues|webcrypto|subtle|createDiffieHellman|createECDH|getDiffieHellman|publicEncrypt|encapsulate|default$|\*)/;

/** Tests, and what only tests use: a contract suite, helpers named *.testing.ts. */
const isTest = (file: string): boolean => /(?:\.test|\.testing|(?:^|\/)contract)\.ts$/.test(file);

const packageOf = (file: string): string | undefined => /^packages\/([^/]+)\//.exec(file)?.[1];
const coreModuleOf = (file: string): string | undefined => /^packages\/core\/src\/([^/]+)\//.exec(file)?.[1];
const packageName = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');

function relativeFaults(file: string, specifier: string): string[] {
  const owner = packageOf(file);
  const target = join(dirname(file), specifier);
  const faults: string[] = [];
  if (owner !== undefined && packageOf(target) !== owner) {
    if (packageOf(target) !== undefined) faults.push(`reaches into another package by a path: ${specifier}`);
    else if (!isTest(file)) faults.push(`leaves its package by a path: ${specifier}`);
  }
  const [from, to] = [coreModuleOf(file), coreModuleOf(target)];
  if (from !== undefined && to !== undefined && from !== to && CORE_APART.has(from) && CORE_APART.has(to)) {
    faults.push(`core/${from} must not know core/${to}`);
  }
  if (owner !== undefined && owner !== 'testkit' && !isTest(file) && isTest(target))
    faults.push(`imports what only tests use: ${specifier}`);
  return faults;
}

function builtinFaults(file: string, wanted: Import, specifier: string): string[] {
  if (packageOf(file) !== 'core' || isTest(file)) return [];
  if (!CORE_BUILTINS.has(specifier)) return [`core imports ${specifier}`];
  if (specifier !== 'node:crypto' || wanted.typeOnly) return [];
  return wanted.names.filter((name) => ENTROPY.test(name)).map((name) => `core imports ${name === '*' ? 'all' : name} of node:crypto`);
}

function packageFaults(file: string, specifier: string, deferred: boolean, declared: Declared): string[] {
  const owner = packageOf(file);
  const name = packageName(specifier);
  const faults: string[] = [];
  if (name === `${SCOPE}testkit`) {
    return owner === undefined || owner === 'testkit' || isTest(file) ? [] : ['only tests, bench and scripts import the testkit'];
  }
  if (name.startsWith(SCOPE)) {
    const other = name.slice(SCOPE.length);
    if (owner === undefined) return EVERYTHING.includes(other) ? [] : [`there is no package ${name}`];
    if (owner === other) return [`imports its own package by name: ${specifier}`];
    const loads = deferred && (MAY_LOAD.get(owner) ?? []).includes(specifier);
    if (!loads && !(MAY_IMPORT.get(owner) ?? []).includes(other)) faults.push(`${owner} must not import ${other}`);
  } else if (TEST_TOOLS.has(name)) {
    return owner === undefined || owner === 'testkit' || isTest(file) ? [] : [`a test tool outside tests: ${name}`];
  } else if (owner !== undefined && ON_THEIR_OWN.has(owner)) {
    faults.push(`${owner} uses third-party code: ${name}`);
  }
  if (!(declared.get(owner ?? '.')?.has(name) ?? false))
    faults.push(`${name} is not declared in ${owner === undefined ? '' : `packages/${owner}/`}package.json`);
  return faults;
}

function isBuiltin(specifier: string, builtins: ReadonlySet<string>): boolean {
  return specifier.startsWith('node:') || builtins.has(specifier);
}

/** What a source imports, without the JSX, which the scanner does not know: its imports stand by themselves, each to its semicolon. */
export const withoutJsx = ({ file, text }: Source): Source =>
  file.endsWith('.tsx')
    ? { file, text: [...text.matchAll(/^(?:import|export)\b[^;=]*?['"][^'"]+['"];$/gm)].map(([whole]) => whole).join('\n') }
    : { file, text };

/** Faults of the import rule in one file. */
export function importFaults({ file, text }: Source, declared: Declared, builtins: ReadonlySet<string> = new Set()): string[] {
  const owner = packageOf(file);
  if (owner !== undefined && !MAY_IMPORT.has(owner)) return [`${file}: the import rule does not know the package ${owner}`];
  return importsOf(scan(text)).flatMap((wanted) => {
    const specifier = wanted.from;
    let faults: string[];
    if (specifier === undefined) faults = owner === 'core' && !isTest(file) ? ['core imports a module whose name is computed'] : [];
    else if (/^\.{0,2}\/|^\.{1,2}$/.test(specifier)) faults = relativeFaults(file, specifier);
    else if (isBuiltin(specifier, builtins)) faults = builtinFaults(file, wanted, specifier);
    else {
      faults = packageFaults(file, specifier, wanted.deferred ?? false, declared);
      if (owner !== undefined && TYPES_ONLY.has(owner) && specifier.startsWith(SCOPE) && !wanted.typeOnly && !isTest(file))
        faults.push(`${owner} takes more than types of ${specifier}`);
    }
    return faults.map((fault) => `${file}:${wanted.line}: ${fault}`);
  });
}

/** A file that is run as a thread: `new URL('./thread.ts', import.meta.url)`. */
const THREAD = /new URL\(\s*['"](\.[^'"]+)['"],\s*import\.meta\.url/g;

const fileOf = (from: string, specifier: string): string => {
  if (specifier.startsWith('.')) return join(dirname(from), specifier);
  const [owner = '', ...rest] = specifier.slice(SCOPE.length).split('/');
  return ['packages', owner, 'src', ...rest, 'index.ts'].join('/');
};

/**
 * Third-party code that is loaded with a file: by what it imports, what that imports, and the threads that they start; each with the way to it.
 * Types are not loaded. What the sources do not hold is told likewise.
 */
export function thirdPartyReachedFrom(entry: string, sources: readonly Source[], builtins: ReadonlySet<string> = new Set()): string[] {
  const texts = new Map(sources.map(({ file, text }) => [file, text]));
  const seen = new Set([entry]);
  const found: string[] = [];
  for (const file of seen) {
    const text = texts.get(file);
    if (text === undefined) {
      found.push(`${file} is not there`);
      continue;
    }
    const threads = [...text.matchAll(THREAD)].flatMap(([, thread]) => thread ?? []);
    const imports = importsOf(scan(text)).flatMap(({ from, typeOnly }) => (from === undefined || typeOnly ? [] : [from]));
    for (const specifier of [...imports, ...threads]) {
      if (isBuiltin(specifier, builtins)) continue;
      if (/^\.{1,2}\//.test(specifier) || specifier.startsWith(SCOPE)) seen.add(fileOf(file, specifier));
      else found.push(`${file} loads ${specifier}`);
    }
  }
  return found;
}

/** Words that are ambient wherever they stand, unless they name a member of something else. */
const AMBIENT = new Set([
  'setTimeout',
  'setInterval',
  'setImmediate',
  'clearTimeout',
  'clearInterval',
  'clearImmediate',
  'queueMicrotask',
  'globalThis',
  'Worker',
  'WebSocket',
  'Temporal',
  'require',
  'eval',
]);
/** Objects that are ambient when something is taken from them; as names of fields and parameters they are harmless. */
const AMBIENT_OBJECTS = new Set(['process', 'console', 'performance', 'global', 'crypto', 'navigator']);
const AMBIENT_MEMBERS = new Set(['Date.now', 'Math.random', 'AbortSignal.timeout', 'Atomics.wait', 'Atomics.waitAsync']);

function ambientAt(tokens: readonly Token[], index: number): string | undefined {
  const text = (offset: number): string => tokens[index + offset]?.text ?? '';
  const word = text(0);
  if (tokens[index]?.kind !== 'word' || text(-1) === '.' || text(-1) === '?.') return undefined;
  if (AMBIENT.has(word)) return word;
  if (word === 'Date' && text(-1) !== 'new' && text(1) === '(') return 'Date()';
  const takes = text(1) === '.' || text(1) === '?.';
  if (takes && AMBIENT_MEMBERS.has(`${word}.${text(2)}`)) return `${word}.${text(2)}`;
  // Taken apart (`= Date`) or indexed (`Date['now']`), they would slip through the lines above.
  const slips = text(1) === '[' || (text(-1) === '=' && text(1) !== '.' && text(1) !== '=>');
  if (AMBIENT_OBJECTS.has(word) && (takes || slips)) return word;
  if ((word === 'Date' || word === 'Math') && slips && text(-2) !== 'type') return word;
  if (word === 'fetch' && text(1) === '(') return 'fetch';
  if (word === 'Date' && text(-1) === 'new' && (text(1) !== '(' || text(2) === ')')) return 'new Date()';
  return undefined;
}

/** Ambient time, randomness, timers and I/O in a source of core. */
export function ambientFaults({ file, text }: Source): string[] {
  if (packageOf(file) !== 'core' || isTest(file)) return [];
  const tokens = scan(text);
  return tokens.flatMap((token, index) => {
    const found = ambientAt(tokens, index);
    return found === undefined ? [] : [`${file}:${token.line}: core uses ${found}`];
  });
}
