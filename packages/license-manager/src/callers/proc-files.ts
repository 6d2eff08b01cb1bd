import { readdir, readFile, readlink } from 'node:fs/promises';

/** The files of /proc; paths are relative to it. Each rejects as `node:fs` does. */
export type ProcFiles = {
  read(path: string): Promise<string>;
  list(path: string): Promise<readonly string[]>;
  link(path: string): Promise<string>;
};

export const procFiles: ProcFiles = {
  read: (path) => readFile(`/proc/${path}`, 'latin1'),
  list: (path) => readdir(`/proc/${path}`),
  link: (path) => readlink(`/proc/${path}`),
};

export const isDenied = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'EACCES' || error.code === 'EPERM');

/** Ids of a process in each namespace of processes, its own last; field NSpid of proc_pid_status(5). */
export const idsInStatus = (text: string): readonly number[] =>
  (/^NSpid:\s*(.*)$/m.exec(text)?.[1] ?? '').split(/\s+/).filter(Boolean).map(Number);
