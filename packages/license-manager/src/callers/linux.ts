import { startInStat } from '../machine/index.ts';
import { idsInStatus, isDenied, type ProcFiles } from './proc-files.ts';
import { inodeOfOther } from './tcp-table.ts';
import type { Claim, Ends, FindOwner, Owner } from './types.ts';

// Who holds the other end of a local connection, on Linux, from /proc. First the process that the hello names is looked at: that is a
// few reads. Only where it is not the holder, all processes are, one such search at a time for everybody who waits for one.
//
// What /proc does not show decides nothing against the application: descriptors of other users' processes are readable to root only, the
// processes of the host are invisible in a container, and `hidepid` hides processes.

/** The namespace of processes that a computer starts with (PROC_PID_INIT_INO of the kernel). */
const FIRST_NAMESPACE = 'pid:[4026531836]';
/** BOUNDED: descriptors of one process that are looked at. */
const MAX_DESCRIPTORS = 65_536;
/** BOUNDED: reads under way at a time, so that a search leaves room for other reads. */
const AT_ONCE = 16;

type Holds = 'yes' | 'no' | 'unknown';
type Found = { readonly holders: ReadonlyMap<string, number>; readonly complete: boolean };

export const createLinuxOwners = (proc: ProcFiles): FindOwner => {
  const orNothing = <T>(read: Promise<T>): Promise<T | undefined> => read.catch(() => undefined);

  /** Which of the sockets the process holds. */
  const socketsOf = async (pid: number, wanted: ReadonlySet<string>): Promise<{ held: string[]; known: boolean }> => {
    const held: string[] = [];
    try {
      const names = await proc.list(`${pid}/fd`);
      const looked = names.slice(0, MAX_DESCRIPTORS);
      for (let from = 0; from < looked.length && held.length < wanted.size; from += AT_ONCE) {
        const links = await Promise.all(looked.slice(from, from + AT_ONCE).map((name) => orNothing(proc.link(`${pid}/fd/${name}`))));
        for (const link of links) {
          const inode = /^socket:\[(\d+)\]$/.exec(link ?? '')?.[1];
          if (inode !== undefined && wanted.has(inode)) held.push(inode);
        }
      }
      return { held, known: names.length <= MAX_DESCRIPTORS };
    } catch (error) {
      return { held, known: !isDenied(error) };
    }
  };
  const holds = async (pid: number, inode: string): Promise<Holds> => {
    const { held, known } = await socketsOf(pid, new Set([inode]));
    return held.length > 0 ? 'yes' : known ? 'no' : 'unknown';
  };
  const startOf = async (pid: number): Promise<number | undefined> => {
    const text = await orNothing(proc.read(`${pid}/stat`));
    return text === undefined ? undefined : startInStat(text);
  };
  const processes = async (): Promise<number[]> =>
    ((await orNothing(proc.list('.'))) ?? []).filter((name) => /^\d+$/.test(name)).map(Number);

  /** A search that begins after it was asked for; all who ask before it begins share it. */
  const wanted = new Set<string>(); // BOUNDED by the connections that wait for a search
  let next: Promise<Found> | undefined;
  let last: Promise<unknown> = Promise.resolve();
  const searchNow = async (): Promise<Found> => {
    next = undefined;
    const inodes = new Set(wanted);
    wanted.clear();
    const holders = new Map<string, number>();
    let complete = true;
    const look = async (pid: number): Promise<void> => {
      const { held, known } = await socketsOf(pid, inodes);
      for (const inode of held) holders.set(inode, pid);
      complete &&= known;
    };
    const all = await processes();
    for (let from = 0; from < all.length; from += AT_ONCE) await Promise.all(all.slice(from, from + AT_ONCE).map(look));
    return { holders, complete };
  };
  const search = (inode: string): Promise<Found> => {
    wanted.add(inode);
    next ??= last.then(searchNow);
    last = next;
    return next;
  };

  /** One read of the table serves all who ask while it is under way. */
  let reading: Promise<readonly string[]> | undefined;
  const tables = (): Promise<readonly string[]> => {
    reading ??= Promise.all(['net/tcp', 'net/tcp6'].map(async (path) => (await orNothing(proc.read(path))) ?? '')).finally(() => {
      reading = undefined;
    });
    return reading;
  };
  const inodeOf = async (ends: Ends): Promise<string | undefined> => {
    const look = async (): Promise<string | undefined> => {
      const [v4 = '', v6 = ''] = await tables();
      return inodeOfOther(v4, 'tcp', ends) ?? inodeOfOther(v6, 'tcp6', ends);
    };
    // A table that changes while it is read may lack a line.
    return (await look()) ?? look();
  };

  const isNamed = async (pid: number, claim: Claim): Promise<boolean> => {
    const ids = idsInStatus((await orNothing(proc.read(`${pid}/status`))) ?? '');
    if (pid !== claim.pid && ids.at(-1) !== claim.pid) return false;
    const start = await startOf(pid);
    return start !== undefined && (claim.start === 0 || claim.start === start);
  };
  const asProcess = async (pid: number): Promise<Owner> => {
    const start = await startOf(pid);
    return start === undefined ? { kind: 'unseen' } : { kind: 'process', pid, start };
  };
  /** Every process of the computer can be seen, though perhaps not what it holds. */
  const seesAll = async (): Promise<boolean> =>
    (await orNothing(proc.link('self/ns/pid'))) === FIRST_NAMESPACE && (await startOf(1)) !== undefined;

  return async (ends, claim) => {
    const inode = await inodeOf(ends);
    if (inode === undefined) return { kind: 'unseen' };
    if (claim.pid > 0 && (await isNamed(claim.pid, claim)) && (await holds(claim.pid, inode)) === 'yes') return asProcess(claim.pid);
    const { holders, complete } = await search(inode);
    const holder = holders.get(inode);
    // In a namespace of its own a process knows itself by another id.
    if (holder !== undefined) return (await isNamed(holder, claim)) ? asProcess(holder) : { kind: 'other' };
    if (complete || !(await seesAll())) return { kind: 'unseen' };
    for (const pid of await processes()) {
      if ((await isNamed(pid, claim)) && (await holds(pid, inode)) === 'unknown') return { kind: 'unseen' };
    }
    return { kind: 'other' };
  };
};
