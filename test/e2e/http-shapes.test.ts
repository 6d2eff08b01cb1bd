import { connect, type Socket } from 'node:net';
import { startLocalLm } from '@keyhaven/testkit/local-lm';
import { expect, it, onTestFinished } from 'vitest';

// The port of a real license manager (L2), by whoever wants one request taken for two (S6), or takes no answer (S14). All shapes one by one are in
// license-manager/http/attacks-shapes.test.ts.

const HOST = 'Host: localhost\r\n';
const HIDDEN = `DELETE /api/v1/sessions/hidden HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`;
const open = (port: number, text: string): { readonly socket: Socket; readonly said: Promise<string> } => {
  const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(text));
  onTestFinished(() => void socket.destroy());
  let answer = '';
  socket.on('error', () => undefined).on('data', (chunk) => (answer += chunk.toString('latin1')));
  return { socket, said: new Promise((resolve) => socket.once('close', () => resolve(answer))) };
};

it('S6: no request that hides another one reaches a route, and each is told or cut', async () => {
  await using local = await startLocalLm();
  const post = `POST /api/v1/upload HTTP/1.1\r\n${HOST}`;
  const shapes = [
    `${post}Content-Length: 0\r\nContent-Length: ${HIDDEN.length}\r\n\r\n`,
    `${post}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    `${post}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n`,
    `POST http://localhost/api/v1/upload HTTP/1.1\r\n${HOST}Content-Length: 0\r\n\r\n`,
    `POST /api/v1/upload HTTP/1.1\r\n${HOST}Host: localhost\r\nContent-Length: 0\r\n\r\n`,
    `CONNECT localhost:1947 HTTP/1.1\r\n${HOST}\r\n`,
    'GET /api/v1/status\r\n',
    `GET /api/v1/status HTTP/0.9\r\n${HOST}\r\n`,
    `POST /api/v1/upload HTTP/1.1\r\n${HOST}Expect: more\r\nContent-Length: 0\r\n\r\n`,
    `GET /api/v1/status HTTP/1.1\r\n${HOST}${'a:\r\n'.repeat(2_100)}\r\n`,
  ];
  for (const shape of shapes) {
    const answer = await open(local.port, `${shape}${HIDDEN}`).said;
    expect(answer, shape.slice(0, 80)).toMatch(/^(?:|HTTP\/1\.1 [45]\d\d [^]*)$/);
    expect(answer.match(/^HTTP\/1\.1 \d/gm)?.length ?? 0, shape.slice(0, 80)).toBeLessThanOrEqual(1);
  }
  expect(await open(local.port, `TRACE / HTTP/1.1\r\n${HOST}Cookie: keyhaven=secret\r\nConnection: close\r\n\r\n`).said).toMatch(
    /^HTTP\/1\.1 405 (?![^]*secret)/,
  );
  expect(await local.lm.ledger.audit({ kind: 'administration' })).toEqual([]);
  expect(JSON.parse(await local.ask('GET', '/api/v1/sessions'))).toEqual([]);
});

it('S14: of a thousand who watch and do not read, some watch, the others are told, and memory is bounded', async () => {
  await using local = await startLocalLm({ settings: '[limits]\nconnections = 4096' });
  const before = process.memoryUsage().rss;
  const readers = Array.from({ length: 1_000 }, () => {
    const socket = connect({ port: local.port, host: '127.0.0.1' }, () => socket.write(`GET /api/v1/events HTTP/1.1\r\n${HOST}\r\n`));
    onTestFinished(() => void socket.destroy());
    return new Promise<string>((resolve, reject) => {
      socket.on('error', reject);
      // The head of the answer, and nothing of what follows.
      socket.once('data', (chunk) => {
        socket.pause();
        resolve(chunk.toString('latin1').slice(9, 12));
      });
    });
  });
  const codes = await Promise.all(readers);
  expect(codes.filter((code) => code === '200')).toHaveLength(64);
  expect(codes.filter((code) => code === '429')).toHaveLength(936);
  for (let time = 0; time < 200; time += 1) await local.ask('DELETE', '/api/v1/sessions/none').catch(() => undefined);
  expect(await local.ask('GET', '/api/v1/status')).toContain('"sessions":0');
  expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1024 * 1024);
});
