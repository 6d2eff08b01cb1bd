import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { externalLmFile } from '@keyhaven/core/hosts';
import { labAvailable } from '@keyhaven/testkit/lab';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { cachedExternalLm } from '../../scripts/external/cached.ts';
import { placeFile } from './near-site.ts';
import { createSite, FEATURE, needsLab, type Site } from './site.ts';

// What docs/guide/sdk.md says of a key on another computer, without a service on this one: its settings file beside its program.

const ROOT = join(import.meta.dirname, '../..');
const guide = readFileSync(join(ROOT, 'docs/guide/sdk.md'), 'utf8');
const blockOf = (name: string): string => {
  const [, text] = new RegExp(`^\`\`\`${name}\\n([^]*?)^\`\`\``, 'm').exec(guide) ?? [];
  if (text === undefined) throw new Error(`the guide has no block ${name}`);
  return text;
};
const noLab = labAvailable();
let site: Site | undefined;
let key = '';
const here = (): Site => {
  if (site === undefined) throw new Error('no site');
  return site;
};

beforeAll(async () => {
  if (noLab !== undefined) return;
  site = await createSite({ hosts: ['server', 'office'] });
  symlinkSync(join(ROOT, 'node_modules'), join(site.directory, 'node_modules'));
  key = await site.license(await site.startLm('server'));
});
afterAll(() => site?.close());
beforeEach(needsLab(() => site, noLab));

describe('docs/guide/sdk.md, a key of another computer', () => {
  it.each(['external', 'integrated'] as const)('is found by the %s LM that its file tells where to look', async (lm) => {
    const folder = join(here().directory, lm);
    mkdirSync(folder);
    const program = blockOf('ts program=which').replace('THE VENDOR CODE', here().code).replace('42', String(FEATURE.fiveSeats));
    writeFileSync(join(folder, 'main.ts'), program);
    if (lm === 'external') placeFile(await cachedExternalLm(), join(folder, externalLmFile(process.platform)));
    const ini = blockOf('ini file=keyhaven_37515.ini');
    expect(ini).toContain('licenses.example.org');
    writeFileSync(join(folder, 'keyhaven_37515.ini'), ini.replace('licenses.example.org', here().host('server').address));
    const env = { KEYHAVEN_STATE: join(folder, 'state'), XDG_CONFIG_HOME: folder };
    const { stdout, stderr } = await here()
      .host('office')
      .run('node', [join(folder, 'main.ts')], { env, timeoutMs: 30_000 });
    expect(stderr).toBe('');
    expect(stdout).toMatch(new RegExp(`^key ${key}, admin on `));
    expect(stdout).toMatch(new RegExp(`^${lm}: asked\\. `, 'm'));
  });
});
