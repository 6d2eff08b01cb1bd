import { spawnSync } from 'node:child_process';
import { cpSync, renameSync, rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cachedExternalLm } from '../../scripts/external/cached.ts';
import { startNearProcess } from './near-process.ts';
import { type NearApplication, type NearSite, openNearSite } from './near-site.ts';
import { statusOf } from './told-application.ts';

// S20, T4: a user who copies the store of his keys into its place while an application runs, or shows the copy to another one by a mount, has no second seat.

const ONE_SEAT = 11;

let site: NearSite;
beforeEach(async () => {
  site = await openNearSite(await cachedExternalLm());
});
afterEach(async () => {
  await site.quiet();
  await site.close();
});

const start = (lm: 'external' | 'integrated'): Promise<NearApplication> =>
  lm === 'external' ? site.application() : site.application(site.makeFolder(`copied-${performance.now()}`));

describe.each(['external', 'integrated'] as const)('the copied store of a user, with an %s LM', (lm) => {
  it('in the place of the first gives no seat (84) while an application has the first one open', async () => {
    const [copy, kept] = [`${site.store}.copy`, `${site.store}.kept`];
    // Before anybody has the seat: the copy knows of nobody.
    cpSync(site.store, copy, { recursive: true });
    const first = await start(lm);
    await first.login({ lm, feature: ONE_SEAT });
    renameSync(site.store, kept);
    renameSync(copy, site.store);
    try {
      const second = await start(lm);
      expect(await statusOf(second.login({ lm, feature: ONE_SEAT }))).toBe(84);
      first.signal('SIGKILL');
      await first.ended;
    } finally {
      rmSync(site.store, { recursive: true });
      renameSync(kept, site.store);
    }
  });

  it('that a mount shows at its place gives none either', async (context) => {
    const isolated = spawnSync('unshare', ['--mount', 'true']).status === 0;
    if (process.platform !== 'linux' || !isolated) return context.skip('namespaces of mounts cannot be made here');
    const copy = `${site.store}.copy-${lm}`;
    cpSync(site.store, copy, { recursive: true });
    const first = await start(lm);
    await first.login({ lm, feature: ONE_SEAT });
    const folder = lm === 'external' ? site.folder : site.makeFolder(`mounted-${performance.now()}`);
    const second = await startNearProcess({
      folder,
      vendorCode: site.vendor.vendorCode,
      env: site.env,
      prefix: ['unshare', '--mount', 'sh', '-c', `mount --bind "${copy}" "${site.store}"; exec "$@"`, 'sh'],
    });
    expect(await statusOf(second.login({ lm, feature: ONE_SEAT }))).toBe(84);
    second.signal('SIGKILL');
    await second.ended;
  });
});
