import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createHttpPost } from './post.ts';

// Something that listens where a license manager should, and answers with whatever it likes: the request ends, soon, with a reason, and is not
// sent anywhere else (issue 5 "Bad input").

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** `talk` gets each connection when its request has begun. */
const startServer = async (talk: (socket: Socket) => void) => {
  let connections = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('error', () => undefined).once('data', () => talk(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((done) => server.close(done));
  });
  const at = server.address();
  if (at === null || typeof at === 'string') throw new Error('no port');
  return { target: { host: '127.0.0.1', port: at.port }, connections: () => connections };
};

const ask = async (talk: (socket: Socket) => void, patience: { readonly answerMs?: number; readonly deadlineMs?: number } = {}) => {
  const { target, connections } = await startServer(talk);
  const http = createHttpPost(patience);
  closers.push(() => http.close());
  const begun = performance.now();
  const error: unknown = await http.post(target, '/lm/v1/hello', 'AAAA').then(
    (text) => new Error(`answered ${text.length}`),
    (reason: unknown) => reason,
  );
  return { error: error instanceof Error ? error : new Error(String(error)), ms: performance.now() - begun, connections: connections() };
};
/** Writes on and on, as fast as it is read. */
const pour = (socket: Socket, chunk: string): void => {
  const more = (): void => {
    while (!socket.destroyed && socket.write(chunk));
    if (!socket.destroyed) socket.once('drain', more);
  };
  more();
};
const OK = 'HTTP/1.1 200 OK\r\n';

describe('a hostile HTTP peer', () => {
  it.each([
    [
      'redirects',
      (socket: Socket) => socket.end('HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n'),
      /redirect \(HTTP 302\)/,
    ],
    [
      'redirects for good',
      (socket: Socket) => socket.end('HTTP/1.1 308 Permanent Redirect\r\nlocation: /\r\ncontent-length: 0\r\n\r\n'),
      /redirect/,
    ],
    ['answers with a page', (socket: Socket) => socket.end('HTTP/1.1 404 Not Found\r\ncontent-length: 9\r\n\r\n<b>no</b>'), /^<b>no<\/b>$/],
    ['says nothing of why', (socket: Socket) => socket.end('HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n'), /^HTTP 500$/],
    ['closes', (socket: Socket) => socket.destroy(), /socket hang up|ECONNRESET/],
    ['ends too soon', (socket: Socket) => socket.end(`${OK}content-length: 100\r\n\r\nAAAA`), /aborted|ECONNRESET/],
    ['speaks something else', (socket: Socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'), /Parse Error/],
    [
      'speaks in two ways of length',
      (socket: Socket) => socket.end(`${OK}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`),
      /Parse Error/,
    ],
    ['has a header without end', (socket: Socket) => pour(socket, 'x: '.padEnd(4_096, 'y')), /Parse Error|Header|hang up/],
    ['has headers without end', (socket: Socket) => pour(socket, `${OK}x: ${'y'.repeat(200)}\r\n`), /Parse Error|Header/],
    ['has a body without end', (socket: Socket) => pour(socket, `${OK}\r\n`.padEnd(65_536, 'A')), /the answer is too long/],
    [
      'has a chunk without end',
      (socket: Socket) => (socket.write(`${OK}transfer-encoding: chunked\r\n\r\nffffffff\r\n`), pour(socket, 'A'.repeat(65_536))),
      /too long/,
    ],
    [
      'switches protocols',
      (socket: Socket) => socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nAAAA'),
      /something else/,
    ],
  ] as const)('that %s is told as such, at once', async (_, talk, reason) => {
    const { error, ms, connections } = await ask((socket) => void talk(socket));
    expect(error.message).toMatch(reason);
    expect(ms).toBeLessThan(4_000);
    expect(connections).toBe(1);
  });

  it.each([
    ['never answers', () => undefined],
    ['stops in the middle', (socket: Socket) => socket.write(`${OK}content-length: 100\r\n\r\nAAAA`)],
  ] as const)('that %s is left after the time of an answer', async (_, talk) => {
    const { error, ms } = await ask((socket) => void talk(socket), { answerMs: 500 });
    expect(error.message).toMatch(/no answer in time/);
    expect(ms).toBeLessThan(2_000);
  });

  it.each([
    [
      'bytes of a body',
      (socket: Socket) => (socket.write(`${OK}content-length: 100000\r\n\r\n`), setInterval(() => socket.write('A'), 50)),
    ],
    ['bytes of a head', (socket: Socket) => (socket.write(`${OK}x: `), setInterval(() => socket.write('A'), 50))],
    ['answers that are none', (socket: Socket) => setInterval(() => socket.write('HTTP/1.1 102 Processing\r\n\r\n'), 50)],
  ] as const)('that answers for ever, with %s one after another, is left after the time of a whole answer', async (_, talk) => {
    const { error, ms } = await ask(
      (socket) => {
        const timer = talk(socket);
        closers.push(() => clearInterval(timer));
      },
      { deadlineMs: 1_000 },
    );
    expect(error.message).toMatch(/the answer does not end/);
    expect(ms).toBeLessThan(2_500);
  });

  it('puts no line breaks and control characters into our mouth', async () => {
    const text = 'No.\r\nWARN everything is fine\u001b[2J';
    const { error } = await ask((socket) => socket.end(`HTTP/1.1 403 No\r\ncontent-length: ${text.length}\r\n\r\n${text}`));
    expect(error.message).toBe('No. WARN everything is fine [2J');
  });
});
