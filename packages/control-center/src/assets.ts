import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

// The pages as files in memory, for the license manager to serve (C1, S17). What a request names is looked up in this table and nowhere else.

export type Asset = {
  /** The path in a URL. */
  readonly url: string;
  readonly type: string;
  /** Its name changes with its content, so it may be kept for good. */
  readonly immutable: boolean;
  readonly bytes: Uint8Array;
  readonly gzip: Uint8Array;
  readonly brotli: Uint8Array;
};

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
};
const DIST = join(import.meta.dirname, '..', 'dist');

const assetAt = async (directory: string, path: string, type: string): Promise<Asset> => {
  const [bytes, gzip, brotli] = await Promise.all(['', '.gz', '.br'].map((ending) => readFile(join(directory, `${path}${ending}`))));
  if (bytes === undefined || gzip === undefined || brotli === undefined) throw new Error(`${path} is not whole`);
  return { url: path === 'index.html' ? '/' : `/${path}`, type, immutable: path !== 'index.html', bytes, gzip, brotli };
};

/** All files of the pages; undefined where they were not built, which `npm ci` does. Rejects where they cannot be read. */
export const loadAssets = async (directory = DIST): Promise<readonly Asset[] | undefined> => {
  const names = await readdir(directory, { recursive: true }).catch(() => []);
  const paths = names.map((name) => name.replaceAll('\\', '/'));
  if (!paths.includes('index.html')) return undefined;
  return Promise.all(
    paths.flatMap((path) => {
      const type = TYPES[path.slice(path.lastIndexOf('.') + 1)];
      return type === undefined ? [] : [assetAt(directory, path, type)];
    }),
  );
};
