import { once } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { expect, it } from 'vitest';
import { makeCertificates } from '../peers/certificates.testing.ts';
import { ask, launchHttp } from './launch.testing.ts';

// By TLS (S9): the cookie never goes without it, and neither does a browser that has come by it.

it('S9: by TLS the cookie is for TLS only, and the browser keeps to it, but where it calls this computer itself', async (context) => {
  const made = await makeCertificates();
  if (made === undefined) return context.skip('openssl is not installed');
  const site = await launchHttp();
  await site.faces.administration.setPassword('correct horse', 'test');
  const sockets = new Set<TLSSocket>();
  const door = createServer(made.signed, (socket) => {
    sockets.add(socket.on('error', () => undefined));
    site.http.server.emit('connection', socket);
  }).listen(0, '127.0.0.1');
  await once(door, 'listening');
  const { port } = door.address() as AddressInfo;
  const login = (host: string): Promise<IncomingHttpHeaders> =>
    new Promise((resolve, reject) => {
      const headers = { host, 'content-type': 'application/json' };
      const sent = request(
        { host: '127.0.0.1', port, method: 'POST', path: '/api/v1/login', headers, agent: false, rejectUnauthorized: false },
        (response) => {
          response.resume().on('end', () => resolve(response.headers));
        },
      ).on('error', reject);
      sent.end('{"password":"correct horse"}');
    });
  try {
    const named = await login('here');
    expect(named['set-cookie']).toEqual([expect.stringMatching(/^keyhaven=[\w-]{22}; Path=\/; HttpOnly; SameSite=Strict; Secure$/)]);
    expect(named['strict-transport-security']).toBe('max-age=2592000');
    for (const own of ['localhost', `localhost:${port}`, '127.0.0.1', '[::1]:1947'])
      expect((await login(own))['strict-transport-security'], own).toBeUndefined();
    expect((await ask(site.port, 'GET', '/healthz', { host: 'here' })).headers['strict-transport-security']).toBeUndefined();
  } finally {
    for (const socket of sockets) socket.destroy();
    door.close();
    await site.close();
  }
});
