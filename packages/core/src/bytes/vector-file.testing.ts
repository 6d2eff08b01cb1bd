import { readFileSync, writeFileSync } from 'node:fs';

/**
 * A file of vectors/ beside what the code makes of the same seeds today. UPDATE_VECTORS=1 writes the file anew; without it the file is what
 * counts, and a test compares the two.
 */
export const vectorFile = <T>(name: string, make: () => T): { readonly recorded: T; readonly made: T } => {
  const path = new URL(`../../../../vectors/${name}.json`, import.meta.url);
  const made = make();
  if (process.env.UPDATE_VECTORS === '1') writeFileSync(path, `${JSON.stringify(made, undefined, 2)}\n`);
  const recorded: unknown = JSON.parse(readFileSync(path, 'utf8'));
  // A test compares it with `made`, which has this type.
  return { recorded: recorded as T, made };
};
