import { execFileSync } from 'node:child_process';
import { createSecretKey } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { LicensingError } from '@keyhaven/core/errors';
import { wall } from '@keyhaven/core/time';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Ledger, RowKey } from './port.ts';
import { openSharedLedger, type SharedLedger } from './shared.ts';

const isRoot = process.getuid?.() === 0;
const canMount = process.platform === 'linux' && isRoot;
const authenticationKey = createSecretKey(Buffer.alloc(32, 1));
const NOBODY = 65_534;
const opener = fileURLToPath(new URL('./shared-opener.ts', import.meta.url));

const KEY: RowKey = 'a/pool/1';
const add = (ledger: Ledger): Promise<number> =>
  ledger.update([KEY], (rows) => {
    const count = (rows.get<{ count: number }>(KEY)?.count ?? 0) + 1;
    return {
      changes: [
        { key: KEY, row: { count } },
        { key: `a/session/${count}`, row: { text: 'x'.repeat(1_000) } },
      ],
      audit: [{ kind: 'login', scope: 'a', detail: { count } }],
      reply: count,
    };
  });

describe('a shared ledger on its disk', () => {
  let parent: string;
  let directory: string;
  const opened: SharedLedger[] = [];

  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'ledger-'));
    directory = join(parent, 'deep', 'state');
  });
  afterEach(async () => {
    await Promise.allSettled(opened.splice(0).map((ledger) => ledger.close()));
    rmSync(parent, { recursive: true });
  });

  const open = async (): Promise<SharedLedger> => {
    const ledger = await openSharedLedger({ directory, now: () => wall(0), authenticationKey });
    opened.push(ledger);
    return ledger;
  };
  const refusal = async (): Promise<LicensingError> => {
    const error: unknown = await open().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (error instanceof LicensingError) return error;
    throw new Error(`the ledger opened or failed otherwise: ${String(error)}`);
  };

  it('makes its directory 0700 and its files 0600 whatever the umask, and tightens what is looser (S11)', async () => {
    const before = process.umask(0o777);
    try {
      const ledger = await open();
      await add(ledger);
      expect(statSync(directory).mode & 0o777).toBe(0o700);
      const names = readdirSync(directory);
      expect(names.toSorted()).toEqual(['ledger.db', 'ledger.db-shm', 'ledger.db-wal']);
      for (const name of names) expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);
      await ledger.close();
    } finally {
      process.umask(before);
    }
    chmodSync(directory, 0o755);
    chmodSync(join(directory, 'ledger.db'), 0o644);
    await open();
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(statSync(join(directory, 'ledger.db')).mode & 0o777).toBe(0o600);
  });

  it.each(['ledger.db', 'ledger.db-wal', 'ledger.db-shm'])('does not follow a symbolic link in place of %s (S11)', async (name) => {
    await (await open()).close();
    const target = join(parent, 'target');
    writeFileSync(target, 'precious');
    rmSync(join(directory, name), { force: true });
    symlinkSync(target, join(directory, name));
    expect(await refusal()).toMatchObject({ name: 'STORAGE_CORRUPT', message: expect.stringContaining('symbolic link') });
    expect(readFileSync(target, 'utf8')).toBe('precious');
  });

  it.each([
    ['a file that is no database', Buffer.from('this is not a database')],
    ['a long file that is no database', Buffer.alloc(20_000, 'garbage ')],
  ])('names %s in the remedy and leaves it as it is', async (_, content) => {
    await (await open()).close();
    const file = join(directory, 'ledger.db');
    writeFileSync(file, content);
    const error = await refusal();
    expect(error.name).toBe('STORAGE_CORRUPT');
    expect(error.remedy).toContain(file);
    expect(readFileSync(file)).toEqual(content);
  });

  it.each([
    ['a newer format', 'PRAGMA user_version = 2', 'newer version'],
    ['a kind of later', "UPDATE meta SET value = CAST('mirrored' AS BLOB) WHERE name = 'kind'", 'newer version'],
    ['another program', 'PRAGMA application_id = 7', 'another program'],
    ['a kind that was taken away', "DELETE FROM meta WHERE name = 'kind'", 'Admin LM'],
  ])('leaves a database of %s as it is', async (_, statement, said) => {
    const ledger = await open();
    await add(ledger);
    await ledger.close();
    const file = join(directory, 'ledger.db');
    const database = new DatabaseSync(file);
    database.exec(statement);
    database.close();
    const content = readFileSync(file);
    const error = await refusal();
    expect(error.message).toContain(said);
    expect(error.remedy).toContain(file);
    expect(readFileSync(file)).toEqual(content);
  });

  it.skipIf(process.platform === 'win32')('refuses to go on in a file that was moved away, removed or replaced by a copy', async () => {
    const file = join(directory, 'ledger.db');
    const gone = { name: 'DEVICE_ERR', message: expect.stringContaining('removed or replaced') };
    const [ledger, other] = [await open(), await open()];
    await add(ledger);
    renameSync(file, join(parent, 'moved'));
    await expect(add(ledger)).rejects.toMatchObject(gone);
    cpSync(join(parent, 'moved'), file);
    await expect(add(ledger)).rejects.toMatchObject(gone);
    rmSync(file);
    renameSync(join(parent, 'moved'), file);
    expect(await add(other)).toBe(2); // what was refused holds nothing
    expect(await add(ledger)).toBe(3);
  });

  /** False where an ordinary user cannot even read this program. */
  const canRunAsNobody = (): boolean => {
    try {
      execFileSync(process.execPath, ['--check', opener], { uid: NOBODY, gid: NOBODY, stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  };

  /** What a process of an ordinary user says who opens the ledger and writes into it. */
  const asNobody = (): unknown => {
    const said = execFileSync(process.execPath, [opener, directory], { uid: NOBODY, gid: NOBODY, encoding: 'utf8', timeout: 20_000 });
    const result: unknown = JSON.parse(said);
    return result;
  };

  it.skipIf(!isRoot || process.platform === 'win32')(
    'says which directory cannot be written, when it, a file in it, or what is above it belongs to another user (needs root to change the user)',
    { timeout: 60_000 },
    async (context) => {
      if (!canRunAsNobody()) context.skip('this program lies where an ordinary user cannot read it');
      chmodSync(parent, 0o755);
      const refused = { name: 'DEVICE_ERR', message: expect.stringContaining(directory), remedy: expect.stringContaining(directory) };
      expect(asNobody()).toMatchObject(refused); // no `deep` can be made
      mkdirSync(directory, { recursive: true });
      for (const mode of [0o500, 0o555, 0o700, 0o755]) {
        chmodSync(directory, mode);
        expect(asNobody()).toMatchObject(refused);
      }
      await (await open()).close();
      chownSync(directory, NOBODY, NOBODY);
      for (const mode of [0o400, 0o444, 0o600, 0o644]) {
        chmodSync(join(directory, 'ledger.db'), mode);
        expect(asNobody()).toMatchObject(refused);
      }
      chownSync(join(directory, 'ledger.db'), NOBODY, NOBODY);
      expect(asNobody()).toEqual({ name: 'OK' });
      // A user's own things that are read-only are made writable again.
      chmodSync(join(directory, 'ledger.db'), 0o400);
      chmodSync(directory, 0o500);
      expect(asNobody()).toEqual({ name: 'OK' });
    },
  );
});

/** Runs `work` on a small disk of its own; false where the system does not let us mount one. */
async function onDisk(work: (disk: string) => Promise<void>): Promise<boolean> {
  const disk = mkdtempSync(join(tmpdir(), 'ledger-disk-'));
  try {
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m,mode=0700', 'ledger-test', disk], { stdio: 'ignore' });
    } catch {
      return false;
    }
    try {
      await work(disk);
    } finally {
      execFileSync('umount', [disk]);
    }
    return true;
  } finally {
    rmSync(disk, { recursive: true });
  }
}

function fill(disk: string): () => void {
  const path = join(disk, 'filler');
  const { bavail, bsize } = statfsSync(disk);
  writeFileSync(path, Buffer.alloc(bavail * bsize));
  return () => rmSync(path);
}

describe.skipIf(!canMount)('a shared ledger on a bad disk (needs root to mount one)', () => {
  const openIn = (disk: string): Promise<SharedLedger> =>
    openSharedLedger({ directory: join(disk, 'state'), now: () => wall(0), authenticationKey });

  it('rejects with 43 when it is full, keeps nothing of it, and works again when there is space', async (context) => {
    const could = await onDisk(async (disk) => {
      const [one, two] = await Promise.all([openIn(disk), openIn(disk)]);
      for (let round = 1; round <= 10; round += 1) expect(await add(round % 2 === 0 ? one : two)).toBe(round);
      const free = fill(disk);
      const early = one.update([], () => ({ changes: [{ key: 'a/early/1', row: { text: 'x'.repeat(9_000) } }], audit: [], reply: 0 }), {
        durability: 'later',
      });
      const asked = [early, ...Array.from({ length: 200 }, (_, index) => add(index % 2 === 0 ? one : two))];
      for (const result of await Promise.allSettled(asked)) {
        const reason: unknown = result.status === 'rejected' ? result.reason : undefined;
        expect(reason).toBeInstanceOf(LicensingError);
        expect(reason).toMatchObject({ name: 'DEVICE_ERR', message: expect.stringContaining('full') });
      }
      await expect(openSharedLedger({ directory: join(disk, 'new'), now: () => wall(0), authenticationKey })).rejects.toMatchObject({
        name: 'DEVICE_ERR',
      });
      free();
      expect(await add(two)).toBe(11);
      expect(await add(one)).toBe(12);
      await Promise.all([one.close(), two.close()]);
      const again = await openIn(disk);
      expect(again.damage()).toEqual([]);
      const keys: string[] = [];
      for await (const [key] of again.scan('a/')) keys.push(key);
      expect(keys).toHaveLength(13);
      expect((await again.audit()).map(({ sequence }) => sequence)).toEqual(Array.from({ length: 12 }, (_, index) => 12 - index));
      await again.close();
    });
    if (!could) context.skip('this system does not let root mount a tmpfs');
  });

  it('does not open on a disk that is mounted read-only, says so, and opens when it is not', async (context) => {
    const could = await onDisk(async (disk) => {
      const ledger = await openIn(disk);
      await add(ledger);
      await ledger.close();
      const refused = { name: 'DEVICE_ERR', remedy: expect.stringContaining('read-only') };
      execFileSync('mount', ['-o', 'remount,ro', disk]);
      await expect(openIn(disk)).rejects.toMatchObject(refused);
      execFileSync('mount', ['-o', 'remount,rw', disk]);
      chmodSync(join(disk, 'state'), 0o755); // so that there is something to be tightened
      execFileSync('mount', ['-o', 'remount,ro', disk]);
      await expect(openIn(disk)).rejects.toMatchObject({ name: 'DEVICE_ERR' });
      execFileSync('mount', ['-o', 'remount,rw', disk]);
      const again = await openIn(disk);
      expect(await add(again)).toBe(2);
      await again.close();
    });
    if (!could) context.skip('this system does not let root mount a tmpfs');
  });
});
