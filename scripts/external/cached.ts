import { createHash } from 'node:crypto';
import { globSync, readFileSync, rmSync, statSync } from 'node:fs';
import { access, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { externalLmFile } from '@keyhaven/core/hosts';
import { type BundleOptions, bundleProgram, ENTRY, root } from './bundle.ts';
import { makeExecutable } from './executable.ts';

// The executable for tests and the bench: made once for a state of the sources, and kept in the checkout's cache until four others
// have been made.

const CACHE = join(root, '.cache-external');
/** BOUNDED: executables kept, of a hundred megabytes each. */
const KEPT = 4;

/** @returns where the executable is; others may have links to it, nobody may write to it */
export const cachedExternalLm = async (options: Partial<BundleOptions> = {}): Promise<string> => {
  const program = await bundleProgram({ entry: ENTRY, ...options });
  const digest = createHash('sha256').update(process.version).update(program);
  for (const file of ['executable.ts', 'code-cache.ts']) digest.update(readFileSync(join(import.meta.dirname, file)));
  const file = join(CACHE, digest.digest('hex').slice(0, 24), externalLmFile(process.platform));
  try {
    await access(file);
    const now = new Date();
    await utimes(dirname(file), now, now);
  } catch {
    prune();
    await makeExecutable({ program, node: process.execPath, builder: process.execPath, out: file });
  }
  return file;
};

const prune = (): void => {
  const all = globSync('*', { cwd: CACHE }).map((name) => join(CACHE, name));
  const byAge = all.map((path) => ({ path, at: statSync(path).mtimeMs })).sort((a, b) => b.at - a.at);
  for (const { path } of byAge.slice(KEPT - 1)) rmSync(path, { recursive: true, force: true });
};
