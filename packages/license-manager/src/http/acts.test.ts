import { LicensingError, Status } from '@keyhaven/core/errors';
import { createTestVendor, startLocalLm } from '@keyhaven/testkit/local-lm';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Act } from '../acts/index.ts';
import { createSite } from '../authority/site.testing.ts';
import { withActs } from './acts.ts';
import { facesOf } from './faces.testing.ts';
import { answers, type Route, route } from './route.ts';
import { routesFor } from './routes/index.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const asked = (route: Route): Parameters<Route['run']>[0] => ({
  params: { id: 'x' },
  query: {},
  body: [],
  caller: { kind: 'remote', authenticated: true, address: '192.0.2.7' },
  headers: {},
  ends: undefined,
  secure: false,
  setHeader: () => undefined,
  target: `${route.url}?password=secret`,
  delivery: { state: () => 'pending' },
});

describe('every administrative act (C5)', () => {
  it('is told with who, from where, what and how it ended, by every route that needs more than reading', async () => {
    const site = await createSite();
    closers.push(() => site.ledger.close());
    const acts: Act[] = [];
    const { faces } = await facesOf(site, {
      async perform(act, work) {
        acts.push(act);
        return work();
      },
    });
    const routes = routesFor(faces, 'all');
    for (const each of routes)
      await Promise.resolve()
        .then(() => each.run(asked(each)))
        .catch(() => undefined);
    const writing = routes.filter(({ need }) => need === 'write' || need === 'configure');
    expect(writing.length).toBeGreaterThan(12);
    expect(acts.map(({ act }) => act)).toEqual(writing.map(({ method, url }) => `${method} ${url}`));
    expect(new Set(acts.map(({ by, address }) => `${by} ${address}`))).toEqual(new Set(['administrator 192.0.2.7']));
    expect(
      routes.filter(({ method, need }) => method !== 'GET' && !['write', 'configure', 'page', 'link', 'identity'].includes(need)),
    ).toEqual([]);
  });

  it('is not begun where it is not performed, and no query is told', async () => {
    const done: string[] = [];
    const run = (): string => {
      done.push('done');
      return 'done';
    };
    const declared = (['write', 'read'] as const).map((need) =>
      route({ method: 'POST', url: '/a', need, summary: '', answer: answers(z.string()), run }),
    );
    const refusal = new LicensingError(Status.DEVICE_ERR);
    const told: Act[] = [];
    const [write, read] = withActs(declared, async (act) => {
      told.push(act);
      throw refusal;
    });
    if (write === undefined || read === undefined) throw new Error('no routes');
    await expect(write.run(asked(write))).rejects.toBe(refusal);
    expect(done).toEqual([]);
    expect(told).toEqual([{ act: 'POST /a', by: 'administrator', address: '192.0.2.7' }]);
    expect(read.run(asked(read))).toBe('done');
  });

  it('is in the audit of a license manager, beside what it changed', async () => {
    await using local = await startLocalLm();
    const vendor = createTestVendor('products: [{ id: 1, name: One, features: [{ id: 42, name: A, license: { type: perpetual } }] }]', 7);
    await local.license(vendor);
    await expect(local.ask('DELETE', '/api/v1/sessions/none')).rejects.toThrow('none');
    await expect(local.ask('POST', '/api/v1/apply', 'no license')).rejects.toThrow('POST /api/v1/apply: 4');
    const audit = await local.lm.ledger.audit({ kind: 'administration' });
    const by = { by: 'local user', address: '127.0.0.1' };
    expect(audit.map(({ scope, detail }) => ({ scope, ...detail })).toReversed()).toEqual([
      { scope: 'lm', act: 'POST /api/v1/c2v', ...by, status: 0 },
      { scope: 'lm', act: 'POST /api/v1/apply', ...by, status: 0 },
      { scope: 'lm', act: 'DELETE /api/v1/sessions/none', ...by, status: Status.INV_HND, cause: expect.stringContaining('none') },
      { scope: 'lm', act: 'POST /api/v1/apply', ...by, status: expect.any(Number), cause: expect.any(String) },
    ]);
  });
});
