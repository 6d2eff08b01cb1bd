/** Aborted when whoever runs the command wants it to end, by Ctrl-C or otherwise; that is no failure. */
export const endedByUser = (): AbortSignal => {
  const ended = new AbortController();
  const end = (): void => ended.abort();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, end);
  return ended.signal;
};
