import { useEffect, useState } from 'preact/hooks';

// Pages are parts of one document: `#/sessions?key=1`. The license manager sees none of it.

export type Place = { readonly page: string; readonly query: URLSearchParams };

const placeOf = (hash: string): Place => {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  return { page: path === '' ? 'overview' : path, query: new URLSearchParams(query) };
};

export const linkTo = (page: string, query: Readonly<Record<string, string | number>> = {}): string => {
  const text = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)])).toString();
  return `#/${page}${text === '' ? '' : `?${text}`}`;
};

export const usePlace = (): Place => {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const changed = (): void => setHash(location.hash);
    addEventListener('hashchange', changed);
    return () => removeEventListener('hashchange', changed);
  }, []);
  return placeOf(hash);
};
