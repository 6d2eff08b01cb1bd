import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestVendor } from '@keyhaven/testkit/local-lm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { freePort, keyhaven, type LoneLm, licenseAt, type Run, startLoneLm } from './lone-lm.ts';
import { unprivilegedUser } from './unprivileged.ts';

// S20: a state directory that is copied and started beside the first one would grant each seat twice. The second license manager does not start, whoever
// starts it and wherever it is put on this computer.

const CATALOG =
  'products: [{ id: 1, name: One, features: [{ id: 42, name: A, license: { type: perpetual }, concurrency: { seats: 1 } }] }]';
const vendor = createTestVendor(CATALOG, 7);

const root = mkdtempSync(join(tmpdir(), 'keyhaven-second-'));
chmodSync(root, 0o755);
const isRoot = process.getuid?.() === 0;
const can = (...command: string[]): boolean => spawnSync(command[0] ?? '', command.slice(1)).status === 0;
const separate = isRoot && can('unshare', '--net', '--mount', 'true');
/** What a license manager left in the folders that all users share. Others of this computer come and go there meanwhile. */
const leftBy = (pid: number): string[] =>
  ['/run/lock', '/dev/shm'].flatMap((folder) => {
    if (!existsSync(folder)) return [];
    const records = readdirSync(folder).filter((name) => /^keyhaven-.*\.json$/u.test(name));
    return records.filter((name) => spawnSync('cat', [join(folder, name)]).stdout.includes(`"pid":${pid},`));
  });

const original = join(root, 'original');
let first: LoneLm;
let count = 0;
const copy = (): string => {
  count += 1;
  const made = join(root, `copy-${count}`);
  cpSync(original, made, { recursive: true });
  return made;
};
/** How a start of this state ends that is refused. */
const refused = async (state: string, options: Run = {}): Promise<string> => {
  const args = ['lm', '--state', state, '--bind', '127.0.0.1', '--port', String(await freePort())];
  const { code, stdout, stderr } = await keyhaven(args, { limitMs: 60_000, ...options });
  expect([code, stdout]).toEqual([1, '']);
  return stderr;
};
/** What names the first one. */
const theFirst = (): RegExp =>
  new RegExp(
    `^error 84 SHARING_VIOLATION: .*in use by another license manager on this computer: process id ${first.pid}, state directory ${original}, TCP port ${first.port}\\.`,
    'u',
  );

beforeAll(async () => {
  const before = await startLoneLm(original);
  await licenseAt(before, vendor);
  await before.end();
});
beforeEach(async () => {
  first = await startLoneLm(original);
});
afterEach(async () => {
  await first.end();
  expect(leftBy(first.pid)).toEqual([]);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe('a copy of a state directory beside the first one (S20)', () => {
  it('does not start, with another port and after a new LM id as well', async () => {
    expect(await refused(copy())).toMatch(theFirst());
    const { code, stderr } = await first.ask('lm', 'new-id');
    expect([code, stderr]).toEqual([0, '']);
    expect(await refused(copy())).toMatch(theFirst());
    expect((await first.login(vendor.vendorCode, 42)).status).toBe(0);
  });

  it('does not start in another network namespace', async (context) => {
    if (!separate) return context.skip('namespaces of the network cannot be made here');
    expect(await refused(copy(), { prefix: ['unshare', '--net', 'sh', '-c', 'ip link set lo up; exec "$@"', 'sh'] })).toMatch(theFirst());
  });

  it('does not start where the shared folders are others', async (context) => {
    if (!separate) return context.skip('namespaces of mounts cannot be made here');
    const script = 'for at in /run/lock /dev/shm; do [ -d $at ] && mount -t tmpfs none $at; done; exec "$@"';
    expect(await refused(copy(), { prefix: ['unshare', '--mount', 'sh', '-c', script, 'sh'] })).toMatch(theFirst());
  });

  it('does not start by another user', async (context) => {
    if (!isRoot) return context.skip('only root can be two users');
    const folder = join(root, `user-${count}`);
    mkdirSync(folder);
    const user = unprivilegedUser(folder);
    const state = copy();
    expect(can('sh', '-c', `chown -R "$(stat -c %u "${user.home}")" "${state}"`)).toBe(true);
    const program = user.seen(join(import.meta.dirname, '../../packages/cli/bin/keyhaven.js'));
    expect(await refused(state, { prefix: user.prefix, program, env: { HOME: user.home } })).toMatch(theFirst());
  });

  it('does not start while the first one is stopped', async () => {
    process.kill(first.pid, 'SIGSTOP');
    const said = await refused(copy());
    process.kill(first.pid, 'SIGCONT');
    expect(said).toMatch(theFirst());
  });

  it('does not start by another path to the same directory', async (context) => {
    if (!separate) return context.skip('namespaces of mounts cannot be made here');
    const at = join(root, 'another-path');
    mkdirSync(at);
    const said = await refused(at, { prefix: ['unshare', '--mount', 'sh', '-c', `mount --bind "${original}" "${at}"; exec "$@"`, 'sh'] });
    expect(said).toMatch(theFirst());
    expect(await refused(original)).toMatch(theFirst());
  });

  it('starts when the first one was killed, and only then', async () => {
    const state = copy();
    expect(await refused(state)).toMatch(theFirst());
    await first.end('SIGKILL');
    const second = await startLoneLm(state);
    expect(second.guid).toBe(first.guid);
    await second.end();
  });
});

describe('two license managers of this computer with states of their own', () => {
  it('run beside each other', async () => {
    const other = await startLoneLm(join(root, 'other'));
    expect(other.guid).not.toBe(first.guid);
    await other.end();
  });
});
