import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';

// "Remote License Search Parameters" as people write them, turned into addresses. Names may change their addresses at any time, so
// they are asked for before each search.

export type Resolve = (name: string) => Promise<readonly string[]>;

export const systemResolve: Resolve = async (name) => (await lookup(name, { all: true })).map(({ address }) => address);

/** The addresses of `list` in its order; a name that has none is reported and left out. */
export const resolveAll = async (
  list: readonly string[],
  resolve: Resolve,
  onFailure: (name: string, error: unknown) => void,
): Promise<string[]> => {
  const resolved = await Promise.all(
    list.map(async (entry) => {
      if (isIP(entry) !== 0) return [entry];
      try {
        return await resolve(entry);
      } catch (error) {
        onFailure(entry, error);
        return [];
      }
    }),
  );
  return [...new Set(resolved.flat())];
};
