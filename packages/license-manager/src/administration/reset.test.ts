import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { openSqliteLedger } from '@keyhaven/ledger';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAuditWriter } from '../acts/index.ts';
import { openBinding, systemClock, systemEntropy } from '../machine/index.ts';
import { openAdministration, resetPassword } from './index.ts';

const PASSWORD = 'correct horse';
const MARKS = ['id:here'];
const user = process.getuid?.();

describe('the reset of a forgotten password (S7)', () => {
  let root: string;
  let directory: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'keyhaven-reset-'));
    directory = join(root, 'state');
    await opened(async ({ administration }) => administration.setPassword(PASSWORD, 'test'));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  const open = async () => {
    const { seal } = await openBinding(directory, systemEntropy, MARKS);
    const now = () => systemClock.wall();
    const ledger = await openSqliteLedger({ directory, now, authenticationKey: seal.key('ledger') });
    return {
      ledger,
      administration: await openAdministration({
        ledger,
        audit: createAuditWriter({ ledger, clock: systemClock, onEvent: () => undefined }),
        clock: systemClock,
        entropy: systemEntropy,
      }),
    };
  };
  const opened = async <T>(use: (of: Awaited<ReturnType<typeof open>>) => Promise<T>): Promise<T> => {
    const of = await open();
    try {
      return await use(of);
    } finally {
      await of.ledger.close();
    }
  };
  const isSet = () => opened(async ({ administration }) => administration.passwordSet);
  const refusal = async (asked: Promise<unknown>): Promise<readonly [number, string] | undefined> => {
    const error: unknown = await asked.then(
      () => undefined,
      (cause: unknown) => cause,
    );
    return error instanceof LicensingError ? [error.status, error.remedy] : undefined;
  };

  it('takes it away, or sets another one, and the audit has it', async () => {
    expect(await resetPassword(directory, user, undefined, MARKS)).toEqual({ wasSet: true });
    expect(await isSet()).toBe(false);
    expect(await resetPassword(directory, user, undefined, MARKS)).toEqual({ wasSet: false });
    await resetPassword(directory, user, 'another horse', MARKS);
    await opened(async ({ administration, ledger }) => {
      expect(await administration.check('another horse', '127.0.0.1')).toEqual({ kind: 'right' });
      expect((await ledger.audit({ scope: 'lm' })).map(({ kind, detail }) => `${kind}: ${String(detail['address'])}`)).toEqual([
        'password set: keyhaven password reset',
        'password cleared: keyhaven password reset',
        'password set: test',
      ]);
      expect((await ledger.verifyAudit()).fault).toBeUndefined();
    });
    expect(await refusal(resetPassword(directory, user, 'short', MARKS))).toEqual([Status.INVALID_PARAMETER, expect.stringMatching(/8/)]);
  });

  it('is not for another user, root among them, nor through a link', async (context) => {
    if (user === undefined) return context.skip('this system has no numeric users');
    expect(await refusal(resetPassword(directory, user + 1, undefined, MARKS))).toEqual([
      Status.ACCESS_DENIED,
      expect.stringContaining(`sudo -u '#${user}'`),
    ]);
    await symlink(directory, join(root, 'link'));
    expect(await refusal(resetPassword(join(root, 'link'), user, undefined, MARKS))).toEqual([
      Status.ACCESS_DENIED,
      expect.stringMatching(/itself/),
    ]);
    expect(await isSet()).toBe(true);
  });

  it('is not while the license manager runs, on another computer, or where there is none', async () => {
    await opened(async () => {
      expect(await refusal(resetPassword(directory, user, undefined, MARKS))).toEqual([
        Status.SHARING_VIOLATION,
        expect.stringMatching(/Stop it/),
      ]);
    });
    expect(await refusal(resetPassword(directory, user, undefined, ['id:there']))).toEqual([
      Status.HARDWARE_MODIFIED,
      expect.stringMatching(/./),
    ]);
    for (const none of [join(root, 'nothing'), root])
      expect(await refusal(resetPassword(none, user, undefined, MARKS))).toEqual([
        Status.CANNOT_READ_FILE,
        expect.stringMatching(/--state/),
      ]);
    expect(await isSet()).toBe(true);
  });
});
