import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { labAvailable } from '@keyhaven/testkit/lab';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createRestClient } from '../../packages/license-manager/src/compat/rest-client.testing.ts';
import { createSite, eventually, FEATURE, type Lm, needsLab, type Site } from './site.ts';

// The REST licensing API over a network (C6): computers with one identity that send the same bytes, and an attacker who reads them.

const noLab = labAvailable();
/** Connects, waits for a file, sends the bytes, prints the answer. */
const SEND = `
const { connect } = require('node:net');
const { existsSync } = require('node:fs');
const [host, go, bytes] = process.argv.slice(1);
let text = '';
const socket = connect(1947, host, () => {
  console.log('ready');
  const look = setInterval(() => { if (existsSync(go)) { clearInterval(look); socket.write(Buffer.from(bytes, 'base64')); } }, 5);
});
socket.on('data', (chunk) => (text += chunk)).on('close', () => {
  const [head, body] = text.split('\\r\\n\\r\\n');
  console.log(JSON.stringify({ code: Number(head.split(' ')[1]), json: JSON.parse(body || '{}') }));
});`;
type Reply = { readonly code: number; readonly json: Readonly<Record<string, unknown>> };

describe('equal logins over a network (C6)', () => {
  let site: Site;
  let office: Lm;
  let client: ReturnType<typeof createRestClient>;
  let id = '';
  let rounds = 0;
  beforeEach(needsLab(() => site));
  beforeAll(async () => {
    if (noLab !== undefined) return;
    site = await createSite({ hosts: ['office', 'one', 'two'] });
    office = await site.startLm('office');
    await site.license(office);
    const added = await site.keyhaven('office', 'identity', 'add', 'both computers', '--json');
    const { identity, secret } = JSON.parse(added.stdout) as { identity: { id: string }; secret: string };
    id = identity.id;
    client = createRestClient({ port: 1947, identity: id, secret, vendor: 37_515 });
  });
  afterAll(async () => site?.close());

  const bytesOf = (method: string, path: string, headers: Readonly<Record<string, string>>, body = ''): string => {
    const all = { host: 'localhost', connection: 'close', 'content-length': String(Buffer.byteLength(body)), ...headers };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    return Buffer.from(`${method} ${client.base}${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`).toString('base64');
  };
  const login = (): string => {
    const body = `${JSON.stringify({ featureId: FEATURE.unlimited })}\n`;
    return bytesOf('POST', '/sessions', client.signed(`${client.base}/sessions`, body), body);
  };
  /** From each of these computers at once. */
  const send = async (hosts: readonly string[], bytes: string): Promise<readonly Reply[]> => {
    rounds += 1;
    const go = join(site.directory, `go-${rounds}`);
    const senders = await Promise.all(
      hosts.map((host) => site.host(host).spawn('node', ['-e', SEND, site.host('office').address, go, bytes])),
    );
    await Promise.all(senders.map((each) => each.nextLine((line) => line === 'ready', 60_000)));
    await writeFile(go, '');
    return await Promise.all(senders.map(async (each) => JSON.parse(await each.nextLine(undefined, 60_000)) as Reply));
  };

  it('are a session for each computer, which only a signature can use; later the same bytes are worth nothing', async () => {
    let bytes = '';
    // A computer that is busy for seconds in between refuses the second one: that is how it is meant, and tried again.
    const replies = await eventually('two equal logins at once', async () => {
      bytes = login();
      const all = await send(['one', 'two'], bytes);
      return all.every(({ code }) => code === 201) ? all : undefined;
    });
    const ids = replies.map(({ json }) => String(json['sessionId']));
    expect(new Set(ids).size).toBe(2);
    expect(replies.map(({ json }) => json['lmAccessToken'])).toEqual([undefined, undefined]);
    const holders = (await office.sessions()).filter((each) => ids.includes(each.id)).map(({ holder }) => holder);
    expect(new Set(holders)).toEqual(new Set(['one', 'two'].map((host) => `rest:${id}@${site.host(host).address}`)));

    const before = (await office.sessions()).length;
    const sent = Date.now();
    await eventually('the moment of the request to be over', async () => Date.now() - sent > 2_500);
    expect(await send(['two'], bytes)).toMatchObject([{ code: 401, json: { errorCode: 88 } }]);
    for (const headers of [{}, { authorization: `Bearer ${'A'.repeat(43)}` }]) {
      const [refused] = await send(['two'], bytesOf('DELETE', `/sessions/${ids[0]}`, headers));
      expect(refused?.code).toBe(401);
    }
    expect((await office.sessions()).length).toBe(before);
  });

  it('that an attacker repeats from another computer do not end or keep what he saw', async () => {
    const [first] = await send(['one'], login());
    const session = String(first?.json['sessionId']);
    const refresh = bytesOf('POST', `/sessions/${session}/refresh`, client.signed(`${client.base}/sessions/${session}/refresh`));
    const [own] = await send(['one'], refresh);
    expect(own).toMatchObject({ code: 200, json: { sessionId: session } });
    expect(await send(['two'], refresh)).toMatchObject([{ code: 401, json: { errorCode: 88 } }]);
    // The signature of an empty body is for this path only.
    const end = bytesOf('DELETE', `/sessions/${session}`, client.signed(`${client.base}/sessions/${session}/refresh`));
    expect(await send(['two'], end)).toMatchObject([{ code: 401, json: { errorCode: 88 } }]);
    expect((await office.sessions()).map((each) => each.id)).toContain(session);
  });
});
