import { once } from 'node:events';
import { createServer as createHttp, type Server as HttpServer } from 'node:http';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import type { Noted } from '@keyhaven/core/network';
import { afterEach, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { makeCertificates, type Pem } from './certificates.testing.ts';
import { type Carriage, createHttpPost, type HttpPost, plainCarriage } from './post.ts';
import { proxyCarriage } from './proxy.ts';
import { type TlsPeers, tlsCarriage } from './tls-carriage.ts';

// How a request gets to another license manager: straight, through an HTTP proxy (field-facts 2.7), by TLS (L6), and both.

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
const listening = async (server: Server, address = '127.0.0.1'): Promise<number> => {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  });
  server.listen(0, address);
  await once(server, 'listening');
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((done) => server.close(done));
  });
  const at = server.address();
  if (at === null || typeof at === 'string') throw new Error('no port');
  return at.port;
};

/** A license manager as far as HTTP goes: one port for HTTP and TLS, told apart by the first byte. */
const startLm = async (pem?: Pem) => {
  const seen: string[] = [];
  const http: HttpServer = createHttp((request, response) => {
    const { headers, method, url } = request;
    const secure = request.socket instanceof TLSSocket;
    let body = '';
    request.setEncoding('latin1').on('data', (part: string) => (body += part));
    request.on('end', () => {
      seen.push(`${secure ? 'tls ' : ''}${method} ${url} of ${headers.host?.replace(/\d+$/, 'PORT')}: ${body}`);
      response.end(`heard ${body}`);
    });
  });
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.once('readable', () => {
      const first: unknown = socket.read();
      if (!(first instanceof Uint8Array)) return;
      socket.unshift(first);
      if (first[0] !== 0x16) http.emit('connection', socket);
      else if (pem === undefined) socket.end(Buffer.of(0x15, 3, 3, 0, 2, 2, 0x28));
      else {
        const secure = new TLSSocket(socket, { isServer: true, secureContext: createSecureContext(pem) });
        secure.on('error', () => socket.destroy());
        http.emit('connection', secure);
      }
    });
  });
  return { target: { host: '127.0.0.1', port: await listening(server) }, seen, connections: () => connections };
};

const startProxy = async (answer?: string) => {
  const seen: string[] = [];
  const proxy = createHttp((request, response) => {
    seen.push(`${request.method} ${request.url?.replace(/:\d+\//, ':PORT/')}`);
    if (answer !== undefined) return void response.writeHead(Number(answer)).end('not for you');
    const { hostname, port, pathname } = new URL(request.url ?? '');
    const onward = connect(Number(port), hostname);
    const head = `${request.method} ${pathname} HTTP/1.1\r\nhost: ${request.headers.host}\r\ncontent-length: ${request.headers['content-length']}\r\nconnection: close\r\n\r\n`;
    onward.write(head);
    request.on('data', (part: Buffer) => onward.write(part));
    let text = '';
    onward.setEncoding('latin1').on('data', (part: string) => (text += part));
    onward.on('end', () => response.end(text.slice(text.indexOf('\r\n\r\n') + 4)));
  });
  proxy.on('connect', (request, near: Socket) => {
    seen.push(`CONNECT ${request.url?.replace(/:\d+$/, ':PORT')}`);
    if (answer !== undefined) return void near.end(`HTTP/1.1 ${answer} No\r\n\r\n`);
    const [host = '', port = ''] = (request.url ?? '').split(':');
    const far = connect(Number(port), host, () => {
      near.write('HTTP/1.1 200 Connection established\r\n\r\n');
      near.pipe(far).pipe(near);
    });
    far.on('error', () => near.destroy());
    near.on('error', () => far.destroy());
  });
  return { proxy: { host: '127.0.0.1', port: await listening(proxy) }, seen };
};

const posting = (carriage: Carriage, more: Parameters<typeof createHttpPost>[0] = {}): HttpPost['post'] => {
  const http = createHttpPost({ carriage, ...more });
  closers.push(() => http.close());
  return http.post;
};
const noted: Noted[] = [];
const note = (each: Noted): void => void noted.push(each);
/** Loopback is beside every proxy; a test has nothing else. */
const REMOTE = '127.0.0.1';

describe('straight', () => {
  it('a connection is used again, and told with its bytes (R8, R10)', async () => {
    noted.length = 0;
    const { target, seen, connections } = await startLm();
    const post = posting(plainCarriage(note));
    expect([await post(target, '/lm/v1/hello', 'one'), await post(target, '/lm/v1/hello', 'two')]).toEqual(['heard one', 'heard two']);
    expect(seen).toHaveLength(2);
    expect(connections()).toBe(1);
    expect(noted).toMatchObject([{ event: 'opened', kind: 'link', peer: '127.0.0.1', port: target.port }]);
  });
});

describe('a kept connection', () => {
  it('that was closed at the other end meanwhile costs nothing; one that is closed again fails', async () => {
    let answers = 0;
    const server = createServer((socket) => {
      socket
        .on('error', () => undefined)
        .on('data', () => {
          answers += 1;
          // The first request of a connection is answered, and the second one resets it.
          if (answers % 2 === 1) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
          else socket.resetAndDestroy();
        });
    });
    const target = { host: '127.0.0.1', port: await listening(server) };
    const post = posting(plainCarriage(note), { idleMs: 0 });
    expect(await post(target, '/a', 'x')).toBe('ok');
    expect(await post(target, '/a', 'x')).toBe('ok');
    expect(answers).toBe(3);
    // One that was used a moment ago was closed on purpose.
    answers = 0;
    const hasty = posting(plainCarriage(note));
    expect(await hasty(target, '/a', 'x')).toBe('ok');
    await expect(hasty(target, '/a', 'x')).rejects.toThrow(/ECONNRESET|hang up/);
    const closing = createServer((socket) => socket.on('error', () => undefined).once('data', () => socket.resetAndDestroy()));
    await expect(post({ host: '127.0.0.1', port: await listening(closing) }, '/a', 'x')).rejects.toThrow(/ECONNRESET|hang up/);
  });
});

describe('through a proxy', () => {
  it('plain requests are in absolute form, and the other side sees them as always', async () => {
    const [{ target, seen }, { proxy, seen: passed }] = [await startLm(), await startProxy()];
    const post = posting(proxyCarriage(proxy, note, () => false));
    expect(await post({ ...target, host: REMOTE }, '/lm/v1/exchange', 'QUJD')).toBe('heard QUJD');
    expect(passed).toEqual(['POST http://127.0.0.1:PORT/lm/v1/exchange']);
    expect(seen).toEqual(['POST /lm/v1/exchange of 127.0.0.1:PORT: QUJD']);
  });

  it('goes nothing that is on this computer, or on a link of it', async () => {
    const [{ target }, { proxy, seen: passed }] = [await startLm(), await startProxy()];
    expect(await posting(proxyCarriage(proxy, note))(target, '/lm/v1/hello', 'x')).toBe('heard x');
    expect(passed).toEqual([]);
  });

  it('that refuses is told as such', async () => {
    const { proxy } = await startProxy('407');
    const post = posting(proxyCarriage(proxy, note, () => false));
    await expect(post({ host: '192.0.2.1', port: 1947 }, '/lm/v1/hello', 'x')).rejects.toMatchObject({ code: 407, message: 'not for you' });
  });

  it('that is not there is told with both addresses', async () => {
    const post = posting(proxyCarriage({ host: '127.0.0.1', port: 1 }, note, () => false));
    await expect(post({ host: '192.0.2.1', port: 1947 }, '/lm/v1/hello', 'x')).rejects.toThrow(
      '192.0.2.1:1947 through the proxy 127.0.0.1:1: connect ECONNREFUSED',
    );
  });
});

describe('by TLS', () => {
  let pems: Awaited<ReturnType<typeof makeCertificates>>;
  beforeAll(async () => {
    pems = await makeCertificates();
  });
  const needed = (context: TestContext): NonNullable<typeof pems> => pems ?? context.skip('openssl is not installed');
  const clock = { now: 0 };
  const carriage = (mode: TlsPeers, ca: string | undefined, more: Partial<Parameters<typeof tlsCarriage>[0]> = {}): Carriage =>
    tlsCarriage({ mode, context: createSecureContext(ca === undefined ? {} : { ca }), note, now: () => clock.now, ...more });

  it('goes what a trusted authority signed, whatever name is in it, on connections that are used again', async (context) => {
    const { authority, signed } = needed(context);
    const { target, seen, connections } = await startLm(signed);
    const post = posting(carriage('require', authority.cert));
    expect([await post(target, '/a', 'one'), await post(target, '/a', 'two')]).toEqual(['heard one', 'heard two']);
    expect(seen[0]).toBe('tls POST /a of 127.0.0.1:PORT: one');
    expect(connections()).toBe(1);
  });

  it('goes nothing to one without a certificate where TLS is required, and the sentence says what to do', async () => {
    const { target, seen } = await startLm();
    const failed = posting(carriage('require', undefined))(target, '/a', 'one');
    await expect(failed).rejects.toMatchObject({
      status: 40,
      detail: expect.stringMatching(/^127\.0\.0\.1:\d+ does not speak TLS \(.+\), which tls\.peers = "require" here asks/),
      remedy: expect.stringContaining('Give that license manager a certificate'),
    });
    expect(seen).toEqual([]);
  });

  it('goes nothing to one with a certificate of somebody else where TLS is required', async (context) => {
    const { authority, stranger } = needed(context);
    const { target, seen } = await startLm(stranger);
    await expect(posting(carriage('require', authority.cert))(target, '/a', 'one')).rejects.toMatchObject({
      status: 40,
      detail: expect.stringMatching(/shows a certificate that is not trusted here \(DEPTH_ZERO_SELF_SIGNED_CERT\)\.$/),
      remedy: expect.stringContaining('tls.authorities'),
    });
    expect(seen).toEqual([]);
  });

  it('is preferred where that is wished: with any certificate, and without TLS where there is none', async (context) => {
    const { stranger } = needed(context);
    const [secure, plain] = [await startLm(stranger), await startLm()];
    const wishing = carriage('prefer', undefined);
    const post = posting(wishing);
    expect([await post(secure.target, '/a', 'one'), await post(plain.target, '/a', 'two')]).toEqual(['heard one', 'heard two']);
    expect([...secure.seen, ...plain.seen]).toEqual(['tls POST /a of 127.0.0.1:PORT: one', 'POST /a of 127.0.0.1:PORT: two']);
    // It is not tried again at each connection, and not left out for ever.
    const newConnections = async (): Promise<number> => {
      const before = plain.connections();
      wishing.close();
      await post(plain.target, '/a', 'x');
      return plain.connections() - before;
    };
    expect([plain.connections(), await newConnections()]).toEqual([2, 1]);
    clock.now += 6 * 60_000;
    expect(await newConnections()).toBe(2);
  });

  it('through a proxy is a tunnel', async (context) => {
    const { authority, signed } = needed(context);
    const [{ target, seen }, { proxy, seen: passed }] = [await startLm(signed), await startProxy()];
    const post = posting(carriage('require', authority.cert, { proxy, isBeside: () => false }));
    expect([await post(target, '/a', 'one'), await post(target, '/a', 'two')]).toEqual(['heard one', 'heard two']);
    expect(passed).toEqual(['CONNECT 127.0.0.1:PORT']);
    expect(seen[0]).toBe('tls POST /a of 127.0.0.1:PORT: one');
  });

  it('through a proxy that allows no tunnel fails, and says so', async () => {
    const { proxy } = await startProxy('403');
    const post = posting(carriage('require', undefined, { proxy, isBeside: () => false }));
    await expect(post({ host: '192.0.2.1', port: 1947 }, '/a', 'x')).rejects.toThrow(
      /through the proxy 127\.0\.0\.1:\d+: CONNECT is refused with HTTP 403/,
    );
  });

  it('through a proxy a peer without TLS is reached by a tunnel, too, where TLS is only preferred', async () => {
    const [{ target, seen }, { proxy, seen: passed }] = [await startLm(), await startProxy()];
    const post = posting(carriage('prefer', undefined, { proxy, isBeside: () => false }));
    expect(await post(target, '/a', 'one')).toBe('heard one');
    expect(passed).toEqual(['CONNECT 127.0.0.1:PORT', 'CONNECT 127.0.0.1:PORT']);
    expect(seen).toEqual(['POST /a of 127.0.0.1:PORT: one']);
  });
});
