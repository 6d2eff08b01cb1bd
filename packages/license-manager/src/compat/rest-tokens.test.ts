import { type Identity, identityKey } from '@keyhaven/core/compat';
import { secretKey } from '@keyhaven/core/crypto';
import { LicensingError } from '@keyhaven/core/errors';
import { restHolder } from '@keyhaven/core/seats';
import { createManualClock } from '@keyhaven/testkit/local-lm';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemEntropy } from '../machine/index.ts';
import { send } from './rest-client.testing.ts';
import { createIdentityCheck, type RestRequest } from './rest-identity.ts';
import { createRestSessions } from './rest-sessions.ts';
import { startSite } from './rest-site.testing.ts';
import { bearerIn } from './rest-tokens.ts';

// `lmAccessToken` (C6, decision 0022): for one session, of one identity, from one address, where nobody reads along.

const READ = '?memoryId=65524&offset=0&length=10';

const startTokens = async () => {
  const site = await startSite();
  const { client, id } = await site.issue();
  const by = (token: string, method: string, path: string, more: Record<string, string> = {}) =>
    send(site.local.port, method, `${client.base}${path}`, {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      ...more,
    });
  const login = async (more: object = {}) => {
    const { json } = await client.login(42, more);
    return { session: String(json['sessionId']), token: String(json['lmAccessToken']) };
  };
  return { ...site, client, id, by, login };
};

describe('the token of a session', () => {
  it('refreshes, reads and logs out without a signature, also after a restart', async () => {
    const { local, clock, id, by, login, sessions } = await startTokens();
    const { session, token } = await login();
    expect(token).toMatch(/^[\w-]{43}$/);
    for (let minutes = 0; minutes < 20; minutes += 4) {
      clock.advance(4 * 60_000);
      expect(await by(token, 'POST', `/sessions/${session}/refresh`, { 'x-ldk-user-id': id })).toMatchObject({
        code: 200,
        json: { sessionId: session, lmAccessToken: token },
      });
    }
    await local.restart();
    expect(await by(token, 'GET', `/sessions/${session}/read${READ}`)).toMatchObject({
      code: 200,
      json: { content: Buffer.alloc(10).toString('base64') },
    });
    expect((await by(token, 'DELETE', `/sessions/${session}`)).code).toBe(200);
    expect(await sessions()).toEqual([]);
    // What is over is over for its token, too.
    expect(await by(token, 'POST', `/sessions/${session}/refresh`)).toMatchObject({ code: 401, json: { errorCode: 88 } });
  });

  it('is for this session and these three calls, and for nobody else', async () => {
    const { local, client, id, by, login, issue, sessions } = await startTokens();
    const [first, second] = [await login(), await login({ clientInfo: { processId: 2 } })];
    expect(first.token).not.toBe(second.token);
    const wrong = [
      second.token,
      '',
      'x',
      `${first.token}x`,
      first.token.replace(/^./, (letter) => (letter === 'A' ? 'B' : 'A')),
      first.session,
      'A'.repeat(8_000),
    ];
    for (const token of wrong)
      for (const [method, path] of [
        ['POST', `/sessions/${first.session}/refresh`],
        ['GET', `/sessions/${first.session}/read${READ}`],
        ['DELETE', `/sessions/${first.session}`],
      ] as const)
        expect(await by(token, method, path)).toMatchObject({ code: 401, json: { errorCode: 88 } });
    expect(await by(first.token, 'DELETE', '/sessions/none')).toMatchObject({ code: 401, json: { errorCode: 88 } });
    for (const path of ['/keys', '/products', '/features'])
      expect(await by(first.token, 'GET', path)).toMatchObject({ code: 401, json: { errorCode: 88 } });
    const headers = { authorization: `Bearer ${first.token}`, 'content-type': 'application/json' };
    expect(await send(local.port, 'POST', `${client.base}/sessions`, headers, '{"featureId":42}')).toMatchObject({
      code: 401,
      json: { errorCode: 88 },
    });
    const refresh = `/sessions/${first.session}/refresh`;
    const otherVendor = client.base.replace(/7$/, '8');
    expect(await send(local.port, 'POST', `${otherVendor}${refresh}`, { authorization: `Bearer ${first.token}` })).toMatchObject({
      code: 401,
    });
    const other = await issue();
    expect(await by(first.token, 'POST', refresh, { 'x-ldk-user-id': other.id })).toMatchObject({ code: 401, json: { errorCode: 88 } });
    expect(await by(first.token, 'POST', refresh, client.signed(`${client.base}${refresh}`))).toMatchObject({
      code: 401,
      json: { errorCode: 111 },
    });
    expect(await send(local.port, 'POST', `${client.base}${refresh}`, { authorization: 'Basic eDp5' })).toMatchObject({
      code: 401,
      json: { errorCode: 87 },
    });
    expect(await sessions()).toHaveLength(2);
    expect((await by(first.token, 'POST', refresh, { 'x-ldk-user-id': id })).code).toBe(200);
  });

  it('holds no longer than its identity', async () => {
    const { local, id, by, login, sessions } = await startTokens();
    const { session, token } = await login();
    await fetch(`http://127.0.0.1:${local.port}/api/v1/identities/${id}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: '{"disabled":true}',
    });
    expect((await by(token, 'POST', `/sessions/${session}/refresh`)).code).toBe(401);
    await expect.poll(sessions).toEqual([]);
  });

  it('is not given out on this computer to whom a proxy speaks for', async () => {
    const { client, local } = await startTokens();
    const body = '{"featureId":42}';
    const signed = { ...client.signed(`${client.base}/sessions`, body), 'x-forwarded-for': '192.0.2.7' };
    const answer = await send(local.port, 'POST', `${client.base}/sessions`, signed, body);
    expect([answer.code, answer.json['lmAccessToken']]).toEqual([201, undefined]);
    // The same request, seen on the way and sent again from here, gets none either.
    const again = await send(local.port, 'POST', `${client.base}/sessions`, client.signed(`${client.base}/sessions`, body), body);
    expect(again).toMatchObject({ code: 401, json: { errorCode: 88 } });
  });
});

describe('a request with a token', () => {
  const clock = createManualClock(0);
  const identity: Identity = { id: 'id-1', issuedTo: '', rights: ['login'], disabled: false, since: '' };
  const { owner } = createIdentityCheck({
    identities: {
      used: () => undefined,
      find: (id) => (id === 'id-1' ? { identity, key: identityKey('s') } : undefined),
    },
    clock,
    against: () => undefined,
    ofToken: (_vendor, _session, _token, place) => (place === '192.0.2.7' ? 'id-1' : undefined),
    onRefused: () => undefined,
  });
  const asked = (more: Partial<RestRequest>) => {
    const headers = { authorization: `Bearer ${'A'.repeat(43)}` };
    const place = more.address ?? '192.0.2.7';
    const delivery: RestRequest['delivery'] = { state: () => 'pending' };
    const request = { method: 'POST', target: '/', headers, body: Buffer.alloc(0), address: place, place, delivery, sealed: true, ...more };
    try {
      return owner(request, 7, 'a').identity.id;
    } catch (error) {
      return error instanceof LicensingError ? error.status : error;
    }
  };

  it('comes sealed, and from the address at which the session was opened', () => {
    expect(asked({})).toBe('id-1');
    expect(asked({ sealed: false })).toBe(88);
    expect(asked({ address: '192.0.2.8' })).toBe(88);
  });
  it('is told from other headers', () => {
    const token = 'a'.repeat(43);
    expect([undefined, 'Basic eDp5', `bearer ${token}`, 'Bearer', 'Bearer x y', 'Bearerx', ['Bearer x']].map(bearerIn)).toEqual([
      undefined,
      undefined,
      token,
      '',
      '',
      undefined,
      undefined,
    ]);
  });
});

it('a token is for the address that opened the session, and is made for no other', () => {
  const id = 'ab'.repeat(16);
  const clock = createManualClock(0);
  const at = (address: string | undefined) => {
    const session = { id, pool: { key: '1', product: 5, feature: 42 }, row: { holder: restHolder('id-1', address) } };
    const key = { identity: { vendor: 7 }, tokenKey: secretKey(Buffer.alloc(32, 1)) };
    const sessions = createRestSessions({
      authority: { session: (of: string) => (of === id ? session : undefined) } as never,
      keystore: { get: () => key } as never,
      clock,
      entropy: systemEntropy,
      idleSeconds: () => 900,
    });
    onTestFinished(() => sessions.close());
    return sessions;
  };
  const [here, there] = [at(undefined), at('192.0.2.7')];
  const tokens = [here.tokenOf(id, 'id-1', undefined) ?? '', there.tokenOf(id, 'id-1', '192.0.2.7') ?? ''] as const;
  expect(tokens[0]).toMatch(/^[\w-]{43}$/);
  expect(tokens[1]).not.toBe(tokens[0]);
  expect([there.tokenOf(id, 'id-1', '192.0.2.8'), there.tokenOf(id, 'id-1', undefined), there.tokenOf(id, 'id-2', '192.0.2.7')]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect(here.ofToken(7, id, tokens[0], undefined)).toBe('id-1');
  expect(here.ofToken(7, id, tokens[0], '192.0.2.7')).toBeUndefined();
  expect(there.ofToken(7, id, tokens[1], '192.0.2.7')).toBe('id-1');
  for (const address of ['192.0.2.8', undefined]) expect(there.ofToken(7, id, tokens[1], address)).toBeUndefined();
  expect(there.ofToken(8, id, tokens[1], '192.0.2.7')).toBeUndefined();
  expect(there.ofToken(7, id, tokens[0], '192.0.2.7')).toBeUndefined();
});
