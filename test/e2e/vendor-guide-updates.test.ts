import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { initVendor, issueLicenseFile, unlockVendor, vendorCodeOf, vendorPaths } from '@keyhaven/vendor-tools';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keyhaven, type LoneLm, startLoneLm } from './lone-lm.ts';

// What docs/guide/vendor.md says of memory and updates is done here as it stands there, on a real LM in a process of its own (K3, K4).

const ROOT = join(import.meta.dirname, '../..');
const KEYHAVEN = join(ROOT, 'packages/cli/bin/keyhaven.js');
const PASSPHRASE = 'guide for vendors';
const guide = readFileSync(join(ROOT, 'docs/guide/vendor.md'), 'utf8');
const section = (title: string): string => guide.split(/^## /m).find((each) => each.startsWith(`${title}\n`)) ?? '';
const blocks = (text: string, language: string): string[] =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, 'gm'))].map(([, block = '']) => block);
const [example = ''] = blocks(section('Memory of a key'), 'ts');
const [catalog = ''] = blocks(section('Memory of a key'), 'yaml');
const [update = '', packed = ''] = blocks(section('Updates'), 'sh');

let base: string;
let state: string;
let lm: LoneLm;
let code: string;
let key: string;
const path = (name: string): string => join(base, name);
const vendor = () => unlockVendor(path('vendor'), PASSPHRASE);

const start = async (): Promise<void> => {
  await writeFile(path('quiet.toml'), '[search]\nbroadcast = false\n');
  lm = await startLoneLm(state, ['--config', path('quiet.toml')]);
};
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'keyhaven-guide-'));
  state = path('state');
  await start();
  await initVendor(path('vendor'), { id: 37_515, name: 'Guide', passphrase: PASSPHRASE });
  await writeFile(vendorPaths(path('vendor')).catalog, catalog);
  code = vendorCodeOf(await vendor());
  expect(await lm.ask('c2v', '--vendor-code', code, '--out', path('new.c2v'))).toMatchObject({ code: 0 });
  await issueLicenseFile(path('vendor'), { vendor: await vendor(), c2v: path('new.c2v'), products: [1], out: path('first.v2c') });
  const applied = await lm.ask('apply', path('first.v2c'), '--json');
  expect(applied).toMatchObject({ code: 0 });
  key = (JSON.parse(applied.stdout) as { key: string }).key;
});
afterAll(async () => {
  await lm.end();
  await rm(base, { recursive: true, force: true });
});

const typed = async (program: string, args: readonly string[], input: string, cwd: string): Promise<{ code: number; output: string }> => {
  const env = { ...process.env, KEY: key, KEYHAVEN_VENDOR_PASSPHRASE: PASSPHRASE, KEYHAVEN_LOCAL_LM: `127.0.0.1:${lm.port}` };
  const child = spawn(program, args, { cwd, env, stdio: ['pipe', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stdin.end(input);
  const [status] = (await once(child, 'close')) as [number];
  return { code: status, output };
};
const SHELL = `
set -e
keyhaven() { if [ "$1" = vendor ]; then "${process.execPath}" "${KEYHAVEN}" "$@"; else "${process.execPath}" "${KEYHAVEN}" "$@" --lm 127.0.0.1:$PORT; fi; }
`;
const shell = (script: string) => typed('sh', ['-c', SHELL.replaceAll('$PORT', String(lm.port)) + script], '', base);
const application = () => typed(process.execPath, ['--input-type=module-typescript', '-'], example.replace('THE VENDOR CODE', code), ROOT);
const featuresNow = async () =>
  JSON.parse((await lm.ask('features', '--json')).stdout) as readonly {
    feature: number;
    license: { until?: string; count?: number };
    seats: { limit: number };
  }[];
const counterNow = async (): Promise<number> =>
  (JSON.parse((await lm.ask('keys', '--json')).stdout) as readonly { updateCounter: number }[])[0]?.updateCounter ?? -1;

describe('the guide of vendors, on memory and updates', () => {
  it('has a program that uses every kind of file, and what was written survives kill -9', async () => {
    expect(await application()).toEqual({ code: 0, output: '2097152\ntide tables 2027\nxxxxx\n5 ACCESS_DENIED\n' });
    await lm.end('SIGKILL');
    await start();
    // The file that can be written once has been, also for the next process.
    const again = await application();
    expect(again.code).not.toBe(0);
    expect(again.output).toContain('ACCESS_DENIED');
  });

  it('changes a license by actions, and the vendor sees by the acknowledgement that it is in force', async () => {
    const { code: status, output } = await shell(update);
    expect(status, output).toBe(0);
    expect(output).toContain(`applied: key ${key} is at update 2`);
    expect(output).toContain(`Key ${key} (sl-adminmode) of vendor 37515, update counter 2`);
    const features = await featuresNow();
    expect(features.find(({ feature }) => feature === 42)?.seats.limit).toBe(7);
    expect(features.find(({ feature }) => feature === 43)?.license.until).toBe('2028-12-30T23:59:59.999Z');
  });

  it('applies a package, all of it or nothing, and what is there already is passed over', async () => {
    const { code: status, output } = await shell(packed);
    expect(status, output).toBe(0);
    expect(output).toContain(`applied: key ${key} is at update 4`);
    const features = await featuresNow();
    expect(features.find(({ feature }) => feature === 50)?.license.count).toBe(150);
    expect(features.map(({ feature }) => feature)).toContain(60);
    expect(await lm.ask('apply', path('both.v2cp'))).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^error 65 UPDATE_ALREADY_ADDED/) as string,
    });
    expect(await lm.ask('apply', path('one.v2c'))).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^error 54 UPDATE_TOO_OLD/) as string,
    });
  });

  it('refuses a C2V that is older than what was issued (94), and an update computed from what the key never had (94)', async () => {
    const args = ['vendor', 'update', path('vendor'), '--c2v', path('now.c2v'), '--action', 'add seats 1.42 1', '--out', path('x.v2c')];
    const env = { KEYHAVEN_VENDOR_PASSPHRASE: PASSPHRASE };
    expect(await keyhaven(args, { env })).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^error 94 UPDATE_OUT_OF_SYNC/) as string,
    });
    expect(await lm.ask('c2v', '--key', key, '--out', path('fork.c2v'))).toMatchObject({ code: 0 });
    const fork = (out: string, seats: string) =>
      keyhaven(
        [
          'vendor',
          'update',
          path('vendor'),
          '--c2v',
          path('fork.c2v'),
          '--action',
          `add seats 1.42 ${seats}`,
          '--replace',
          '--out',
          path(out),
        ],
        { env },
      );
    expect(await fork('five-a.v2c', '1')).toMatchObject({ code: 0 });
    expect(await fork('five-b.v2c', '2')).toMatchObject({ code: 0 });
    const six = [
      'vendor',
      'update',
      path('vendor'),
      '--c2v',
      path('fork.c2v'),
      '--after',
      path('five-b.v2c'),
      '--action',
      'add seats 1.42 1',
      '--out',
      path('six.v2c'),
    ];
    expect(await keyhaven(six, { env })).toMatchObject({ code: 0 });
    expect(await lm.ask('apply', path('six.v2c'))).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^error 55 UPDATE_TOO_NEW/) as string,
    });
    expect(await lm.ask('apply', path('five-a.v2c'))).toMatchObject({ code: 0 });
    expect(await lm.ask('apply', path('six.v2c'))).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^error 94 UPDATE_OUT_OF_SYNC/) as string,
    });
    expect(await counterNow()).toBe(5);
  });

  it('applies what is put into the folder at once, tells it, and puts aside what it refuses', async () => {
    const env = { KEYHAVEN_VENDOR_PASSPHRASE: PASSPHRASE };
    expect(await lm.ask('c2v', '--key', key, '--out', path('drop.c2v'))).toMatchObject({ code: 0 });
    const args = [
      'vendor',
      'update',
      path('vendor'),
      '--c2v',
      path('drop.c2v'),
      '--action',
      'cancel updates',
      '--ack',
      '--replace',
      '--out',
      path('last.v2c'),
    ];
    expect(await keyhaven(args, { env })).toMatchObject({ code: 0 });
    const folder = join(state, 'installed');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, '.last'), await readFile(path('last.v2c')));
    await rename(join(folder, '.last'), join(folder, 'last.v2c'));
    await expect.poll(() => existsSync(join(folder, '37515/last.v2c.ack.c2v')), { timeout: 10_000 }).toBe(true);
    expect(await counterNow()).toBe(6);
    const inspected = await keyhaven(['vendor', 'inspect', join(folder, '37515/last.v2c.ack.c2v')]);
    expect(inspected.stdout).toContain('update counter 6');

    // The vendor's last word: nothing is applied after it (44).
    expect(await lm.ask('c2v', '--key', key, '--out', path('drop.c2v'))).toMatchObject({ code: 0 });
    expect(
      await keyhaven([...args.slice(0, 4), path('drop.c2v'), '--action', 'add seats 1.42 1', '--out', path('more.v2c')], { env }),
    ).toMatchObject({ code: 0 });
    await writeFile(join(folder, 'more.v2c'), await readFile(path('more.v2c')));
    await expect.poll(() => existsSync(join(folder, 'invalid/more.v2c.txt')), { timeout: 10_000 }).toBe(true);
    expect(await readFile(join(folder, 'invalid/more.v2c.txt'), 'utf8')).toContain('Error 44 UPDATE_BLOCKED');
    expect((await readdir(folder)).toSorted()).toEqual(['37515', 'invalid']);
    const audit = JSON.parse(await (await fetch(`http://127.0.0.1:${lm.port}/api/v1/audit?limit=50`)).text()) as readonly {
      kind: string;
      detail: { file?: string; status?: number };
    }[];
    expect(audit.find(({ kind }) => kind === 'file applied')?.detail).toMatchObject({ file: 'last.v2c' });
    expect(audit.find(({ kind }) => kind === 'file refused')?.detail).toMatchObject({ file: 'more.v2c', status: 44 });
  });
});
