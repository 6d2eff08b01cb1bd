import type { Settings } from '../settings.ts';
import { settingRows } from './setting-rows.ts';

// Which settings have changed, and which of them a running license manager takes over.

export const valueAt = (settings: Settings, path: string): unknown => {
  let value: unknown = settings;
  for (const part of path.split('.')) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Object.entries(value).find(([name]) => name === part)?.[1];
  }
  return value;
};

const differ = (a: Settings, b: Settings, path: string): boolean => JSON.stringify(valueAt(a, path)) !== JSON.stringify(valueAt(b, path));

export type Change = {
  /** Settings that have changed and hold from now on. */
  readonly now: readonly string[];
  /** Settings whose new value waits for a restart. */
  readonly restart: readonly string[];
};

export type LiveSettings = {
  /** What the running license manager goes by. Of settings that need a restart, what it was started with. */
  readonly current: Settings;
  change(next: Settings): Change;
};

export const createLiveSettings = (started: Settings): LiveSettings => {
  let current = started;
  return {
    get current() {
      return current;
    },
    change(next) {
      const now = settingRows.filter(({ live, path }) => live && differ(current, next, path)).map(({ path }) => path);
      const restart = settingRows.filter(({ live, path }) => !live && differ(started, next, path)).map(({ path }) => path);
      // Rows are live by whole groups, but for what only a start can read.
      current = {
        ...started,
        page: next.page,
        temporaryFileDays: next.temporaryFileDays,
        hardwareC2v: next.hardwareC2v,
        search: next.search,
        access: next.access,
        detach: next.detach,
        rest: next.rest,
        log: { ...next.log, directory: started.log.directory },
      };
      return { now, restart };
    },
  };
};
