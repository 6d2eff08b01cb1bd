import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createTestVendor } from '../keystore/vendor.testing.ts';
import { ask, launchHttp } from './launch.testing.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
const answer = z.object({
  key: z.string(),
  vendor: z.number(),
  vendorFingerprint: z.string().regex(/^(?:[0-9a-f]{4} ?){8}$/),
  links: z.array(z.object({ kind: z.string(), signatureHolds: z.boolean(), key: z.string().optional(), products: z.array(z.unknown()) })),
});

describe('GET /api/v1/keys/:id/certificate', () => {
  it('says what was certified of a key here, and of one without a license that nothing was', async () => {
    const { site, port, close } = await launchHttp();
    closers.push(close);
    const of = async (id: string) => answer.parse(JSON.parse((await ask(port, 'GET', `/api/v1/keys/${id}/certificate`)).text));
    const vendor = createTestVendor();
    const bare = (await site.keystore.unlicensed('sl-adminmode', vendor.code)).identity.id;
    expect(await of(bare)).toMatchObject({ key: bare, vendor: vendor.code.vendor, links: [] });
    const { identity } = await site.licensed({ features: [{ id: 42 }] }, vendor);
    expect(await of(identity.id)).toMatchObject({ links: [{ kind: 'vendor', signatureHolds: true, key: identity.id, products: [{}] }] });
  });

  it('refuses with 18 and a remedy what is not here, and with 400 what is no key', async () => {
    const { port, close } = await launchHttp();
    closers.push(close);
    const refusal = JSON.parse((await ask(port, 'GET', '/api/v1/keys/77/certificate')).text);
    expect(refusal).toMatchObject({ code: 18, remedy: expect.stringContaining('keyhaven keys') });
    expect((await ask(port, 'GET', '/api/v1/keys/x/certificate')).code).toBe(400);
  });
});
