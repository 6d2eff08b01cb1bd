import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

// A program in a pseudo-terminal of its own, by `script` of util-linux: what it draws, and what somebody types.

/** Why there is none; undefined where there is one. */
export const noPty = (): string | undefined =>
  spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout?.includes('util-linux') === true
    ? undefined
    : 'script of util-linux is not installed (Debian package bsdutils)';

export type Pty = {
  /** All that was written to the terminal. */
  readonly screen: string;
  type(text: string): void;
  /** Resolves with the screen when it matches. @throws Error with the screen after half a minute */
  shows(pattern: RegExp, from?: number): Promise<string>;
  /** The exit status. */
  readonly ended: Promise<number | null>;
  kill(): void;
};

export type PtyOptions = { readonly columns?: number; readonly rows?: number; readonly env?: Record<string, string> };

const quoted = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;
const LIMIT_MS = 120_000;

export const inPty = (argv: readonly string[], { columns = 80, rows = 24, env = {} }: PtyOptions = {}): Pty => {
  // Neither of them is of the environment of the tests.
  const { NO_COLOR: _no, FORCE_COLOR: _force, ...rest } = process.env;
  const command = `stty cols ${columns} rows ${rows}; exec ${argv.map(quoted).join(' ')}`;
  const child = spawn('script', ['-qefc', command, '/dev/null'], {
    env: { ...rest, TERM: 'xterm', SHELL: '/bin/sh', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const state = { screen: '', look: (): void => undefined };
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (part: Buffer) => {
      state.screen += part.toString();
      state.look();
    });
  const ended = once(child, 'close').then(() => child.exitCode);
  return {
    get screen() {
      return state.screen;
    },
    type: (text) => void child.stdin.write(text),
    shows: (pattern, from = 0) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(
          () => reject(new Error(`the terminal does not show ${pattern}: ${JSON.stringify(state.screen.slice(from))}`)),
          LIMIT_MS,
        );
        state.look = () => {
          if (!pattern.test(state.screen.slice(from))) return;
          clearTimeout(timer);
          state.look = () => undefined;
          resolve(state.screen);
        };
        state.look();
      }),
    ended,
    kill: () => void child.kill('SIGKILL'),
  };
};
