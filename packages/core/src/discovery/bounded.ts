// A table that forgets what was touched longest ago rather than grow (S14).

export type BoundedTable<K, V> = { get(key: K): V | undefined; set(key: K, value: V): void; readonly size: number };

/** BOUNDED by `limit` entries. */
export const createBoundedTable = <K, V>(limit: number): BoundedTable<K, V> => {
  const entries = new Map<K, V>();
  return {
    get: (key) => entries.get(key),
    set(key, value) {
      entries.delete(key);
      entries.set(key, value);
      if (entries.size <= limit) return;
      const oldest = entries.keys().next();
      if (oldest.done !== true) entries.delete(oldest.value);
    },
    get size() {
      return entries.size;
    },
  };
};
