import { join } from 'node:path';
import { build } from 'esbuild';

// The External LM as one file of JavaScript: its program and all that it reaches.

export const root = join(import.meta.dirname, '..', '..');
export const ENTRY = 'packages/license-manager/src/external/main.ts';

export type BundleOptions = {
  readonly entry: string;
  /** Told by `--version` instead of the version of the sources. */
  readonly version?: string;
};

/** Builtin modules are named as they are; everything else is in the bundle, and of it only our own packages may be. */
const foreign = (input: string): boolean => !/^packages\/[^/]+\/src\//.test(input);

/**
 * A script whose value is a function of `require`. ASCII only, so that it is kept as one byte a character.
 * @throws Error where the program reaches third-party code, or files that it would have to read beside itself
 */
export const bundleProgram = async ({ entry, version }: BundleOptions): Promise<string> => {
  const result = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    charset: 'ascii',
    minify: true,
    keepNames: false,
    legalComments: 'none',
    // In a script import() loads nothing; a module that is wanted late is in the bundle, too.
    supported: { 'dynamic-import': false },
    logLevel: 'silent',
    // Decided here, and not by the environment of who starts it.
    define: { 'process.env.KEYHAVEN_BUILD_VERSION': version === undefined ? 'undefined' : JSON.stringify(version) },
  });
  // What was left out because nobody calls it may be as it likes.
  const [output] = Object.values(result.metafile.outputs);
  const kept = new Set(Object.entries(output?.inputs ?? {}).flatMap(([input, { bytesInOutput }]) => (bytesInOutput > 0 ? [input] : [])));
  const warned = result.warnings.filter(({ location }) => location === null || kept.has(location.file));
  const reaches = [...kept].flatMap((input) => {
    const imports = foreign(input) ? [] : (result.metafile.inputs[input]?.imports ?? []);
    return imports
      .filter(({ path, external }) => external !== true && kept.has(path) && foreign(path))
      .map(({ path }) => `${input} reaches ${path}`);
  });
  const faults = [...warned.map(({ text, location }) => `${location?.file ?? ''}: ${text}`), ...reaches];
  if (foreign(entry)) faults.push(`${entry} is not ours`);
  if (faults.length > 0) throw new Error(`The External LM cannot be one file:\n${faults.join('\n')}`);
  return `(function(require,module,exports){${result.outputFiles[0]?.text ?? ''}})`;
};
