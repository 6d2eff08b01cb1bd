import { Buffer } from 'node:buffer';
import type { StatusName } from '@keyhaven/core/errors';
import { wall } from '@keyhaven/core/time';
import { createReplays } from '../../packages/license-manager/src/compat/replays.ts';
import { createRestClient, send } from '../../packages/license-manager/src/compat/rest-client.testing.ts';
import { filesIn } from '../../packages/license-manager/src/http/multipart.ts';
import { startLm, vendorOf } from './lms.ts';

// Statuses of identities, as clients of the REST licensing API meet them, and of uploads.

type Answer = { readonly identity: { readonly id: string }; readonly secret: string };

/** The status that a login with this identity gets. */
const loginWith = async (wish: object, change?: object, computers: readonly string[] = ['desk']): Promise<number> => {
  const site = await startLm();
  await site.license(vendorOf());
  const { identity, secret } = JSON.parse(await site.ask('POST', '/api/v1/identities', { issuedTo: 'a test', ...wish })) as Answer;
  if (change !== undefined)
    await fetch(`http://127.0.0.1:${site.port}/api/v1/identities/${identity.id}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json', connection: 'close' },
      body: JSON.stringify(change),
    });
  const client = createRestClient({ port: site.port, identity: identity.id, secret, vendor: 7 });
  let status = 0;
  for (const machineId of computers) status = Number((await client.login(42, { clientInfo: { machineId } })).json['errorCode']);
  return status;
};

/** The status of a request with a signature and a token. */
const asTwo = async (): Promise<number> => {
  const site = await startLm();
  const client = createRestClient({ port: site.port, identity: 'somebody', secret: 'any', vendor: 7 });
  const path = `${client.base}/keys`;
  const { json } = await send(site.port, 'GET', path, { ...client.signed(path), authorization: `Bearer ${'A'.repeat(43)}` });
  return Number(json['errorCode']);
};

export const ofIdentities = {
  IDENTITY_DISABLED: () => loginWith({}, { disabled: true }),
  IDENTITY_DENIED: () => loginWith({ rights: ['list'] }),
  IDENTITY_EXPIRED: () => loginWith({ expires: '2020-01-01T00:00:00.000Z' }),
  IDENTITY_TOO_MANY_MACHINES: () => loginWith({ maxMachines: 1 }, undefined, ['desk', 'laptop']),
  CONFLICTING_AUTHENTICATION_METHODS: asTwo,
  IDENTITY_RATE_LIMIT_EXCEEDED: async () => {
    const replays = createReplays();
    for (let count = 0; count <= 20_000; count += 1) {
      const signature = Buffer.alloc(32);
      signature.writeUInt32BE(count);
      const signed = { identity: 'a', date: '', at: 0, signature };
      const delivery = { state: () => 'delivered' as const };
      const request = { signed, target: 'POST /sessions', sealed: true, client: '', delivery };
      await replays.once(request, wall(0), { shared: true, run: async () => 0, holds: () => true });
    }
  },
  // A form that was cut off.
  UPLOAD_ERROR: () => filesIn('multipart/form-data; boundary=a', Buffer.from('--a\r\nContent-Disposition: form-data')),
} as const satisfies Partial<Readonly<Record<StatusName, () => unknown>>>;
