import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect, type Socket } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSecureContext, connect as tlsConnect } from 'node:tls';
import { promisify } from 'node:util';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../net/free-port.testing.ts';
import { createSimulatedClock } from '../simulated-clock.testing.ts';
import { type Front, type FrontOptions, openFront, protocolOf } from './front.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A front whose local protocol and HTTP answer with what they are and the bytes they got. */
const launch = async (more: Partial<FrontOptions> = {}) => {
  const clock = createSimulatedClock();
  const refused: string[] = [];
  const port = more.port ?? (await freePort());
  const echo = (name: string) => (socket: Socket) => {
    socket.on('data', (chunk) => socket.write(`${name} ${chunk.toString('hex')};`));
  };
  const front: Front = await openFront({
    bind: ['127.0.0.1'],
    port,
    clock,
    limits: { connections: 64, connectionsPerAddress: 8, firstByteMs: 10_000 },
    tls: undefined,
    onLocal: echo('local'),
    onHttp: echo('http'),
    onRefused: (reason) => void refused.push(reason),
    ...more,
  });
  closers.push(() => front.close());
  return { front, clock, port, refused };
};

const dial = async (port: number, host = '127.0.0.1'): Promise<Socket> => {
  const socket = connect({ port, host }).on('error', () => undefined);
  closers.push(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
};
const closed = async (socket: Socket): Promise<Buffer> => {
  const parts: Buffer[] = [];
  for await (const part of socket) if (Buffer.isBuffer(part)) parts.push(part);
  return Buffer.concat(parts);
};
/** Sends the bytes each in its own packet and answers what came back when it is as long as it should be. */
const echoed = async (socket: Socket, bytes: Buffer, name: string): Promise<string> => {
  socket.setNoDelay(true);
  let text = '';
  const whole = new Promise<string>((resolve) => {
    socket.on('data', (chunk) => {
      text += chunk.toString();
      const got = text.replaceAll(`${name} `, '').replaceAll(';', '');
      if (got.length === bytes.length * 2) resolve(got);
    });
  });
  for (const byte of bytes) {
    socket.write(Buffer.of(byte));
    await new Promise((resolve) => setImmediate(resolve));
  }
  return whole;
};
const ownAddress = (): string | undefined =>
  Object.values(networkInterfaces())
    .flatMap((each) => each ?? [])
    .find(({ internal, family }) => !internal && family === 'IPv4')?.address;

describe('the first byte', () => {
  it('decides for every one of the 256 values', () => {
    const kinds = Array.from({ length: 256 }, (_, byte) => protocolOf(byte));
    expect(kinds[0x00]).toBe('local');
    expect(kinds[0x16]).toBe('tls');
    expect(kinds.flatMap((kind, byte) => (kind === 'http' ? [String.fromCharCode(byte)] : [])).join('')).toBe('ABCDEFGHIJKLMNOPQRSTUVWXYZ');
    expect(kinds.filter((kind) => kind === 'unknown')).toHaveLength(256 - 28);
  });

  it('is given on with all the others, though they come one by one (L6)', async () => {
    const { port } = await launch();
    const binary = Buffer.from('0000000501aabbccdd', 'hex');
    expect(await echoed(await dial(port), binary, 'local')).toBe(binary.toString('hex'));
    const http = Buffer.from('GET / HTTP/1.1\r\n\r\n');
    expect(await echoed(await dial(port), http, 'http')).toBe(http.toString('hex'));
  });

  it.each([0x01, 0x15, 0x17, 0x20, 0x40, 0x5b, 0x61, 0x7f, 0x80, 0xff])('%i closes the socket without a word', async (byte) => {
    const { port, refused } = await launch();
    const socket = await dial(port);
    socket.write(Buffer.concat([Buffer.of(byte), Buffer.alloc(1_000, 0x41)]));
    expect(await closed(socket)).toHaveLength(0);
    expect(refused).toEqual(['an unknown protocol']);
  });

  it('that does not come in time closes the socket (L6)', async () => {
    const { port, clock, front } = await launch();
    const silent = await dial(port);
    await expect.poll(() => front.connections).toBe(1);
    clock.advance(9_999);
    expect(front.connections).toBe(1);
    clock.advance(1);
    expect(await closed(silent)).toHaveLength(0);
    expect(front.connections).toBe(0);
  });

  it('that came ends the waiting for it', async () => {
    const { port, clock } = await launch();
    const socket = await dial(port);
    expect(await echoed(socket, Buffer.of(0), 'local')).toBe('00');
    expect(clock.waiting).toBe(0);
    clock.advance(60_000);
    expect(socket.destroyed).toBe(false);
  });
});

describe('connections', () => {
  it('beyond the limit are closed at once, and room is made by those that go (S14)', async () => {
    const { port, front, refused } = await launch({ limits: { connections: 16, connectionsPerAddress: 8, firstByteMs: 10_000 } });
    const sockets = await Promise.all(Array.from({ length: 16 }, () => dial(port)));
    await expect.poll(() => front.connections).toBe(16);
    expect(await closed(await dial(port))).toHaveLength(0);
    expect(refused).toEqual(['too many connections']);
    sockets[0]?.destroy();
    await expect.poll(() => front.connections).toBe(15);
    expect(await echoed(await dial(port), Buffer.of(0), 'local')).toBe('00');
  });

  it('of one other computer have a limit of their own, and are never served the local protocol (S14, L1)', async (context) => {
    const address = ownAddress();
    if (address === undefined) return context.skip('this computer has no address but loopback');
    const { port, front, refused } = await launch({ bind: [address] });
    const foreign = await dial(port, address);
    foreign.write(Buffer.from('0000000501aabbccdd', 'hex'));
    expect(await closed(foreign)).toHaveLength(0);
    expect(refused.pop()).toContain('the local protocol');
    await expect.poll(() => front.connections).toBe(0);
    const sockets = await Promise.all(Array.from({ length: 8 }, () => dial(port, address)));
    await expect.poll(() => front.connections).toBe(8);
    expect(await closed(await dial(port, address))).toHaveLength(0);
    expect(refused).toEqual(['too many connections of one computer']);
    for (const socket of sockets) socket.destroy();
    await expect.poll(() => front.connections).toBe(0);
    expect(await echoed(await dial(port, address), Buffer.from('G'), 'http')).toBe('47');
  });

  it('that break off in between do no harm', async () => {
    const { port, front } = await launch();
    const sockets = await Promise.all(Array.from({ length: 32 }, () => dial(port)));
    for (const [index, socket] of sockets.entries()) {
      if (index % 2 === 0) socket.write(Buffer.of(index % 4 === 0 ? 0 : 0x47));
      socket.resetAndDestroy();
    }
    await expect.poll(() => front.connections).toBe(0);
    expect(await echoed(await dial(port), Buffer.of(0), 'local')).toBe('00');
  });
});

describe('the port', () => {
  it('that is in use is told with what to do (33)', async () => {
    const { port } = await launch();
    await expect(launch({ port })).rejects.toMatchObject({
      status: 33,
      message: expect.stringContaining(`127.0.0.1:${port} is in use`),
      remedy: expect.stringContaining('--port'),
    });
  });

  it('at an address that is not of this computer is told (33), and what was open is closed again', async () => {
    const port = await freePort();
    await expect(launch({ port, bind: ['127.0.0.1', '192.0.2.250'] })).rejects.toMatchObject({
      status: 33,
      message: expect.stringContaining('192.0.2.250 is no address of this computer'),
      remedy: expect.stringContaining('--bind'),
    });
    await launch({ port });
  });

  it('is opened on every IPv4 address (L2)', async () => {
    const { front, port } = await launch({ bind: [] });
    expect(front.addresses[0]).toBe(`0.0.0.0:${port}`);
    expect(await echoed(await dial(port, '127.0.0.9'), Buffer.of(0), 'local')).toBe('00');
  });

  it('is opened on IPv6 where it exists (L2)', async (context) => {
    const { front, port } = await launch({ bind: [] });
    if (front.addresses.length === 1) return context.skip('this computer has no IPv6');
    expect(front.addresses[1]).toBe(`[::]:${port}`);
    expect(await echoed(await dial(port, '::1'), Buffer.of(0), 'local')).toBe('00');
  });
});

describe('TLS', () => {
  let pem: { cert: Buffer; key: Buffer } | undefined;
  beforeAll(async () => {
    const directory = await mkdtemp(join(tmpdir(), 'keyhaven-'));
    const [cert, key] = [join(directory, 'cert.pem'), join(directory, 'key.pem')];
    const wish = [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '2',
      '-subj',
      '/CN=localhost',
    ];
    try {
      await promisify(execFile)('openssl', [...wish, '-addext', 'subjectAltName=DNS:localhost', '-out', cert, '-keyout', key]);
      pem = { cert: await readFile(cert), key: await readFile(key) };
    } catch {
      pem = undefined; // No openssl on this computer.
    }
    await rm(directory, { recursive: true });
  });

  it('with a certificate serves HTTPS, with the address of the caller', async (context) => {
    if (pem === undefined) return context.skip('openssl is not installed');
    const http = createServer((request, response) => response.end(`over ${request.socket.remoteAddress}`));
    const { port } = await launch({ tls: createSecureContext(pem), onHttp: (socket) => void http.emit('connection', socket) });
    const text = await new Promise<string>((resolve, reject) => {
      httpsRequest({ host: 'localhost', port, family: 4, ca: pem?.cert, agent: false }, (response) => {
        response.on('data', (chunk: Buffer) => resolve(chunk.toString()));
      })
        .on('error', reject)
        .end();
    });
    expect(text).toBe('over 127.0.0.1');
  });

  it('does not carry the local protocol, nor TLS again', async (context) => {
    if (pem === undefined) return context.skip('openssl is not installed');
    const { port, refused } = await launch({ tls: createSecureContext(pem) });
    for (const byte of [0x00, 0x16, 0xff]) {
      const socket = tlsConnect({ host: '127.0.0.1', port, rejectUnauthorized: false }).on('error', () => undefined);
      closers.push(() => socket.destroy());
      await once(socket, 'secureConnect');
      socket.write(Buffer.alloc(16, byte));
      socket.resume();
      await once(socket, 'close');
    }
    expect(refused).toHaveLength(3);
  });

  it('whose handshake does not come to its end in time is closed', async (context) => {
    if (pem === undefined) return context.skip('openssl is not installed');
    const { port, clock, front } = await launch({ tls: createSecureContext(pem) });
    const socket = await dial(port);
    socket.write(Buffer.from('1603010200', 'hex'));
    await expect.poll(() => clock.waiting).toBe(1);
    await expect.poll(() => front.connections).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    clock.advance(10_000);
    await closed(socket);
    await expect.poll(() => front.connections).toBe(0);
  });

  it('with garbage in place of a handshake closes that socket only', async (context) => {
    if (pem === undefined) return context.skip('openssl is not installed');
    const { port } = await launch({ tls: createSecureContext(pem) });
    const socket = await dial(port);
    socket.write(Buffer.concat([Buffer.of(0x16), Buffer.alloc(5_000, 0x55)]));
    await closed(socket);
    expect(await echoed(await dial(port), Buffer.of(0), 'local')).toBe('00');
  });

  it('without a certificate gets an alert, so that the other side knows', async () => {
    const { port, refused } = await launch();
    const socket = await dial(port);
    socket.write(Buffer.from('160301', 'hex'));
    expect((await closed(socket)).toString('hex')).toBe('15030300020228');
    expect(refused[0]).toContain('no certificate');
    const secure = tlsConnect({ host: '127.0.0.1', port, rejectUnauthorized: false });
    const [error]: unknown[] = await once(secure, 'error');
    expect(error).toMatchObject({ code: expect.stringContaining('HANDSHAKE_FAILURE') });
  });
});
