import { once } from 'node:events';
import { createServer as createHttp, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { HelloEvidence } from '@keyhaven/core/doctor';
import { answerLink, lmIdentityFrom } from '@keyhaven/core/link';
import type { Noted } from '@keyhaven/core/network';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock, systemEntropy } from '../machine/index.ts';
import { greet, plainWords } from './hello.ts';

const identity = lmIdentityFrom(new Uint8Array(32).fill(1));
const noted: string[] = [];
const around = {
  clock: systemClock,
  entropy: systemEntropy,
  self: { kind: 'command', name: 'office', port: 1947, found: 'nothing' },
  note: ({ event, kind, result }: Noted): void => void noted.push(`${event} ${kind} ${result}`),
} as const;
const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});
const serve = async (server: ReturnType<typeof createServer>): Promise<number> => {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket.on('error', () => undefined)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
};
const greeted = (port: number) => greet(around, identity, { host: '127.0.0.1', port });
const answering = async (answer: (response: ServerResponse, body: string) => void): Promise<HelloEvidence | undefined> => {
  const http = createHttp((request, response) => {
    let body = '';
    request.setEncoding('latin1').on('data', (part: string) => (body += part));
    request.on('end', () => answer(response, body));
  });
  const { tcp, hello } = await greeted(await serve(http));
  expect(tcp.kind).toBe('connected');
  return hello;
};
const bare =
  (code: number, headers: Record<string, string> = {}, body = '') =>
  (response: ServerResponse): void => {
    response.writeHead(code, headers).end(body);
  };
const text = (code: number, body: string) => bare(code, { 'content-type': 'text/plain' }, body);

describe('who answers a hello', () => {
  it('a license manager, with its proven identity, its name in one line, and its clock', async () => {
    const other = lmIdentityFrom(new Uint8Array(32).fill(2));
    const hello = await answering((response, body) => {
      const { answer } = answerLink(other, 'keys\u0007 1', 7, Buffer.from(body, 'base64url'), systemEntropy);
      response.setHeader('date', new Date(Date.now() + 3_600_000).toUTCString());
      response.end(answer.toString('base64url'));
    });
    expect(hello).toMatchObject({ kind: 'license manager', guid: other.guid, name: 'keys  1' });
    expect(noted.splice(0)).toEqual(['opened link connected', 'request hello 200']);
    const ahead = hello?.kind === 'license manager' ? (hello.aheadSeconds ?? 0) : 0;
    expect(Math.abs(ahead - 3_600)).toBeLessThanOrEqual(2);
  });

  it.each([
    ['a refusal in words', text(403, 'access from remote clients is off'), { kind: 'denied', said: 'access from remote clients is off' }],
    ['words with control characters', text(403, 'no\r\n\u001b[31mway'), { kind: 'denied', said: 'no [31mway' }],
    ['a version', text(400, '42 Upgrade the license manager of keys.'), { kind: 'version', said: 'Upgrade the license manager of keys.' }],
    ['another fault', text(400, 'no'), { kind: 'other program', sign: 'HTTP 400' }],
    ['too busy', text(503, 'too many handshakes under way'), { kind: 'busy', said: 'too many handshakes under way' }],
    ['a page that says 403', text(403, '<html>Forbidden'), { kind: 'other program', sign: 'HTTP 403' }],
    ['a web server', bare(404, { server: 'weather' }), { kind: 'other program', sign: 'HTTP 404 of weather' }],
    ['another redirect', bare(302, { location: 'http://127.0.0.1:1/' }), { kind: 'other program', sign: 'HTTP 302' }],
    ['an answer without proof', text(200, 'AAAA'), { kind: 'other program', sign: expect.stringContaining('without proof') as string }],
    [
      'more than is read',
      text(200, 'A'.repeat(1_000_000)),
      { kind: 'other program', sign: expect.stringContaining('without proof') as string },
    ],
  ] as const)('%s', async (_, answer, found) => {
    expect(await answering(answer)).toEqual(found);
  });

  it('and what is no HTTP', async () => {
    const hello = async (accept: (socket: Socket) => void) => (await greeted(await serve(createServer(accept)))).hello;
    expect(await hello((socket) => void socket.end('220 mail\r\n'))).toEqual({ kind: 'other program', sign: 'it does not speak HTTP' });
    expect(await hello((socket) => socket.destroy())).toEqual({ kind: 'closed' });
    expect(await hello((socket) => void socket.resume())).toEqual({ kind: 'mute' });
    expect(await hello((socket) => void socket.write('HTTP/1.1 200 OK\r\n'))).toEqual({ kind: 'mute' });
  });

  it('nobody, where nobody listens', async () => {
    const server = createServer();
    const port = await serve(server);
    server.close();
    await once(server, 'close');
    expect(await greeted(port)).toMatchObject({ tcp: { kind: 'failed', code: 'ECONNREFUSED' } });
  });

  it('says at most 500 characters', () => expect(plainWords(`a${'b'.repeat(1_000)}`)).toHaveLength(500));
});
