// Whether the pages of the Admin Control Center are those that their sources make. Plain JavaScript for Node.js 20 on: it is asked before anything runs.

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where the pages are put, from the checkout. */
export const DIST = 'packages/control-center/dist';
/** Names the sources that `DIST` was made of; written last. */
export const STAMP = 'sources.sha256';
const SOURCES = ['packages/control-center/src', 'scripts/acc', 'scripts/build-acc.ts'];
const PACKAGES = ['preact', 'uplot', '@picocss/pico', 'esbuild'];

/**
 * @param {string} path
 * @returns {string[]}
 */
const filesAt = (path) =>
  readdirSync(path, { withFileTypes: true })
    .flatMap((entry) => (entry.isDirectory() ? filesAt(join(path, entry.name)) : [join(path, entry.name)]))
    .sort();

/**
 * A hash of everything that the pages are made of: the sources, and the versions of the packages in them.
 * @param {string} root
 */
export function sourcesHash(root) {
  const hash = createHash('sha256');
  for (const name of PACKAGES) {
    /** @type {{ version?: string }} */
    const { version } = JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8'));
    hash.update(`${name} ${version}\n`);
  }
  for (const source of SOURCES) {
    const path = join(root, source);
    for (const file of source.endsWith('.ts') ? [path] : filesAt(path)) {
      const bytes = readFileSync(file);
      hash.update(`${file.slice(root.length).replaceAll('\\', '/')} ${bytes.length}\n`).update(bytes);
    }
  }
  return hash.digest('hex');
}

/**
 * @param {string} root
 * @param {string} hash
 */
export function isCurrent(root, hash) {
  const stamp = join(root, DIST, STAMP);
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === hash;
}
