import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { send } from './rest-client.testing.ts';
import { startSite } from './rest-site.testing.ts';

// Equal logins (C6): signatures name the second and the body, so programs that do the same at once send the same bytes.

const startEqual = async (feature: number) => {
  const site = await startSite();
  const { client, id } = await site.issue();
  const path = `${client.base}/sessions`;
  const body = `${JSON.stringify({ featureId: feature })}\n`;
  const headers = client.signed(path, body);
  const login = (more: Record<string, string> = {}, target = path) => send(site.local.port, 'POST', target, { ...headers, ...more }, body);
  const head = { host: 'localhost', ...headers, 'content-length': String(Buffer.byteLength(body)) };
  const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}\r\n`);
  const bytes = `POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`;
  /** A client that closes its connection as soon as the request is out. */
  const loseAnswer = async (): Promise<void> => {
    const socket = connect(site.local.port, '127.0.0.1');
    socket.end(bytes).resume();
    await once(socket, 'close');
    await expect.poll(site.sessions).not.toEqual([]);
  };
  const executions = async (): Promise<number> => {
    const { features } = (await client.call('GET', '/features')).json as {
      features: { feature: { featureId: number; licenseInfo: { currentCounter?: number } }[] };
    };
    return features.feature.find(({ featureId }) => featureId === feature)?.licenseInfo.currentCounter ?? 0;
  };
  return { ...site, client, id, login, loseAnswer, executions };
};

describe('equal logins of one second', () => {
  it('are sessions of their own, one after the other: each has its execution, and the logout of one ends no other', async () => {
    const { clock, client, login, executions, sessions } = await startEqual(43);
    const answers = [await login(), await login(), await login(), await login()];
    expect(answers.map(({ code, json }) => [code, json['errorCode']])).toEqual([
      [201, 0],
      [201, 0],
      [201, 0],
      [403, 41],
    ]);
    const ids = answers.slice(0, 3).map(({ json }) => String(json['sessionId']));
    expect(new Set(ids).size).toBe(3);
    expect(await executions()).toBe(3);
    clock.advance(1_000);
    expect((await client.logout(ids[0] ?? '')).code).toBe(200);
    for (const id of ids.slice(1)) expect(await client.refresh(id)).toMatchObject({ code: 200, json: { sessionId: id } });
    expect(await sessions()).toHaveLength(2);
  });

  it('in parallel take no more seats than there are, and no session twice', async () => {
    const { login, sessions } = await startEqual(42);
    const answers = await Promise.all(Array.from({ length: 60 }, () => login()));
    const granted = answers.filter(({ code }) => code === 201).map(({ json }) => json['sessionId']);
    expect(new Set(granted).size).toBe(2);
    expect(granted).toHaveLength(2);
    expect(answers.filter(({ json }) => json['errorCode'] === 38)).toHaveLength(58);
    expect(new Set((await sessions()).map(({ id }) => id))).toEqual(new Set(granted));
  });

  it('of two computers with one identity are two sessions', async () => {
    const { login, sessions } = await startEqual(42);
    const [one, two] = await Promise.all([login({ 'x-ldk-instance': 'one' }), login({ 'x-ldk-instance': 'two' })]);
    expect([one.code, two.code]).toEqual([201, 201]);
    expect(one.json['sessionId']).not.toBe(two.json['sessionId']);
    expect(await sessions()).toHaveLength(2);
  });
});

describe('a login whose answer was lost', () => {
  it('is repeated with the same bytes: one session, one execution', async () => {
    const { login, loseAnswer, executions, sessions } = await startEqual(43);
    await loseAnswer();
    const again = await login();
    expect(again.code).toBe(201);
    expect((await sessions()).map(({ id }) => id)).toEqual([again.json['sessionId']]);
    expect(await executions()).toBe(1);
    // It has its answer now: whoever sends the same is another program.
    expect((await login()).json['sessionId']).not.toBe(again.json['sessionId']);
    expect(await executions()).toBe(2);
  });

  it('is not told to somebody else who sends the same bytes', async () => {
    const { login, loseAnswer, sessions } = await startEqual(42);
    await loseAnswer();
    const [{ id } = { id: '' }] = await sessions();
    for (const headers of [{ 'x-ldk-instance': 'another' }]) {
      const answer = await login(headers);
      expect(answer.code).toBe(201);
      expect(answer.json['sessionId']).not.toBe(id);
    }
    // By a proxy it came over a network: another request, which is refused.
    expect(await login({ 'x-forwarded-for': '192.0.2.7' })).toMatchObject({ code: 401, json: { errorCode: 88 } });
  });

  it('gives its seat back where nobody repeats it', async () => {
    const { clock, client, loseAnswer, sessions } = await startEqual(42);
    await loseAnswer();
    clock.advance(11_000);
    await expect.poll(sessions).toEqual([]);
    expect((await client.login(42)).code).toBe(201);
    clock.advance(11_000);
    expect(await sessions()).toHaveLength(1);
  });

  it('is no answer any more when its session has ended', async () => {
    const { local, login, loseAnswer, sessions } = await startEqual(42);
    await loseAnswer();
    const [{ id } = { id: '' }] = await sessions();
    await local.ask('DELETE', `/api/v1/sessions/${id}`);
    const again = await login();
    expect(again.code).toBe(201);
    expect((await sessions()).map((each) => each.id)).toEqual([again.json['sessionId']]);
    expect(again.json['sessionId']).not.toBe(id);
  });
});

it('a refresh and a logout tell how things are now, however often they are sent in one second', async () => {
  const { client } = await startEqual(42);
  const session = String((await client.login(42)).json['sessionId']);
  for (let count = 0; count < 3; count += 1) expect((await client.refresh(session)).code).toBe(200);
  expect((await client.logout(session)).code).toBe(200);
  expect(await client.refresh(session)).toMatchObject({ code: 404, json: { errorCode: 9 } });
  expect(await client.logout(session)).toMatchObject({ code: 404, json: { errorCode: 9 } });
});

it('a captured login of a client whose clock is ahead is worth nothing after a restart', async () => {
  const { local, clock, issue, sessions } = await startSite();
  const { client } = await issue();
  const ahead = clock.wall() + 120_000;
  const [path, body] = [`${client.base}/sessions`, '{"featureId":42}'];
  const captured = client.signed(path, body, ahead);
  expect((await send(local.port, 'POST', path, captured, body)).code).toBe(201);
  await local.restart();
  expect(await send(local.port, 'POST', path, captured, body)).toMatchObject({ code: 401, json: { errorCode: 88 } });
  expect(await sessions()).toHaveLength(1);
  expect((await client.login(42, {}, ahead + 1_000)).code).toBe(201);
});
