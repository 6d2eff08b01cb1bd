import { fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { LoginOptions } from '@keyhaven/licensing-api';
import type { Answer, Command } from './application.ts';
import type { Order, OwnCommand } from './near-application.ts';
import { Refused } from './told-application.ts';

// A protected application as a process of its own that lies in a folder of its own, so that what lies there lies beside it.

export type NearApplication = {
  readonly pid: number;
  login(
    options?: Partial<LoginOptions>,
  ): Promise<{ readonly id: string; readonly key: string; readonly licenseManager: { readonly kind: string } }>;
  encrypt(session: string, text: string): Promise<Buffer>;
  logout(session: string): Promise<void>;
  events(session: string): Promise<readonly string[]>;
  /** The C2V of a first key of its user. */
  requestKey(lm?: LoginOptions['lm']): Promise<string>;
  update(data: string): Promise<{ readonly message: string }>;
  /** What is there, as the XML of a format. */
  ask(question: Partial<LoginOptions>, format: string): Promise<string>;
  /** Told, it ends by itself; `fail`: what goes on in the thread of its Integrated LM fails. */
  order(what: 'exit' | 'throw' | 'fail'): void;
  signal(signal: NodeJS.Signals): void;
  readonly ended: Promise<void>;
  /** Its exit status or the signal that ended it; undefined while it runs. */
  outcome(): number | NodeJS.Signals | undefined;
  /** What it said on standard error. */
  complaints(): string;
};

export type NearProcess = {
  readonly folder: string;
  readonly vendorCode: string;
  readonly env: NodeJS.ProcessEnv;
  /** What starts its Node.js: `execPath` alone where absent. */
  readonly prefix?: readonly string[];
  readonly execPath?: string;
};

const SCRIPT = 'application.mjs';
const PROGRAM = pathToFileURL(join(import.meta.dirname, 'near-application.ts')).href;

/** The main script of an application; the program may be that of another checkout. */
export const writeApplication = (folder: string, program = PROGRAM): void =>
  writeFileSync(join(folder, SCRIPT), `import ${JSON.stringify(program)};\n`);

export const startNearProcess = async (options: NearProcess): Promise<NearApplication> => {
  const { folder, vendorCode, env, execPath = process.execPath } = options;
  const [program = execPath, ...before] = options.prefix === undefined ? [] : [...options.prefix, execPath];
  const child = fork(join(folder, SCRIPT), [], { env, execPath: program, execArgv: before, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  let complaints = '';
  child.stderr?.on('data', (part: Buffer) => (complaints += part.toString()));
  const waiting = new Map<number, { readonly settle: (value: unknown) => void; readonly fail: (error: Error) => void }>();
  let next = 1;
  const ended = once(child, 'exit').then(() => {
    for (const { fail } of waiting.values()) fail(new Error(`the application ended: ${complaints}`));
    waiting.clear();
  });
  const tell = <T>(command: Command | OwnCommand): Promise<T> =>
    new Promise<T>((settle, fail) => {
      const id = next++;
      waiting.set(id, { settle: (value) => settle(value as T), fail });
      child.send({ id, ...command } satisfies Order, (error) => {
        if (error !== null) fail(error);
      });
    });
  child.on('message', (message: Answer | 'ready') => {
    if (message === 'ready') return;
    const asked = waiting.get(message.id);
    waiting.delete(message.id);
    if ('value' in message) asked?.settle(message.value);
    else asked?.fail(new Refused(message.refused.status, message.refused.message));
  });
  await Promise.race([
    once(child, 'message'),
    ended.then(() => {
      throw new Error(`the application did not start: ${complaints}`);
    }),
  ]);
  return {
    pid: child.pid ?? 0,
    login: (more) => tell({ do: 'login', options: { vendorCode, feature: 10, ...more } }),
    encrypt: async (session, text) =>
      Buffer.from(await tell<string>({ do: 'encrypt', session, data: Buffer.from(text).toString('hex') }), 'hex'),
    logout: (session) => tell({ do: 'logout', session }),
    events: (session) => tell({ do: 'events', session }),
    requestKey: (lm) => tell({ do: 'request key', request: { vendorCode, ...(lm === undefined ? {} : { lm }) } }),
    update: (data) => tell({ do: 'update', data }),
    ask: (question, format) => tell({ do: 'ask', question: { vendorCode, ...question }, format }),
    order(what) {
      tell({ do: what }).catch(() => undefined);
    },
    signal: (signal) => void child.kill(signal),
    ended,
    outcome: () => child.signalCode ?? child.exitCode ?? undefined,
    complaints: () => complaints,
  };
};
