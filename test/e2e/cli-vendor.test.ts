import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keyFromSeeds, stateDocument } from '@keyhaven/core/key';
import { armor, parseVendorCode } from '@keyhaven/core/license';
import { wall } from '@keyhaven/core/time';
import { systemEntropy } from '@keyhaven/vendor-tools';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { inPty, noPty } from './pty.ts';

// The vendor's commands as processes: several at once, killed, on a full disk, at a terminal (X4).

const KEYHAVEN = join(import.meta.dirname, '../../packages/cli/bin/keyhaven.js');
const PASSPHRASE = 'passphrase of these tests';
const env = { ...process.env, KEYHAVEN_VENDOR_PASSPHRASE: PASSPHRASE };
let base = '';
let directory = '';
const path = (name: string): string => join(base, name);
const keyhaven = (...args: string[]) => spawnSync(process.execPath, [KEYHAVEN, 'vendor', ...args], { encoding: 'utf8', env });
const start = (...args: string[]) => {
  const child = spawn(process.execPath, [KEYHAVEN, 'vendor', ...args], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
};
const lines = (): string[] => {
  const file = join(directory, 'issued.jsonl');
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
};

beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), 'keyhaven-cli-vendor-'));
});
afterAll(() => rmSync(base, { recursive: true, force: true }));
let counter = 0;
beforeEach(() => {
  counter += 1;
  directory = path(`vendor-${counter}`);
  expect(keyhaven('init', directory, '--id', '7', '--name', 'Deep Water')).toMatchObject({ status: 0 });
  const { vendor, publicKey } = parseVendorCode(keyhaven('code', directory).stdout.trim());
  const key = keyFromSeeds({ type: 'sl-adminmode', vendor, vendorKey: publicKey }, systemEntropy.bytes(32), systemEntropy.bytes(32));
  const state = stateDocument(key, { counter: 0, host: 'h', virtualMachine: false, usage: [] }, wall(Date.now()));
  writeFileSync(path('key.c2v'), armor('C2V', state));
});
const license = (out: string, ...more: string[]): string[] => [
  'license',
  directory,
  '--c2v',
  path('key.c2v'),
  '--product',
  '1',
  '--out',
  out,
  ...more,
];

describe('vendor commands', () => {
  it('that run at the same time use a number once', async () => {
    const children = ['a', 'b', 'c'].map((name) => start(...license(path(`at-once-${name}.v2c`))));
    const codes = await Promise.all(children.map(async (child) => (await once(child, 'close'))[0] as number));
    expect(codes.toSorted((one, other) => one - other)).toEqual([0, 1, 1]);
    expect(lines()).toHaveLength(1);
    expect(readdirSync(base).filter((name) => name.startsWith('at-once'))).toHaveLength(1);
  });

  it('that are killed give the same file when they are run again', async () => {
    const out = path('killed.v2c');
    const child = start(...license(out));
    const closed = once(child, 'close');
    // As soon as anything of it is to be seen.
    while (!existsSync(out) && !existsSync(join(directory, 'pending')) && child.exitCode === null)
      await new Promise((resolve) => setImmediate(resolve));
    child.kill('SIGKILL');
    await closed;
    const before = existsSync(out) ? readFileSync(out, 'utf8') : undefined;
    expect(keyhaven(...license(out))).toMatchObject({ status: 0 });
    if (before !== undefined) expect(readFileSync(out, 'utf8')).toBe(before);
    expect(lines()).toHaveLength(1);
    expect(readdirSync(join(directory, 'pending'))).toEqual([]);
  });

  it.skipIf(process.platform !== 'linux' || process.getuid?.() !== 0)('use no number where the disk is full', () => {
    const small = path('small');
    mkdirSync(small);
    expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4k', 'tmpfs', small]).status).toBe(0);
    try {
      writeFileSync(join(small, 'fill'), 'x'.repeat(4_096));
      const full = keyhaven(...license(join(small, 'key.v2c')));
      expect(full.status).toBe(1);
      expect(full.stderr).toMatch(
        /^error 13 SYS_ERR: .*no space is left on the disk\. Nothing was issued, and no update number was used\./,
      );
      expect(readdirSync(small)).toEqual(['fill']);
    } finally {
      spawnSync('umount', [small]);
    }
    expect(lines()).toEqual([]);
    expect(keyhaven(...license(path('elsewhere.v2c')))).toMatchObject({ status: 0 });
  });

  it('write to standard output, and inspect reads it from there', () => {
    const issued = keyhaven(...license('-'));
    expect(issued).toMatchObject({ status: 0, stdout: expect.stringMatching(/^-----BEGIN KEYHAVEN V2C/) as string });
    expect(issued.stderr).toMatch(/^license for key \d+, update counter 1/);
    const seen = spawnSync(process.execPath, [KEYHAVEN, 'vendor', 'inspect', '-'], { encoding: 'utf8', input: issued.stdout });
    expect(seen).toMatchObject({ status: 0, stdout: expect.stringContaining('The signature holds') as string });
  });

  it('check and report say what is wrong in the way of all commands', () => {
    writeFileSync(
      join(directory, 'catalog.yaml'),
      'products:\n  - id: 1\n    features:\n      - { id: 0, license: { type: perpetual } }\n',
    );
    const check = keyhaven('check', directory);
    expect(check.status).toBe(1);
    expect(check.stdout).toContain('catalog.yaml: line 4: products[0].features[0].id: must be a whole number from 1 to 65471\n');
    expect(check.stderr).toMatch(/^error 501 INVALID_PARAMETER: .*has 1 fault; .*Correct it at the places named\.\n$/);
    expect(keyhaven('report', path('nowhere'))).toMatchObject({ status: 1, stderr: expect.stringMatching(/^error 72 /) as string });
    for (const wrong of [
      ['check'],
      ['report', directory, '--csv', '--json'],
      ['record', directory],
      ['passphrase'],
      ['license', directory, '--out', '-'],
    ])
      expect(keyhaven(...wrong), wrong.join(' ')).toMatchObject({ status: 2, stdout: '' });
  });

  it.skipIf(noPty())('ask for the passphrases at a terminal, and show none of them', async () => {
    const pty = inPty([process.execPath, KEYHAVEN, 'vendor', 'passphrase', directory], {
      columns: 200,
      env: { KEYHAVEN_VENDOR_PASSPHRASE: '' },
    });
    onTestFinished(() => pty.kill());
    await pty.shows(/Passphrase of the vendor: /);
    pty.type(`${PASSPHRASE}\r`);
    await pty.shows(/New passphrase of the vendor: /);
    pty.type('words that nobody guesses\r');
    await pty.shows(/The same again: /);
    pty.type('words that nobody guesses\r');
    expect(await pty.ended).toBe(0);
    expect(pty.screen).toContain('The passphrase of vendor 7 (Deep Water) is changed.');
    expect(pty.screen).not.toContain('nobody guesses');
    expect(keyhaven(...license(path('old.v2c')))).toMatchObject({ status: 1, stderr: expect.stringMatching(/^error 88 /) as string });
  });
});
