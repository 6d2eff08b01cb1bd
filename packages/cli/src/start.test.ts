import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

// What a start of the command line costs: it loads what the command needs, and finds it compiled.

const run = promisify(execFile);
const bin = fileURLToPath(new URL('../bin/', import.meta.url));

describe('a command', () => {
  /** Everything that is loaded before a command is known. */
  const loaded = async (): Promise<readonly string[]> => {
    const source = `
      import { registerHooks } from 'node:module';
      const urls = [];
      registerHooks({ load(url, context, next) { urls.push(url); return next(url, context); } });
      await import(${JSON.stringify(new URL('main.ts', import.meta.url).href)});
      process.stdout.write(JSON.stringify(urls));`;
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', source], { maxBuffer: 1 << 24 });
    return JSON.parse(stdout) as string[];
  };

  it('is known before the license manager, the Licensing API and the tools of vendors are loaded', async () => {
    const urls = await loaded();
    expect(urls.some((url) => url.endsWith('/cli/src/main.ts'))).toBe(true);
    const parts = urls.filter((url) => /\/packages\/(?:license-manager|licensing-api|vendor-tools|ledger|control-center)\//.test(url));
    expect(parts.map((url) => url.replace(/^.*\/packages\//, '')).toSorted()).toEqual([
      'license-manager/src/admin-paths.ts',
      'license-manager/src/near/user-store.ts',
      'license-manager/src/version.ts',
    ]);
    expect(urls.filter((url) => /\/node_modules\/(?!zod\/|commander\/)/.test(url))).toEqual([]);
  });
});

describe('what Node.js compiled', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'keyhaven-start-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  /** Runs a program that stands where the command line would stand, in a tree of folders of its own. */
  const start = async (env: NodeJS.ProcessEnv = {}): Promise<string> => {
    const place = join(directory, 'a/b/bin');
    await mkdir(place, { recursive: true });
    await cp(join(bin, 'pinned-node.js'), join(place, 'pinned-node.js'));
    await writeFile(join(place, 'package.json'), '{"type":"module"}');
    await writeFile(join(place, 'other.ts'), 'export const word: string = "hello";');
    await writeFile(
      join(place, 'start.js'),
      "import { keepCompiled } from './pinned-node.js'; keepCompiled(import.meta.dirname, process.env);\n" +
        "const { word } = await import('./other.ts'); console.log(word, process.env.NODE_COMPILE_CACHE);",
    );
    const { NODE_COMPILE_CACHE: _, ...inherited } = process.env;
    const { stdout } = await run(process.execPath, [join(place, 'start.js')], { env: { ...inherited, ...env } });
    return stdout.trim();
  };

  it('is kept in the nearest node_modules, for processes that are started, too', async () => {
    await mkdir(join(directory, 'a/node_modules'), { recursive: true });
    await mkdir(join(directory, 'node_modules'));
    const cache = join(directory, 'a/node_modules/.cache/keyhaven');
    expect(await start()).toBe(`hello ${cache}`);
    expect((await readdir(cache, { recursive: true })).length).toBeGreaterThan(1);
    expect(await start()).toBe(`hello ${cache}`);
  });

  it('is kept nowhere without one, and where the user says so', async () => {
    expect(await start()).toBe('hello undefined');
    await mkdir(join(directory, 'node_modules'));
    const own = join(directory, 'own');
    expect(await start({ NODE_COMPILE_CACHE: own })).toBe(`hello ${own}`);
    expect(await readdir(join(directory, 'node_modules'))).toEqual([]);
  });
});
