import { createManualClock, createTestVendor, startLocalLm } from '@keyhaven/testkit/local-lm';
import { onTestFinished } from 'vitest';
import { createRestClient } from './rest-client.testing.ts';

// A license manager with a key of vendor 7, and clients of it with identities, on one simulated clock.

const catalog = `products:
  - id: 5
    name: Survey
    features:
      - { id: 42, name: Terrain, license: { type: perpetual }, concurrency: { seats: 2, network: true } }
      - { id: 43, license: { type: executions, count: 3 } }
      - { id: 44, license: { type: expiration, until: 2001-01-01 } }
    memory: { readWrite: 64, readOnly: 16 }
`;
export const startSite = async (settings = '', products = catalog) => {
  const clock = createManualClock(Date.UTC(2026, 5, 1, 12));
  const local = await startLocalLm({ clock, settings });
  onTestFinished(() => local[Symbol.asyncDispose]());
  const key = await local.license(createTestVendor(products, 7));
  const issue = async (more: object = {}) => {
    const { identity, secret } = JSON.parse(await local.ask('POST', '/api/v1/identities', { issuedTo: 'a test', ...more })) as {
      identity: { id: string };
      secret: string;
    };
    return {
      id: identity.id,
      secret,
      client: createRestClient({ port: local.port, identity: identity.id, secret, vendor: 7, now: () => clock.wall() }),
    };
  };
  const sessions = async () => JSON.parse(await local.ask('GET', '/api/v1/sessions')) as { id: string; holder: string; user: string }[];
  return { local, clock, key, issue, sessions };
};
