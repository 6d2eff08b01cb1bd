import type { Session } from './session.ts';

/** Rejects as soon as the signal says so, whatever the LM does; a seat that comes afterwards is given back. */
export const abortable = (work: Promise<Session>, signal: AbortSignal | undefined): Promise<Session> => {
  if (signal === undefined) return work;
  const aborted = Promise.withResolvers<never>();
  let decided = false;
  const abort = (): void => {
    if (decided) return;
    try {
      signal.throwIfAborted();
    } catch (reason) {
      aborted.reject(reason);
    }
    work.then((session) => session.logout()).catch(() => undefined);
  };
  signal.addEventListener('abort', abort, { once: true });
  const settled = (): void => {
    decided = true;
    signal.removeEventListener('abort', abort);
  };
  work.then(settled, settled);
  return Promise.race([work, aborted.promise]);
};
