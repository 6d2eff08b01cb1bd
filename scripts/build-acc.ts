// node scripts/bootstrap.js scripts/build-acc.ts   the pages of the Admin Control Center, into packages/control-center/dist (C1 to C3).
//
// `npm ci` and every script of the checkout call it; it does nothing where the sources are those of the last time. What comes out is all there is:
// index.html, and scripts and styles with the hash of their content in their names, each also as gzip and Brotli have it. The folder is
// replaced whole, so that a license manager that starts meanwhile finds the old pages or the new ones.

import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { bundlePages } from './acc/bundle.ts';
import { DIST, isCurrent, STAMP, sourcesHash } from './acc/current.js';

const root = join(import.meta.dirname, '..');
const brotli = { params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY } };

const build = async (hash: string): Promise<void> => {
  const dist = join(root, DIST);
  const fresh = mkdtempSync(join(dirname(dist), '.dist-'));
  try {
    for (const { name, bytes } of (await bundlePages(root)).files) {
      const file = join(fresh, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, bytes);
      writeFileSync(`${file}.gz`, gzipSync(bytes, { level: 9 }));
      writeFileSync(`${file}.br`, brotliCompressSync(bytes, brotli));
    }
    // A service of another user reads them.
    chmodSync(fresh, 0o755);
    writeFileSync(join(fresh, STAMP), hash);
    rmSync(dist, { recursive: true, force: true });
    renameSync(fresh, dist);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
};

const hash = sourcesHash(root);
if (!isCurrent(root, hash)) await build(hash);
