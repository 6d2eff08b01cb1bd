import { describe, expect, it } from 'vitest';
import { createLinuxOwners } from './linux.ts';
import type { ProcFiles } from './proc-files.ts';
import type { Ends } from './types.ts';

// 12.5, 12.6: who holds the other end of a connection, on computers as /proc describes them.

const ends: Ends = { here: { address: '127.0.0.1', port: 1947 }, there: { address: '127.0.0.1', port: 50_000 } };
const HEAD = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
const line = (local: string, remote: string, inode: number) =>
  `   7: ${local} ${remote} 01 00000000:00000000 00:00000000 00000000  1000        0 ${inode} 1 0000000000000000 20 4 30 10 -1\n`;
/** 50000 = C350, 1947 = 079B. */
const TCP = HEAD + line('0100007F:079B', '0100007F:C350', 11) + line('0100007F:C350', '0100007F:079B', 77);

type Process = { readonly start: number; readonly sockets?: readonly number[]; readonly nspid?: string; readonly hidden?: true };
type Computer = {
  readonly processes: Readonly<Record<number, Process>>;
  readonly tcp?: string;
  readonly tcp6?: string;
  readonly space?: string;
};

const failing = (code: string): Promise<never> => Promise.reject(Object.assign(new Error(code), { code }));
const computer = ({ processes, tcp = TCP, tcp6 = HEAD, space = 'pid:[4026531836]' }: Computer) => {
  const lists: string[] = [];
  const of = (path: string): Process | undefined => processes[Number(path.split('/')[0])];
  const files: ProcFiles = {
    async read(path) {
      if (path === 'net/tcp') return tcp;
      if (path === 'net/tcp6') return tcp6;
      const process = of(path);
      if (process === undefined) return failing('ENOENT');
      const pid = path.split('/')[0];
      if (path.endsWith('/stat')) return `${pid} (a) b) c) S 1 ${Array.from({ length: 17 }, () => '0').join(' ')} ${process.start} 0 0\n`;
      return `Name:\tx\nPid:\t${pid}\nNSpid:\t${process.nspid ?? pid}\nThreads:\t1\n`;
    },
    async list(path) {
      lists.push(path);
      if (path === '.') return ['self', 'net', ...Object.keys(processes)];
      const process = of(path);
      if (process === undefined) return failing('ENOENT');
      if (process.hidden) return failing('EACCES');
      return ['0', '1', ...(process.sockets ?? []).map((inode) => String(inode + 100))];
    },
    async link(path) {
      if (path === 'self/ns/pid') return space;
      const number = Number(path.split('/')[2]);
      return number < 2 ? '/dev/null' : `socket:[${number - 100}]`;
    },
  };
  return { find: createLinuxOwners(files), lists };
};
const INIT: Process = { start: 1 };

describe('who holds a connection of this computer', () => {
  it('is the process that says so, where it does: nobody else is looked at', async () => {
    const { find, lists } = computer({ processes: { 1: INIT, 40: { start: 5, sockets: [12, 77] }, 41: { start: 6 } } });
    expect(await find(ends, { pid: 40, start: 5 })).toEqual({ kind: 'process', pid: 40, start: 5 });
    expect(lists).toEqual(['40/fd']);
  });

  it('is the process also where it does not say when it started', async () => {
    const { find } = computer({ processes: { 1: INIT, 40: { start: 5, sockets: [77] } } });
    expect(await find(ends, { pid: 40, start: 0 })).toEqual({ kind: 'process', pid: 40, start: 5 });
  });

  it('is another one where a process names another, one of an earlier time, or none (12.6)', async () => {
    const { find } = computer({ processes: { 1: INIT, 40: { start: 5, sockets: [77] }, 41: { start: 6, sockets: [13] } } });
    for (const claim of [
      { pid: 41, start: 6 },
      { pid: 40, start: 4 },
      { pid: 1, start: 0 },
      { pid: 0, start: 0 },
      { pid: 999, start: 5 },
    ])
      expect(await find(ends, claim)).toEqual({ kind: 'other' });
  });

  it('is the process in a container that knows itself as 1, as this computer numbers it', async () => {
    const { find } = computer({ processes: { 1: INIT, 70: { start: 9, sockets: [77], nspid: '70 1' }, 71: { start: 9, nspid: '71 1' } } });
    expect(await find(ends, { pid: 1, start: 9 })).toEqual({ kind: 'process', pid: 70, start: 9 });
    expect(await find(ends, { pid: 1, start: 8 })).toEqual({ kind: 'other' });
  });

  it('is found in the table of IPv6, where a program reached IPv4 through it', async () => {
    const v4in6 = (port: string) => `0000000000000000FFFF00000100007F:${port}`;
    const { find } = computer({
      processes: { 1: INIT, 40: { start: 5, sockets: [78] } },
      tcp: HEAD,
      tcp6: HEAD + line(v4in6('C350'), v4in6('079B'), 78),
    });
    const mapped = { here: { ...ends.here, address: '::ffff:127.0.0.1' }, there: { ...ends.there, address: '::ffff:127.0.0.1' } };
    expect(await find(ends, { pid: 40, start: 5 })).toMatchObject({ kind: 'process' });
    expect(await find(mapped, { pid: 40, start: 5 })).toMatchObject({ kind: 'process' });
  });

  it('is not seen where the connection is not in the table: it ended, or is of another network namespace', async () => {
    const { find } = computer({ processes: { 1: INIT, 40: { start: 5, sockets: [77] } }, tcp: HEAD });
    expect(await find(ends, { pid: 40, start: 5 })).toEqual({ kind: 'unseen' });
  });

  it('is not seen where what the named process holds may not be read: a user beside a license manager that is not root', async () => {
    const { find } = computer({ processes: { 1: { ...INIT, hidden: true }, 40: { start: 5, sockets: [77], hidden: true } } });
    expect(await find(ends, { pid: 40, start: 5 })).toEqual({ kind: 'unseen' });
  });

  it('is another one where no process here is the named one, though nothing may be read (12.5)', async () => {
    const processes = {
      1: { ...INIT, hidden: true },
      40: { start: 5, hidden: true },
      50: { start: 7, sockets: [77], hidden: true },
    } as const;
    const { find } = computer({ processes });
    expect(await find(ends, { pid: 40, start: 6 })).toEqual({ kind: 'other' });
    expect(await find(ends, { pid: 4_000, start: 6 })).toEqual({ kind: 'other' });
  });

  it('is another one where the named process can be read and does not hold it, though the holder cannot', async () => {
    const { find } = computer({ processes: { 1: INIT, 40: { start: 5 }, 50: { start: 7, sockets: [77], hidden: true } } });
    expect(await find(ends, { pid: 40, start: 5 })).toEqual({ kind: 'other' });
  });

  it('is not seen from a container of the license manager, or where processes are hidden: nothing is held against the application', async () => {
    const processes = { 40: { start: 5, sockets: [77], hidden: true } } as const;
    expect(await computer({ processes, space: 'pid:[4026532999]' }).find(ends, { pid: 4_000, start: 6 })).toEqual({ kind: 'unseen' });
    expect(
      await computer({ processes: { ...processes, 1: INIT }, space: 'pid:[4026532999]' }).find(ends, { pid: 4_000, start: 6 }),
    ).toEqual({
      kind: 'unseen',
    });
    expect(await computer({ processes }).find(ends, { pid: 4_000, start: 6 })).toEqual({ kind: 'unseen' });
  });

  it('is looked for in all processes once for all who ask meanwhile', async () => {
    const { find, lists } = computer({ processes: { 1: INIT, 40: { start: 5, sockets: [77] }, 41: { start: 6 } } });
    const answers = await Promise.all(Array.from({ length: 50 }, () => find(ends, { pid: 41, start: 6 })));
    expect(answers).toEqual(answers.map(() => ({ kind: 'other' })));
    expect(lists.filter((path) => path === '.').length).toBeLessThanOrEqual(2);
  });
});
