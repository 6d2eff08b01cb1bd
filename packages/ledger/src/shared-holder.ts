import { readFileSync, statSync } from 'node:fs';

// Who holds a shared ledger, for people who have to end or continue that process. Linux tells the locks of all files; elsewhere, and
// where another user's process or a container hides it, nothing is said.

const stateOf = (pid: number): string => {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const [, name = '?'] = status.match(/^Name:\s*(.*)$/m) ?? [];
  return `process ${pid} (${name})${/^State:\s*[Tt]/m.test(status) ? ', which is stopped' : ''}`;
};

/** SQLite's locks are on the file itself and, for writing in WAL mode, on the shared memory beside it. */
export function holderOf(file: string): string | undefined {
  try {
    const inodes = [file, `${file}-shm`].map((path) => statSync(path, { throwIfNoEntry: false })?.ino);
    for (const line of readFileSync('/proc/locks', 'utf8').split('\n')) {
      // 1: POSIX  ADVISORY  WRITE 4711 08:01:1234 120 120
      const [, , , mode, pid = '', place = ''] = line.split(/\s+/);
      const inode = Number(place.split(':')[2]);
      if (mode === 'WRITE' && Number(pid) > 0 && Number(pid) !== process.pid && inodes.includes(inode)) return stateOf(Number(pid));
    }
  } catch {
    // not Linux, or it has ended meanwhile
  }
  return undefined;
}
