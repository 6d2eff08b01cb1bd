import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

// Runs the system's own tools (ip, tcpdump) to their end. Failure is an Error that carries what the tool said.

/** The absolute path of a tool; root's PATH does not always name the sbin directories. */
export const findTool = (name: string): string | undefined => {
  const directories = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin', '/usr/bin', '/bin'];
  return directories
    .filter((directory) => directory.startsWith('/'))
    .map((directory) => join(directory, name))
    .find(isExecutable);
};

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

export const runTool = (name: string, args: readonly string[], input = ''): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = spawn(findTool(name) ?? name, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    const said: Buffer[] = [];
    const complained: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => said.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => complained.push(chunk));
    // A tool that ends before it read everything breaks the pipe; its exit status tells the story.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(Buffer.concat(said).toString());
      else reject(new Error(`${name} ${args.join(' ')} ended with ${code}: ${Buffer.concat(complained).toString().trim()}\n${input}`));
    });
  });

/** Runs `ip` commands one after another in one process, in a namespace or, without one, outside. */
export const ip = async (namespace: string | undefined, commands: readonly string[]): Promise<void> => {
  await runTool('ip', [...(namespace === undefined ? [] : ['-n', namespace]), '-batch', '-'], `${commands.join('\n')}\n`);
};

/** A program of few lines for a shell, inside a namespace; `args` are its $1, $2, ... */
export const shell = (namespace: string, script: string, args: readonly string[] = []): Promise<string> =>
  runTool('ip', ['netns', 'exec', namespace, 'sh', '-ec', script, 'lab', ...args]);

export type LinkState = { readonly name: string; readonly index: number; readonly state: string; readonly portState: string | undefined };

/** The links of a namespace with their operational state and, for ports of a bridge, the state of the port. */
export const linkStates = async (namespace: string): Promise<readonly LinkState[]> => {
  const parsed: unknown = JSON.parse(await runTool('ip', ['-n', namespace, '-d', '-j', 'link', 'show']));
  if (!Array.isArray(parsed)) throw new Error('ip -j link show did not print a list');
  return parsed.map((link: unknown) => ({
    name: String(field(link, 'ifname')),
    index: Number(field(link, 'ifindex')),
    state: String(field(link, 'operstate')),
    portState: text(field(field(field(link, 'linkinfo'), 'info_slave_data'), 'state')),
  }));
};

const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

/** Asks again every few milliseconds until `holds`; the kernel reports most changes of links and processes only when asked. */
export const until = async (what: string, holds: () => Promise<boolean>, timeoutMs = 5_000): Promise<void> => {
  const deadline = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};
