import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { externalLmFile, userStoreDirectory } from '@keyhaven/core/hosts';
import { armor, unarmor } from '@keyhaven/core/license';
import { openNearLm } from '@keyhaven/license-manager/near';
import { freeTcpPort } from '@keyhaven/testkit/local-lm';
import { startNearApplication } from '@keyhaven/testkit/near';
import { afterAll, beforeAll, expect, onTestFinished, vi } from 'vitest';
import { legacyFor } from '../../packages/license-manager/src/legacy/legacy.testing.ts';
import { cachedExternalLm } from '../../scripts/external/cached.ts';
import { keyhaven } from './lone-lm.ts';
import { type NearApplication, startNearProcess, writeApplication } from './near-process.ts';
import { placeFile } from './near-site.ts';
import { computer, deviceKeys, deviceVendor, FEATURE, plugged } from './seed-device.ts';
import { row } from './seed-row.ts';
import { statusOf } from './told-application.ts';

// The seed's first table, the rows about keys on this computer (T1): which license manager serves which kind, and with what it refuses the others. An
// Admin LM with a key of every kind that it serves; a user with an SL UserMode key; applications with an External LM, or with an Integrated one.

const TEXT = 'sixteen bytes and more';
const VENDOR = deviceVendor.code.vendor;
const vendorCode = deviceVendor.codeText;
const wish = { features: [{ id: FEATURE }] };
const root = mkdtempSync(join(tmpdir(), 'keyhaven-seed-keys-'));
const at = (...names: readonly string[]): string => join(root, ...names);
const scopeOf = {
  driverless: { key: { configuration: 'sentinelhl,driverless' } },
  hasp: { key: { configuration: 'hasphl,sentinelhl' } },
  adminMode: { key: { type: 'HASP-SL-AdminMode' } },
  userMode: { key: { type: 'HASP-SL-UserMode' } },
  legacy: { key: { configuration: 'haspsl-legacy' } },
} as const;
type Kind = keyof typeof scopeOf;
type Lm = 'admin' | 'external' | 'integrated';

const issue = (c2v: string): string => armor('V2C', deviceVendor.license(unarmor(c2v).bytes, wish));
const legacyFile = legacyFor(computer, [{ id: 1, name: 'Survey', features: [] }]);
const store = userStoreDirectory({ KEYHAVEN_STATE: at('state') }, process.platform, root, VENDOR);
let port = 0;
const application = {} as Record<Lm | 'externalWithDevices', NearApplication>;
let adminModeFile = '';

const post = async (what: string, type: string, body: string): Promise<{ readonly status: number; readonly text: string }> => {
  const headers = { 'content-type': type, connection: 'close' };
  const response = await fetch(`http://127.0.0.1:${port}/api/v1/${what}`, { method: 'POST', headers, body });
  return { status: response.status, text: await response.text() };
};

beforeAll(async () => {
  port = await freeTcpPort();
  const program = join(import.meta.dirname, 'seed-device.ts');
  const admin = spawn(process.execPath, [program, '--admin', '--directory', at('admin'), '--port', String(port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running.push(() => admin.kill('SIGKILL'));
  await once(createInterface({ input: admin.stdout }), 'line');
  adminModeFile = issue((await post('c2v', 'application/json', JSON.stringify({ vendorCode }))).text);
  for (const file of [adminModeFile, legacyFile]) expect(await post('apply', 'text/plain', file)).toMatchObject({ status: 200 });

  const env = { ...process.env, KEYHAVEN_STATE: at('state'), KEYHAVEN_LOCAL_LM: `127.0.0.1:${port}` };
  for (const name of ['admin', 'external', 'integrated', 'externalWithDevices'] as const) {
    const folder = at(`application-${name}`);
    mkdirSync(folder);
    writeApplication(folder);
    const file = join(folder, externalLmFile(process.platform));
    if (name === 'external') placeFile(await cachedExternalLm(), file);
    if (name === 'externalWithDevices') {
      writeFileSync(file, `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`);
      chmodSync(file, 0o755);
    }
    const started = await startNearProcess({ folder, vendorCode, env });
    running.push(() => started.signal('SIGKILL'));
    application[name] = started;
  }
  await application.integrated.update(issue(await application.integrated.requestKey('integrated')));
});
const running: (() => unknown)[] = [];
afterAll(() => {
  for (const end of running) end();
  rmSync(root, { recursive: true, force: true });
});

/** Logs in to a key of that kind and uses it. @returns its id */
const served = async (lm: Lm, kind: Kind, by = application[lm]): Promise<string> => {
  const { id, key, licenseManager } = await by.login({ lm, feature: kind === 'legacy' ? 0 : FEATURE, scope: scopeOf[kind] });
  expect(licenseManager.kind).toBe(lm);
  expect((await by.encrypt(id, TEXT)).length).toBe(TEXT.length + 41);
  await by.logout(id);
  return key;
};
/** What the license manager itself lists. */
const typesAt = async (lm: Lm, by = application[lm]): Promise<readonly string[]> => {
  const xml = await by.ask({ lm }, '<haspformat root="keys"><hasp><attribute name="id"/><attribute name="type"/></hasp></haspformat>');
  return [...xml.matchAll(/type="([^"]*)"/g)].map(([, type = '']) => type).toSorted();
};
const refused = async (lm: Lm, kind: Kind, status: number): Promise<void> => {
  expect(await statusOf(application[lm].login({ lm, scope: scopeOf[kind] }))).toBe(status);
};
/** Neither a login to such a key, nor a license for one: through the API, the command line, and at the license manager itself. */
const refusedNear = (lm: 'external' | 'integrated', kind: Kind, file: () => string) => async (): Promise<void> => {
  await refused(lm, kind, 16);
  writeFileSync(at('license.v2c'), file());
  const ran = await keyhaven(['apply', '--user', at('license.v2c')], { env: { KEYHAVEN_STATE: at('state') } });
  expect(`${ran.code} ${ran.stderr}`).toMatch(/^1 error 16 /);
  const itself = await openNearLm({ kind: lm, vendor: VENDOR, directory: store });
  await expect(itself.apply(file())).rejects.toMatchObject({ status: 16 });
  await itself.close();
  expect(await typesAt(lm)).toEqual(['HASP-SL-UserMode']);
};

/** An Integrated LM in this process with both devices, and an application at it. */
const withDevices = async (): Promise<{ readonly login: (kind: Kind) => Promise<string>; readonly events: readonly unknown[] }> => {
  const events: unknown[] = [];
  const directory = userStoreDirectory({ KEYHAVEN_STATE: at('devices') }, process.platform, root, VENDOR);
  const lm = await openNearLm({
    kind: 'integrated',
    vendor: VENDOR,
    directory,
    devices: plugged(),
    onEvent: (event) => events.push(event),
  });
  const { licensing, crash } = startNearApplication(lm, { pid: process.pid });
  onTestFinished(async () => {
    crash();
    await lm.close();
  });
  await vi.waitFor(() => expect(events).toHaveLength(2));
  expect(lm.keys()).toEqual([deviceKeys.driverless]);
  return {
    events,
    async login(kind) {
      const session = await licensing.login({ vendorCode, feature: FEATURE, scope: scopeOf[kind] });
      expect(session.licenseManager.kind).toBe('integrated');
      expect((await session.encrypt(Buffer.from(TEXT))).length).toBe(TEXT.length + 41);
      return session.key;
    },
  };
};

row('Supports Sentinel HL (Driverless configuration) key', {
  'Admin LM': ['yes', async () => expect(await served('admin', 'driverless')).toBe(deviceKeys.driverless)],
  'External LM': [
    'yes',
    async () => expect(await served('external', 'driverless', application.externalWithDevices)).toBe(deviceKeys.driverless),
  ],
  'Integrated LM': ['yes', async () => expect(await (await withDevices()).login('driverless')).toBe(deviceKeys.driverless)],
});
row('Supports Sentinel HL (HASP configuration) key and HASP HL key', {
  'Admin LM': ['yes', async () => expect(await served('admin', 'hasp')).toBe(deviceKeys.hasp)],
  'External LM': [
    'no: 14, and it does not list the key that is plugged in',
    async () => {
      await refused('external', 'hasp', 14);
      expect(await typesAt('external', application.externalWithDevices)).toEqual(['HASP-HL', 'HASP-SL-UserMode']);
    },
  ],
  'Integrated LM': [
    'no: 14, and it does not take the key that is plugged in',
    async () => {
      await refused('integrated', 'hasp', 14);
      expect((await withDevices()).events).toContainEqual(
        expect.objectContaining({ key: deviceKeys.hasp, error: expect.objectContaining({ status: 14 }) as unknown }),
      );
    },
  ],
});
row('Supports SL AdminMode key', {
  'Admin LM': ['yes', async () => void (await served('admin', 'adminMode'))],
  'External LM': ['no: 16', refusedNear('external', 'adminMode', () => adminModeFile)],
  'Integrated LM': ['no: 16', refusedNear('integrated', 'adminMode', () => adminModeFile)],
});
row('Supports SL UserMode key', {
  'Admin LM': [
    'no: 16, also for a license and for a new key',
    async () => {
      await refused('admin', 'userMode', 16);
      expect(await typesAt('admin')).toEqual(['HASP-HL', 'HASP-HL', 'HASP-SL', 'HASP-SL-AdminMode']);
      const lm = ['--lm', `127.0.0.1:${port}`];
      const made = await keyhaven(['c2v', '--vendor-code', vendorCode, '--type', 'sl-usermode', '--out', at('user.c2v'), ...lm]);
      writeFileSync(at('user.v2c'), issue(await application.external.requestKey('external')));
      const applied = await keyhaven(['apply', at('user.v2c'), ...lm]);
      for (const { code, stderr } of [made, applied]) expect(`${code} ${stderr}`).toMatch(/^1 error 16 /);
    },
  ],
  'External LM': ['yes', async () => void (await served('external', 'userMode'))],
  'Integrated LM': [
    'yes: the same key',
    async () => expect(await served('integrated', 'userMode')).toBe(await served('external', 'userMode')),
  ],
});
row('Supports SL Legacy key', {
  'Admin LM': ['yes', async () => void (await served('admin', 'legacy'))],
  'External LM': ['no: 16', refusedNear('external', 'legacy', () => legacyFile)],
  'Integrated LM': ['no: 16', refusedNear('integrated', 'legacy', () => legacyFile)],
});
