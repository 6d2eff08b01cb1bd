import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { unarmor } from '@keyhaven/core/license';
import { afterEach, describe, expect, it } from 'vitest';
import { connectApplication, someone } from '../authority/site.testing.ts';
import { parseSettings } from '../settings.ts';
import type { HttpFaces } from './faces.ts';
import { ask, basic, launchHttp, ownAddress } from './launch.testing.ts';

// Attacks of the record on the admin API, each by its name (S0). Those on the gate are in callers.test.ts and server.test.ts.

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
const launch = async (more: Partial<HttpFaces> = {}) => {
  const site = await launchHttp(more);
  closers.push(site.close);
  return site;
};
const json = { 'content-type': 'application/json' };
const hostile = '<img src=x onerror=alert(1)>\u0000\u001b[2J\r\nSet-Cookie: a=b';

describe('S7: what widens access', () => {
  it('is not changed from another computer, also with the password; the rest is', async (context) => {
    const address = ownAddress();
    if (address === undefined) return context.skip('this computer has no address but loopback');
    const written: unknown[] = [];
    const settings = {
      read: () => Promise.reject(new Error()),
      change: async (changes: object) => (written.push(changes), { now: [], restart: [] }),
    };
    const { port, faces } = await launch({ remoteAdministration: true, settings });
    await faces.administration.setPassword('correct horse', 'test');
    const put = async (changes: object, from?: string) =>
      (
        await ask(
          port,
          'PUT',
          '/api/v1/settings',
          { ...json, host: 'here', ...basic('correct horse') },
          JSON.stringify({ settings: changes }),
          from,
        )
      ).code;
    for (const path of [
      'access.remoteAdministration',
      'access.remoteClients',
      'access.clients',
      'bind',
      'tls.key',
      'updates.folder',
      'unheard.of',
    ])
      expect(await put({ 'search.broadcast': true, [path]: null }, address), path).toBe(403);
    expect(written).toEqual([]);
    expect(await put({ 'search.broadcast': true }, address)).toBe(200);
    expect(await put({ 'access.remoteAdministration': true })).toBe(200);
    expect((await ask(port, 'DELETE', '/api/v1/password', { host: 'here', ...basic('correct horse') }, '', address)).code).toBe(403);
    expect(faces.administration.passwordSet).toBe(true);
  });

  it('is no identity made or given more from another computer, also with the password; taking away is allowed', async (context) => {
    const address = ownAddress();
    if (address === undefined) return context.skip('this computer has no address but loopback');
    const acts: string[] = [];
    const made = { id: 'build-7', issuedTo: 'x', rights: ['login'], disabled: true, since: '2026-11-24T00:00:00.000Z' };
    const identities = {
      list: () => [],
      add: async () => (acts.push('add'), { identity: made, secret: 's' }),
      change: async () => (acts.push('change'), made),
      remove: async () => void acts.push('remove'),
    };
    const { port, faces } = await launch({
      remoteAdministration: true,
      compat: { identities, settings: () => parseSettings('') } as never,
    });
    await faces.administration.setPassword('correct horse', 'test');
    const send = async (method: string, path: string, body: object | undefined, from?: string) =>
      (
        await ask(
          port,
          method,
          `/api/v1/identities${path}`,
          { ...(body === undefined ? {} : json), host: 'here', ...basic('correct horse') },
          body === undefined ? '' : JSON.stringify(body),
          from,
        )
      ).code;
    for (const change of [
      { disabled: false },
      { rights: ['login'] },
      { limitTo: null },
      { expires: null },
      { disabled: true, limitTo: null },
    ])
      expect(await send('PUT', '/build-7', change, address), JSON.stringify(change)).toBe(403);
    expect(await send('POST', '', { issuedTo: 'x' }, address)).toBe(403);
    expect(acts).toEqual([]);
    expect(await send('PUT', '/build-7', { disabled: true }, address)).toBe(200);
    expect(await send('DELETE', '/build-7', undefined, address)).toBe(200);
    expect(await send('POST', '', { issuedTo: 'x' })).toBe(200);
    expect(acts).toEqual(['change', 'remove', 'add']);
  });

  it('is not changed by whoever does not know the password, nor is the password itself', async () => {
    const { port, faces, acts } = await launch();
    await faces.administration.setPassword('correct horse', 'test');
    for (const [method, path, body] of [
      ['PUT', '/api/v1/settings', '{"settings":{"access.remoteAdministration":true}}'],
      ['PUT', '/api/v1/password', '{"password":"another horse"}'],
      ['DELETE', '/api/v1/password', ''],
      ['POST', '/api/v1/lm-id', '{}'],
    ] as const)
      for (const headers of [{}, { cookie: 'keyhaven=0000' }])
        expect((await ask(port, method, path, { ...(body === '' ? {} : json), ...headers }, body)).code, path).toBe(401);
    expect(acts).toEqual([]);
    expect(await faces.administration.check('correct horse', '127.0.0.1')).toEqual({ kind: 'right' });
  });
});

describe('S8: stored and reflected scripts', () => {
  it('in names of users, computers, programs and files are data of JSON and text, never a page, and end no line or header', async () => {
    const { port, site } = await launch({ apply: (text) => Promise.resolve(unarmor(text) as never) });
    const app = connectApplication(site, await site.licensed({ features: [{ id: 42 }] }));
    await app.login(42, { application: { ...someone, user: hostile, host: hostile, application: hostile } });
    await app.login(99, { application: { ...someone, user: hostile } });
    for (const path of [
      'sessions',
      'list/sessions?q=onerror',
      'audit',
      'list/audit',
      'recent/users',
      'recent/clients',
      'diagnostics/report',
      'waiting',
    ]) {
      const { code, headers, text } = await ask(port, 'GET', `/api/v1/${path}`);
      expect(code, path).toBe(200);
      expect(headers['content-type'], path).toMatch(/^(application\/json|text\/plain)/);
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(headers['set-cookie']).toBeUndefined();
      expect(text.replaceAll('\n', ''), path).not.toMatch(/\p{Cc}/u);
    }
    expect((await ask(port, 'GET', '/')).text).not.toContain('<img');
    const boundary = 'x';
    const form =
      `--x\r\nContent-Disposition: form-data; name="file"; filename="a/<img src=x onerror=alert(1)>.v2c"\r\n\r\nno license\r\n`.repeat(2);
    const upload = await ask(
      port,
      'POST',
      '/api/v1/upload',
      { 'content-type': `multipart/form-data; boundary=${boundary}` },
      `${form}--x--\r\n`,
    );
    expect(upload.headers['content-type']).toMatch(/^application\/json/);
    expect(JSON.parse(upload.text)).toMatchObject({ results: [{ file: '<img src=x onerror=alert(1)>.v2c', problem: { code: 15 } }, {}] });
  });

  it('in what a request says are not said back in a page, nor in a header', async () => {
    const { port } = await launch();
    const name = encodeURIComponent(hostile);
    for (const [method, path] of [
      ['GET', `/api/v1/list/keys?q=${name}&sort=${name}`],
      ['GET', `/api/v1/list/keys?${name}=1`],
      ['DELETE', `/api/v1/sessions/${name}`],
      ['GET', `/${name}`],
    ] as const) {
      const { headers, text } = await ask(port, method, path);
      expect(headers['content-type'], path).toMatch(/^application\/(?:problem\+)?json/);
      expect(JSON.stringify(headers)).not.toContain('onerror');
      expect(text).not.toMatch(/\p{Cc}/u);
    }
  });
});

describe('uploads (S1, S2)', () => {
  const upload = (port: number, body: Buffer, type = 'application/octet-stream', more = {}) =>
    ask(port, 'POST', '/api/v1/upload', { 'content-type': type, ...more }, body);
  const form = (name: string, bytes: Buffer): Buffer =>
    Buffer.concat([
      Buffer.from(`--b\r\nContent-Disposition: form-data; name="check_in_file"; filename="${name}"\r\nContent-Type: text/plain\r\n\r\n`),
      bytes,
      Buffer.from('\r\n--b--\r\n'),
    ]);
  const multipart = 'multipart/form-data; boundary=b';

  it('that are no licenses are refused with what they are, and nobody is asked to take them', async () => {
    const taken: string[] = [];
    const { port } = await launch({ apply: async (text) => (taken.push(text), Promise.reject(new LicensingError(Status.INV_FORMAT))) });
    const bomb = gzipSync(Buffer.alloc(50 * 1024 * 1024));
    for (const [bytes, what] of [
      [Buffer.alloc(0), /is empty/],
      [Buffer.from(' \r\n '), /is empty/],
      [Buffer.concat([Buffer.from('PK\x03\x04'), randomBytes(100)]), /ZIP/],
      [bomb, /compressed/],
      [Buffer.from('%PDF-1.7'), /PDF/],
      [Buffer.from('\x7fELF', 'latin1'), /program/],
    ] as const)
      for (const [body, type] of [
        [bytes, 'application/octet-stream'],
        [form('license.v2c', bytes), multipart],
      ] as const) {
        const answer = await upload(port, body, type);
        expect(answer.code).toBe(422);
        expect(JSON.parse(answer.text)).toMatchObject({ code: 15, detail: expect.stringMatching(what) });
      }
    expect((await upload(port, bomb, 'text/plain', { 'content-encoding': 'gzip' })).code).toBe(415);
    expect(taken).toEqual([]);
  });

  it('that are cut off, or are no upload, are refused as such', async () => {
    const { port, acts } = await launch();
    const whole = form('a.v2c', Buffer.from('text'));
    for (let length = 0; length < whole.length - 4; length += 3) {
      const { code, text } = await upload(port, whole.subarray(0, length), multipart);
      expect([code, JSON.parse(text).code], `${length}`).toEqual([400, 57]);
    }
    for (const [body, type] of [
      [whole, 'multipart/form-data'],
      [whole, `multipart/form-data; boundary=${'x'.repeat(100)}`],
      [Buffer.from('--b--\r\n'), multipart],
      [Buffer.from('--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n--b--'), multipart],
      [Buffer.from(`${'--b\r\nA: b\r\n\r\nx\r\n'.repeat(70)}--b--`), multipart],
      [Buffer.from(`--b\r\n${'A: b\r\n'.repeat(2_000)}\r\nx\r\n--b--`), multipart],
    ] as const)
      expect((await upload(port, body, type)).code).toBe(400);
    expect((await upload(port, whole, 'text/html')).code).toBe(415);
    expect(acts).toEqual([]);
    expect((await upload(port, whole, multipart)).code).toBe(200);
    expect(acts).toEqual(['apply text']);
  });

  it('that are huge are refused', async () => {
    const { port, acts } = await launch();
    const { code } = await upload(port, Buffer.alloc(13 * 1024 * 1024, 'a')).catch(() => ({ code: 413 }));
    expect(code).toBe(413);
    expect(acts).toEqual([]);
  });
});

describe('S19: what a stranger learns', () => {
  it('of versions, processes, computers, paths is nothing, on any route', async (context) => {
    const address = ownAddress();
    if (address === undefined) return context.skip('this computer has no address but loopback');
    for (const remoteAdministration of [false, true]) {
      const { port, http, faces } = await launch({ remoteAdministration });
      const { guid, version } = { ...faces.status(), version: 'Keyhaven' };
      for (const { method, url, need } of http.routes) {
        if (need === 'link' || need === 'open') continue;
        const { text, headers } = await ask(port, method, url.replace(/:\w+/, 'some'), { host: 'here' }, '', address);
        const all = `${text} ${JSON.stringify(headers)}`.replace('realm=\\"Keyhaven\\"', '');
        expect(all, `${method} ${url}`).not.toMatch(
          new RegExp(`"${guid}"|${version}/\\d|${process.pid}|node_modules|\\.ts\\b|at \\w+ \\(`),
        );
      }
    }
  });
});
