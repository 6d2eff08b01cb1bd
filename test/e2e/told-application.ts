import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import type { LoginOptions, SessionInfo } from '@keyhaven/licensing-api';
import type { Host, LabProcess } from '@keyhaven/testkit/lab';
import type { Answer, Claim, Command } from './application.ts';

// The test's end of application.ts: a real application process on a host, told what to do from outside.

/** A call that the application's API refused. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly status: number;
  constructor(status: number, message: string) {
    super(`${status}: ${message}`);
    this.status = status;
  }
}

export type ToldSession = {
  readonly id: string;
  readonly key: string;
  readonly feature: number;
  readonly licenseManager: { readonly guid: string; readonly hostname: string; readonly address: string };
  /** Of the memory that every key has, or of another file. */
  read(offset: number, length: number, file?: number): Promise<Buffer>;
  write(offset: number, data: Buffer, file?: number): Promise<void>;
  encrypt(data: Buffer): Promise<Buffer>;
  decrypt(data: Buffer): Promise<Buffer>;
  info(): Promise<SessionInfo>;
  /** The XML of a format. */
  format(format: string): Promise<string>;
  consume(executions: number): Promise<number>;
  logout(): Promise<void>;
  events(): Promise<readonly string[]>;
};

export type ToldApplication = {
  readonly process: LabProcess;
  login(options: LoginOptions): Promise<ToldSession>;
  /** On a connection of its own, as an application that says of its process what it likes; absent = what is true. */
  loginAs(options: LoginOptions, claim?: Partial<Claim>, port?: number): Promise<ToldSession>;
  /** What is there, as the XML of a format. */
  ask(question: Pick<LoginOptions, 'vendorCode' | 'scope'>, format: string): Promise<string>;
  /** Aborts its logins that wait. */
  giveUp(): Promise<void>;
  /** The places in line that it was told. */
  places(): Promise<readonly number[]>;
  /** Ends it and waits until it is gone. */
  end(signal?: NodeJS.Signals): Promise<void>;
};

/** The read-write memory of a key. */
export const MEMORY = 65_524;
const PROGRAM = new URL('application.ts', import.meta.url).pathname;

export const startApplication = async (
  host: Host,
  socketPath: string,
  env: Readonly<Record<string, string>> = {},
  /** Its main script, where it is to lie in a folder of its own: calls `serve` of application.ts. */
  program = PROGRAM,
  /** What starts its Node.js; absent = nothing. */
  prefix: readonly string[] = [],
): Promise<ToldApplication> => {
  const [command, ...args] = [...prefix, 'node', program, socketPath];
  const process = await host.spawn(command, args, { env });
  await process.nextLine((line) => line === 'ready', 60_000);
  const socket = connect(socketPath);
  const waiting = new Map<number, { readonly settle: (value: unknown) => void; readonly fail: (error: Error) => void }>();
  let next = 1;
  socket.on('error', () => undefined);
  socket.on('close', () => {
    for (const { fail } of waiting.values()) fail(new Error(`the application ended; stderr: ${process.stderr()}`));
    waiting.clear();
  });
  createInterface({ input: socket }).on('line', (line) => {
    const answer = JSON.parse(line) as Answer;
    const asked = waiting.get(answer.id);
    waiting.delete(answer.id);
    if ('value' in answer) asked?.settle(answer.value);
    else asked?.fail(new Refused(answer.refused.status, answer.refused.message));
  });
  const tell = <T>(command: Command): Promise<T> =>
    new Promise<T>((settle, fail) => {
      if (socket.destroyed) return fail(new Error('the application has ended'));
      const id = next++;
      waiting.set(id, { settle: (value) => settle(value as T), fail });
      socket.write(`${JSON.stringify({ id, ...command })}\n`);
    });

  type Granted = Pick<ToldSession, 'id' | 'key' | 'feature' | 'licenseManager'>;
  const sessionOf = (granted: Granted): ToldSession => {
    const session = granted.id;
    const bytes = async (command: Command): Promise<Buffer> => Buffer.from(await tell<string>(command), 'hex');
    return {
      ...granted,
      read: (offset, length, file = MEMORY) => bytes({ do: 'read', session, file, offset, length }),
      write: (offset, data, file = MEMORY) => tell({ do: 'write', session, file, offset, data: data.toString('hex') }),
      encrypt: (data) => bytes({ do: 'encrypt', session, data: data.toString('hex') }),
      decrypt: (data) => bytes({ do: 'decrypt', session, data: data.toString('hex') }),
      info: () => tell({ do: 'info', session }),
      format: (format) => tell({ do: 'format', session, format }),
      consume: (executions) => tell({ do: 'consume', session, executions }),
      logout: () => tell({ do: 'logout', session }),
      events: () => tell({ do: 'events', session }),
    };
  };
  return {
    process,
    login: async (options) => sessionOf(await tell<Granted>({ do: 'login', options })),
    loginAs: async (options, claim = {}, port = 1947) => sessionOf(await tell<Granted>({ do: 'claim', options, claim, port })),
    ask: (question, format) => tell({ do: 'ask', question, format }),
    giveUp: () => tell({ do: 'give up' }),
    places: () => tell({ do: 'places' }),
    async end(signal = 'SIGKILL') {
      process.kill(signal);
      await process.exited;
      socket.destroy();
    },
  };
};

/** What a call ends with: 0, or the status of the refusal. */
export const statusOf = (call: Promise<unknown>): Promise<number> =>
  call.then(
    () => 0,
    (error: unknown) => {
      if (error instanceof Refused) return error.status;
      throw error;
    },
  );
