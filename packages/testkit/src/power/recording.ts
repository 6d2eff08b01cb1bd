import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Random } from '../world/random.ts';
import { createDisk } from './disk.ts';
import { type Recorded, readTape } from './tape.ts';

// Runs processes under recorder.c and cuts their power at any moment afterwards: one run has as many moments as it has changes to files.

const SOURCE = join(import.meta.dirname, 'recorder.c');

/** @returns the path of the library; why there is none where power cuts cannot be played */
export const compileRecorder = (directory: string): { readonly library: string } | { readonly missing: string } => {
  if (process.platform !== 'linux') return { missing: 'power cuts are played on Linux only' };
  const library = join(directory, 'recorder.so');
  const { error, status, stderr } = spawnSync('gcc', ['-O2', '-Wall', '-Werror', '-shared', '-fPIC', '-o', library, SOURCE, '-ldl'], {
    encoding: 'utf8',
  });
  if (error !== undefined) return { missing: 'gcc is missing, which compiles the recorder of power cuts' };
  if (status !== 0) return { missing: `the recorder of power cuts does not compile: ${stderr.trim().split('\n')[0]}` };
  return { library };
};

export type Recording = {
  readonly records: number;
  /** Cuts the power after so many records and puts what is left into `directory`; the numbers must not fall. */
  cut(at: number, directory: string, random: Random): { readonly acknowledged: readonly string[] };
};

/** The name of the file of acknowledgements, which is no part of the disk. */
const ACKS = '/acks';

/**
 * Runs the processes until all of them have ended, as they do, by a kill.
 * @param root the directory that they change; made where it is missing
 */
export const record = async (library: string, root: string, commands: readonly (readonly string[])[]): Promise<Recording> => {
  mkdirSync(root, { recursive: true, mode: 0o700 });
  const tape = `${root}.tape`;
  rmSync(tape, { force: true });
  rmSync(join(root, 'acks'), { force: true });
  const disk = createDisk(root);
  const env = {
    ...process.env,
    LD_PRELOAD: library,
    KEYHAVEN_POWER_ROOT: root,
    KEYHAVEN_POWER_TAPE: tape,
    UV_USE_IO_URING: '0',
    TMPDIR: tmpdir(),
  };
  await Promise.all(
    commands.map(async (args) => {
      const child = spawn(process.execPath, [...args], { env, stdio: ['ignore', 'ignore', 'inherit'] });
      const [status, signal] = (await once(child, 'exit')) as [number | null, string | null];
      if (signal !== 'SIGKILL') throw new Error(`${args.join(' ')} ended with ${status ?? signal}`);
    }),
  );
  if (!existsSync(tape)) throw new Error('nothing was written down');
  const records = readTape(readFileSync(tape));
  rmSync(tape);
  rmSync(root, { recursive: true, force: true });
  return play(records, disk);
};

const play = (records: readonly Recorded[], disk: ReturnType<typeof createDisk>): Recording => {
  const acks = new Set(records.filter(({ kind, name }) => kind === 'open' && name === ACKS).map(({ inode }) => inode));
  const told: Buffer[] = [];
  let played = 0;
  return {
    records: records.length,
    cut(at, directory, random) {
      if (at < played) throw new RangeError('the tape runs forwards only');
      for (; played < at; played += 1) {
        const next = records[played];
        if (next === undefined) break;
        if (!acks.has(next.inode)) disk.play(next);
        else if (next.kind === 'write') told.push(next.payload);
      }
      disk.leave(directory, random);
      return { acknowledged: Buffer.concat(told).toString().split('\n').slice(0, -1) };
    },
  };
};
