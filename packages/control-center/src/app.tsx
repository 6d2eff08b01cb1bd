import type { LmStatus } from '@keyhaven/core/admin';
import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { ask, asProblem, type Problem } from './api/http.ts';
import type { Live } from './api/live.ts';
import { type App, AppContext, type PageWish, type Rights, type Telling, TellingContext, type Toast, type Told } from './app-context.ts';
import { applyFile, type Handed } from './apply-files.ts';
import { PageOf } from './pages/page-of.tsx';
import { pages } from './pages/places.ts';
import { linkTo, usePlace } from './router.ts';
import { LoginDialog } from './shell/login.tsx';
import { Shell } from './shell/shell.tsx';
import { ProblemNotice, Waiting } from './ui/notice.tsx';
import { Toasts } from './ui/toasts.tsx';

// The whole: who asks, where he is, what was handed over, what is told. Everything else is in its page.

/** What takes longer shows that it goes on. */
const SLOW_MS = 500;
/** How long good news stay. */
const GOOD_MS = 8_000;
/** BOUNDED: messages at a time, and files that are remembered. */
const MAX_TOASTS = 5;
const MAX_HANDED = 50;
const USUAL_PAGE: PageWish = { refreshSeconds: 3, rows: 20 };
const NOBODY: Rights = { authenticated: false, read: false, write: false, configure: false, widen: false };

export const AdminApp = ({ live }: { readonly live: Live }) => {
  const place = usePlace();
  const [rights, setRights] = useState<Rights>();
  const [wish, setWish] = useState(USUAL_PAGE);
  const [status, setStatus] = useState<LmStatus>();
  const [fault, setFault] = useState<Problem>();
  const [toasts, setToasts] = useState<readonly Toast[]>([]);
  const [handed, setHanded] = useState<readonly Handed[]>([]);
  const [loggingIn, setLoggingIn] = useState(false);
  const [dialogs, setDialogs] = useState(0);
  const count = useRef(0);
  const queue = useRef<Promise<void>>(Promise.resolve());

  const lookWhoAsks = async (): Promise<void> => {
    try {
      const found = await ask<Rights & { readonly page?: PageWish }>('GET', '/api/v1/login');
      const { page = USUAL_PAGE } = found;
      live.pace(page.refreshSeconds);
      setWish(page);
      setRights(found);
      setFault(undefined);
      if (found.read) setStatus(await ask<LmStatus>('GET', '/api/v1/status'));
      else setLoggingIn(true);
    } catch (error) {
      setFault(asProblem(error));
    }
  };
  useEffect(() => void lookWhoAsks(), []);

  const app = useMemo<App>(() => {
    const drop = (id: number): void => setToasts((now) => now.filter((each) => each.id !== id));
    const put = (toast: Toast): void => setToasts((now) => [...now.filter(({ id }) => id !== toast.id), toast].slice(-MAX_TOASTS));
    const next = (): number => (count.current += 1);
    const tell = (told: Told): void => {
      const id = next();
      put({ id, ...told, close: () => drop(id) });
      if (told.kind === 'good') setTimeout(() => drop(id), GOOD_MS);
    };
    return {
      live,
      rights: rights ?? NOBODY,
      page: wish,
      tell,
      async act(what, run) {
        const id = next();
        const slow = setTimeout(() => put({ id, kind: 'busy', text: what, close: () => drop(id) }), SLOW_MS);
        try {
          return await run();
        } catch (error) {
          const problem = asProblem(error);
          tell({ kind: 'bad', problem });
          if (problem.http === 401) setLoggingIn(true);
          return undefined;
        } finally {
          clearTimeout(slow);
          drop(id);
        }
      },
      take(files) {
        if (files.length === 0) return;
        location.hash = linkTo('update');
        const entries = files.map((file) => ({ file, entry: { id: next(), name: file.name, size: file.size } }));
        const waiting = entries.map(({ entry }): Handed => ({ ...entry, state: 'waiting' }));
        setHanded((now) => [...waiting, ...now].slice(0, MAX_HANDED));
        for (const { file, entry } of entries) {
          queue.current = queue.current.then(async () => {
            const outcome = await applyFile(file);
            setHanded((now) => now.map((each) => (each.id === entry.id ? { ...entry, ...outcome } : each)));
            live.refresh();
          });
        }
      },
      logIn: () => setLoggingIn(true),
    };
  }, [live, rights, wish]);

  const enter = useCallback(() => {
    setDialogs((now) => now + 1);
    return () => setDialogs((now) => now - 1);
  }, []);
  const telling = useMemo<Telling>(() => ({ toasts, enter }), [toasts, enter]);

  const title =
    place.page === 'key'
      ? 'Key'
      : place.page === 'search'
        ? 'Search'
        : (pages.find(({ name }) => name === place.page)?.title ?? 'Not found');
  useEffect(() => {
    document.title = `${title} – Keyhaven${status === undefined ? '' : ` – ${status.name}`}`;
  }, [title, status]);

  return (
    <AppContext.Provider value={app}>
      <TellingContext.Provider value={telling}>
        <Shell place={place} title={title} name={status?.name} known={rights !== undefined} onRights={() => void lookWhoAsks()}>
          {fault !== undefined && rights === undefined ? (
            <>
              <ProblemNotice problem={fault} />
              <button type="button" onClick={() => void lookWhoAsks()}>
                Try again
              </button>
            </>
          ) : rights?.read === true ? (
            <PageOf place={place} handed={handed} />
          ) : rights === undefined ? (
            <Waiting />
          ) : (
            <p>
              This license manager is administered with a password.{' '}
              <button type="button" onClick={() => setLoggingIn(true)}>
                Log in
              </button>
            </p>
          )}
        </Shell>
        {loggingIn ? (
          <LoginDialog
            onClose={() => setLoggingIn(false)}
            onDone={() => {
              setLoggingIn(false);
              void lookWhoAsks().then(() => live.refresh());
            }}
          />
        ) : null}
        {dialogs > 0 ? null : <Toasts toasts={toasts} />}
      </TellingContext.Provider>
    </AppContext.Provider>
  );
};
