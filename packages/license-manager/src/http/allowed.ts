import { pathOf } from './refused.ts';

// Which methods a path has, for the header Allow of a 405.

type Method = { readonly method: string; readonly url: string };

const patternOf = (url: string): RegExp => new RegExp(`^${url.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll(/:\w+/g, '[^/]+')}/?$`);

/** @returns the methods of a path, in order; empty where there is no such path */
export const createAllowed = (routes: readonly Method[]): ((target: string) => readonly string[]) => {
  const methods = new Map<string, string[]>();
  for (const { method, url } of routes) methods.set(url, [...(methods.get(url) ?? []), method]);
  const all = [...methods].map(([url, of]) => ({ pattern: patternOf(url), of }));
  return (target) => {
    const path = pathOf(target);
    // One path may be that of several: the id of a session could be any word.
    const found = all.filter(({ pattern }) => pattern.test(path)).flatMap(({ of }) => of);
    return [...new Set(found)].toSorted((a, b) => a.localeCompare(b));
  };
};
