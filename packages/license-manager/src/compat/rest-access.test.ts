import { decideLogin, type Login, restHolder } from '@keyhaven/core/seats';
import { wall } from '@keyhaven/core/time';
import type { RemoteMode } from '@keyhaven/core/users';
import { expect, it } from 'vitest';
import { createAccess } from '../access/access.ts';

// A client with an identity is here or elsewhere, as any application is (R9, K1).

const here = restHolder('id-1', undefined);
const elsewhere = restHolder('id-1', '192.0.2.7');
const login = (holder: string, network: boolean): Login => ({
  kind: 'login',
  pool: { key: '1', product: 1, feature: 42 },
  terms: { seats: 5, count: 'login', network, until: undefined, executions: undefined },
  session: 'a',
  applicant: { holder, host: 'h', user: 'u', application: 'a', pid: 1, start: 0, address: holder === here ? '127.0.0.1' : '192.0.2.7' },
  seats: 1,
  executions: 0,
  dieAtExpiration: false,
});
const statusOf = (holder: string, mode: RemoteMode, network = true): number => {
  const access = createAccess({ users: [], clients: [], remote: { mode } });
  const { reply } = decideLogin({ get: () => undefined }, access.ruled(login(holder, network), 7), wall(0));
  return reply.kind === 'granted' ? 0 : reply.status;
};

it('a license for the computer of the key alone is no license for a client elsewhere', () => {
  expect([statusOf(here, 'all', false), statusOf(elsewhere, 'all', false), statusOf(elsewhere, 'all')]).toEqual([0, 5, 0]);
});

it('"Access from Remote Clients" is for it, and an identity is what "identifiable" asks for', () => {
  const guid = 'x'.repeat(40);
  expect(
    (['none', 'identifiable', 'split', 'all'] as const).map((mode) => [here, elsewhere, guid].map((holder) => statusOf(holder, mode))),
  ).toEqual([
    [0, 5, 5],
    [0, 0, 87],
    [0, 0, 0],
    [0, 0, 0],
  ]);
});
