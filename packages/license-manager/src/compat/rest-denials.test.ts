import { createTestVendor } from '@keyhaven/testkit/local-lm';
import { expect, it } from 'vitest';
import { startSite } from './rest-site.testing.ts';

// C2: one login through the REST licensing API is one denial, however many keys refuse it, and none where one of them grants.

it('is one denial for each login that no key grants', async () => {
  const { local, issue } = await startSite();
  const more = `products:
  - id: 5
    name: Survey
    features:
      - { id: 42, name: Terrain, license: { type: perpetual }, concurrency: { seats: 1, network: true } }
      - { id: 44, license: { type: expiration, until: 2001-01-01 } }
`;
  await local.license(createTestVendor(more, 7));
  const { client } = await issue();
  const refused = async (): Promise<readonly number[]> =>
    (JSON.parse(await local.ask('GET', '/api/v1/audit?kind=refused')) as { detail: { status: number } }[]).map(
      ({ detail }) => detail.status,
    );
  for (const processId of [1, 2, 3]) expect((await client.login(42, { clientInfo: { processId } })).code).toBe(201);
  expect(await refused()).toEqual([]);
  expect(await client.login(42, { clientInfo: { processId: 4 } })).toMatchObject({ code: 403, json: { errorCode: 38 } });
  expect(await refused()).toEqual([38]);
  expect(await client.login(44)).toMatchObject({ code: 403, json: { errorCode: 41 } });
  expect(await client.login(99)).toMatchObject({ code: 404, json: { errorCode: 31 } });
  expect(await refused()).toEqual([31, 41, 38]);
});
