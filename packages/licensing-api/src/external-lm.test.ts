import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { LicensingError } from '@keyhaven/core/errors';
import { formatVendorCode } from '@keyhaven/core/license';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ownIdentity, type Surroundings, systemEntropy, systemSurroundings } from './environment.ts';
import { type ExternalLm, startExternalLm } from './external-lm.ts';
import { createLicensing, type Licensing } from './licensing.ts';

// T3: whatever lies beside the application under the name of the External LM, a login says what is wrong with it, soon, and leaves no process behind.

const vendorCode = formatVendorCode({ vendor: 7, publicKey: Buffer.alloc(32, 9) });
const NOBODY = { host: '127.0.0.1', port: 9 };
const FAKE = join(import.meta.dirname, 'external-lm.testing.ts');

/** A file beside the application. */
const beside = (text: string | Buffer, mode = 0o755): string => {
  const directory = mkdtempSync(join(tmpdir(), 'keyhaven-external-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'keyhaven-external-lm');
  writeFileSync(file, text);
  chmodSync(file, mode);
  return file;
};
const fake = (how: string): string => beside(`#!/bin/sh\nexec "${process.execPath}" "${FAKE}" ${how} "$@"\n`);

type Application = { readonly licensing: Licensing; readonly pids: number[]; readonly directory: string };
const start = (
  file: string,
  more: Partial<ExternalLm> = {},
  time: Partial<Surroundings['time']> = {},
  callTimeoutMs?: number,
): Application => {
  const pids: number[] = [];
  const licensing = createLicensing(NOBODY, ownIdentity(), systemEntropy, {
    ...systemSurroundings,
    time: { ...systemSurroundings.time, ...time },
    callTimeoutMs: () => callTimeoutMs,
    near: {
      look: () => ({ externalBeside: true, integratedAvailable: true, userStore: false, nearSearch: false }),
      startExternal(vendor) {
        const external = startExternalLm({ file, vendor, directory: '/nowhere', overrides: {}, ...more });
        if (external.pid !== undefined) pids.push(external.pid);
        return external;
      },
      openIntegrated: () => Promise.reject(new Error('an Integrated LM was started')),
    },
  });
  onTestFinished(() => licensing.close());
  return { licensing, pids, directory: more.directory ?? '' };
};
const refusal = async ({ licensing }: Application, lm: 'external' | 'auto' = 'external'): Promise<LicensingError> => {
  const error: unknown = await licensing.login({ vendorCode, feature: 0, lm }).catch((reason: unknown) => reason);
  if (!(error instanceof LicensingError)) throw new Error(`expected a LicensingError, got ${String(error)}`);
  return error;
};
const runs = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

/** Processes of this group that still do something; who has ended and is not yet buried does nothing. */
const living = (group: number): string[] =>
  readdirSync('/proc').filter((name) => {
    try {
      const [state, , of] =
        readFileSync(join('/proc', name, 'stat'), 'latin1')
          .split(') ')
          .at(-1)
          ?.split(' ') ?? [];
      return Number(of) === group && state !== 'Z';
    } catch {
      return false;
    }
  });

describe('an External LM file that is none', () => {
  it.each([
    ['is not there', () => '/nowhere/keyhaven-external-lm', 33, /cannot be started: there is no such file/],
    ['is not executable', () => beside('#!/bin/sh\n', 0o644), 33, /cannot be started: it is not an executable file/],
    // A shell is asked about what the system does not know.
    ['is a text', () => beside('just text'), 33, /ended with exit status 127/],
    ['is of another system', () => beside(Buffer.from('7f454c46ffff', 'hex')), 33, /cannot be started|ended with exit status/],
    ['is a directory', () => tmpdir(), 33, /cannot be started: it is not an executable file/],
    ['names a program that is not there', () => beside('#!/nowhere/sh\n'), 33, /cannot be started/],
    ['is another program that ends', () => beside('#!/bin/sh\nexit 3\n'), 33, /ended with exit status 3/],
    [
      'is another program that talks',
      () => beside('#!/bin/sh\necho Usage: something else\nsleep 100\n'),
      33,
      /does not speak the protocol/,
    ],
    ['is killed at once', () => beside('#!/bin/sh\nkill -9 $$\n'), 33, /was ended by SIGKILL/],
    ['is of a later version', () => fake('newer'), 11, /version 99/],
    ['cannot open the store', () => fake('refuses'), 47, /The store is damaged/],
    ['dies of a question', () => fake('dies'), 33, /was ended by SIGKILL/],
  ])('%s: the login says so', async (_name, file, status, detail) => {
    const application = start(file());
    const error = await refusal(application);
    expect({ status: error.status, detail: error.detail }).toEqual({ status, detail: expect.stringMatching(detail) });
    expect(error.remedy).toMatch(/\.$/);
    expect(error.explanation?.[0]).toMatch(/^external: asked\. /);
    await expect.poll(() => application.pids.filter(runs)).toEqual([]);
    // Nor is anything left that it has started.
    if (process.platform === 'linux') await expect.poll(() => application.pids.flatMap(living)).toEqual([]);
  });

  it('never answers: it is ended ten seconds after what a call may take, and a login that still waits says so', async () => {
    let limit = (): void => undefined;
    const waits: number[] = [];
    const application = start(
      beside('#!/bin/sh\nexec sleep 1000\n'),
      {},
      {
        later(milliseconds, task) {
          // Not those of the limits of calls.
          if (milliseconds !== 20_000) return () => undefined;
          waits.push(milliseconds);
          limit = task;
          return () => undefined;
        },
      },
    );
    const refused = refusal(application);
    await expect.poll(() => waits).toEqual([20_000]);
    expect(application.pids.filter(runs)).toHaveLength(1);
    limit();
    expect(await refused).toMatchObject({ status: 33, detail: expect.stringContaining('does not answer') });
    await expect.poll(() => application.pids.filter(runs)).toEqual([]);
  });

  it('answers late, as on a busy computer: the login that did not wait is 33, its start goes on, and the next login finds it', async () => {
    const application = start(fake('late'), { directory: mkdtempSync(join(tmpdir(), 'keyhaven-late-')) }, {}, 1_000);
    const { directory } = application;
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const early = await refusal(application);
    expect(early).toMatchObject({ status: 33, detail: 'The External LM does not answer: it was started, and nothing came within 1 s.' });
    expect(early.remedy).toMatch(/^Its start goes on: repeat the call\./);
    writeFileSync(join(directory, 'now'), '');
    await expect.poll(async () => (await refusal(application)).status).toBe(7);
    expect(application.pids).toHaveLength(1);
  });

  it('keeps no process alive when no call waits for it any more', async () => {
    const file = beside('#!/bin/sh\necho $$ > "$0.pid"\nexec cat > /dev/null\n');
    const program = `
      import { readFileSync } from 'node:fs';
      import { configure, login } from ${JSON.stringify(import.meta.resolve('@keyhaven/licensing-api'))};
      configure({ callTimeoutMs: 1_000, externalLm: ${JSON.stringify(file)} });
      login({ vendorCode: '${vendorCode}', feature: 0, lm: 'external' }).catch(({ status }) => console.log(status));
      process.on('exit', () => console.log(process.kill(Number(readFileSync(${JSON.stringify(`${file}.pid`)})), 0)));
    `;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program]);
    // It still ran, and was not waited for.
    expect(stdout).toBe('33\ntrue\n');
  });

  it('is told by a login that asks the Admin LM, too, where neither works', async () => {
    const error = await refusal(start(beside('#!/bin/sh\nexit 3\n')), 'auto');
    expect(error).toMatchObject({ status: 33, detail: expect.stringContaining('exit status 3') });
    expect(error.explanation).toEqual([
      expect.stringMatching(/^admin: asked\. .* It said 33 LOCAL_COMM_ERR: The license manager at 127\.0\.0\.1:9 does not run\.$/),
      expect.stringMatching(/^external: asked\. It lies beside the application\. It said 33 LOCAL_COMM_ERR: .*exit status 3\.$/),
      'integrated: not asked. The External LM beside the application is used instead.',
    ]);
  });
});

describe('an External LM', () => {
  it('is started by the first login that needs it, serves the next ones, and is told what the application configured', async () => {
    const application = start(fake('well'), { directory: '/keys', overrides: { addresses: ['lm.example'], broadcast: false } });
    const [first, second] = [await refusal(application), await refusal(application)];
    expect(first.detail).toBe('--vendor 7 --directory /keys --settings {"addresses":["lm.example"],"broadcast":false}.');
    expect(second.status).toBe(7);
    expect(application.pids).toHaveLength(1);
    application.licensing.close();
    await expect.poll(() => application.pids.filter(runs)).toEqual([]);
  });

  it('that died is started again by the next login', async () => {
    const application = start(fake('well'));
    expect((await refusal(application)).status).toBe(7);
    process.kill(application.pids[0] ?? 0, 'SIGKILL');
    await expect.poll(() => application.pids.filter(runs)).toEqual([]);
    expect((await refusal(application)).status).toBe(7);
    expect(application.pids).toHaveLength(2);
  });

  it('may write to its standard error as much as it likes: nobody hears it, and nothing waits for it', async () => {
    expect((await refusal(start(fake('noisy')))).status).toBe(7);
  });

  it('gets no signal of the terminal of its application: it is a process group of its own', async () => {
    const application = start(fake('well'));
    await refusal(application);
    const [pid = 0] = application.pids;
    expect(process.kill(-pid, 0)).toBe(true);
  });
});
