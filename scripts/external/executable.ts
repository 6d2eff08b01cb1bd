import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { root } from './bundle.ts';
import { codeCache } from './code-cache.ts';

// A copy of a Node.js program with a script in it that it runs instead of its command line (Node's single executable applications).

const run = promisify(execFile);

export type ExecutableOptions = {
  /** A function of `require`, as `bundleProgram` makes it. */
  readonly program: string;
  /** The Node.js of the platform that the executable is for. */
  readonly node: string;
  /** The Node.js of this platform, of the same version. */
  readonly builder: string;
  readonly out: string;
};

const POSTJECT = join(root, 'node_modules/postject/dist/cli.js');
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

/**
 * What runs first: the program, compiled from the code cache where there is one. Builtin modules that a login at a key of this computer does not
 * need are loaded when something is taken from them.
 */
const starter = (cached: boolean): string => `
const { getRawAsset } = require('node:sea');
const { Script } = require('node:vm');
const bytes = (name) => Buffer.from(getRawAsset(name));
const late = new Set(['node:child_process', 'node:dgram', 'node:dns/promises', 'node:fs/promises', 'node:http', 'node:net', 'node:worker_threads', 'node:zlib']);
const load = (name) => late.has(name) ? new Proxy({}, { get: (_, key) => require(name)[key] }) : require(name);
new Script(bytes('program').latin1Slice(), { filename: 'keyhaven-external-lm'${cached ? ", cachedData: bytes('cache')" : ''} })
  .runInThisContext()(load, module, exports);
`;

/** Of V8. Its young generation begins so large that a start collects no garbage. They are part of what the code cache is for. */
const FLAGS = ['--min-semi-space-size=16'];

/** Removes what debuggers need, a seventh of it, where the tool is there. */
const strip = async (file: string): Promise<void> => {
  try {
    await run('strip', [file]);
  } catch {
    // Larger, and otherwise the same.
  }
};

/**
 * Writes the executable to `out`, whole or not at all; a running one is left alone and replaced for its next start.
 * @throws Error where Node.js or the file system refuses
 */
export const makeExecutable = async ({ program, node, builder, out }: ExecutableOptions): Promise<void> => {
  await mkdir(dirname(out), { recursive: true });
  const folder = await mkdtemp(join(dirname(out), '.build-'));
  const at = (name: string): string => join(folder, name);
  try {
    // Bytecode is of one version, platform and set of processor features.
    const cached = node === builder && process.platform !== 'win32';
    await writeFile(at('program'), program, 'latin1');
    await writeFile(at('start.js'), starter(cached));
    if (cached) await writeFile(at('cache'), await codeCache(program, builder, FLAGS));
    const settings = {
      main: at('start.js'),
      output: at('blob'),
      disableExperimentalSEAWarning: true,
      // What stands in the environment of the application is not meant for this program.
      execArgv: FLAGS,
      execArgvExtension: 'none',
      assets: { program: at('program'), ...(cached ? { cache: at('cache') } : {}) },
    };
    await writeFile(at('settings.json'), JSON.stringify(settings));
    await run(builder, ['--experimental-sea-config', at('settings.json')]);
    await copyFile(node, at('executable'));
    if (node === builder) await strip(at('executable'));
    await run(builder, [POSTJECT, at('executable'), 'NODE_SEA_BLOB', at('blob'), '--sentinel-fuse', FUSE]);
    await chmod(at('executable'), 0o755);
    await rename(at('executable'), out);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};
