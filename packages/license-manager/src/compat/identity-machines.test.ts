import { expect, it } from 'vitest';
import { startSite } from './rest-site.testing.ts';

// "Maximum number of auto-registered machines" of an identity (field-facts 3.1): the first computers that log in are registered, the next one is refused.

const startMachines = async (more: object) => {
  const site = await startSite();
  const { client, id } = await site.issue(more);
  const at = (machineId: string) => client.login(43, { clientInfo: { machineId, hostName: 'same' } });
  const identity = async () =>
    (
      JSON.parse(await site.local.ask('GET', '/api/v1/identities')) as {
        id: string;
        machines?: { machine: string }[];
        maxMachines?: number;
      }[]
    ).find((each) => each.id === id);
  const machines = async () => (await identity())?.machines?.map(({ machine }) => machine);
  const change = async (body: object): Promise<number> => {
    const headers = { 'content-type': 'application/json' };
    const url = `http://127.0.0.1:${site.local.port}/api/v1/identities/${id}`;
    return (await fetch(url, { method: 'PUT', headers, body: JSON.stringify(body) })).status;
  };
  return { ...site, id, client, at, identity, machines, change };
};

it('the first computers are registered and stay so, another one is refused (92)', async () => {
  const { local, id, clock, at, machines, identity, change } = await startMachines({ maxMachines: 2 });
  expect(await machines()).toBeUndefined();
  expect((await at('a')).code).toBe(201);
  expect((await at('b')).code).toBe(201);
  expect(await at('c')).toMatchObject({ code: 403, json: { errorCode: 92 } });
  clock.advance(1_000);
  expect((await at('a')).code).toBe(201);
  await local.restart();
  clock.advance(1_000);
  expect(await at('c')).toMatchObject({ code: 403, json: { errorCode: 92 } });
  expect(await identity()).toMatchObject({ maxMachines: 2, machines: [{ machine: 'a' }, { machine: 'b' }] });
  const audit = async (kind: string) => JSON.parse(await local.ask('GET', `/api/v1/audit?kind=${kind}`)) as { detail: object }[];
  expect((await audit('identity%20registered')).map(({ detail }) => detail)).toMatchObject([
    { identity: id, machine: 'b' },
    { identity: id, machine: 'a' },
  ]);
  await expect.poll(() => audit('refused')).toMatchObject([{ detail: { status: 92 } }, { detail: { status: 92 } }]);

  expect(await change({ unregister: ['a', 'nobody'] })).toBe(200);
  expect(await machines()).toEqual(['b']);
  clock.advance(1_000);
  expect((await at('c')).json).not.toMatchObject({ errorCode: 92 });
  expect(await machines()).toEqual(['b', 'c']);
  expect(await change({ maxMachines: 0 })).toBe(400);
  expect(await change({ maxMachines: null })).toBe(200);
  expect(await identity()).not.toHaveProperty('maxMachines');
});

it('of many at once no more than that many get in', async () => {
  const { at, machines } = await startMachines({ maxMachines: 1 });
  const answers = await Promise.all(['a', 'b', 'c', 'd', 'e'].map(at));
  expect(answers.filter(({ code }) => code === 201)).toHaveLength(1);
  expect(answers.filter(({ json }) => json['errorCode'] === 92)).toHaveLength(4);
  expect(await machines()).toHaveLength(1);
});

it('without a limit nobody is registered, and without a name the address counts', async () => {
  const free = await startMachines({});
  expect((await free.at('a')).code).toBe(201);
  expect(await free.machines()).toBeUndefined();
  const { client, machines } = await startMachines({ maxMachines: 1 });
  expect((await client.login(42)).code).toBe(201);
  expect(await machines()).toEqual(['127.0.0.1']);
});
