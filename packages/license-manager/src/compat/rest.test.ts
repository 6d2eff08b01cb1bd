import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { send, signatureFor } from './rest-client.testing.ts';
import { startSite } from './rest-site.testing.ts';

// The REST licensing API of interop section 3, asked by a client that is written from the contract.

describe('a session of the REST licensing API', () => {
  it('logs in, refreshes, reads and logs out; its key id is a bare number, exact', async () => {
    const { key, issue, sessions, clock } = await startSite();
    const { client, id } = await issue();
    const login = await client.login(42, { clientInfo: { userName: 'ada', hostName: 'lab-1', processId: 77 } });
    expect(login.code).toBe(201);
    expect(login.json).toMatchObject({ errorCode: 0, featureId: 42, productId: 5, sessionInfo: { currentlogins: 1, idleTimeout: 900 } });
    expect(login.text).toMatch(new RegExp(`"keyId":${key}[,}]`));
    const session = String(login.json['sessionId']);
    expect(session).toMatch(/^[0-9a-f]{32}$/);
    expect(await sessions()).toMatchObject([{ id: session, user: 'ada', holder: `rest:${id}`, pid: 77, host: 'lab-1' }]);
    clock.advance(1_000);
    expect(await client.refresh(session)).toMatchObject({ code: 200, json: { sessionId: session } });
    expect(await client.read(session, '?memoryId=65524&offset=0&length=10')).toMatchObject({
      code: 200,
      json: { content: Buffer.alloc(10).toString('base64') },
    });
    expect(await client.read(session, '?memoryId=65524&offset=60&length=10')).toMatchObject({ code: 400, json: { errorCode: 1 } });
    expect((await client.logout(session)).code).toBe(200);
    expect(await sessions()).toEqual([]);
    clock.advance(1_000);
    expect(await client.refresh(session)).toMatchObject({ code: 404, json: { errorCode: 9 } });
  });

  it('is a session like any other: seats, executions, audit, end by an administrator', async () => {
    const { local, clock, issue, sessions } = await startSite();
    const { client, id } = await issue();
    const [first, second, third] = await Promise.all([1, 2, 3].map((processId) => client.login(42, { clientInfo: { processId } })));
    expect([first, second, third].map((each) => Number(each?.code)).toSorted((a, b) => a - b)).toEqual([201, 201, 403]);
    expect([first, second, third].find((each) => each?.code === 403)?.json).toMatchObject({ errorCode: 38 });
    expect(await client.login(44)).toMatchObject({ code: 403, json: { errorCode: 41 } });
    expect(await client.login(99)).toMatchObject({ code: 404, json: { errorCode: 31 } });
    expect(await client.login(42, { scope: { keyId: [1] } })).toMatchObject({ code: 404, json: { errorCode: 50 } });
    expect((await client.login(43, { executionCountToConsume: 2 })).code).toBe(201);
    expect(await client.login(43, { executionCountToConsume: 2, dieAtExpiration: true })).toMatchObject({
      code: 403,
      json: { errorCode: 81 },
    });
    const audit = JSON.parse(await local.ask('GET', '/api/v1/audit?kind=granted')) as { detail: { holder: string } }[];
    expect(audit.map(({ detail }) => detail.holder)).toEqual([`rest:${id}`, `rest:${id}`, `rest:${id}`]);
    const [running] = (await sessions()).filter((each) => each.id === first?.json['sessionId'] || each.id === second?.json['sessionId']);
    await local.ask('DELETE', `/api/v1/sessions/${running?.id}`);
    clock.advance(1_000);
    expect(await client.refresh(running?.id ?? '')).toMatchObject({ code: 404, json: { errorCode: 9 } });
  });

  it('lists keys, products and features page by page', async () => {
    const { key, issue } = await startSite();
    const { client } = await issue();
    const keys = await client.call('GET', '/keys', { query: '?pageStartIndex=0&pageSize=1' });
    expect(keys.text).toMatch(new RegExp(`^\\{"keys":\\{"count":1,"key":\\[.*"keyId":${key}[,}]`));
    expect((await client.call('GET', '/products')).json).toMatchObject({
      products: { count: 1, product: [{ productId: 5, name: 'Survey' }] },
    });
    const features = await client.call('GET', '/features', { query: '?pageStartIndex=1&pageSize=1' });
    expect(features.json).toMatchObject({
      features: { count: 3, feature: [{ featureId: 43, licenseInfo: { type: 'executions', totalCounter: 3, currentCounter: 0 } }] },
    });
    const all = await client.call('GET', '/features');
    expect(all.json).toMatchObject({
      features: {
        feature: [
          { concurrency: { count: 'login', export: 'local,network', seats: 2 }, usable: true },
          {},
          { expired: true, usable: false },
        ],
      },
    });
    expect(all.text).not.toMatch(/DateTime":""/);
  });

  it('ends when its client is silent for a quarter of an hour, and lives as long as it refreshes', async () => {
    const { clock, issue, sessions } = await startSite();
    const { client } = await issue();
    const [kept, left] = await Promise.all([1, 2].map((processId) => client.login(42, { clientInfo: { processId } })));
    for (let minutes = 0; minutes < 20; minutes += 4) {
      clock.advance(4 * 60_000);
      expect((await client.refresh(String(kept?.json['sessionId']))).code).toBe(200);
    }
    expect((await sessions()).map(({ id }) => id)).toEqual([kept?.json['sessionId']]);
    expect((await client.refresh(String(left?.json['sessionId']))).code).toBe(404);
  });

  it('survives a restart of the license manager (S22)', async () => {
    const { local, clock, issue, sessions } = await startSite();
    const { client } = await issue();
    const { json } = await client.login(42);
    await local.restart();
    clock.advance(10 * 60_000);
    expect(await sessions()).toHaveLength(1);
    expect(await client.refresh(String(json['sessionId']))).toMatchObject({ code: 200 });
    expect(await client.read(String(json['sessionId']), '?memoryId=65525&offset=0&length=16')).toMatchObject({ code: 200 });
    expect((await client.logout(String(json['sessionId']))).code).toBe(200);
    expect(await sessions()).toEqual([]);
  });
});

describe('an identity', () => {
  it('is asked for, and known by its signature only: 87, 88', async () => {
    const { local, clock, issue } = await startSite();
    const { client, id, secret } = await issue();
    const path = `${client.base}/keys`;
    expect(await send(local.port, 'GET', path, {})).toMatchObject({ code: 401, json: { errorCode: 87 } });
    const date = `${new Date(clock.wall()).toISOString().slice(0, 19)}Z`;
    const header = (identity: string, signature: string): Record<string, string> => ({
      'x-ldk-identity-ws': `V1, Identity=${identity}, RequestDate=${date}, Signature=${signature}`,
    });
    const good = signatureFor(id, secret, date, path, '');
    const wrong = [
      header(
        id,
        good.replace(/^./, (first) => (first === '0' ? '1' : '0')),
      ),
      header('nobody', signatureFor('nobody', secret, date, path, '')),
      header(id, signatureFor(id, secret, date, `${client.base}/products`, '')),
      header(id, signatureFor(id, secret, date, path, 'x')),
      { 'x-ldk-identity-ws': 'V2, whatever' },
      { 'x-ldk-identity-ws': `${'V1, Identity='.padEnd(8_000, 'a')}` },
    ];
    for (const headers of wrong) expect(await send(local.port, 'GET', path, headers)).toMatchObject({ code: 401, json: { errorCode: 88 } });
    expect(await send(local.port, 'GET', path, header(id, good))).toMatchObject({ code: 200 });
  });

  it('may be disabled, expired, without the right, limited to others: 89, 103, 90', async () => {
    const { local, clock, key, issue, sessions } = await startSite();
    const viewer = await issue({ rights: ['list'] });
    expect(await viewer.client.login(42)).toMatchObject({ code: 403, json: { errorCode: 90 } });
    const elsewhere = await issue({ limitTo: [{ key: '123456789012345678' }] });
    expect(await elsewhere.client.login(42)).toMatchObject({ code: 403, json: { errorCode: 90 } });
    expect((await elsewhere.client.call('GET', '/features')).json).toEqual({ features: { count: 0, feature: [] } });
    const other = await issue({ limitTo: [{ key, product: 6 }] });
    expect(await other.client.login(42)).toMatchObject({ code: 403, json: { errorCode: 90 } });
    const own = await issue({ limitTo: [{ key, product: 5 }], expires: new Date(clock.wall() + 60_000).toISOString() });
    expect((await own.client.login(42)).code).toBe(201);
    clock.advance(61_000);
    expect(await own.client.login(42)).toMatchObject({ code: 401, json: { errorCode: 103 } });
    const worker = await issue();
    expect((await worker.client.login(42)).code).toBe(201);
    const change = await fetch(`http://127.0.0.1:${local.port}/api/v1/identities/${worker.id}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ disabled: true }),
    });
    expect(change.status).toBe(200);
    expect(await worker.client.login(42)).toMatchObject({ code: 401, json: { errorCode: 89 } });
    await expect.poll(async () => (await sessions()).map(({ holder }) => holder)).toEqual([`rest:${own.id}`]);
    await local.ask('DELETE', `/api/v1/identities/${own.id}`);
    await expect.poll(sessions).toEqual([]);
    const refusals = JSON.parse(await local.ask('GET', '/api/v1/audit?kind=refused')) as { detail: { status: number } }[];
    expect(new Set(refusals.map(({ detail }) => detail.status))).toEqual(new Set([89, 90, 103]));
  });

  it('has its sessions to itself (S5): those of others are as none', async () => {
    const { clock, issue, sessions } = await startSite();
    const [one, two] = [await issue(), await issue()];
    const session = String((await one.client.login(42)).json['sessionId']);
    expect(await two.client.refresh(session)).toMatchObject({ code: 404, json: { errorCode: 9 } });
    expect(await two.client.logout(session)).toMatchObject({ code: 404, json: { errorCode: 9 } });
    expect(await two.client.read(session, '?memoryId=65524&offset=0&length=1')).toMatchObject({ code: 404, json: { errorCode: 9 } });
    expect(await sessions()).toHaveLength(1);
    clock.advance(1_000);
    expect((await one.client.refresh(session)).code).toBe(200);
  });

  it('keeps its secret sealed at rest, and it is told once', async () => {
    const { local, issue } = await startSite();
    const { secret, id } = await issue();
    expect(secret).toMatch(/^[0-9a-f]{32}$/);
    expect(await local.ask('GET', '/api/v1/identities')).not.toContain(secret);
    await local.stop();
    const bytes = await readFile(join(local.stateDirectory, 'ledger.db'));
    expect(bytes.includes(id)).toBe(true);
    expect(bytes.includes(secret)).toBe(false);
  });
});

describe('a captured request', () => {
  it('is worth nothing later, and never the session of the first request', async () => {
    const { local, clock, issue, sessions } = await startSite();
    const { client } = await issue();
    const path = `${client.base}/sessions`;
    const body = `${JSON.stringify({ featureId: 42 })}\n`;
    const headers = client.signed(path, body);
    const login = (target = path) => send(local.port, 'POST', target, headers, body);
    const [first, again] = await Promise.all([login(), login()]);
    // At once it is a second program, which asks for the same: its seat is its own.
    expect([first?.code, again?.code]).toEqual([201, 201]);
    expect(again?.json['sessionId']).not.toBe(first?.json['sessionId']);
    expect(await sessions()).toHaveLength(2);
    expect(await login(`${path}?x=1`)).toMatchObject({ code: 401, json: { errorCode: 88 } });
    expect(await login(path.replace('sessions', '%73essions'))).toMatchObject({ code: 401, json: { errorCode: 88 } });
    clock.advance(3_000);
    for (const of of [first, again]) expect((await client.logout(String(of?.json['sessionId']))).code).toBe(200);
    expect(await login()).toMatchObject({ code: 401, json: { errorCode: 88 } });
    await local.restart();
    expect(await login()).toMatchObject({ code: 401, json: { errorCode: 88 } });
    clock.advance(6 * 60_000);
    expect(await login()).toMatchObject({ code: 401, json: { errorCode: 88 } });
    expect(await client.login(42, {}, clock.wall() + 6 * 60_000)).toMatchObject({ code: 401, json: { errorCode: 88 } });
    expect(await sessions()).toEqual([]);
  });

  it('keeps no session alive when it is sent again and again', async () => {
    const { local, clock, issue, sessions } = await startSite();
    const { client } = await issue();
    const session = String((await client.login(42)).json['sessionId']);
    const path = `${client.base}/sessions/${session}/refresh`;
    const headers = client.signed(path);
    for (let minute = 0; minute < 16; minute += 1) {
      clock.advance(60_000);
      await send(local.port, 'POST', path, headers);
    }
    await expect.poll(sessions).toEqual([]);
  });
});

it('refuses bodies that are none, and changes nothing', async () => {
  const { issue, sessions } = await startSite();
  const { client } = await issue();
  for (const body of [
    '{',
    '[]',
    'null',
    '{"featureId":"42"}',
    '{"featureId":42,"scope":{"keyId":["x"]}}',
    '{"featureId":-1}',
    `"${'x'.repeat(9_000)}"`,
  ])
    expect(await client.call('POST', '/sessions', { body })).toMatchObject({ code: 400, json: { errorCode: 501 } });
  expect((await client.call('POST', '/sessions', { body: 'x'.repeat(70_000) })).code).toBe(413);
  expect((await client.call('GET', '/sessions/none/read', { query: '?memoryId=1' })).json).toMatchObject({ errorCode: 501 });
  expect(await sessions()).toEqual([]);
});
