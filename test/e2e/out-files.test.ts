import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestVendor } from '@keyhaven/testkit/local-lm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { keyhaven, type LoneLm, licenseAt, type Outcome, startLoneLm } from './lone-lm.ts';

// --out of detach, return and rehost (decision 0037): where the file cannot be written, nothing is done at the license manager; where it fails even so, what is
// done is not lost.

const vendor = createTestVendor(`
products:
  - id: 1
    name: Survey
    features: [{ id: 42, name: Echo sounder, license: { type: perpetual }, concurrency: { seats: 3, network: true }, detachable: true }]
    rehost: true
`);

describe('a file that cannot be written', () => {
  let directory = '';
  let office: LoneLm;
  let boat: LoneLm;
  let key = '';
  const file = (name: string): string => join(directory, name);
  const detach = (out: string, ...more: string[]): Promise<Outcome> =>
    office.ask('detach', '--key', key, '--product', '1', '--recipient', file('boat.id'), '--duration', '3600', '--out', out, ...more);
  const list = async (of: LoneLm, what: string): Promise<{ key: string }[]> =>
    z.array(z.looseObject({ key: z.string() })).parse(JSON.parse((await of.ask(what, '--json')).stdout));
  const childOf = async (): Promise<string> => (await list(boat, 'keys')).find((each) => each.key !== key)?.key ?? expect.fail('no key');
  const left = (): string[] => readdirSync(directory).filter((name) => name.endsWith('.tmp'));
  /** The commands that end or lend something, each with what it could not do twice. */
  const acts = async (out: string): Promise<readonly Outcome[]> => [
    await detach(out),
    await office.ask('rehost', '--key', key, '--recipient', file('boat.id'), '--out', out),
    await boat.ask('return', '--key', await childOf(), '--out', out),
  ];
  const nothingIsDone = async (): Promise<void> => {
    expect(await list(office, 'detached')).toHaveLength(1);
    expect(await list(office, 'keys')).toMatchObject([{ key }]);
    expect(await boat.login(vendor.vendorCode, 42)).toMatchObject({ status: 0 });
    expect(left()).toEqual([]);
  };

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'keyhaven-out-'));
    [office, boat] = [await startLoneLm(file('office')), await startLoneLm(file('boat'))];
    key = await licenseAt(office, vendor);
    expect(await boat.ask('recipient', '--out', file('boat.id'))).toMatchObject({ code: 0 });
    expect(await detach(file('boat.h2r'))).toMatchObject({ code: 0, stdout: `written: ${file('boat.h2r')}\n` });
    expect(await boat.ask('apply', file('boat.h2r'))).toMatchObject({ code: 0 });
  });
  afterAll(async () => {
    await Promise.all([office?.end(), boat?.end()]);
    await rm(directory, { recursive: true, force: true });
  });

  it('in a directory that is missing: error 13, and nothing is done', async () => {
    for (const { code, stdout, stderr } of await acts(file('none/x'))) {
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toMatch(/^error 13 SYS_ERR: .*none\/x cannot be written: its directory does not exist\. Nothing was done\. /);
    }
    await nothingIsDone();
  });

  it('that is a directory, or that the command reads: error 501, and nothing is done', async () => {
    mkdirSync(file('folder'));
    for (const { code, stdout, stderr } of await acts(file('folder'))) {
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toMatch(/^error 501 INVALID_PARAMETER: .*folder is a directory\. /);
    }
    const id = await readFile(file('boat.id'), 'latin1');
    expect((await detach(file('boat.id'))).stderr).toMatch(/^error 501 INVALID_PARAMETER: .*which this command needs itself\. /);
    expect(await readFile(file('boat.id'), 'latin1')).toBe(id);
    await nothingIsDone();
  });

  it('on a disk that is full: error 13, and nothing is done', async (context) => {
    const disk = file('disk');
    mkdirSync(disk);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk], { stdio: 'pipe' });
    } catch {
      return context.skip('a small file system can be mounted by root on Linux only');
    }
    try {
      expect(() => writeFileSync(join(disk, 'filler'), Buffer.alloc(2 * 1024 * 1024))).toThrow('ENOSPC');
      for (const { code, stdout, stderr } of await acts(join(disk, 'x'))) {
        expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
        expect(stderr).toMatch(/^error 13 SYS_ERR: .*disk\/x cannot be written: no space is left on the disk\. Nothing was done\. /);
      }
      expect(readdirSync(disk)).toEqual(['filler']);
      await nothingIsDone();
      rmSync(join(disk, 'filler'));
      expect(await boat.ask('recipient', '--out', join(disk, 'x'))).toMatchObject({ code: 0 });
    } finally {
      execFileSync('umount', [disk]);
    }
  });

  // /dev/full takes nothing, and says so only when it is written to.
  it('though it seemed so: the text is on standard output, and the same command gives it again', async (context) => {
    if (process.platform !== 'linux') return context.skip('/dev/full is there on Linux only');
    const child = await childOf();
    const given = await boat.ask('return', '--key', child, '--out', '/dev/full');
    expect(given.code).toBe(1);
    expect(given.stderr).toMatch(
      /^error 13 SYS_ERR: .*\/dev\/full cannot be written: no space is left on the disk\. What was asked for is done\. The text of the file is on standard output instead\. Save the text from there\. The same command gives the same file\.\n$/,
    );
    expect(await boat.ask('return', '--key', child, '--out', file('boat.r2h'))).toMatchObject({ code: 0, stderr: '' });
    expect(await readFile(file('boat.r2h'), 'latin1')).toBe(given.stdout);
    expect(await office.ask('apply', file('boat.r2h'))).toMatchObject({ code: 0 });

    // A fresh ID: the one before was of what was given back.
    await boat.ask('recipient', '--out', file('boat.id'));
    const lent = await detach('/dev/full', '--json');
    expect(lent.code).toBe(1);
    const { text, ...rest } = JSON.parse(lent.stdout) as Record<string, string>;
    expect(rest).toEqual({ file: null });
    expect(await detach(file('again.h2r'))).toMatchObject({ code: 0, stderr: '' });
    expect(await list(office, 'detached')).toHaveLength(1);
    await writeFile(file('saved.h2r'), text ?? '');
    expect(await boat.ask('apply', file('saved.h2r'))).toMatchObject({ code: 0 });
    expect(await boat.login(vendor.vendorCode, 42)).toMatchObject({ status: 0 });
    expect(await boat.ask('return', '--key', await childOf(), '--out', file('again.r2h'))).toMatchObject({ code: 0 });
    expect(await office.ask('apply', file('again.r2h'))).toMatchObject({ code: 0 });

    await boat.ask('recipient', '--out', file('boat.id'));
    const rehost = (out: string): Promise<Outcome> => office.ask('rehost', '--key', key, '--recipient', file('boat.id'), '--out', out);
    const moved = await rehost('/dev/full');
    expect(moved.stderr).toMatch(/What was asked for is done/);
    expect(await rehost('-')).toEqual({ code: 0, stdout: moved.stdout, stderr: '' });
    expect(await rehost(file('boat.h2h'))).toMatchObject({ code: 0 });
    expect(await boat.ask('apply', file('boat.h2h'))).toMatchObject({ code: 0 });
    expect(await list(boat, 'keys')).toMatchObject([{ key }]);
    expect(left()).toEqual([]);
  });

  it('--out - is standard output, and excludes --json', async () => {
    const { code, stdout, stderr } = await boat.ask('c2v', '--key', key, '--out', '-');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/C2V/);
    expect(await boat.ask('c2v', '--key', key, '--out', '-', '--json')).toMatchObject({ code: 2, stdout: '' });
    expect(await keyhaven(['recipient', '--lm', `127.0.0.1:${boat.port}`, '--out', ''])).toMatchObject({ code: 1 });
  });
});
