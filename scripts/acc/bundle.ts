import { join } from 'node:path';
import { build } from 'esbuild';

// The pages as esbuild makes them: nothing is inline, so that the Content-Security-Policy of the license manager needs no exception (S8).

export type Built = { readonly name: string; readonly bytes: Uint8Array };
/** What they are made of, from the checkout. */
export type Pages = { readonly files: readonly Built[]; readonly inputs: readonly string[] };

const SOURCE = 'packages/control-center/src';

const page = (scripts: readonly string[], modules: readonly string[], styles: readonly string[]): string =>
  [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    '<title>Keyhaven Admin Control Center</title>',
    '<link rel="icon" href="data:,">',
    ...styles.map((name) => `<link rel="stylesheet" href="/${name}">`),
    ...scripts.map((name) => `<script src="/${name}"></script>`),
    ...modules.map((name) => `<script type="module" src="/${name}"></script>`),
    '</head>',
    '<body>',
    '<div id="app"></div>',
    '<noscript><p>The Admin Control Center needs JavaScript. Without it, the command line does the same: keyhaven --help</p></noscript>',
    '</body>',
    '</html>',
    '',
  ].join('\n');

const shared = {
  bundle: true,
  minify: true,
  write: false,
  platform: 'browser',
  target: 'es2023',
  legalComments: 'none',
  entryNames: 'acc/[name]-[hash]',
  chunkNames: 'acc/[name]-[hash]',
  assetNames: 'acc/[name]-[hash]',
  logLevel: 'silent',
  metafile: true,
} as const;

/** All files of the pages, by the path at which they are served. @throws what esbuild finds wrong in the sources */
export const bundlePages = async (root: string): Promise<Pages> => {
  const at = { absWorkingDir: root, outdir: 'out' };
  const [early, main] = await Promise.all([
    build({ ...shared, ...at, entryPoints: [join(SOURCE, 'early.ts')], format: 'iife' }),
    build({
      ...shared,
      ...at,
      entryPoints: [join(SOURCE, 'main.tsx'), join(SOURCE, 'style.css')],
      format: 'esm',
      splitting: true,
      jsx: 'automatic',
      jsxImportSource: 'preact',
    }),
  ]);
  const files = [...early.outputFiles, ...main.outputFiles].map(({ path, contents }) => ({
    name: path.slice(join(root, 'out').length + 1).replaceAll('\\', '/'),
    bytes: contents,
  }));
  const named = (pattern: RegExp): string[] => files.map(({ name }) => name).filter((name) => pattern.test(name));
  const html = page(named(/\/early-[^/]*\.js$/), named(/\/main-[^/]*\.js$/), named(/\/style-[^/]*\.css$/));
  const inputs = [early, main].flatMap(({ metafile }) => Object.keys(metafile.inputs));
  return { files: [{ name: 'index.html', bytes: new TextEncoder().encode(html) }, ...files], inputs };
};
