import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createTestVendor } from '@keyhaven/testkit/local-lm';
import { startNearApplication } from '@keyhaven/testkit/near';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { openNearLm } from '../near/index.ts';
import { catalog } from '../near/near.testing.ts';
import { type IntegratedLm, openIntegratedLm } from './index.ts';

const vendor = createTestVendor(catalog(2));
const { vendorCode } = vendor;
const APPLICATION = new URL('./application.testing.ts', import.meta.url).pathname;
let directory = '';

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'keyhaven-integrated-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const maker = await openNearLm({ kind: 'integrated', vendor: 7, directory });
  await maker.apply(vendor.issue(await maker.c2v({ vendorCode })));
  await maker.close();
});

const applicationOf = (lm: IntegratedLm) => startNearApplication({ connect: () => lm.connect() }, { pid: process.pid }).licensing;
const run = async (what: string): Promise<{ readonly code: number; readonly out: string; readonly err: string }> => {
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [APPLICATION, what, directory, vendorCode]);
    return { code: 0, out: stdout, err: stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { readonly code: number; readonly stdout: string; readonly stderr: string };
    return { code, out: stdout, err: stderr };
  }
};

describe('an Integrated LM', () => {
  it('serves its application from a thread, and closing it logs out', async () => {
    const lm = await openIntegratedLm({ vendor: 7, directory });
    const licensing = applicationOf(lm);
    const session = await licensing.login({ vendorCode, feature: 42 });
    await licensing.login({ vendorCode, feature: 42 });
    const encrypted = await session.encrypt(Buffer.alloc(32, 1));
    expect(Buffer.from(await session.decrypt(encrypted))).toEqual(Buffer.alloc(32, 1));
    await lm.close();
    const next = await openIntegratedLm({ vendor: 7, directory });
    await applicationOf(next).login({ vendorCode, feature: 42, seats: 2 });
    await next.close();
  });

  it('carries more than a stream holds, in both directions', async () => {
    const lm = await openIntegratedLm({ vendor: 7, directory });
    const session = await applicationOf(lm).login({ vendorCode, feature: 42 });
    const data = Array.from({ length: 200 }, (_, index) => Buffer.alloc(60_000, index));
    const there = await Promise.all(data.map((each) => session.encrypt(each)));
    const back = await Promise.all(there.map((each) => session.decrypt(each)));
    back.forEach((each, index) => expect(Buffer.from(each).equals(data[index] ?? Buffer.alloc(0))).toBe(true));
    await lm.close();
  });

  it('with nothing under way does not keep the process alive; its logins stay (T4)', async () => {
    expect(await run('nothing')).toEqual({ code: 0, out: 'in\n', err: '' });
    const lm = await openIntegratedLm({ vendor: 7, directory });
    await expect(applicationOf(lm).login({ vendorCode, feature: 42, seats: 2 })).rejects.toMatchObject({ status: 38 });
    await lm.close();
  });

  it('says that it lives while the application is blocked (A3)', async () => {
    const application = spawn(process.execPath, [APPLICATION, 'block', directory, vendorCode], { stdio: ['ignore', 'pipe', 'inherit'] });
    onTestFinished(() => void application.kill('SIGKILL'));
    await once(application.stdout, 'data');
    const signs = async (): Promise<string> => {
      const names = await readdir(join(directory, 'signs'));
      return (await Promise.all(names.map((name) => readFile(join(directory, 'signs', name), 'utf8')))).join();
    };
    const before = await signs();
    expect(before).toMatch(/^ *\d+\n$/);
    await expect.poll(signs, { timeout: 10_000 }).not.toBe(before);
  });

  it.each([
    ['confuse the thread', 'TypeError'],
    ['end the thread', 'The thread of the Integrated LM has ended'],
  ])('that fails takes the application with it (T4): %s', async (what, said) => {
    const { code, out, err } = await run(what);
    expect(out).toBe('in\n');
    expect(code).not.toBe(0);
    expect(err).toContain(said);
  });
});

describe('an Integrated LM that cannot start says why', () => {
  it.each([
    ['its identity file is of another place (52)', 52, async () => undefined],
    [
      'its ledger is none (47)',
      47,
      async () => writeFile(join(directory, 'ledger.db'), 'no ledger at all, but long enough to look like one'),
    ],
    [
      'its settings file is not valid (501)',
      501,
      async () => writeFile(join(directory, 'keyhaven_7.ini'), '[SERVER]\nidle_session_timeout_mins=x\n'),
    ],
  ])('%s', async (name, status, spoil) => {
    await spoil();
    const beside = directory;
    if (status === 52) {
      const elsewhere = join(directory, 'copy');
      await mkdir(elsewhere);
      await cp(join(directory, 'identity'), join(elsewhere, 'identity'));
      directory = elsewhere;
    }
    expect(name).toContain(String(status));
    await expect(openIntegratedLm({ vendor: 7, directory, beside })).rejects.toMatchObject({ status });
    if (status === 52) directory = beside;
  });
});
