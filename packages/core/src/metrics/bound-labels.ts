// Labels make series, and series cost whoever stores them: only so many values of a label are named, the others are one `other`.

export type Bounded<T> = { readonly labels: Readonly<Record<string, string>>; readonly of: T };

/** The first `limit` by their labels, and what is left, joined into one that `other` labels. */
export const boundLabels = <T>(
  samples: readonly Bounded<T>[],
  limit: number,
  join: (a: T, b: T) => T,
  other: (labels: Readonly<Record<string, string>>) => Readonly<Record<string, string>> = (labels) =>
    Object.fromEntries(Object.keys(labels).map((name) => [name, 'other'])),
): readonly Bounded<T>[] => {
  if (samples.length <= limit) return samples;
  const named = samples.slice(0, limit);
  const rest = new Map<string, Bounded<T>>();
  for (const { labels, of } of samples.slice(limit)) {
    const as = other(labels);
    const key = JSON.stringify(as);
    const before = rest.get(key);
    rest.set(key, { labels: as, of: before === undefined ? of : join(before.of, of) });
  }
  return [...named, ...rest.values()];
};
