import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { externalLmFile } from '@keyhaven/core/hosts';
import { labAvailable } from '@keyhaven/testkit/lab';
import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import { cachedExternalLm } from '../../scripts/external/cached.ts';
import { placeFile } from './near-site.ts';
import { row } from './seed-row.ts';
import { createSite, eventually, FEATURE, type Lm, linkedTo, needsLab, type Site } from './site.ts';
import { startApplication, statusOf, type ToldApplication } from './told-application.ts';

// The seed's first table, its last row (T1, T2): keys of other computers. `server` has a key and an Admin LM, `desk` an Admin LM, `office` none. All that is
// on the wire of it: near-remote.test.ts.

const noLab = labAvailable();
const PROGRAM = new URL('application.ts', import.meta.url).href;
const SECRET = Buffer.from('sixteen bytes or more of the application');

let site: Site | undefined;
let server: Lm;
let desk: Lm;
let executable: string;
let folders = 0;
const here = (): Site => {
  if (site === undefined) throw new Error('no site');
  return site;
};
const applicationOf = async (host: string, lm: 'external' | 'integrated', ini?: string): Promise<ToldApplication> => {
  folders += 1;
  const folder = join(here().directory, `application-${folders}`);
  mkdirSync(folder);
  writeFileSync(join(folder, 'application.mjs'), `import { serve } from ${JSON.stringify(PROGRAM)};\nserve(process.argv[2]);\n`);
  if (lm === 'external') placeFile(executable, join(folder, externalLmFile(process.platform)));
  if (ini !== undefined) writeFileSync(join(folder, 'keyhaven_37515.ini'), ini);
  const env = { KEYHAVEN_STATE: join(folder, 'state'), XDG_CONFIG_HOME: join(folder, 'config') };
  return startApplication(here().host(host), join(folder, 'socket'), env, join(folder, 'application.mjs'));
};
const wanted = (lm: 'admin' | 'external' | 'integrated') => ({ vendorCode: here().code, feature: FEATURE.oneSeat, lm });

beforeAll(async () => {
  if (noLab !== undefined) return;
  executable = await cachedExternalLm();
  site = await createSite({ hosts: ['server', 'desk', 'office'] });
  server = await site.startLm('server');
  desk = await site.startLm('desk');
  await site.license(server);
  await linkedTo(desk, server);
});
afterAll(() => site?.close());
beforeEach(needsLab(() => site, noLab));

const near = async (lm: 'external' | 'integrated'): Promise<void> => {
  const alone = await applicationOf('office', lm);
  expect(await statusOf(alone.login(wanted(lm)))).toBe(7);
  await alone.end();
  // R2: it is told of an Admin LM there, and that one serves the key.
  const told = await applicationOf('office', lm, `[REMOTE]\nserveraddr = ${here().host('server').address}\n`);
  const session = await told.login(wanted(lm));
  expect(session.licenseManager).toMatchObject({ guid: server.guid, kind: 'admin' });
  expect(await session.decrypt(await session.encrypt(SECRET))).toEqual(SECRET);
  expect(await server.used(FEATURE.oneSeat)).toBe(1);
  // T2: nobody finds it, and it serves nobody else.
  for (const each of [server, desk])
    expect((await each.peers()).map(({ guid }) => guid)).toEqual([each === server ? desk.guid : server.guid]);
  await told.end();
  if (lm === 'external') await eventually('the seat is back', async () => (await server.used(FEATURE.oneSeat)) === 0);
};

row('Supports remote network key', {
  'Admin LM': [
    'yes: it finds and uses it by itself',
    async () => {
      const application = await here().application('desk');
      const session = await application.login(wanted('admin'));
      expect(session.licenseManager.guid).toBe(server.guid);
      expect(await session.decrypt(await session.encrypt(SECRET))).toEqual(SECRET);
      const [held] = await server.sessions();
      expect(held?.holder).toBe(desk.guid);
      await application.end();
      await eventually('the seat is back', async () => (await server.used(FEATURE.oneSeat)) === 0);
    },
  ],
  'External LM': ['no: 7; it only reaches an Admin LM that it is told of', () => near('external')],
  'Integrated LM': ['no: 7; it only reaches an Admin LM that it is told of', () => near('integrated')],
});
