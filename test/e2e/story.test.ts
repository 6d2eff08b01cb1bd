import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { labAvailable } from '@keyhaven/testkit/lab';
import { describe, expect, it, onTestFinished } from 'vitest';

// `npm start` tells what really happens. Both variants are run and their lines read.

const STORY = join(import.meta.dirname, '../../scripts/story.ts');

type Told = { readonly status: number | null; readonly lines: readonly string[]; readonly complaints: string };

const start = (...args: readonly string[]) => {
  // A place for temporary files of its own, so that what is left behind is this story's.
  const directory = mkdtempSync(join(tmpdir(), 'keyhaven-told-'));
  const child = spawn(process.execPath, [STORY, ...args], {
    env: { ...process.env, TMPDIR: directory },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let complaints = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
  const closed = once(child, 'close') as Promise<[number | null]>;
  onTestFinished(async () => {
    child.kill('SIGTERM');
    await closed;
    await rm(directory, { recursive: true, force: true });
  });
  return {
    child,
    /** Files and network namespaces that are there now. */
    async leftovers(): Promise<readonly string[]> {
      const namespaces: readonly string[] = await readdir('/run/netns').catch(() => []);
      return [...(await readdir(directory)), ...namespaces.filter((name) => name.startsWith(`kh${child.pid?.toString(16)}x`))];
    },
    output: () => output,
    async told(): Promise<Told> {
      const [status] = await closed;
      return { status, lines: output.trimEnd().split('\n'), complaints };
    },
  };
};
/** Each line of the story, in order; what is measured or random is left open. */
const story = (variant: {
  readonly computers: RegExp;
  readonly port: string;
  readonly found: string;
  readonly keys: string;
}): readonly RegExp[] =>
  [
    variant.computers,
    /(?:vendor: Demo Vendor \(id 7\) made its signing key in \d+ ms; vendor code [\w-]{58}|keys-1: Admin LM runs as process \d+, GUID [\w-]{40}, on TCP and UDP port PORT)/,
    /(?:vendor: Demo Vendor \(id 7\) made its signing key in \d+ ms; vendor code [\w-]{58}|keys-1: Admin LM runs as process \d+, GUID [\w-]{40}, on TCP and UDP port PORT)/,
    /keys-1: a software key was made there, its state written to \S+/,
    /vendor: signed a license for key \d+: feature 42, 2 seats, update 1, \d+ bytes/,
    /keys-1: applied: key \d+ is at update 1/,
    /survey-2: Admin LM runs as process \d+, GUID [\w-]{40}/,
    /survey-2: found key \d+ at keys-1 \(KEYS\) by FOUND, within \d+ ms of its start/,
    /survey-2: application \d+ has a seat: session [0-9a-f]{8}\.\.\. of feature 42 from key \d+ at keys-1 \(KEYS\), login took \d+ ms/,
    /survey-2: encrypted "(.+)" to \d+ bytes \([0-9a-f]{16}\.\.\.\) and decrypted them to "\1", \d+ ms/,
    /survey-2: wrote ([0-9a-f]{16}) to memory file 65524 of the key and read \1 back, \d+ ms/,
    /survey-2: application \d+ has a seat: session [0-9a-f]{8}\.\.\. of feature 42 from key \d+ at keys-1 \(KEYS\), login took \d+ ms/,
    /survey-2: application \d+ was refused with status 38 TOO_MANY_USERS: .*/,
    /survey-2: application \d+ was killed \(kill -9\); \d+ ms later application \d+ had its seat, session [0-9a-f]{8}\.\.\./,
    /survey-2: application \d+ logged out in \d+ ms and ended/,
    /survey-2: application \d+ logged out in \d+ ms and ended/,
    /keys-1: 0 of 2 seats of feature 42 are in use/,
    /the story is told; both computers are removed/,
  ].map(
    (line) =>
      new RegExp(
        `^ *\\d+\\.\\d\\d s  ${line.source.replace('PORT', variant.port).replace('FOUND', variant.found).replace('KEYS', variant.keys)}$`,
      ),
  );

const expectStory = (told: Told, wanted: readonly RegExp[]): void => {
  expect(told).toMatchObject({ status: 0, complaints: '' });
  expect(told.lines).toHaveLength(wanted.length);
  for (const [index, line] of wanted.entries()) expect(told.lines[index]).toMatch(line);
  const ids = (pattern: RegExp): readonly string[] => told.lines.flatMap((line) => pattern.exec(line)?.[1] ?? []);
  // One key throughout; the killed application is the one that got the last seat, its seat went to the refused one.
  expect(new Set(ids(/\bkey (\d+)/)).size).toBe(1);
  expect(ids(/application (\d+) was killed/)).toEqual(ids(/application (\d+) has a seat/).slice(1));
  expect(ids(/later application (\d+) had/)).toEqual(ids(/application (\d+) was refused/));
};

describe('npm start -- --exit', () => {
  it('tells the story of two computers in network namespaces and leaves nothing behind', async (context) => {
    const reason = labAvailable();
    if (reason !== undefined) context.skip(reason);
    const computers = /two computers as network namespaces: keys-1 \(10\.199\.1\.10\) and survey-2 \(10\.199\.1\.11\)/;
    const { told, leftovers } = start('--exit');
    expectStory(await told(), story({ computers, port: '1947', found: 'IP(?:v4 broadcast|v6 multicast)', keys: '[0-9a-z.:%]+' }));
    expect(await leftovers()).toEqual([]);
  });

  it('tells it with two loopback addresses where it may not use namespaces', async () => {
    const computers =
      /two computers as loopback addresses: keys-1 \(127\.0\.0\.2\) and survey-2 \(127\.0\.0\.1\); no network namespaces: --no-lab was given/;
    const { told, leftovers } = start('--exit', '--no-lab');
    expectStory(await told(), story({ computers, port: '\\d+', found: 'a ping to 127\\.0\\.0\\.2', keys: '127\\.0\\.0\\.2' }));
    expect(await leftovers()).toEqual([]);
  });

  it('that is interrupted ends its processes, removes its files and says so', async () => {
    const { child, output, told, leftovers } = start('--exit', '--no-lab');
    await expect.poll(output, { timeout: 20_000 }).toMatch(/Admin LM runs as process (\d+)/);
    const pid = Number(/Admin LM runs as process (\d+)/.exec(output())?.[1]);
    child.kill('SIGINT');
    expect(await told()).toMatchObject({ status: 1, complaints: 'stopped by SIGINT\n' });
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    expect(await leftovers()).toEqual([]);
  });

  it('refuses what it does not know with status 2', async () => {
    const { status, complaints } = await start('--wrong').told();
    expect(status).toBe(2);
    expect(complaints).toContain('usage: npm start -- [--exit] [--no-lab]');
  });
});

describe('npm start', () => {
  const portFree = async (): Promise<boolean> => {
    const server = createServer();
    return new Promise((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(1947, '127.0.0.1', () => server.close(() => resolve(true)));
    });
  };

  it('serves a page with the demo key on port 1947 of this computer until Ctrl-C', async (context) => {
    if (!(await portFree())) context.skip('port 1947 of this computer is in use');
    const { child, output, told, leftovers } = start('--no-lab');
    await expect.poll(output, { timeout: 30_000 }).toContain('Admin Control Center: http://127.0.0.1:1947 (Ctrl-C ends it)');
    const page = await fetch('http://127.0.0.1:1947/', { headers: { connection: 'close' } });
    expect(page.status).toBe(200);
    expect(await page.text()).toContain('<title>Keyhaven Admin Control Center</title>');
    const features = await fetch('http://127.0.0.1:1947/api/v1/features', { headers: { connection: 'close' } });
    expect(await features.text()).toContain('Echo sounder');
    const sessions = (await (
      await fetch('http://127.0.0.1:1947/api/v1/sessions', { headers: { connection: 'close' } })
    ).json()) as readonly unknown[];
    expect(sessions).toHaveLength(1);
    child.kill('SIGINT');
    expect((await told()).status).toBe(0);
    expect(await portFree()).toBe(true);
    expect(await leftovers()).toEqual([]);
  });

  it('says that port 1947 is in use, what to do about it, and ends with status 1', async (context) => {
    const other = createServer();
    const taken = await new Promise<boolean>((resolve) => {
      other.once('error', () => resolve(false));
      other.listen(1947, '127.0.0.1', () => resolve(true));
    });
    if (!taken) context.skip('port 1947 of this computer is in use');
    onTestFinished(() => void other.close());
    const { told, leftovers } = start('--no-lab');
    const { status, complaints } = await told();
    expect(status).toBe(1);
    expect(complaints).toMatch(/^failed: serve http:\/\/127\.0\.0\.1:1947: .*1947 is in use by another program\. .*stop it/);
    expect(await leftovers()).toEqual([]);
  });
});
