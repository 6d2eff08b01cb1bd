import { execFile } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { externalLmFile, USER_STORE_FILE, userStoreDirectory } from '@keyhaven/core/hosts';
import { createTestVendor, freeTcpPort } from '@keyhaven/testkit/local-lm';
import { afterAll, afterEach, beforeAll, expect, onTestFinished, type TestContext } from 'vitest';
import { cachedExternalLm } from '../../scripts/external/cached.ts';
import { type LoneLm, licenseAt, startLoneLm } from './lone-lm.ts';
import { type NearApplication, startNearProcess, writeApplication } from './near-process.ts';
import { type NearSite, openNearSite, placeFile, until } from './near-site.ts';
import { makeRelease, SAYS } from './next-release.ts';
import { row } from './seed-row.ts';
import { statusOf } from './told-application.ts';
import { type Unprivileged, unprivilegedUser } from './unprivileged.ts';

// The seed's first table, "differences between the various types of License Managers" (T1), but for the rows about keys: seed-tables-keys.test.ts. On
// real processes.

const run = promisify(execFile);
const KEYHAVEN = join(import.meta.dirname, '../../packages/cli/bin/keyhaven.js');
const TEXT = 'sixteen bytes and more';
const SYSTEMS: Readonly<Record<string, string>> = { linux: 'Linux', darwin: 'macOS', win32: 'Windows' };
const here = SYSTEMS[process.platform] ?? process.platform;

const root = mkdtempSync(join(tmpdir(), 'keyhaven-seed-'));
chmodSync(root, 0o755); // Others have folders in it.
const place = (name: string): string => join(root, name);
const newFolder = (name: string): string => {
  mkdirSync(place(name), { recursive: true });
  return place(name);
};
const vendor = createTestVendor(`
products:
  - id: 1
    features: [{ id: 10, name: Ten seats, license: { type: perpetual }, concurrency: { seats: 10 } }]
`);
let site: NearSite;
let admin: LoneLm;
let executable: string;

const started = async (state: string, program = KEYHAVEN, options: Parameters<typeof startLoneLm>[2] = {}): Promise<LoneLm> => {
  const lm = await startLoneLm(state, [], { ...options, program });
  onTestFinished(() => void lm.end('SIGKILL'));
  return lm;
};
const applicationIn = async (
  folder: string,
  env: NodeJS.ProcessEnv,
  more: Partial<Parameters<typeof startNearProcess>[0]> = {},
): Promise<NearApplication> => {
  const application = await startNearProcess({ folder, env, vendorCode: vendor.vendorCode, ...more });
  onTestFinished(() => application.signal('SIGKILL'));
  return application;
};
const atLm = (lm: Pick<LoneLm, 'port'>): NodeJS.ProcessEnv => ({ ...process.env, KEYHAVEN_LOCAL_LM: `127.0.0.1:${lm.port}` });
const expectWorks = async (application: NearApplication, lm: 'admin' | 'external' | 'integrated'): Promise<string> => {
  const { id, licenseManager } = await application.login({ lm });
  expect(licenseManager.kind).toBe(lm);
  expect((await application.encrypt(id, TEXT)).length).toBe(TEXT.length + 41);
  return id;
};

beforeAll(async () => {
  executable = await cachedExternalLm();
  site = await openNearSite(executable);
  admin = await startLoneLm(place('admin'));
  await licenseAt(admin, vendor);
});
afterEach(() => site.quiet());
afterAll(async () => {
  await site.close();
  await admin.end();
  rmSync(root, { recursive: true, force: true });
});

const notHere = (...names: readonly string[]): ((context: TestContext) => void) => {
  const missing = names.filter((name) => name !== here);
  return (context) => context.skip(`this computer is none of ${missing.join(', ')}`);
};
row('Supported platforms: the one that this is', {
  'Admin LM': [
    `${here}: runs and grants`,
    async () => {
      const folder = newFolder('platform-admin');
      writeApplication(folder);
      await expectWorks(await applicationIn(folder, atLm(admin)), 'admin');
    },
  ],
  'External LM': [`${here}: runs and grants`, async () => void (await expectWorks(await site.application(), 'external'))],
  'Integrated LM': [
    `${here}: runs and grants`,
    async () => void (await expectWorks(await site.application(site.makeFolder('platform')), 'integrated')),
  ],
});
row('Supported platforms: the others', {
  'Admin LM': ['Windows, macOS, Linux', notHere('Windows', 'macOS', 'Linux')],
  'External LM': ['Windows, macOS, Linux', notHere('Windows', 'macOS', 'Linux')],
  'Integrated LM': ['wherever Node.js runs', notHere('Windows', 'macOS', 'Linux')],
});

const ownKey = async (user: Unprivileged, name: string, lm: 'external' | 'integrated'): Promise<void> => {
  const folder = newFolder(name);
  user.give(folder);
  writeApplication(folder, `file://${user.seen(join(import.meta.dirname, 'near-application.ts'))}`);
  const file = join(folder, externalLmFile(process.platform));
  if (lm === 'external') {
    placeFile(executable, file);
    await run(user.prefix[0] ?? file, [...user.prefix.slice(1), ...(user.prefix.length > 0 ? [file] : []), '--version']);
  }
  const start = () => applicationIn(folder, user.env, { prefix: user.prefix, execPath: user.seen(process.execPath) });
  const application = await start();
  await application.update(vendor.issue(await application.requestKey(lm)));
  const id = await expectWorks(application, lm);
  expect(readFileSync(`/proc/${application.pid}/status`, 'utf8')).toMatch(/^CapEff:\s+0+$/m);
  await application.logout(id);
  const store = userStoreDirectory({}, process.platform, user.home, 7);
  expect(statSync(join(store, USER_STORE_FILE)).uid).toBe(statSync(user.home).uid);
};
row('Requires admin rights for installation', {
  'Admin LM': [
    'yes, and none afterwards',
    async (context) => {
      if (process.getuid?.() !== 0) return context.skip('only root can make a place that others may not write to');
      const user = unprivilegedUser(newFolder('rights-admin'));
      const system = newFolder('system');
      const state = join(system, 'keyhaven');
      const port = await freeTcpPort();
      const as = { prefix: user.prefix, execPath: user.seen(process.execPath) };
      const options = { ...as, env: { HOME: user.home }, port };
      await expect(startLoneLm(state, [], { ...options, program: user.seen(KEYHAVEN) })).rejects.toThrow(/error 13 SYS_ERR: .*EACCES/);
      expect(existsSync(state)).toBe(false);
      mkdirSync(state);
      user.give(state);
      const lm = await started(state, user.seen(KEYHAVEN), options);
      expect(statSync(`/proc/${lm.pid}`).uid).not.toBe(0);
      await licenseAt(lm, vendor);
      const folder = newFolder('rights-admin/application');
      writeApplication(folder, `file://${user.seen(join(import.meta.dirname, 'near-application.ts'))}`);
      const env = { ...user.env, KEYHAVEN_LOCAL_LM: `127.0.0.1:${lm.port}` };
      await expectWorks(await applicationIn(folder, env, as), 'admin');
    },
  ],
  'External LM': ['no', () => ownKey(unprivilegedUser(newFolder('rights-external')), 'rights-external/application', 'external')],
  'Integrated LM': ['no', () => ownKey(unprivilegedUser(newFolder('rights-integrated')), 'rights-integrated/application', 'integrated')],
});

row('Easily upgradable', {
  'Admin LM': [
    'yes: another package, and sessions go on',
    async () => {
      const release = makeRelease(newFolder('next-admin'), '99.1.2');
      const state = place('upgraded');
      const before = await started(state);
      await licenseAt(before, vendor);
      const folder = newFolder('upgrade-admin');
      writeApplication(folder);
      const application = await applicationIn(folder, atLm(before));
      const id = await expectWorks(application, 'admin');
      await before.end();
      const after = await started(state, release.program, { port: before.port });
      expect(JSON.parse((await after.ask('status', '--json')).stdout)).toMatchObject({ version: '99.1.2', sessions: 1 });
      expect((await application.encrypt(id, TEXT)).length).toBe(TEXT.length + 41);
    },
  ],
  'External LM': [
    'yes: another file, at the next start',
    async () => {
      const application = await site.application();
      await expectWorks(application, 'external');
      placeFile(await cachedExternalLm({ version: '99.1.2' }), `${site.externalFile}.new`);
      renameSync(`${site.externalFile}.new`, site.externalFile);
      expect((await run(site.externalFile, ['--version'])).stdout).toContain(' 99.1.2 ');
      await expectWorks(application, 'external');
      const [running] = site.externals();
      const next = await site.application();
      await expectWorks(next, 'external');
      const [started_] = site.externalsOf(next);
      const inodeOf = (pid = 0): number => statSync(`/proc/${pid}/exe`).ino;
      expect(inodeOf(started_)).toBe(statSync(site.externalFile).ino);
      expect(inodeOf(running)).not.toBe(inodeOf(started_));
    },
  ],
  'Integrated LM': [
    'no: it is that of the Licensing API which the application was made with',
    async () => {
      const release = makeRelease(newFolder('next-integrated'), '99.1.2');
      const folder = site.makeFolder('not-upgraded');
      const application = await site.application(folder);
      // Whatever is put beside it.
      placeFile(await cachedExternalLm({ version: '99.1.2' }), join(folder, externalLmFile(process.platform)));
      await expectWorks(application, 'integrated');
      expect(application.complaints()).not.toContain(SAYS);
      writeApplication(folder, `file://${release.application}`);
      const upgraded = await site.application(folder);
      await expectWorks(upgraded, 'integrated');
      await until('it says what it is', () => upgraded.complaints().includes(`${SAYS} 99.1.2`));
    },
  ],
});

row('Requires additional files', {
  'Admin LM': [
    'yes: a program and a state of its own, without which it is not there (33)',
    async () => {
      const folder = newFolder('files-admin');
      writeApplication(folder);
      const application = await applicationIn(folder, { ...process.env, KEYHAVEN_LOCAL_LM: '127.0.0.1:9' });
      expect(await statusOf(application.login({ lm: 'admin' }))).toBe(33);
      expect(readdirSync(place('admin'))).toEqual(expect.arrayContaining(['identity', 'ledger.db']));
    },
  ],
  'External LM': [
    'yes: one file beside the application, without which it is not there (33)',
    async () => {
      const folder = site.makeFolder('files-external');
      const application = await site.application(folder);
      expect(await statusOf(application.login({ lm: 'external' }))).toBe(33);
      placeFile(executable, join(folder, externalLmFile(process.platform)));
      await expectWorks(application, 'external');
      expect(readdirSync(folder).toSorted()).toEqual(['application.mjs', externalLmFile(process.platform)]);
    },
  ],
  'Integrated LM': [
    'no: nothing but the application and the store of the user',
    async () => {
      const folder = site.makeFolder('files-integrated');
      const application = await site.application(folder);
      await expectWorks(application, 'integrated');
      expect(readdirSync(folder)).toEqual(['application.mjs']);
      const opened = readdirSync(`/proc/${application.pid}/fd`).flatMap((fd) => {
        try {
          return [realpathSync(`/proc/${application.pid}/fd/${fd}`)];
        } catch {
          return []; // Sockets and pipes.
        }
      });
      const own = opened.filter((file) => file.startsWith(realpathSync(tmpdir())));
      expect(
        own.every((file) => file.startsWith(realpathSync(site.store))),
        own.join(' '),
      ).toBe(true);
    },
  ],
});

const inAdmin = async (what: string): Promise<readonly { readonly pid?: number }[]> =>
  JSON.parse((await admin.ask(what, '--json')).stdout) as { readonly pid?: number }[];
row('User interface (and the seed on each type)', {
  'Admin LM': [
    'its sessions are in the Admin Control Center',
    async () => {
      const folder = newFolder('shown-admin');
      writeApplication(folder);
      const application = await applicationIn(folder, atLm(admin));
      await expectWorks(application, 'admin');
      expect((await inAdmin('sessions')).map(({ pid }) => pid)).toContain(application.pid);
      const page = await fetch(`http://127.0.0.1:${admin.port}/`, { headers: { connection: 'close' } });
      expect([page.status, page.headers.get('content-type')]).toEqual([200, expect.stringContaining('text/html')]);
    },
  ],
  'External LM': [
    'none, and nothing of it is seen in that of an Admin LM beside it',
    async () => {
      const application = await site.application();
      await expectUnseen(application, 'external');
    },
  ],
  'Integrated LM': [
    'none, and nothing of it is seen in that of an Admin LM beside it',
    async () => {
      const application = await site.application(site.makeFolder('unseen'));
      await expectUnseen(application, 'integrated');
    },
  ],
});
const expectUnseen = async (application: NearApplication, lm: 'external' | 'integrated'): Promise<void> => {
  const before = site.sessions().length;
  const id = await expectWorks(application, lm);
  expect(site.sessions()).toHaveLength(before + 1);
  const pids = (await inAdmin('sessions')).map(({ pid }) => pid);
  expect(pids).not.toContain(application.pid);
  const types = (await inAdmin('keys')).map((key) => ('type' in key ? key.type : ''));
  expect(types).toEqual(['sl-adminmode']);
  await application.logout(id);
};
