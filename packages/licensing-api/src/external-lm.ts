import { type ChildProcess, spawn } from 'node:child_process';
import { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { LicensingError, Status } from '@keyhaven/core/errors';
import type { NearOverrides } from '@keyhaven/core/near-settings';
import type { StartedEnd } from './lm-end.ts';

// An External LM as a child process (T3): its standard streams are the connection. It lives by its standard input, so it ends with the
// application, however that ends, and the application never waits for it. It is a process group of its own: what a terminal does to the application
// (Ctrl-C, Ctrl-Z) is for the application to act on. What it says on standard error is thrown away, for nobody might read it, and a full pipe
// would stop the one who writes.

export type ExternalLm = {
  readonly file: string;
  readonly vendor: number;
  /** Where the keys of the user are. */
  readonly directory: string;
  /** What the application says instead of its settings file. */
  readonly overrides: NearOverrides;
};

/** After the end of its input; whoever is still there then hangs. */
const END_MS = 5_000;
/** Between its end and the end of its output, which a process of its own may hold open. */
const OUTPUT_MS = 1_000;
/** On Windows it would be a console of its own, which there is no need for. */
const OWN_GROUP = process.platform !== 'win32';
const REMEDY =
  'Put the External LM for this system and this version of the application beside it, as an executable file; the next login starts it again.';

const argumentsFor = ({ vendor, directory, overrides }: ExternalLm): readonly string[] => [
  '--vendor',
  String(vendor),
  '--directory',
  directory,
  ...(Object.keys(overrides).length === 0 ? [] : ['--settings', JSON.stringify(overrides)]),
];

const faultOf = (file: string, cause: unknown): LicensingError => {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const known: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such file, or not the program that it names in its first line',
    EACCES: 'it is not an executable file',
    ENOEXEC: 'it is no program of this system',
    EPERM: 'the system does not allow it',
  };
  const why = known[code] ?? (cause instanceof Error ? cause.message : String(cause));
  return new LicensingError(Status.LOCAL_COMM_ERR, { detail: `The External LM ${file} cannot be started: ${why}.`, remedy: REMEDY, cause });
};

/** With whatever it has started: it may be any program. */
const kill = (child: ChildProcess): void => {
  const { pid } = child;
  if (pid === undefined) return;
  try {
    if (OWN_GROUP) process.kill(-pid, 'SIGKILL');
    else child.kill('SIGKILL');
  } catch {
    // It has ended.
  }
};

/** @throws LicensingError LOCAL_COMM_ERR (33); what turns out later is an error of the stream */
export const startExternalLm = (external: ExternalLm): StartedEnd & { readonly pid: number | undefined } => {
  const { file } = external;
  let child: ChildProcess;
  try {
    child = spawn(file, argumentsFor(external), {
      stdio: ['pipe', 'pipe', 'ignore'],
      detached: OWN_GROUP,
      windowsHide: true,
    });
  } catch (cause) {
    throw faultOf(file, cause);
  }
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) {
    child.once('error', () => undefined);
    throw faultOf(file, new Error('the system has no more streams'));
  }
  const streams = [stdin, stdout].filter((stream) => stream instanceof Socket);
  const over = (): boolean => child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
  const gone = (): void => {
    const { exitCode, signalCode } = child;
    const how = signalCode === null ? `ended with exit status ${exitCode ?? 'unknown'}` : `was ended by ${signalCode}`;
    duplex.destroy(new LicensingError(Status.LOCAL_COMM_ERR, { detail: `The External LM ${file} ${how}.`, remedy: REMEDY }));
  };

  const duplex = new Duplex({
    read: () => void stdout.resume(),
    // An end that no longer reads is told by its exit, not by each write.
    write: (chunk: Uint8Array, _encoding, done) => void stdin.write(chunk, () => done()),
    final: (done) => void stdin.end(done),
    destroy(error, done) {
      stdin.destroy();
      stdout.destroy();
      child.unref();
      if (!over()) setTimeout(() => (over() ? undefined : kill(child)), END_MS).unref();
      done(error);
    },
  });
  stdin.on('error', () => undefined);
  stdout.on('error', () => undefined);
  stdout.on('data', (chunk: Uint8Array) => {
    if (!duplex.push(chunk)) stdout.pause();
  });
  child.once('error', (cause) => duplex.destroy(faultOf(file, cause)));
  child.once('close', gone);
  child.once('exit', () => setTimeout(gone, OUTPUT_MS).unref());

  const socket = Object.assign(duplex, {
    ref() {
      if (over()) return;
      child.ref();
      for (const stream of streams) stream.ref();
    },
    unref() {
      child.unref();
      for (const stream of streams) stream.unref();
    },
  });
  return {
    name: `The External LM ${file}`,
    remedy: REMEDY,
    ready: 'answered',
    socket,
    pid: child.pid,
    abandon: () => kill(child),
  };
};
