import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { closeSync, cpSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createTestVendor } from '@keyhaven/testkit/local-lm';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { freePort, keyhaven, type LoneLm, type Run, startLoneLm } from './lone-lm.ts';

// A full disk, a state directory that something else changed, a port that is taken, settings that are wrong.

const feature = (id: number, seats: number): string =>
  `{ id: ${id}, name: F${id}, license: { type: perpetual }, concurrency: { seats: ${seats} } }`;
const catalog = `products: [{ id: 1, name: Survey, features: [${feature(42, 1)}, ${feature(43, 5)}], memory: { readWrite: 64 } }]`;
const other = `products: [{ id: 1, name: Other, features: [${feature(50, 5)}] }]`;
const isRoot = process.getuid?.() === 0;

let directory = '';
const running: LoneLm[] = [];
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'keyhaven-state-'));
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((lm) => lm.end('SIGKILL')));
});
afterAll(() => rm(directory, { recursive: true, force: true }));
const file = (name: string): string => join(directory, name);

const start = async (state: string, more: readonly string[] = [], options: Run & { readonly port?: number } = {}): Promise<LoneLm> => {
  const lm = await startLoneLm(state, more, options);
  running.push(lm);
  return lm;
};
const license = async (lm: LoneLm, vendor: ReturnType<typeof createTestVendor>): Promise<void> => {
  const [c2v, v2c] = [file(`${lm.port}.c2v`), file(`${lm.port}.v2c`)];
  expect(await lm.ask('c2v', '--vendor-code', vendor.vendorCode, '--out', c2v)).toMatchObject({ code: 0 });
  await writeFile(v2c, vendor.issue(await readFile(c2v, 'latin1')));
  expect(await lm.ask('apply', v2c)).toMatchObject({ code: 0, stderr: '' });
};
/** The license manager ends with status 1 and this one line. */
const expectNoStart = async (args: readonly string[], line: RegExp, options?: Run): Promise<void> => {
  const { code, stdout, stderr } = await keyhaven(['lm', '--bind', '127.0.0.1', '--port', String(await freePort()), ...args], options);
  expect(stderr.split('\n').filter((each) => !each.startsWith('{'))).toEqual([expect.stringMatching(line), '']);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
};

describe('a full disk', () => {
  it('refuses logins with a clear error, loses nothing that was acknowledged, and is forgotten when there is space again (S21)', async (context) => {
    const disk = file('disk');
    mkdirSync(disk);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', disk], { stdio: 'pipe' });
    } catch {
      return context.skip('a small file system can be mounted by root on Linux only');
    }
    try {
      const vendor = createTestVendor(catalog);
      const state = join(disk, 'state');
      const lm = await start(state);
      await license(lm, vendor);
      const held = await lm.hold(vendor.vendorCode, 42);
      const kept = await lm.hold(vendor.vendorCode, 43);
      expect([held.status, kept.status]).toEqual([0, 0]);

      const fill = openSync(join(disk, 'filler'), 'w');
      expect(() => {
        for (;;) writeSync(fill, Buffer.alloc(4_096));
      }).toThrow('ENOSPC');
      closeSync(fill);
      // What the database has reserved already still takes a few.
      await expect.poll(async () => (await lm.login(vendor.vendorCode, 43)).status, { timeout: 60_000, interval: 0 }).toBe(43);
      expect(await lm.login(vendor.vendorCode, 43)).toMatchObject({
        status: 43,
        name: 'DEVICE_ERR',
        message: expect.stringMatching(/full|disk|space/i),
      });
      expect((await lm.ask('c2v', '--vendor-code', createTestVendor(other, 9).vendorCode, '--out', file('none.c2v'))).stderr).toMatch(
        /^error 43 DEVICE_ERR: /,
      );
      expect(lm.alive).toBe(true);
      const sessions: unknown = JSON.parse((await lm.ask('sessions', '--json')).stdout);
      expect(sessions).toMatchObject([{ feature: 42 }, { feature: 43 }]);

      // Its logout meets the full disk too; its seat must come back all the same.
      await held.end('SIGKILL');
      rmSync(join(disk, 'filler'));
      await expect.poll(async () => (await lm.login(vendor.vendorCode, 42)).status, { timeout: 20_000, interval: 100 }).toBe(0);
      expect(await lm.login(vendor.vendorCode, 43)).toMatchObject({ status: 0 });

      await lm.end('SIGKILL');
      const again = await start(state, [], { port: lm.port });
      const afterwards: unknown = JSON.parse((await again.ask('sessions', '--json')).stdout);
      expect(afterwards).toMatchObject([{ feature: 43, id: kept.session }]);
      expect((await kept.end()).code).toBe(0);
      await again.end();
    } finally {
      await Promise.all(running.splice(0).map((each) => each.end('SIGKILL')));
      execFileSync('umount', [disk]);
    }
  });
});

describe('a state directory that something else changed', () => {
  const vendor = createTestVendor(catalog);
  const second = createTestVendor(other, 9);
  let good = '';
  let mine = '';
  beforeAll(async () => {
    good = file('good');
    const lm = await startLoneLm(good);
    await license(lm, vendor);
    await license(lm, second);
    const keys: unknown = JSON.parse((await lm.ask('keys', '--json')).stdout);
    mine = Array.isArray(keys) ? keys.find((each) => each.vendor === 7)?.key : '';
    assert.match(mine, /^\d+$/);
    await lm.end();
  });
  const copied = (name: string): string => {
    const state = file(name);
    cpSync(good, state, { recursive: true });
    return state;
  };
  const edit = (state: string, sql: string): void => {
    const database = new DatabaseSync(join(state, 'ledger.db'));
    database.exec(sql);
    database.close();
  };

  it('starts where nothing was changed', async () => {
    const lm = await start(copied('same'));
    expect(await lm.login(vendor.vendorCode, 42)).toMatchObject({ status: 0 });
  });

  it.each([
    ['garbage', Buffer.alloc(9_000, 'garbage')],
    ['text', Buffer.from('hello')],
  ])('with %s in its ledger is not started: error 47', async (name, bytes) => {
    const state = copied(name);
    await writeFile(join(state, 'ledger.db'), bytes);
    await expectNoStart(['--state', state], /^error 47 STORAGE_CORRUPT: .+ledger\.db.+\.$/);
    expect((await readFile(join(state, 'ledger.db'))).equals(bytes)).toBe(true);
  });

  it.each([
    ['an edited row', `UPDATE row SET text = replace(text, '"counter":1', '"counter":0') WHERE key LIKE '%/key/license'`],
    ['a removed row', `DELETE FROM row WHERE key LIKE '%/key/license'`],
    [
      'an added row',
      `INSERT INTO row (key, text, tag) SELECT substr(key, 1, instr(key, '/')) || 'pool/1.42', '{"used":0,"executions":0}', tag FROM row WHERE key LIKE '%/key/license'`,
    ],
  ])('with %s disables that key alone (47)', async (name, sql) => {
    const state = copied(name.replaceAll(' ', '-'));
    edit(state, sql.replaceAll(`LIKE '%/`, `LIKE '${mine}/`));
    const damaged = await start(state);
    expect(await damaged.login(second.vendorCode, 50)).toMatchObject({ status: 0 });
    expect(await damaged.login(vendor.vendorCode, 42)).toMatchObject({ status: 47, name: 'STORAGE_CORRUPT' });
    const listed: unknown = JSON.parse((await damaged.ask('keys', '--json')).stdout);
    expect(listed).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ key: mine, damage: expect.any(String) }),
        expect.objectContaining({ vendor: 9, damage: null }),
      ]),
    );
    expect(damaged.log).toContain('state damaged');
  });

  it('with the identity of a key removed does not have that key any more, says so in its log, and serves the others', async () => {
    const state = copied('no-key');
    edit(state, `DELETE FROM row WHERE key LIKE '%/key/identity' AND text LIKE '%"vendor":7,%'`);
    const lm = await start(state);
    expect(await lm.login(second.vendorCode, 50)).toMatchObject({ status: 0 });
    expect(await lm.login(vendor.vendorCode, 42)).toMatchObject({ status: 7 });
    expect(lm.log).toContain('state damaged');
  });

  it.each([
    ['without its identity', async (state: string) => rm(join(state, 'identity'))],
    [
      'with the identity of another one',
      async (state: string) => {
        const lm = await startLoneLm(file('stranger'));
        await lm.end();
        cpSync(join(file('stranger'), 'identity'), join(state, 'identity'));
      },
    ],
  ])('%s is not started: error 47', async (name, change) => {
    const state = copied(name.replaceAll(' ', '-'));
    await change(state);
    await expectNoStart(['--state', state], /^error 47 STORAGE_CORRUPT: .+\.$/);
  });

  it('with a damaged identity is not started: error 47 or 52', async () => {
    const state = copied('damaged-identity');
    await writeFile(join(state, 'identity'), 'nonsense');
    await expectNoStart(['--state', state], /^error 47 STORAGE_CORRUPT: .+identity is damaged.+backup.+\.$/);
  });

  it('copied to another computer is not started: error 52', async (context) => {
    if (!isRoot || process.platform !== 'linux') return context.skip('another computer is simulated by root on Linux only');
    const state = copied('moved');
    await writeFile(file('machine-id'), '00000000000000000000000000000001\n');
    const prefix = ['unshare', '--mount', 'sh', '-c', `mount --bind ${file('machine-id')} /etc/machine-id && exec "$@"`, 'sh'];
    await expectNoStart(['--state', state], /^error 52 HARDWARE_MODIFIED: .+another computer.+\.$/, { prefix });
  });

  it('that a running license manager owns is not opened by a second one', async () => {
    const state = copied('owned');
    const lm = await start(state);
    await expectNoStart(['--state', state], /^error 84 SHARING_VIOLATION: .+in use by another license manager.+\.$/);
    expect(await lm.login(vendor.vendorCode, 42)).toMatchObject({ status: 0 });
  });

  it('that is a file is not used: error 13', async () => {
    await writeFile(file('a-file'), '');
    await expectNoStart(['--state', file('a-file')], /^error 13 SYS_ERR: .+a-file.+--state.+\.$/);
  });
});

describe('a license manager', () => {
  it('whose port is in use says so and ends: error 33', async () => {
    const lm = await start(file('first'));
    const { code, stderr } = await keyhaven(['lm', '--state', file('second'), '--bind', '127.0.0.1', '--port', String(lm.port)]);
    expect(code).toBe(1);
    expect(stderr).toMatch(new RegExp(`^error 33 LOCAL_COMM_ERR: .+127\\.0\\.0\\.1:${lm.port} is in use.+--port\\.\n$`));
    expect(lm.alive).toBe(true);
  });

  it('whose UDP port alone is in use says so and ends: error 33', async () => {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    const { port } = socket.address();
    const { code, stderr } = await keyhaven(['lm', '--state', file('third'), '--bind', '127.0.0.1', '--port', String(port)]);
    socket.close();
    expect(code).toBe(1);
    expect(stderr).toMatch(new RegExp(`^error 33 LOCAL_COMM_ERR: .+UDP 127\\.0\\.0\\.1:${port} is in use.+\n$`));
  });

  it('with settings that are wrong, or cannot be read, ends and names them: errors 501, 72', async () => {
    await writeFile(file('wrong.toml'), 'prot = 1\nidleConnectionMinutes = 1\n');
    await expectNoStart(['--config', file('wrong.toml')], /^error 501 INVALID_PARAMETER: .+idleConnectionMinutes.+prot.+\.$/);
    await expectNoStart(['--config', file('none.toml')], /^error 72 CANNOT_READ_FILE: .+none\.toml.+--config.+\.$/);
    // Without --port, which would be used in its place.
    await writeFile(file('port.toml'), 'port = "high"\n');
    const port = await keyhaven(['lm', '--config', file('port.toml')]);
    expect(port).toEqual({ code: 1, stdout: '', stderr: expect.stringMatching(/^error 501 INVALID_PARAMETER: .+\bport\b.+\.\n$/) });
    await expectNoStart(['--bind', 'nonsense'], /^error 501 INVALID_PARAMETER: .+bind.+\.$/);
    await expectNoStart(
      ['--state', file('nowhere'), '--bind', '192.0.2.250'],
      /^error 33 LOCAL_COMM_ERR: .+192\.0\.2\.250 is no address of this computer.+\.$/,
    );
    await writeFile(file('tls.toml'), `[tls]\ncertificate = "${file('wrong.toml')}"\nkey = "${file('wrong.toml')}"\n`);
    await expectNoStart(['--state', file('tls'), '--config', file('tls.toml')], /^error 72 CANNOT_READ_FILE: .+TLS.+\.$/);
  });

  it('and the whole command line end with status 2 where they are used wrongly', async () => {
    const wrong = [
      ['lm', '--unheard-of'],
      ['unheard-of'],
      ['apply'],
      ['login'],
      ['lm', 'extra'],
      ['sessions', 'kill'],
      ['login', '--vendor-code', 'x'],
      ['lm', '--port', 'high'],
      ['lm', '--port', '65536'],
    ];
    const outcomes = await Promise.all(wrong.map(async (args) => ({ args, ...(await keyhaven(args)) })));
    for (const { args, code, stdout, stderr } of outcomes) {
      expect({ code, stdout }, args.join(' ')).toEqual({ code: 2, stdout: '' });
      expect(stderr, args.join(' ')).toMatch(/^error: /);
    }
    const port = outcomes.find(({ args }) => args.join(' ') === 'lm --port high');
    expect(port?.stderr).toMatch(
      /^error: option '--port <n>' argument 'high' is invalid\. It must be a whole number from 1 to 65535\.\nExample: keyhaven lm\n/,
    );
    expect((await keyhaven(['--help'])).code).toBe(0);
    expect((await keyhaven(['lm', '--help'])).code).toBe(0);
  });

  it('that is not there is told by every command: error 33', async () => {
    const lm = `127.0.0.1:${await freePort()}`;
    for (const args of [['status'], ['keys'], ['sessions', 'kill', 'x'], ['apply', new URL(import.meta.url).pathname]]) {
      const { code, stderr } = await keyhaven([...args, '--lm', lm]);
      expect(code).toBe(1);
      expect(stderr).toMatch(new RegExp(`^error 33 LOCAL_COMM_ERR: .+${lm}: no license manager listens there.+keyhaven lm.+\n$`));
    }
  });
});
