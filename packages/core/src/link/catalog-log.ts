import { MAX_REMOVED } from './blocks.ts';

// What an LM has told of its keys, and since when each of them is as it is, so that an LM that knows a version hears only what is different since
// (R3). A version is a number of this run of this LM: it begins at an epoch that nobody meets again, so that a version of before a restart, or of
// a disk that was put back in time, is known to be strange, and is answered with everything. docs/protocol/link.md K21.

export type CatalogChanges = {
  /** The version that the changes are from; 0 = `keys` is everything. */
  readonly since: number;
  readonly version: number;
  /** The texts told of keys that are new or different. */
  readonly keys: readonly string[];
  /** Ids of keys that are gone. */
  readonly removed: readonly string[];
};

export type CatalogLog = {
  /** Compares with what is there now, and gives what is different a new version. `now`: each key with the text told of it. */
  learn(now: Iterable<readonly [key: string, text: string]>): void;
  since(version: number): CatalogChanges;
};

/** Versions of one epoch; then another one begins, and everybody asks for everything once. With an epoch of 32 bits they are numbers of 53. */
const VERSIONS = 2 ** 21;
/** BOUNDED: keys that are gone and not forgotten yet. */
const MAX_GONE = MAX_REMOVED;

type Told = { readonly text: string; readonly version: number };

/** `newEpoch`: a number of 32 bits that was never drawn before; drawn when it is needed. */
export const createCatalogLog = (newEpoch: () => number, versions = VERSIONS): CatalogLog => {
  const keys = new Map<string, Told>(); // BOUNDED by the keys here
  const gone = new Map<string, number>(); // BOUNDED by MAX_GONE; the oldest first
  let version: number | undefined;
  /** Before it, it is not known any more which keys have gone. */
  let oldest = 0;

  const begin = (): number => {
    // Not 0, which stands for no version.
    const first = Math.max(1, newEpoch()) * versions;
    for (const [key, told] of keys) keys.set(key, { ...told, version: first });
    gone.clear();
    oldest = first;
    return first;
  };
  const next = (): number => {
    if (version === undefined) return begin();
    return (version + 1) % versions === 0 ? begin() : version + 1;
  };

  return {
    learn(now) {
      const left = new Set(keys.keys());
      let risen: number | undefined;
      const rise = (): number => {
        risen ??= next();
        version = risen;
        return risen;
      };
      for (const [key, text] of now) {
        left.delete(key);
        if (keys.get(key)?.text === text) continue;
        keys.set(key, { text, version: rise() });
        gone.delete(key);
      }
      for (const key of left) {
        keys.delete(key);
        gone.set(key, rise());
      }
      for (const [key, at] of gone) {
        if (gone.size <= MAX_GONE) break;
        gone.delete(key);
        oldest = Math.max(oldest, at);
      }
      if (version === undefined) rise();
    },
    since(known) {
      const current = (version ??= next());
      const telling = known >= oldest && known <= current && known !== 0;
      const since = telling ? known : 0;
      const changed = [...keys.values()].filter((told) => told.version > since);
      const removed = telling ? [...gone].filter(([, at]) => at > since).map(([key]) => key) : [];
      return { since, version: current, keys: changed.map(({ text }) => text), removed };
    },
  };
};
