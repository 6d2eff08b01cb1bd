import { chmodSync, closeSync, openSync, readFileSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { externalLmFile } from '@keyhaven/core/hosts';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { cachedExternalLm } from '../../scripts/external/cached.ts';
import { type NearApplication, type NearSite, openNearSite, until } from './near-site.ts';
import { expectWithin } from './time-limit.ts';
import { Refused } from './told-application.ts';

// What may lie beside an application instead of a sound External LM, made from the real one; the application is a real one, too. It is told what is
// wrong in a few seconds, and nothing is left. Made-up programs: packages/licensing-api/src/external-lm.test.ts.

const NAME = externalLmFile(process.platform);
const LIMIT_MS = 10_000;

let site: NearSite;
let executable: string;
beforeAll(async () => {
  executable = await cachedExternalLm();
  site = await openNearSite(executable);
});
afterEach(() => site.quiet());
afterAll(() => site.close());

/** The first bytes of the real one. */
const head = (bytes: number): Buffer => {
  const file = openSync(executable, 'r');
  const buffer = Buffer.alloc(bytes);
  readSync(file, buffer, 0, bytes, 0);
  closeSync(file);
  return buffer;
};
/** The real one, with what it runs first changed. */
const damaged = (): Buffer => {
  const bytes = readFileSync(executable);
  const at = bytes.lastIndexOf('const { getRawAsset }');
  bytes.fill('(', at, at + 20);
  return bytes;
};

const refusal = async (
  application: NearApplication,
  lm: 'external' | 'auto',
): Promise<{ readonly status: number; readonly message: string }> => {
  const began = performance.now();
  const error: unknown = await application.login({ lm }).catch((reason: unknown) => reason);
  await expectWithin(performance.now() - began, LIMIT_MS);
  if (!(error instanceof Refused)) throw new Error('a session was granted', { cause: error });
  return { status: error.status, message: error.message };
};

describe('instead of the External LM there lies', () => {
  it.each([
    ['an empty file', () => Buffer.alloc(0), 0o755, 33, /cannot be started|exit status/],
    ['the real one without the permission to execute', () => head(4_096), 0o644, 33, /it is not an executable file/],
    ['its first page', () => head(4_096), 0o755, 33, /cannot be started|exit status|SIG/],
    ['a half of it', () => head(50_000_000), 0o755, 33, /cannot be started|exit status|SIG/],
    ['one whose program is damaged', damaged, 0o755, 33, /exit status/],
    ['another program', () => readFileSync(process.execPath), 0o755, 33, /exit status/],
  ])('%s: 33, and it says why', async (name, content, mode, status, message) => {
    const folder = site.makeFolder(name.replaceAll(' ', '-'));
    writeFileSync(join(folder, NAME), content());
    chmodSync(join(folder, NAME), mode);
    const application = await site.application(folder);
    for (const lm of ['external', 'auto'] as const) {
      const refused = await refusal(application, lm);
      expect(refused).toEqual({ status, message: expect.stringMatching(message) });
    }
    rmSync(join(folder, NAME));
  });

  it('one that is stopped before it answers: 33 after some seconds, and it is gone', async () => {
    const application = await site.application(site.folder, { APPLICATION_CALL_TIMEOUT_MS: '5000' });
    const refused = refusal(application, 'external');
    await until('it was started', () => site.externalsOf(application).length === 1);
    const [pid] = site.externalsOf(application);
    process.kill(pid ?? 0, 'SIGSTOP');
    expect(await refused).toEqual({ status: 33, message: expect.stringMatching(/does not answer/) });
    await until('it is gone', () => site.externalsOf(application).length === 0);
  });
});

describe('the store of the user', () => {
  it('is damaged: the login says so', async () => {
    const identity = join(site.store, 'identity');
    const sound = readFileSync(identity);
    writeFileSync(identity, 'nonsense\n');
    try {
      expect(await refusal(await site.application(), 'external')).toMatchObject({ status: 47 });
    } finally {
      writeFileSync(identity, sound);
    }
  });

  it('was copied to another place: 52', async () => {
    const elsewhere = await openNearSite(executable);
    try {
      for (const name of ['identity', 'ledger.db']) writeFileSync(join(elsewhere.store, name), readFileSync(join(site.store, name)));
      expect(await refusal(await elsewhere.application(), 'external')).toMatchObject({ status: 52 });
    } finally {
      await elsewhere.close();
    }
  });

  it('is no directory: the login says so', async () => {
    const other = await openNearSite(executable, { env: { KEYHAVEN_STATE: '/dev/null' } });
    try {
      expect(await refusal(await other.application(), 'external')).toMatchObject({
        status: expect.toSatisfy((status: number) => status > 0) as number,
      });
    } finally {
      await other.close();
    }
  });
});
