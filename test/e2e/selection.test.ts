import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type HostKind, userStoreDirectory } from '@keyhaven/core/hosts';
import { openNearLm } from '@keyhaven/license-manager/near';
import { createLicensing, type Licensing, type LoginOptions } from '@keyhaven/licensing-api/licensing';
import { createTestVendor, type LocalLm, startLocalLm } from '@keyhaven/testkit/local-lm';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type Configuration, createConfiguration } from '../../packages/licensing-api/src/configuration.ts';
import { ownIdentity, systemEntropy, systemSurroundings } from '../../packages/licensing-api/src/environment.ts';
import { systemNear } from '../../packages/licensing-api/src/near-system.ts';

// T5 with the three license managers as they are: an Admin LM with an SL AdminMode key, a user with an SL UserMode key, and applications with and
// without an External LM beside them.

const ROOT = join(import.meta.dirname, '../..');
/** A busy computer needs longer than the ten seconds of a call to start a license manager. */
const PATIENCE_SECONDS = 60;
const catalog = (seats: number): string => `
products:
  - id: 1
    name: Survey
    features:
      - { id: 42, name: Everywhere, license: { type: perpetual }, concurrency: { seats: ${seats} } }
      - { id: 43, name: Counted, license: { type: executions, count: 5 } }
    memory: { readWrite: 64, readOnly: 16 }
`;
const vendor = createTestVendor(catalog(1), 7);
const stranger = createTestVendor(catalog(1), 8);
const root = mkdtempSync(join(tmpdir(), 'keyhaven-selection-'));
const state = join(root, 'state');
const folder = join(root, 'application');
const bare = join(root, 'bare');
let admin: LocalLm;
let adminKey: string;

beforeAll(async () => {
  admin = await startLocalLm();
  adminKey = await admin.license(vendor);
  await admin.license(stranger);
  for (const each of [folder, bare]) mkdirSync(each);
  const file = join(folder, 'keyhaven-external-lm');
  writeFileSync(file, `#!/bin/sh\nexec "${process.execPath}" "${join(ROOT, 'packages/license-manager/src/external/main.ts')}" "$@"\n`);
  chmodSync(file, 0o755);
  const lm = await openNearLm({
    kind: 'integrated',
    vendor: 7,
    directory: userStoreDirectory({ KEYHAVEN_STATE: state }, 'linux', root, 7),
  });
  await lm.apply(vendor.issue(await lm.c2v({ vendorCode: vendor.vendorCode })));
  await lm.close();
});
afterAll(async () => {
  await admin[Symbol.asyncDispose]();
  rmSync(root, { recursive: true, force: true });
});

type Started = {
  readonly licensing: Licensing;
  readonly lines: string[];
  login(options?: Partial<LoginOptions>): ReturnType<Licensing['login']>;
};
const start = (
  beside: string,
  { configuration = {}, port = admin.port }: { configuration?: Configuration; port?: number } = {},
): Started => {
  const lines: string[] = [];
  const store = createConfiguration();
  store.add(configuration);
  const licensing = createLicensing({ host: '127.0.0.1', port }, ownIdentity(), systemEntropy, {
    ...systemSurroundings,
    callTimeoutMs: () => PATIENCE_SECONDS * 1_000,
    near: systemNear({
      env: { KEYHAVEN_STATE: state, KEYHAVEN_DEBUG: 'select' },
      platform: process.platform,
      home: root,
      beside,
      configured: store.of,
      print: (line) => void lines.push(line),
    }),
  });
  onTestFinished(() => licensing.close());
  return {
    licensing,
    lines,
    login: (options = {}) => licensing.login({ vendorCode: vendor.vendorCode, feature: 42, ...options }),
  };
};
const asked = (selection: readonly { readonly licenseManager: string; readonly asked: boolean }[]): string[] =>
  selection.filter((note) => note.asked).map((note) => note.licenseManager);

describe('T5: an application whose user has a key', () => {
  it.each([
    ['with an External LM beside it uses that', () => folder, 'external'],
    ['without one uses the Integrated LM', () => bare, 'integrated'],
  ] as const)('%s, and the Admin LM when its seats are taken', async (_name, beside, kind) => {
    const application = start(beside());
    await using own = await application.login();
    expect(own.licenseManager.kind).toBe(kind);
    expect(own.key).not.toBe(adminKey);
    expect(asked(own.selection)).toEqual([kind]);
    await using other = await application.login();
    expect(other).toMatchObject({ key: adminKey, licenseManager: { kind: 'admin' } });
    expect(asked(other.selection)).toEqual([kind, 'admin']);
    expect(other.selection.find(({ licenseManager }) => licenseManager === kind)?.why).toMatch(/It said 38 TOO_MANY_USERS/);
    await expect(application.login()).rejects.toMatchObject({ status: 38, selection: { length: 3 } });
    const plain = Buffer.from('sixteen bytes and more');
    expect(Buffer.from(await own.decrypt(await other.encrypt(plain)))).toEqual(plain);
    expect(application.lines).toHaveLength(3);
    expect(application.lines[0]).toMatch(/^keyhaven select, vendor 7, lm auto: (External|Integrated) LM: asked\. .* \| Admin LM: asked\. /);
  });

  it('goes to the Admin LM alone for keys that only that serves, and to none that cannot serve what it asks for', async () => {
    const application = start(folder);
    await using session = await application.login({ scope: { key: { type: 'HASP-SL-AdminMode' } } });
    expect(session).toMatchObject({ key: adminKey, licenseManager: { kind: 'admin' } });
    expect(asked(session.selection)).toEqual(['admin']);
    const wrong: readonly [HostKind, string, number][] = [
      ['admin', 'HASP-SL-UserMode', 16],
      ['external', 'HASP-SL-AdminMode', 16],
      ['integrated', 'HASP-SL-AdminMode', 16],
    ];
    for (const [lm, type, status] of wrong)
      await expect(application.login({ lm, scope: { key: { type } } })).rejects.toMatchObject({ status });
  });

  it.each(['admin', 'external', 'integrated'] as const)('asks the %s LM only, where it says so', async (lm) => {
    await using session = await start(folder).login({ lm });
    expect(session.licenseManager.kind).toBe(lm);
    expect(asked(session.selection)).toEqual([lm]);
    expect(session.selection).toHaveLength(3);
  });

  it('needs no Admin LM', async () => {
    await using session = await start(bare, { port: 9 }).login();
    expect(session.licenseManager.kind).toBe('integrated');
  });

  it('waits at all of them, and takes the first seat that comes', async () => {
    const application = start(bare);
    const [own, other] = [await application.login(), await application.login()];
    const places: number[] = [];
    const waiting = application.login({ wait: { timeoutMs: 20_000 }, onWaiting: (place) => void places.push(place) });
    await expect.poll(() => places).toEqual([1]);
    await own.logout();
    await using session = await waiting;
    expect(session.licenseManager.kind).toBe('integrated');
    await other.logout();
  });

  it('is told what all of them have', async () => {
    const { licensing } = start(bare);
    const question = { vendorCode: vendor.vendorCode };
    const candidates = await licensing.find({ ...question, feature: 42 });
    expect(candidates.map(({ licenseManager }) => licenseManager.kind)).toEqual(['integrated', 'admin']);
    const { licenseManagers } = await licensing.information(question);
    const types = licenseManagers.flatMap(({ vendors }) => vendors.flatMap(({ keys }) => keys.map(({ type }) => type)));
    expect(types).toEqual(['HASP-SL-UserMode', 'HASP-SL-AdminMode']);
    expect(await licensing.information({ ...question, lm: 'admin', format: 'keyinfo' })).not.toContain('usermode');
  });

  it('applies each document where its key is', async () => {
    const { licensing } = start(bare);
    const more = catalog(1).replace('Everywhere', 'Changed');
    for (const lm of ['integrated', 'admin'] as const) {
      const c2v =
        /-----BEGIN[^]*-----END[^\n]*\n/.exec(
          await licensing.information({ vendorCode: vendor.vendorCode, lm, format: 'updateinfo' }),
        )?.[0] ?? '';
      const { message, ack } = await licensing.update(vendor.issue(c2v, more, { acknowledge: true }));
      expect(message).toContain('at update 2');
      expect(ack).toContain('BEGIN');
      const { licenseManagers } = await licensing.information({ vendorCode: vendor.vendorCode, lm });
      const names = licenseManagers.flatMap(({ vendors }) => vendors.flatMap(({ keys }) => keys.flatMap(({ products }) => products)));
      expect(JSON.stringify(names)).toContain('Changed');
    }
  });
});

describe('T5: an application whose user has no key', () => {
  const wanted = { vendorCode: stranger.vendorCode };

  it('asks the Admin LM, and starts no license manager of its own for nothing', async () => {
    const application = start(bare);
    await using session = await application.login(wanted);
    expect(asked(session.selection)).toEqual(['admin']);
    await expect(application.login({ ...wanted, feature: 77 })).rejects.toMatchObject({ status: 31 });
    expect(existsSync(userStoreDirectory({ KEYHAVEN_STATE: state }, 'linux', root, 8))).toBe(false);
  });

  it('asks its own too where it is configured to search, or by its settings file, and is told what is wrong with that', async () => {
    const addresses = start(bare, { configuration: { searchAddresses: ['127.0.0.2'] }, port: 9 });
    const refused = await addresses.login(wanted).catch((error: unknown) => error);
    expect(refused).toMatchObject({ status: 7 });
    expect(asked((refused as { selection: [] }).selection)).toEqual(['admin', 'integrated']);

    const file = join(bare, 'keyhaven_8.ini');
    writeFileSync(file, '[REMOTE]\nserveraddr 127.0.0.2\n');
    onTestFinished(() => rmSync(file));
    await expect(start(bare, { port: 9 }).login(wanted)).rejects.toMatchObject({
      status: 501,
      detail: expect.stringMatching(/keyhaven_8\.ini.*\b2\b/),
    });
  });

  it('says that the External LM which it names is not there', async () => {
    const application = start(bare, { configuration: { externalLm: join(bare, 'gone') } });
    await expect(application.login({ lm: 'external' })).rejects.toMatchObject({
      status: 33,
      detail: expect.stringContaining('no such file'),
    });
  });
});

describe('keyhaven login', () => {
  const run = promisify(execFile);
  const words = (...more: string[]): string[] => [
    'login',
    '--vendor-code',
    vendor.vendorCode,
    '--feature',
    '42',
    '--hold',
    '0',
    '--json',
    ...more,
  ];
  const env = { ...process.env, KEYHAVEN_STATE: state, KEYHAVEN_DEBUG: 'select', XDG_CONFIG_HOME: join(root, 'config') };
  beforeAll(() => {
    const settings = join(root, 'config', 'keyhaven');
    mkdirSync(settings, { recursive: true });
    writeFileSync(join(settings, 'keyhaven_7.ini'), `[SERVER]\ncall_timeout_secs = ${PATIENCE_SECONDS}\n`);
  });

  it('tells with --json how its license manager was selected, and with KEYHAVEN_DEBUG=select on stderr', async () => {
    const local = { ...env, KEYHAVEN_LOCAL_LM: `127.0.0.1:${admin.port}` };
    const granted = await run(process.execPath, [join(ROOT, 'packages/cli/bin/keyhaven.js'), ...words()], { env: local });
    const said = JSON.parse(granted.stdout) as Record<string, unknown>;
    expect(said).toMatchObject({
      status: 0,
      licenseManager: { kind: 'integrated' },
      selection: [
        { licenseManager: 'integrated', asked: true, why: 'The user has a store of keys of this vendor.' },
        { licenseManager: 'admin', asked: false },
        { licenseManager: 'external', asked: false, why: 'No External LM lies beside the application.' },
      ],
    });
    expect(granted.stderr).toMatch(/^keyhaven select, vendor 7, lm auto: Integrated LM: asked\. [^\n]*\n$/);
    const refused: unknown = await run(process.execPath, [join(ROOT, 'packages/cli/bin/keyhaven.js'), ...words('--via', 'admin')], {
      env: { ...env, KEYHAVEN_LOCAL_LM: '127.0.0.1:9' },
    }).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 1 });
    const { stdout } = refused as { readonly stdout: string };
    expect(JSON.parse(stdout)).toMatchObject({ status: 33, selection: [{ licenseManager: 'admin', asked: true }, {}, {}] });
  });
});
