import { type RemoteSearch, type RemoteSearchOptions, startRemoteSearch } from './remote-search.ts';

// The search for other license managers (R2), begun a little later, or when somebody asks for what is not here: a login at a key of this computer
// neither waits for it nor shares the processor with it (P6).

export type LateSearch = {
  /** Begins, where it has not begun. */
  begin(): void;
  close(): Promise<void>;
};

/** @param onFirst called once, when the first round is over */
export const searchLater = (options: RemoteSearchOptions, laterMs: number, onFirst: () => void): LateSearch => {
  let search: RemoteSearch | undefined;
  let closed = false;
  const begin = (): void => {
    if (closed || search !== undefined) return;
    cancel();
    search = startRemoteSearch(options);
    void search.first.then(onFirst);
  };
  const cancel = options.clock.after(laterMs, begin);
  return {
    begin,
    async close() {
      closed = true;
      cancel();
      await search?.close();
    },
  };
};
