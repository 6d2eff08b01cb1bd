import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestVendor } from '@keyhaven/testkit/local-lm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort, keyhaven, type LoneLm, licenseAt, startLoneLm } from './lone-lm.ts';
import { inPty, noPty } from './pty.ts';

// The command line in the shells that complete it: bash and zsh with somebody who presses the tabulator in a terminal, fish by its own question.

const KEYHAVEN = join(import.meta.dirname, '../../packages/cli/bin/keyhaven.js');
const FEATURE = 42;
const noTerminal = noPty();
const hasProgram = (name: string): boolean => spawnSync(name, ['-c', 'exit 0']).status === 0;

describe('completion', () => {
  const directory = mkdtempSync(join(tmpdir(), 'keyhaven-completion-'));
  const vendor = createTestVendor(`products: [{ id: 1, name: Survey, features: [{ id: ${FEATURE}, license: { type: perpetual } }] }]`);
  let lm: LoneLm;
  let key = '';
  beforeAll(async () => {
    lm = await startLoneLm(join(directory, 'state'));
    key = await licenseAt(lm, vendor);
    writeFileSync(join(directory, 'office.v2c'), '');
    writeFileSync(join(directory, 'keyhaven'), `#!/bin/sh\nexec '${process.execPath}' '${KEYHAVEN}' "$@"\n`);
    chmodSync(join(directory, 'keyhaven'), 0o755);
  });
  afterAll(async () => {
    await lm?.end();
    rmSync(directory, { recursive: true, force: true });
  });

  const script = async (shell: string): Promise<string> => {
    const { stdout } = await keyhaven(['completion', shell]);
    const file = join(directory, `completion.${shell}`);
    writeFileSync(file, stdout);
    return file;
  };
  const path = (): Record<string, string> => ({ PATH: `${directory}:${process.env['PATH'] ?? ''}`, HOME: directory });

  it('of bash: commands, options, choices, files, and what the license manager knows', async (context) => {
    if (!hasProgram('bash')) context.skip('bash is not installed');
    if (noTerminal !== undefined) context.skip(noTerminal);
    const shell = inPty(['bash', '--norc', '--noprofile', '-i'], { columns: 200, env: { ...path(), PS1: 'ready> ' } });
    await shell.shows(/ready> /);
    shell.type(`bind 'set bell-style none'; source '${await script('bash')}'; echo do''ne\n`);
    await shell.shows(/done\r?\n/);
    const cases = [
      ['keyhaven prod', 'keyhaven products '],
      ['keyhaven net fire', 'keyhaven net firewall '],
      ['keyhaven net firewall --fo', 'keyhaven net firewall --format '],
      ['keyhaven net firewall --format nf', 'keyhaven net firewall --format nftables '],
      ['keyhaven net firewall --format=nf', 'keyhaven net firewall --format=nftables '],
      [`keyhaven apply ${directory}/offi`, `keyhaven apply ${directory}/office.v2c `],
      [`keyhaven rehost --lm 127.0.0.1:${lm.port} --key ${key.slice(0, 1)}`, `--key ${key} `],
      [`keyhaven sessions --lm=127.0.0.1:${lm.port} --feature `, `--feature ${FEATURE} `],
    ] as const;
    for (const [typed, expected] of cases) {
      const from = shell.screen.length;
      shell.type(`${typed}\t`);
      await shell.shows(new RegExp(expected.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')), from);
      shell.type('\u0015\n');
      await shell.shows(/ready> $/, from);
    }
    shell.type('exit\n');
    expect(await shell.ended).toBe(0);
  });

  it('of zsh', async (context) => {
    if (!hasProgram('zsh')) context.skip('zsh is not installed');
    if (noTerminal !== undefined) context.skip(noTerminal);
    const shell = inPty(['zsh', '-f', '-i'], { columns: 200, env: { ...path(), TERM: 'dumb' } });
    shell.type(
      `PS1='ready> '; unsetopt zle_bracketed_paste; autoload -Uz compinit; compinit -u -D; source '${await script('zsh')}'; echo do''ne\n`,
    );
    await shell.shows(/\ndone\r?\n/);
    const cases = [
      ['keyhaven prod', 'ucts'],
      ['keyhaven net fire', 'wall'],
      ['keyhaven net firewall --format nf', 'tables'],
      ['keyhaven net firewall --format=nf', 'tables'],
      [`keyhaven apply ${directory}/offi`, 'ce.v2c'],
      [`keyhaven rehost --lm 127.0.0.1:${lm.port} --key ${key.slice(0, 1)}`, key.slice(1)],
    ] as const;
    for (const [typed, rest] of cases) {
      const from = shell.screen.length;
      shell.type(`${typed}\t`);
      await shell.shows(new RegExp(`${rest}`), from);
      shell.type('\u0015\n');
    }
    shell.type('exit\n');
    expect(await shell.ended).toBe(0);
  });

  it('of fish', async (context) => {
    const program = 'fish';
    if (!hasProgram(program)) context.skip('fish is not installed');
    const file = await script('fish');
    const completed = (line: string): string[] =>
      spawnSync(program, ['--no-config', '-c', `source '${file}'; complete -C '${line}'`], {
        env: { ...process.env, ...path() },
        encoding: 'utf8',
      })
        .stdout.split('\n')
        .map((each) => each.split('\t')[0] ?? '')
        .filter(Boolean);
    expect(completed('keyhaven prod')).toEqual(['products']);
    expect(completed('keyhaven net fire')).toEqual(['firewall']);
    expect(completed('keyhaven net firewall --fo')).toEqual(['--format']);
    expect(completed('keyhaven net firewall --format nf')).toEqual(['nftables']);
    expect(completed('keyhaven net firewall --format=nf')).toEqual(['--format=nftables']);
    expect(completed(`keyhaven apply ${directory}/offi`)).toEqual([`${directory}/office.v2c`]);
    expect(completed(`keyhaven rehost --lm 127.0.0.1:${lm.port} --key `)).toEqual([key]);
  });

  it('does not wait for a license manager that is not there, and offers nothing then', async () => {
    expect(await keyhaven(['__values', 'keys', `--lm=127.0.0.1:${await freePort()}`])).toEqual({ code: 0, stdout: '', stderr: '' });
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const address = silent.address();
    const asked = ['__values', 'keys', `--lm=127.0.0.1:${typeof address === 'object' ? address?.port : ''}`];
    try {
      expect(await keyhaven(asked, { limitMs: 10_000 })).toEqual({ code: 0, stdout: '', stderr: '' });
    } finally {
      silent.closeAllConnections();
      silent.close();
    }
  });
});
