import { randomBytes } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMachineSeal, systemEntropy } from '../machine/index.ts';
import { createSimulatedClock } from '../simulated-clock.testing.ts';
import { openStoreClaim, type StoreClaim } from './store-claim.ts';

// S20, T4: of one user's keys one file counts at a time, whoever opens it; and as many applications as like share that one.

let root: string;
let seal = createMachineSeal(['id:test'], randomBytes(32), systemEntropy);
const open: StoreClaim[] = [];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'kh-store-'));
  seal = createMachineSeal(['id:test'], randomBytes(32), systemEntropy);
  mkdirSync(join(root, 'store'));
  writeFileSync(join(root, 'store', 'ledger.db'), 'the keys');
});
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
  rmSync(root, { recursive: true, force: true });
});
const claim = (pid: number): StoreClaim => {
  const made = openStoreClaim({
    seal,
    directory: join(root, 'store'),
    process: { pid, start: 1_000 + pid },
    clock: createSimulatedClock(),
  });
  open.push(made);
  return made;
};
const replace = (): void => {
  renameSync(join(root, 'store'), join(root, 'away'));
  cpSync(join(root, 'away'), join(root, 'store'), { recursive: true });
};
const refusal = async (of: StoreClaim): Promise<LicensingError> => {
  try {
    await of.held();
  } catch (error) {
    if (error instanceof LicensingError) return error;
    throw error;
  }
  throw new Error('was not refused');
};

describe('the file of the keys of a user', () => {
  it('is shared by any number of applications, and costs nothing once it is held', async () => {
    const all = Array.from({ length: 12 }, (_, pid) => claim(pid + 1));
    for (const each of all) await each.held();
    expect(all.map((each) => each.held())).toEqual(all.map(() => undefined));
  });

  it('that was copied into its place while an application runs is refused (84) until that one has ended', async () => {
    const first = claim(1);
    await first.held();
    replace();
    const second = claim(2);
    const { status, detail } = await refusal(second);
    expect([status, detail]).toEqual([Status.SHARING_VIOLATION, expect.stringContaining('The process with id 1 has another copy')]);
    expect(first.held()).toBeUndefined();
    await first.close();
    await second.held();
    expect(second.held()).toBeUndefined();
  });

  it('counts as long as any of those that share it runs', async () => {
    const [first, second] = [claim(1), claim(2)];
    for (const each of [first, second]) await each.held();
    await first.close();
    replace();
    expect((await refusal(claim(3))).detail).toContain('The process with id 2 has another copy');
  });
});
