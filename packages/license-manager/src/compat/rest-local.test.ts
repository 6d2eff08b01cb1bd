import { describe, expect, it } from 'vitest';
import { send } from './rest-client.testing.ts';
import { startSite } from './rest-site.testing.ts';

// A REST client on this computer is as local as any application (R9, K1); one behind a proxy here is not.

const catalog = `products:
  - id: 5
    name: Survey
    features:
      - { id: 42, name: Here, license: { type: perpetual }, concurrency: { seats: 2, network: false } }
      - { id: 43, name: Station, license: { type: perpetual }, concurrency: { seats: 1, count: station, network: true } }
`;
type Shown = { readonly id: string; readonly holder: string; readonly idleRemaining: number };

const start = async () => {
  const site = await startSite('', catalog);
  const shown = async (): Promise<readonly Shown[]> => JSON.parse(await site.local.ask('GET', '/api/v1/sessions')) as Shown[];
  const by = await site.issue();
  const loginWith = (feature: number, headers: Record<string, string>) => {
    const [path, body] = [`${by.client.base}/sessions`, JSON.stringify({ featureId: feature })];
    return send(site.local.port, 'POST', path, { ...by.client.signed(path, body), ...headers }, body);
  };
  return { ...site, ...by, shown, loginWith };
};

describe('a REST client on this computer', () => {
  it('uses what only this computer may use, and is local in feeds and metrics', async () => {
    const { local, client } = await start();
    expect((await client.login(42)).code).toBe(201);
    expect(await local.ask('GET', '/tab_sessions.html')).toContain('"acc":"Loc"');
    const metrics = await local.ask('GET', '/metrics');
    expect(metrics).toMatch(/\{from="local"\} 1/);
    expect(metrics).toMatch(/\{from="remote"\} 0/);
  });

  it('is one station with all others here, whatever its identity', async () => {
    const { clock, client, issue } = await start();
    const other = await issue();
    expect((await client.login(43)).code).toBe(201);
    expect((await other.client.login(43)).code).toBe(201);
    clock.advance(1_000);
    expect((await client.login(43)).code).toBe(201);
  });

  it('sees by idleRemaining when its session ends', async () => {
    const { clock, client, shown, local } = await start();
    const session = String((await client.login(42)).json['sessionId']);
    clock.advance(100_000);
    expect(await shown()).toMatchObject([{ id: session, idleRemaining: 800 }]);
    expect(JSON.parse(await local.ask('GET', '/api/v1/list/sessions?limit=10'))).toMatchObject({ items: [{ idleRemaining: 800 }] });
    expect((await client.refresh(session)).code).toBe(200);
    expect(await shown()).toMatchObject([{ idleRemaining: 900 }]);
  });
});

describe('a REST client behind a proxy on this computer', () => {
  it.each([{ 'x-forwarded-for': '192.0.2.7' }, { via: '1.1 proxy' }, { forwarded: 'for=192.0.2.7' }])('%j is remote', async (headers) => {
    const { id, client, loginWith, shown, local } = await start();
    expect(await loginWith(42, headers)).toMatchObject({ code: 403, json: { errorCode: 5 } });
    const login = await loginWith(43, headers);
    expect(login).toMatchObject({ code: 201 });
    expect(login.json['lmAccessToken']).toBeUndefined();
    expect(await shown()).toMatchObject([{ holder: `rest:${id}@127.0.0.1` }]);
    expect(await local.ask('GET', '/tab_sessions.html')).toContain('"acc":"Net"');
    // Its station is another one.
    expect(await client.login(43, { clientInfo: { processId: 7 } })).toMatchObject({ code: 403, json: { errorCode: 38 } });
  });
});
