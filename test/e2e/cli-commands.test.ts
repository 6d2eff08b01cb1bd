import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseSettings, startAdminLm } from '@keyhaven/license-manager';
import { createLicensing, type Licensing } from '@keyhaven/licensing-api/licensing';
import { createTestVendor, freeTcpPort } from '@keyhaven/testkit/local-lm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { program } from '../../packages/cli/src/main.ts';
import { lmAddressFrom, ownIdentity, systemEntropy } from '../../packages/licensing-api/src/environment.ts';
import { commandHere, recordingProxy } from './cli-proxy.ts';
import { licenseAt, type Outcome } from './lone-lm.ts';

// Commands that administer as the page does (C4): what they say, what they change, and how they refuse.

const vendor = createTestVendor(`
products:
  - id: 1
    name: Survey
    features:
      - { id: 42, name: Echo sounder, license: { type: perpetual }, concurrency: { seats: 20, network: true } }
      - { id: 43, name: Sonar, license: { type: perpetual }, concurrency: { seats: 20, network: true } }
`);

describe('commands that administer (C4)', () => {
  const dir = mkdtempSync(join(tmpdir(), 'kh-cli-commands-'));
  const file = join(dir, 'office.ini');
  let lm: Awaited<ReturnType<typeof startAdminLm>>;
  let proxy: Awaited<ReturnType<typeof recordingProxy>>;
  let application: Licensing;
  const run = (...line: string[]): Promise<Outcome> => commandHere([...line, '--lm', `127.0.0.1:${proxy.port}`]);
  const login = (feature: number) => application.login({ vendorCode: vendor.vendorCode, feature });
  const idsOf = async (): Promise<string[]> => {
    const { stdout } = await run('sessions', '--json');
    return z
      .array(z.object({ id: z.string() }))
      .parse(JSON.parse(stdout))
      .map(({ id }) => id);
  };

  beforeAll(async () => {
    const port = await freeTcpPort();
    const overrides = { bind: ['127.0.0.1'], port, name: 'office' };
    writeFileSync(file, '; of the office\n[REMOTE]\nbroadcastsearch = 0\n');
    const settings = parseSettings('', { ...overrides, search: { broadcast: false } });
    lm = await startAdminLm({ settings, configuration: { file, overrides }, stateDirectory: join(dir, 'state') });
    proxy = await recordingProxy(port);
    application = createLicensing(lmAddressFrom(`127.0.0.1:${port}`), ownIdentity(), systemEntropy);
    await licenseAt({ port }, vendor);
  });
  beforeEach(() => void (proxy.asked.length = 0));
  afterAll(async () => {
    application?.close();
    await proxy?.close();
    await lm?.close();
    rmSync(dir, { recursive: true, force: true });
  });

  it('each say which license manager, its password, JSON and an example', () => {
    const commands = [
      'recent users',
      'recent clients',
      'waiting',
      'detached',
      'log access',
      'log error',
      'log pattern',
      'search',
      'diagnostics',
    ];
    commands.push('rights', 'sessions kill', 'net plan', 'net upcoming', 'config show', 'config set', 'config reset', 'identity change');
    for (const path of commands) {
      const found = path
        .split(' ')
        .reduce<ReturnType<typeof program> | undefined>((at, name) => at?.commands.find((each) => each.name() === name), program());
      let help = '';
      found?.configureOutput({ writeOut: (text) => void (help += text) });
      found?.outputHelp();
      for (const word of ['--lm', '--password-file', '--json', `\n  keyhaven ${path}`]) expect(help, path).toContain(word);
    }
  });

  it('end with 2 where they are used wrongly, and ask nobody', async () => {
    for (const line of [
      ['log', 'access', '--lines', '0'],
      ['log', 'access', '--lines', '1e3'],
      ['log', 'both'],
      ['search'],
      ['search', '--in', 'dreams'],
      ['search', '--in', 'peers', '--user', 'ada'],
      ['search', 'x', '--limit', '5', '--all'],
      ['sessions', 'kill'],
      ['sessions', 'kill', 'a', '--user', 'ada'],
      ['config', 'set'],
      ['config', 'set', join(dir, 'other.ini')],
      ['config', 'reset'],
      ['identity', 'change', 'x'],
      ['identity', 'change', 'x', '--never', '--expires', '2090-01-01'],
    ])
      expect(await run(...line), line.join(' ')).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('error: ') });
    expect(proxy.asked).toEqual([]);
  });

  it('end with 1 where they are refused, and say what to do', async () => {
    for (const [line, remedy] of [
      [['config', 'set', 'serch.broadcast=1'], 'keyhaven config show'],
      [['config', 'set', 'search.broadcast=perhaps'], 'Write true or false'],
      [['config', 'set', 'search.intervalMinutes=often'], 'Write a number'],
      [['config', 'set', 'search.intervalMinutes=7', 'noequals'], 'search.broadcast=false'],
      [['config', 'reset', 'nothing'], 'keyhaven config show'],
      [['log', 'pattern', '{timestamp} {color}'], '{clientaddr}'],
      [['sessions', 'kill', 'a'], 'No session has the id'],
      [['sessions', 'kill', 'a', 'b'], 'session b'],
    ] as const) {
      const { code, stderr } = await run(...line);
      expect({ line, code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining(remedy) });
    }
    expect(readFileSync(file, 'latin1')).toBe('; of the office\n[REMOTE]\nbroadcastsearch = 0\n');
    const gone = await commandHere(['waiting', '--lm', `127.0.0.1:${await freeTcpPort()}`]);
    expect(gone).toMatchObject({ code: 1, stderr: expect.stringContaining('keyhaven lm') });
  });

  it('change settings, and say what holds now and what after a start', async () => {
    const set = ['config', 'set', 'search.intervalMinutes=7', 'limits.connections=1000', 'access.users=allow=ada', 'access.users=deny=*'];
    const { code, stdout } = await run(...set);
    expect([code, ...stdout.trimEnd().split('\n').toSorted()]).toEqual([
      0,
      'access.users holds now',
      'limits.connections holds after a start of the license manager',
      'search.intervalMinutes holds now',
    ]);
    expect((await run('config', 'set', 'search.intervalMinutes=7')).stdout).toContain('search.intervalMinutes was so already');
    const shown = (await run('config', 'show', '--changed')).stdout;
    expect(shown).toMatch(/^limits\.connections +1000 +file +after a start +16384, until the next start$/m);
    expect(shown).toMatch(/^access\.users +\["allow=ada","deny=\*"\] +file +at once/m);
    expect((await run('config', 'show', 'limits.connections')).stdout).toContain('until the next start 16384 holds');
    expect(JSON.parse((await run('config', 'show', 'search.*', '--changed', '--json')).stdout)).toMatchObject({
      file,
      settings: [{ path: 'search.broadcast' }, { path: 'search.intervalMinutes', value: 7 }],
    });
    expect(readFileSync(file, 'latin1')).toContain('; of the office');

    expect(JSON.parse((await run('config', 'reset', 'limits.*', 'access.*', 'search.intervalMinutes', '--json')).stdout)).toMatchObject({
      now: expect.arrayContaining(['access.users', 'search.intervalMinutes']),
    });
    expect((await run('config', 'show', 'limits.connections')).stdout).toContain('set by default');
    // A file is still changed as before, and no license manager is asked.
    proxy.asked.length = 0;
    const other = join(dir, 'other.ini');
    expect(await run('config', 'set', other, 'search.broadcast=false')).toMatchObject({ code: 0 });
    expect(readFileSync(other, 'latin1')).toContain('broadcastsearch = 0');
    expect(proxy.asked).toEqual([]);
  });

  it('show the access log as its pattern says', async () => {
    expect((await run('log', 'access')).stderr).toContain('keyhaven config set log.access=true');
    await run('config', 'set', 'log.access=true', 'log.local=true');
    expect((await run('log', 'pattern', '{function} was {statuscode}')).stdout).toContain('log.pattern holds now\n');
    expect((await run('log', 'pattern')).stdout).toBe('{function} was {statuscode}\n');
    const session = await login(42);
    await expect.poll(async () => (await run('log', 'access', '--lines', '1')).stdout).toBe('LOGIN was 0\n');
    await session.logout();
    await expect
      .poll(async () => JSON.parse((await run('log', 'access', '--lines', '2', '--json')).stdout) as unknown)
      .toEqual({ lines: ['LOGIN was 0', 'LOGOUT was 0'] });
    await run('log', 'pattern', '');
    expect((await run('log', 'pattern')).stdout).toMatch(/^\{timestamp\} \{clientaddr\}/);
  });

  it('work as they stand in docs/guide/administer.md', async () => {
    const guide = readFileSync(join(import.meta.dirname, '../../docs/guide/administer.md'), 'utf8');
    const lines = [...guide.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap(([, block = '']) => block.trimEnd().split('\n'));
    expect(lines.length).toBeGreaterThan(25);
    for (const line of lines) {
      const [program_, ...words] = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
      expect(program_).toBe('keyhaven');
      const outcome = await run(...words.map((word) => (word === 'report.txt' ? join(dir, word) : word)));
      expect(outcome, line).toMatchObject({ code: 0 });
    }
    expect(readFileSync(join(dir, 'report.txt'), 'utf8')).toContain('== status ==');
  });

  it('name a key, show the name where one has it, and take it away', async () => {
    const rowsOf = async (): Promise<string[][]> =>
      (await run('keys')).stdout
        .trimEnd()
        .split('\n')
        .map((line) => line.trim().split(/ {2,}/));
    const [[...heads] = [], [id = ''] = []] = await rowsOf();
    expect(heads).toEqual(['KEY', 'VENDOR', 'TYPE', 'LOCATION', 'UPDATES', 'STATE']);
    expect(await run('key', 'name', id, 'Drawing office')).toMatchObject({ code: 0, stdout: `key ${id} is "Drawing office" now\n` });
    expect((await rowsOf()).map((row) => row.slice(0, 2))).toEqual([
      ['KEY', 'NAME'],
      [id, 'Drawing office'],
    ]);
    expect((await run('search', 'drawing')).stdout).toContain(id);
    expect(JSON.parse((await run('key', 'name', id, 'Yard', '--json')).stdout)).toEqual({ key: id, name: 'Yard' });
    expect(await run('key', 'name', id, 'x'.repeat(81))).toMatchObject({ code: 1, stdout: '' });
    expect(await run('key', 'name', '77', 'Yard')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^error 18 .*77.*keyhaven keys/),
    });
    const certified = await run('key', 'certificate', '--key', id);
    expect(certified.stdout).toMatch(/^certificate of the vendor, signed by vendor \d+ \((?:[0-9a-f]{4} ?){8}\): the signature holds\n/);
    expect(certified.stdout).toMatch(/^ +\d+ +\S.* 42 +Echo sounder/m);
    const kept = join(dir, 'certificate.txt');
    expect(await run('key', 'certificate', '--key', id, '--out', kept)).toMatchObject({ code: 0, stdout: `written: ${kept}\n` });
    expect(readFileSync(kept, 'latin1')).toMatch(/^-----BEGIN KEYHAVEN certificate-----\n/);
    expect(await run('key', 'certificate', '--key', '77')).toMatchObject({ code: 1, stderr: expect.stringMatching(/^error 18 /) });
    expect(await run('key', 'blink', id)).toMatchObject({ code: 1, stderr: expect.stringMatching(/^error 16 .*key name/) });
    expect(await run('key', 'blink', id, '--off')).toMatchObject({ code: 1 });
    expect(await run('key', 'name', id)).toMatchObject({ code: 0, stdout: `key ${id} has no name now\n` });
    expect((await rowsOf())[0]).toEqual(heads);
  });

  it('find what there is, in pages as long as they are wanted', async () => {
    const sessions = await Promise.all(Array.from({ length: 12 }, () => login(42)));
    const [all, whole] = [await run('search', 'echo'), await run('search', '--in', 'sessions', '--all', '--feature', '42', '--json')];
    expect(all.stdout).toMatch(/^features\nFEATURE[^\n]*\n +42 +Echo sounder/m);
    const found = z.object({ sessions: z.object({ total: z.number(), items: z.array(z.object({ id: z.string() })) }) });
    expect(found.parse(JSON.parse(whole.stdout)).sessions).toMatchObject({ total: 12 });
    expect(
      found
        .parse(JSON.parse(whole.stdout))
        .sessions.items.map(({ id }) => id)
        .toSorted(),
    ).toEqual(sessions.map(({ id }) => id).toSorted());
    expect((await run('search', '--feature', '42')).stdout).toContain('10 of 12; --limit N or --all shows more');
    expect((await run('search', '--kind', 'granted', '--limit', '1')).stdout).toMatch(/^NUMBER[^\n]*\n[^\n]*granted[^\n]*feature=42/);
    expect((await run('search', 'no such thing')).stdout).toContain('Nothing was found');
    expect((await run('recent', 'users')).stdout).toMatch(/^NAME +HOST/);
  });

  it('end the sessions that a filter finds only when somebody says yes', async () => {
    const other = await login(43);
    const before = await idsOf();
    expect(before.length).toBe(13);
    const asked = await run('sessions', 'kill', '--feature', '42');
    expect(asked).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('--yes') });
    expect(asked.stderr).toContain(before[0]);
    expect(await idsOf()).toEqual(before);
    const done = await run('sessions', 'kill', '--feature', '42', '--yes', '--json');
    expect(z.object({ ended: z.array(z.string()), refused: z.tuple([]) }).parse(JSON.parse(done.stdout)).ended).toHaveLength(12);
    expect(await idsOf()).toEqual([other.id]);
    expect(await run('sessions', 'kill', '--user', 'nobody', '--yes')).toMatchObject({ code: 0, stdout: 'No session is like that.\n' });
    expect(await run('sessions', 'kill', other.id, 'f'.repeat(32))).toMatchObject({
      code: 1,
      stdout: `session ${other.id} ended\n`,
      stderr: expect.stringContaining('INV_HND'),
    });
  });
});
