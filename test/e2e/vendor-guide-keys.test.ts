import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KeyInfo } from '@keyhaven/core/admin';
import type { Observation } from '@keyhaven/core/fingerprint';
import { startLocalLm } from '@keyhaven/testkit/local-lm';
import {
  initVendor,
  issueLicenseFile,
  issueTrialFile,
  unlockVendor,
  updateLicenseFile,
  type Vendor,
  vendorCodeOf,
  vendorPaths,
} from '@keyhaven/vendor-tools';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

// What docs/guide/vendor.md says of SL UserMode and SL Legacy is done here as it stands there (T1), through `keyhaven` and programs of their own.

const ROOT = join(import.meta.dirname, '../..');
const KEYHAVEN = join(ROOT, 'packages/cli/bin/keyhaven.js');
const PASSPHRASE = 'guide for vendors';
const guide = readFileSync(join(ROOT, 'docs/guide/vendor.md'), 'utf8');
const block = (name: string): string => {
  const [, text] = new RegExp(`^\`\`\`${name}\\n([^]*?)^\`\`\``, 'm').exec(guide) ?? [];
  if (text === undefined) throw new Error(`the guide has no example ${name}`);
  return text;
};
const catalog = `
products:
  - id: 1
    name: Survey
    features:
      - { id: 42, name: Echo sounder, license: { type: perpetual }, concurrency: { seats: 2, network: true } }
    memory: { readWrite: 64, readOnly: 16, readOnlyData: { text: fleet } }
  - { id: 2, name: Charts, features: [{ id: 60, license: { type: executions, count: 2 } }], memory: { readWrite: 0, readOnly: 0 } }
`;

let base: string;
let code: string;
let vendor: Vendor;
const path = (name: string): string => join(base, name);
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'keyhaven-guide-'));
  await initVendor(path('vendor'), { id: 37_515, name: 'Guide', passphrase: PASSPHRASE });
  await writeFile(vendorPaths(path('vendor')).catalog, catalog);
  vendor = await unlockVendor(path('vendor'), PASSPHRASE);
  code = vendorCodeOf(vendor);
  // Programs there find the packages of this checkout.
  await symlink(join(ROOT, 'node_modules'), path('node_modules'));
});
afterAll(() => rm(base, { recursive: true, force: true }));

type Ran = { readonly code: number; readonly output: string };
/** `port`: the Admin LM that every command but those of the vendor is told; without it they are told none, and there is none. */
const runner = (user: string, port?: number) => {
  const env = {
    ...process.env,
    CODE: code,
    KEYHAVEN_STATE: path(user),
    KEYHAVEN_VENDOR_PASSPHRASE: PASSPHRASE,
    // No license manager listens on the discard port.
    KEYHAVEN_LOCAL_LM: `127.0.0.1:${port ?? 9}`,
  };
  const run = async (program: string, ...args: readonly string[]): Promise<Ran> => {
    const child = spawn(program, args, { cwd: base, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const [status] = (await once(child, 'close')) as [number];
    return { code: status, output };
  };
  const lm = port === undefined ? '' : `--lm 127.0.0.1:${port}`;
  const shell = `
set -e
keyhaven() { case "$1" in vendor|login) "${process.execPath}" "${KEYHAVEN}" "$@";; *) "${process.execPath}" "${KEYHAVEN}" "$@" ${lm};; esac; }
`;
  return {
    shell: (script: string) => run('sh', '-c', shell + script),
    keyhaven: (...args: readonly string[]) => run(process.execPath, KEYHAVEN, ...args),
    program: (...args: readonly string[]) => run(process.execPath, ...args),
  };
};
const done = (ran: Ran): string => {
  expect(ran.code, ran.output).toBe(0);
  return ran.output;
};

describe('the guide of vendors, on keys of a user (SL UserMode)', () => {
  it('has commands that make, license and use one, without any Admin LM', async () => {
    const { shell, keyhaven } = runner('user');
    done(await shell(block('sh usermode=customer')));
    const output = done(await shell(block('sh usermode=vendor')));
    const [key] = JSON.parse(done(await keyhaven('keys', '--user', '--json'))) as KeyInfo[];
    expect(key).toMatchObject({ type: 'sl-usermode', vendor: 37_515, local: true, updateCounter: 1, damage: null });
    expect(output).toContain(`applied: key ${key?.key} is at update 1`);
    // A change of it: the key is found by its id alone, in the one store that has it.
    done(await keyhaven('c2v', '--key', key?.key ?? '', '--out', path('now.c2v')));
    await updateLicenseFile(path('vendor'), {
      vendor,
      c2v: path('now.c2v'),
      actions: ['add product 2'],
      acknowledge: true,
      out: path('more.v2c'),
    });
    expect(done(await keyhaven('apply', 'more.v2c', '--ack', 'ack.c2v'))).toContain('is at update 2');
    expect(done(await keyhaven('vendor', 'inspect', 'ack.c2v'))).toContain(
      `Key ${key?.key} (sl-usermode) of vendor 37515, update counter 2`,
    );
    for (const left of [0, 0, 41]) {
      const { code: exit, output: said } = await keyhaven('login', '--vendor-code', code, '--feature', '60', '--json');
      expect(JSON.parse(said), `${exit}`).toMatchObject({ status: left });
    }
  });

  it('has a program that requests a key and applies its license by itself', async () => {
    const { program, keyhaven } = runner('program');
    await writeFile(path('app.ts'), block('ts usermode').replace('THE VENDOR CODE', code));
    done(await program('app.ts', 'request', 'app.c2v'));
    await issueLicenseFile(path('vendor'), { vendor, c2v: path('app.c2v'), products: [1], out: path('app.v2c') });
    done(await program('app.ts', 'apply', 'app.v2c'));
    const [key] = JSON.parse(done(await keyhaven('keys', '--user', '--json'))) as KeyInfo[];
    expect(done(await program('app.ts', 'run'))).toBe(`${key?.key}\n`);
  });

  it('says where a license belongs that is not of this user (18), and what an Admin LM does not hold (16)', async () => {
    const { shell } = runner('user');
    done(await shell('keyhaven c2v --vendor-code $CODE --type sl-usermode --out of-user.c2v'));
    await issueLicenseFile(path('vendor'), { vendor, c2v: path('of-user.c2v'), products: [1], out: path('of-user.v2c') });
    const stranger = await runner('stranger').keyhaven('apply', 'of-user.v2c');
    expect([stranger.code, stranger.output]).toEqual([
      1,
      expect.stringMatching(/^error 18 .*no key of vendor 37515.*Apply it as the user/),
    ]);
    const local = await startLocalLm();
    onTestFinished(() => local[Symbol.asyncDispose]());
    const atLm = runner('user', local.port);
    const made = await atLm.shell('keyhaven c2v --vendor-code $CODE --type sl-usermode --out x.c2v');
    const applied = await atLm.shell('keyhaven apply of-user.v2c');
    for (const { code: exit, output } of [made, applied])
      expect([exit, output]).toEqual([1, expect.stringMatching(/^error 16 REQ_NOT_SUPP.*An Admin LM does not hold SL UserMode keys/)]);
    const unknown = await runner('user').keyhaven('c2v', '--key', '12345', '--out', path('x.c2v'));
    expect([unknown.code, unknown.output]).toEqual([1, expect.stringMatching(/^error \d+ .*in none of this user's stores/)]);
  });

  it('has a trial that makes such a key', async () => {
    const user = runner('trial');
    await issueTrialFile(path('vendor'), { vendor, product: 1, days: 30, out: path('trial.v2c') });
    done(await user.keyhaven('apply', '--user', 'trial.v2c'));
    const keys = JSON.parse(done(await user.keyhaven('keys', '--user', '--json'))) as KeyInfo[];
    expect(keys).toMatchObject([{ type: 'sl-usermode', updateCounter: 0 }]);
    done(await user.keyhaven('login', '--vendor-code', code, '--feature', '42'));
  });
});

describe('the guide of vendors, on license files for one computer (SL Legacy)', () => {
  const office: Observation = { host: 'physical', values: { disk: ['disk 1'], board: ['board 1'], fqdn: ['office.example'] } };
  const other: Observation = { host: 'physical', values: { disk: ['disk 2'], board: ['board 2'], fqdn: ['office.example'] } };
  const start = async (observed: Observation, trialDirectory: string, stateDirectory?: string) => {
    const local = await startLocalLm({
      observe: async () => observed,
      trialDirectory,
      ...(stateDirectory === undefined ? {} : { stateDirectory }),
    });
    onTestFinished(() => local[Symbol.asyncDispose]());
    return { local, ...runner('legacy', local.port) };
  };

  it('has commands that issue, apply and change one', async () => {
    const { shell, local } = await start(office, path('marks'), path('office'));
    const before = done(await shell(block('sh legacy=customer')));
    expect(before).toContain('written: office.fp');
    const said = done(await shell(block('sh legacy=vendor')));
    expect(said).toMatch(/legacy license, version 1, product 1; its key will be (\d+)/);
    expect(said).toMatch(/Legacy license .* of vendor 37515, version 1, for one physical computer \(board, disk, fqdn\)/);
    done(await shell(block('sh legacy=apply')));
    const changed = done(await shell(block('sh legacy=update')));
    expect(changed).toContain('is at update 2');
    for (const status of [0, 0, 41]) {
      const { output } = await shell('keyhaven login --vendor-code $CODE --feature 60 --json');
      expect(JSON.parse(output)).toMatchObject({ status });
    }
    expect(await shell('keyhaven apply office-2.v2c')).toMatchObject({ code: 1, output: expect.stringMatching(/^error 65/) as string });
    expect(await shell('keyhaven apply office.v2c')).toMatchObject({ code: 1, output: expect.stringMatching(/^error 54/) as string });
    const [key] = JSON.parse(await local.ask('GET', '/api/v1/keys')) as KeyInfo[];
    expect(key).toMatchObject({ type: 'sl-legacy', updateCounter: 2 });
    expect(await shell(`keyhaven c2v --key ${key?.key} --out x.c2v`)).toMatchObject({
      code: 1,
      output: expect.stringMatching(/^error 16 .*has no C2V/) as string,
    });
    const twice = await shell('keyhaven vendor legacy vendor --fingerprint office.fp --product 1 --after office.v2c --out x.v2c');
    expect(twice).toMatchObject({ code: 1, output: expect.stringMatching(/^error 94/) as string });
    // A second state directory on the computer is not a second license.
    const second = await start(office, path('marks'));
    expect(await second.shell('keyhaven apply office-2.v2c')).toMatchObject({
      code: 1,
      output: expect.stringMatching(/^error 65 .*another state directory/) as string,
    });
  });

  it('is refused on another computer before anything is made (52)', async () => {
    const { shell } = await start(other, path('other-marks'));
    const refused = await shell('keyhaven apply office.v2c');
    expect(refused).toMatchObject({
      code: 1,
      output: expect.stringMatching(/^error 52 .*another computer.*keyhaven fingerprint/) as string,
    });
    expect(JSON.parse(done(await shell('keyhaven keys --json')))).toEqual([]);
  });

  it('is held by no user store (16)', async () => {
    const ran = await runner('user').keyhaven('apply', '--user', 'office.v2c');
    expect(ran).toMatchObject({ code: 1, output: expect.stringMatching(/^error 16 .*does not hold SL Legacy keys/) as string });
  });
});
