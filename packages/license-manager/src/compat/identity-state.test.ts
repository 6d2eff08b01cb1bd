import { expect, it } from 'vitest';
import { startSite } from './rest-site.testing.ts';

// What an administrator sees of an identity (C4): until when it is good, whether it is so now, and when it was last used.

type Shown = { readonly id: string; readonly state: string; readonly lastUsed?: string; readonly expires?: string };

const start = async () => {
  const site = await startSite();
  const shown = async (): Promise<readonly Shown[]> => JSON.parse(await site.local.ask('GET', '/api/v1/identities')) as Shown[];
  const change = async (id: string, body: object): Promise<Shown> => {
    const answer = await fetch(`http://127.0.0.1:${site.local.port}/api/v1/identities/${id}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return (await answer.json()) as Shown;
  };
  return { ...site, shown, change };
};

it('is expired from its moment on, is refused with that moment, and good again with another one', async () => {
  const { clock, issue, shown, change } = await start();
  const expires = new Date(clock.wall() + 60_000).toISOString();
  const { id, client } = await issue({ expires });
  expect(await shown()).toMatchObject([{ id, expires, state: 'enabled' }]);
  clock.advance(60_000);
  expect(await shown()).toMatchObject([{ id, state: 'expired' }]);
  expect(await client.login(42)).toMatchObject({
    code: 401,
    json: { errorCode: 103, detail: `The identity ${id} expired at ${expires}.` },
  });
  expect(await change(id, { disabled: true })).toMatchObject({ state: 'disabled' });
  expect(await change(id, { disabled: false, expires: null })).toMatchObject({ state: 'enabled' });
  clock.advance(1_000);
  expect((await client.login(42)).code).toBe(201);
});

it('has its last use, by what it was allowed only, also after a restart', async () => {
  const { local, clock, issue, shown } = await start();
  const { client } = await issue({ rights: ['list'] });
  const lastUsed = async (): Promise<string | undefined> => (await shown())[0]?.lastUsed;
  expect(await lastUsed()).toBeUndefined();
  expect((await client.login(42)).json).toMatchObject({ errorCode: 90 });
  expect(await lastUsed()).toBeUndefined();
  const first = new Date(clock.wall()).toISOString();
  expect((await client.call('GET', '/keys')).code).toBe(200);
  expect(await lastUsed()).toBe(first);
  clock.advance(120_000);
  const second = new Date(clock.wall()).toISOString();
  expect((await client.call('GET', '/keys')).code).toBe(200);
  expect(await lastUsed()).toBe(second);
  // Written at most every ten minutes.
  await local.restart();
  expect(await lastUsed()).toBe(first);
  clock.advance(600_000);
  const third = new Date(clock.wall()).toISOString();
  expect((await client.call('GET', '/keys')).code).toBe(200);
  await local.restart();
  expect(await lastUsed()).toBe(third);
});
