import { useEffect, useState } from 'preact/hooks';

// Pages are parts of one document: `#/sessions?key=1`. The license manager sees none of it.

export type Place = {
  readonly page: string;
  readonly query: URLSearchParams;
  /** How often somewhere was gone to: the same place again begins anew. */
  readonly visit: number;
};

const partsOf = (hash: string): { readonly page: string; readonly query: URLSearchParams } => {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  return { page: path === '' ? 'overview' : path, query: new URLSearchParams(query) };
};

export const linkTo = (page: string, query: Readonly<Record<string, string | number>> = {}): string => {
  const text = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)])).toString();
  return `#/${page}${text === '' ? '' : `?${text}`}`;
};

/** Writes into the address what is looked at, so that a bookmark finds it again; nobody goes anywhere by it. */
export const keepInAddress = (more: Readonly<Record<string, string | undefined>>): void => {
  const { page, query } = partsOf(location.hash);
  for (const [name, value] of Object.entries(more)) {
    if (value === undefined || value === '') query.delete(name);
    else query.set(name, value);
  }
  const wanted = linkTo(page, Object.fromEntries(query));
  if (wanted !== location.hash && location.hash !== '') history.replaceState(null, '', wanted);
};

export const usePlace = (): Place => {
  const [{ hash, visit }, setPlace] = useState({ hash: location.hash, visit: 0 });
  useEffect(() => {
    const changed = (): void => setPlace((before) => ({ hash: location.hash, visit: before.visit + 1 }));
    addEventListener('hashchange', changed);
    return () => removeEventListener('hashchange', changed);
  }, []);
  return { ...partsOf(hash), visit };
};
