import { createContext } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';
import type { Problem } from './api/http.ts';
import type { Answer, Live, Topic } from './api/live.ts';

// What every page has at hand.

export type Rights = {
  readonly authenticated: boolean;
  readonly read: boolean;
  readonly write: boolean;
  readonly configure: boolean;
  readonly widen: boolean;
};
/** How the administrator wants pages (page.refreshSeconds, page.rows). */
export type PageWish = { readonly refreshSeconds: number; readonly rows: number };
export type Told = { readonly kind: 'good'; readonly text: string } | { readonly kind: 'bad'; readonly problem: Problem };

export type Toast = { readonly id: number; readonly close: () => void } & (Told | { readonly kind: 'busy'; readonly text: string });

export type App = {
  readonly live: Live;
  readonly rights: Rights;
  readonly page: PageWish;
  /** Says something to the reader, wherever he is. */
  tell(told: Told): void;
  /** Runs what was asked for: progress when it takes longer than half a second, the problem when it fails; undefined then. */
  act<T>(what: string, run: () => Promise<T>): Promise<T | undefined>;
  /** Files for the Update page, wherever they were dropped. */
  take(files: readonly File[]): void;
  logIn(): void;
};

/** Messages, shown by the dialog that is open, if one is: what is behind a modal dialog can neither be read out nor closed. */
export type Telling = { readonly toasts: readonly Toast[]; enter(): () => void };
export const TellingContext = createContext<Telling>({ toasts: [], enter: () => () => undefined });

export const AppContext = createContext<App | undefined>(undefined);

export const useApp = (): App => {
  const app = useContext(AppContext);
  if (app === undefined) throw new Error('no app');
  return app;
};

/** What the API answers at the URL, kept fresh. undefined = not asked for. */
export const useLive = <T>(url: string | undefined, ...topics: readonly Topic[]): Answer<T> => {
  const { live } = useApp();
  const [, setCount] = useState(0);
  const about = topics.join(' ');
  useEffect(
    () => (url === undefined ? undefined : live.watch(url, about.split(' ') as Topic[], () => setCount((count) => count + 1))),
    [live, url, about],
  );
  return (url === undefined ? { value: undefined, problem: undefined } : live.current(url)) as Answer<T>;
};
