import { execFileSync } from 'node:child_process';
import { createSecretKey } from 'node:crypto';
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LicensingError } from '@keyhaven/core/errors';
import { wall } from '@keyhaven/core/time';
import { describe, expect, it } from 'vitest';
import type { Ledger, RowKey } from './port.ts';
import { openSqliteLedger } from './sqlite.ts';

const canMount = process.platform === 'linux' && process.getuid?.() === 0;

/** A small disk of its own; undefined where the system does not let us mount one. */
function mountDisk(): string | undefined {
  const directory = mkdtempSync(join(tmpdir(), 'ledger-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m,mode=0700', 'ledger-test', directory], { stdio: 'ignore' });
    return directory;
  } catch {
    rmSync(directory, { recursive: true });
    return undefined;
  }
}

function unmountDisk(directory: string): void {
  execFileSync('umount', [directory]);
  rmSync(directory, { recursive: true });
}

function fill(directory: string): string {
  const path = join(directory, 'filler');
  const { bavail, bsize } = statfsSync(directory);
  writeFileSync(path, Buffer.alloc(bavail * bsize));
  return path;
}

const TEXT = 'x'.repeat(1_000);
type Numbered = { readonly number: number };

describe('the SQLite ledger on a full disk', () => {
  it.skipIf(!canMount)(
    'rejects with 43, keeps nothing of it, and works again when there is space (needs root to mount a disk)',
    async (context) => {
      const disk = mountDisk();
      if (disk === undefined) {
        context.skip('this system does not let root mount a tmpfs');
        return;
      }
      const options = { directory: join(disk, 'state'), now: () => wall(0), authenticationKey: createSecretKey(Buffer.alloc(32, 1)) };
      let ledger: Ledger = await openSqliteLedger(options);
      const keyOf = (number: number): RowKey => `a/session/${number}`;
      const add = (number: number): Promise<number> =>
        ledger.update(['a/pool/1'], (rows) => ({
          changes: [
            { key: keyOf(number), row: { number, text: TEXT } },
            { key: 'a/pool/1', row: { number: (rows.get<Numbered>('a/pool/1')?.number ?? 0) + 1 } },
          ],
          audit: [{ kind: 'login', scope: 'a', detail: { number } }],
          reply: number,
        }));
      const sessions = async (): Promise<readonly number[]> => {
        const found: number[] = [];
        for await (const [, { number }] of ledger.scan<Numbered>('a/session/')) found.push(number);
        return found.toSorted((a, b) => a - b);
      };
      const used = (): Promise<number | undefined> =>
        ledger.update(['a/pool/1'], (rows) => ({ changes: [], audit: [], reply: rows.get<Numbered>('a/pool/1')?.number }));

      try {
        await Promise.all(Array.from({ length: 10 }, (_, number) => add(number)));
        const filler = fill(disk);
        // Three turns, so that the refused commit has others behind it that were decided on top of it.
        const asked: Promise<number>[] = [];
        for (let turn = 0; turn < 3; turn += 1) {
          for (let index = 0; index < 200; index += 1) asked.push(add(1_000 * (turn + 1) + index));
          await Promise.resolve();
        }
        const seen = used();
        const early = await ledger.update([], () => ({ changes: [{ key: 'a/early/1', row: {} }], audit: [], reply: 'early' }), {
          durability: 'later',
        });
        expect(early).toBe('early');
        const results = await Promise.allSettled([...asked, seen]);
        for (const result of results) {
          const reason: unknown = result.status === 'rejected' ? result.reason : undefined;
          expect(reason).toBeInstanceOf(LicensingError);
          expect(reason).toMatchObject({ name: 'DEVICE_ERR', message: expect.stringContaining('full') });
        }
        const ten = Array.from({ length: 10 }, (_, number) => number);
        expect(await sessions()).toEqual(ten);
        expect(await used()).toBe(10);
        await expect(add(50)).rejects.toMatchObject({ name: 'DEVICE_ERR' });

        rmSync(filler);
        expect(await add(60)).toBe(60);
        await ledger.close();
        ledger = await openSqliteLedger(options);
        expect(ledger.damage()).toEqual([]);
        expect(await sessions()).toEqual([...ten, 60]);
        expect(await used()).toBe(11);
        expect((await ledger.audit()).map(({ sequence }) => sequence)).toEqual([11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
      } finally {
        await ledger.close();
        unmountDisk(disk);
      }
    },
  );
});
