import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { decodeToApplication, FrameDecoder } from '@keyhaven/core/wire';
import { createTestVendor } from '@keyhaven/testkit/local-lm';
import { asLmSocket, startNearApplication } from '@keyhaven/testkit/near';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { processStart, systemClock, userStoreMarks } from '../machine/index.ts';
import { openNearLm } from '../near/index.ts';
import { catalog, lookAt } from '../near/near.testing.ts';
import { readCommandLine } from './command-line.ts';
import { joinStreams } from './standard-streams.ts';

// The program of the External LM as a process (T3). What it does as one file beside an application is in test/e2e.

const PROGRAM = new URL('./main.ts', import.meta.url).pathname;
const vendor = createTestVendor(catalog(2));
const { vendorCode } = vendor;
const directory = mkdtempSync(join(tmpdir(), 'keyhaven-external-'));

beforeAll(async () => {
  const maker = await openNearLm({ kind: 'external', vendor: 7, directory });
  await maker.apply(vendor.issue(await maker.c2v({ vendorCode })));
  await maker.close();
  return () => rmSync(directory, { recursive: true });
});

type Child = ChildProcessByStdio<Writable, Readable, Readable>;
const start = (...words: string[]): Child => {
  const child = spawn(process.execPath, [PROGRAM, ...words], { stdio: 'pipe' });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
};
const textOf = async (stream: Readable): Promise<string> => Buffer.concat(await stream.toArray()).toString('latin1');
const reach = (child: Child, pid = process.pid) =>
  startNearApplication({ connect: () => asLmSocket(joinStreams(child.stdout, child.stdin)) }, { pid, start: processStart(pid) ?? 0 });
/** Seats in use, and who is there; nothing is given back for that. */
const left = async (): Promise<readonly [used: number, instances: number]> => {
  const { used, instances } = await lookAt(directory, await userStoreMarks(directory), systemClock);
  return [used(), instances.length];
};

describe('an External LM', () => {
  it('ends with its input, gives everything back, and has said nothing but the protocol', async () => {
    const child = start('--vendor', '7', '--directory', directory);
    const { licensing } = reach(child);
    await licensing.login({ vendorCode, feature: 42 });
    await licensing.login({ vendorCode, feature: 42 });
    expect(await left()).toEqual([2, 1]);
    const ended = once(child, 'exit');
    child.stdin.end();
    expect(await ended).toEqual([0, null]);
    expect(await textOf(child.stderr)).toBe('');
    expect(await left()).toEqual([0, 0]);
  });

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('does so on %s', async (signal) => {
    const child = start('--vendor', '7', '--directory', directory);
    await reach(child).licensing.login({ vendorCode, feature: 42 });
    child.kill(signal);
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(await left()).toEqual([0, 0]);
  });

  it('does so when nobody reads what it says', async () => {
    const child = start('--vendor', '7', '--directory', directory);
    const { licensing } = reach(child);
    await licensing.login({ vendorCode, feature: 42 });
    child.stdout.destroy();
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(await left()).toEqual([0, 0]);
  });

  it('does so when its application is gone and somebody else holds the other end of its input', async () => {
    const application = spawn('sleep', ['60']);
    await once(application, 'spawn');
    const child = start('--vendor', '7', '--directory', directory);
    await reach(child, application.pid).licensing.login({ vendorCode, feature: 42 });
    application.kill('SIGKILL');
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(await left()).toEqual([0, 0]);
  });

  it('that cannot start tells the application in the protocol, and whoever reads the log', async () => {
    const child = start('--vendor', '7', '--directory', '/dev/null/store');
    const ended = once(child, 'exit');
    const [said, log] = await Promise.all([child.stdout.toArray(), textOf(child.stderr)]);
    expect(await ended).toEqual([1, null]);
    const [frame] = new FrameDecoder().push(Buffer.concat(said));
    expect(frame && decodeToApplication(frame)).toMatchObject({
      kind: 'refused',
      status: 13,
      detail: expect.stringContaining('/dev/null/store'),
    });
    expect(log).toMatch(/^error 13 SYS_ERR: .*\n$/);
  });

  it('does not mind that nobody reads its log', async () => {
    const log = openSync('/dev/full', 'w');
    const child = spawn(process.execPath, [PROGRAM, '--vendor', 'none'], { stdio: ['pipe', 'pipe', log] });
    closeSync(log);
    expect(await once(child, 'exit')).toEqual([1, null]);
  });
});

describe('its command line', () => {
  it('names the vendor, the store and the settings of the application', () => {
    expect(readCommandLine(['--vendor', '7', '--settings', '{"addresses":["10.0.0.1"]}', '--directory', '/x'])).toEqual({
      kind: 'serve',
      vendor: 7,
      directory: '/x',
      overrides: { addresses: ['10.0.0.1'] },
    });
    expect(readCommandLine(['--version'])).toEqual({ kind: 'version' });
  });

  it.each([
    [[]],
    [['--vendor']],
    [['--vendor', '0']],
    [['--vendor', '1.5']],
    [['--vendor', '7', '--verbose', 'yes']],
    [['--vendor', '7', '--settings', '{']],
    [['--vendor', '7', '--settings', '{"address":[]}']],
    [['--vendor', '7', '--settings', '{"searchMinutes":"5"}']],
  ])('that is %j is refused (501)', (words) => {
    expect(() => readCommandLine(words)).toThrow(expect.objectContaining({ status: 501 }));
  });
});
