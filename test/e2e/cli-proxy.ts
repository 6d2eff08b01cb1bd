import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { createServer, request } from 'node:http';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { vi } from 'vitest';
import { main } from '../../packages/cli/src/main.ts';
import { ADMIN_PASSWORD } from '../../packages/cli/src/password-file.ts';
import type { Outcome } from './lone-lm.ts';

// What commands ask a license manager for: a proxy on this computer that notes each request, and hands it on as it is.

type RecordingProxy = {
  readonly port: number;
  /** `GET /api/v1/keys`, without the query, in their order. */
  readonly asked: string[];
  /** Resolves at the next request like it. */
  awaited(isIt: (asked: string) => boolean): Promise<void>;
  close(): Promise<void>;
};

export const recordingProxy = async (to: number): Promise<RecordingProxy> => {
  const asked: string[] = []; // BOUNDED by the requests of a test
  const news = new EventEmitter();
  const server = createServer((incoming, outgoing) => {
    const { method = 'GET', url = '/', headers } = incoming;
    const what = `${method} ${url.split('?')[0] ?? ''}`;
    const onward = request({ host: '127.0.0.1', port: to, method, path: url, headers, agent: false }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      // A stream has begun when its head is there.
      outgoing.flushHeaders();
      answer.pipe(outgoing);
      asked.push(what);
      news.emit('asked', what);
    });
    onward.on('error', () => outgoing.destroy());
    outgoing.once('close', () => onward.destroy());
    incoming.pipe(onward);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the system names no port');
  return {
    port: address.port,
    asked,
    awaited: (isIt) =>
      new Promise((resolve) => {
        const look = (what: string): void => {
          if (!isIt(what)) return;
          news.off('asked', look);
          resolve();
        };
        if (asked.some(isIt)) resolve();
        else news.on('asked', look);
      }),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
};

/** Runs a command line in this process, with all that `keyhaven ...` does but the start of a program. One at a time. */
export const commandHere = async (args: readonly string[]): Promise<Outcome> => {
  const before = { exitCode: process.exitCode, password: process.env[ADMIN_PASSWORD], listeners: process.stdout.listeners('error') };
  const said = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      said[name] += typeof text === 'string' ? text : Buffer.from(text).toString();
      return true;
    }),
  );
  try {
    process.exitCode = 0;
    await main(args);
    return { code: process.exitCode, ...said };
  } finally {
    for (const spy of spies) spy.mockRestore();
    process.exitCode = before.exitCode;
    if (before.password === undefined) delete process.env[ADMIN_PASSWORD];
    for (const listener of process.stdout.listeners('error'))
      if (!before.listeners.includes(listener)) process.stdout.off('error', listener as () => void);
  }
};

type Following = { readonly lines: Interface; end(): Promise<Outcome> };

/** `keyhaven ...` that goes on until Ctrl-C. */
export const followingKeyhaven = (args: readonly string[]): Following => {
  const program = join(import.meta.dirname, '../../packages/cli/bin/keyhaven.js');
  const child: ChildProcess = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stderr?.on('data', (part: Buffer) => (stderr += part.toString()));
  const lines = createInterface({ input: child.stdout ?? process.stdin });
  lines.on('line', (line) => (stdout += `${line}\n`));
  const closed = once(child, 'close');
  return {
    lines,
    async end() {
      child.kill('SIGINT');
      await closed;
      return { code: child.exitCode, stdout, stderr };
    },
  };
};
