import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Datagram, encodeDatagram, guidText } from '@keyhaven/core/discovery';
import { decodeToApplication, encodeToLm, FrameDecoder, type Hello, type ToApplication } from '@keyhaven/core/wire';
import { createTestVendor } from '@keyhaven/testkit/local-lm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keyhaven, type LoneLm, startLoneLm } from './lone-lm.ts';
import { expectWithin } from './time-limit.ts';

const catalog =
  'products: [{ id: 1, name: Survey, features: [{ id: 42, name: Sounder, license: { type: perpetual }, concurrency: { seats: 3, network: true } }] }]';
const MEBIBYTE = 1024 * 1024;

const hello = (more: Partial<Hello> = {}): Buffer =>
  encodeToLm({ kind: 'hello', from: 1, to: 1, pid: process.pid, start: 0, user: 'x', host: 'x', application: 'x', ...more });

describe('bad input to a license manager', () => {
  const vendor = createTestVendor(catalog);
  let directory = '';
  let lm: LoneLm;
  let key = '';
  let firstV2c = '';
  const sockets: Socket[] = [];

  const file = (name: string): string => join(directory, name);
  const c2v = async (code: string, name: string): Promise<string> => {
    const made = await lm.ask('c2v', '--vendor-code', code, '--out', file(name));
    expect(made).toMatchObject({ code: 0, stderr: '' });
    return readFile(file(name), 'latin1');
  };
  const apply = async (text: string | Buffer) => {
    await writeFile(file('try.v2c'), text);
    return lm.ask('apply', file('try.v2c'));
  };
  const dial = async (): Promise<Socket> => {
    const socket = connect({ port: lm.port, host: '127.0.0.1' }).on('error', () => undefined);
    sockets.push(socket);
    await once(socket, 'connect');
    return socket;
  };
  /** What the license manager says until it closes the socket. */
  const said = async (socket: Socket): Promise<ToApplication[]> => {
    const decoder = new FrameDecoder();
    const messages: ToApplication[] = [];
    socket.on('data', (chunk: Buffer) => messages.push(...decoder.push(chunk).map(decodeToApplication)));
    socket.resume();
    if (!socket.destroyed) await once(socket, 'close');
    return messages;
  };
  const sayAll = async (...parts: (Buffer | string)[]): Promise<ToApplication[]> => {
    const socket = await dial();
    const answer = said(socket);
    for (const part of parts) socket.write(part);
    return answer;
  };
  /** What an HTTP connection answers until it is closed. */
  const raw = async (text: string | Buffer, ...more: Buffer[]): Promise<string> => {
    const socket = await dial();
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write(text);
    for (const part of more) {
      if (socket.destroyed) break;
      if (!socket.write(part)) await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), closed]);
    }
    await closed;
    return answer;
  };
  const timed = async <T>(work: Promise<T>): Promise<{ readonly value: T; readonly ms: number }> => {
    const started = performance.now();
    const value = await work;
    return { value, ms: performance.now() - started };
  };

  /** Connections that are slow on purpose. They begin first and are looked at later, so that the others need not wait for them. */
  const slow: { silent: Promise<{ readonly ms: number }>[]; http: Promise<{ readonly value: string; readonly ms: number }>[] } = {
    silent: [],
    http: [],
  };
  const beSlow = (): void => {
    slow.silent = [Buffer.alloc(0), Buffer.of(0), hello().subarray(0, 20)].map(async (beginning) => {
      const socket = await dial();
      if (beginning.length > 0) socket.write(beginning);
      return timed(said(socket));
    });
    const post = 'POST /api/v1/apply HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\nabc';
    slow.http = ['GET / HTTP/1.1\r\nHost: local', post].map((text) => timed(raw(text)));
  };
  /** A login as everybody does it, and how long it took. */
  const expectWorks = async (withinMs = 5_000): Promise<void> => {
    const started = performance.now();
    expect(await lm.login(vendor.vendorCode, 42)).toMatchObject({ status: 0, key });
    await expectWithin(performance.now() - started, withinMs);
    expect(lm.alive).toBe(true);
  };

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'keyhaven-bad-'));
    lm = await startLoneLm(file('state'));
    firstV2c = vendor.issue(await c2v(vendor.vendorCode, 'first.c2v'));
    assert.equal((await apply(firstV2c)).code, 0);
    key = /"key":"(\d+)"/.exec((await lm.ask('keys', '--json')).stdout)?.[1] ?? '';
    assert.match(key, /^\d+$/);
    beSlow();
  });
  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    await lm?.end();
    await rm(directory, { recursive: true, force: true });
  });

  describe('frames of the local protocol (L5, S6, S14)', () => {
    it.each([
      ['a frame longer than allowed', [Buffer.from('00200000', 'hex')]],
      ['a first frame longer than a hello', [Buffer.from('0000ffff01', 'hex')]],
      ['an empty frame', [Buffer.from('00000000', 'hex')]],
      ['an unknown type', [Buffer.from('00000001ff', 'hex')]],
      ['a second hello', [hello(), hello()]],
      [
        'no hello but a question',
        [encodeToLm({ kind: 'find', request: 1, vendor: 7, vendorKey: Buffer.alloc(32), feature: 1, scope: '' })],
      ],
      ['a hello that is cut', [Buffer.from('000000040100ff00', 'hex')]],
      [
        'a hello with bytes behind it',
        [Buffer.concat([Buffer.from([0, 0, 0, hello().length - 4 + 3]), hello().subarray(4), Buffer.alloc(3)])],
      ],
      ['a frame that only license managers send', [hello(), Buffer.from('0000000502aabbccdd', 'hex')]],
      [
        'text that is no UTF-8',
        [hello(), Buffer.concat([Buffer.from('0000003003', 'hex'), Buffer.alloc(43), Buffer.from('0002fffe', 'hex')])],
      ],
    ])('%s: closed with "refused" (33) and nothing else', async (_, parts) => {
      const messages = await sayAll(...parts);
      expect(messages.at(-1)).toMatchObject({ kind: 'refused', status: 33 });
      expect(messages.filter(({ kind }) => kind !== 'refused' && kind !== 'welcome')).toEqual([]);
    });

    it('versions that do not fit: told which side is old (42, 11; T6)', async () => {
      expect(await sayAll(hello({ from: 9, to: 12 }))).toMatchObject([{ kind: 'refused', status: 42 }]);
      expect(await sayAll(hello({ from: 0, to: 0 }))).toMatchObject([{ kind: 'refused', status: 11 }]);
    });

    it('a channel opened twice, records of no channel, a key that is not here: that connection only', async () => {
      const open = encodeToLm({ kind: 'open', channel: 1, key: '12345', lm: lm.guid, opening: Buffer.alloc(140) });
      const socket = await dial();
      const answer = said(socket);
      socket.write(
        Buffer.concat([
          hello(),
          encodeToLm({ kind: 'record', channel: 77, record: Buffer.alloc(64) }),
          encodeToLm({ kind: 'close', channel: 78 }),
          open,
        ]),
      );
      setTimeout(() => socket.end(), 300);
      expect(await answer).toMatchObject([{ kind: 'welcome' }, { kind: 'lost', channel: 1, status: 7 }]);
      const real = encodeToLm({ kind: 'open', channel: 1, key, lm: lm.guid, opening: randomBytes(140) });
      const twice = await sayAll(hello(), Buffer.concat([real, real]));
      expect(twice.at(-1)).toMatchObject({ kind: 'refused', status: 33, detail: expect.stringContaining('channel 1') });
    });

    it('every cut of a good conversation, and random bytes after the first one: nobody else notices', async () => {
      const good = Buffer.concat([
        hello(),
        encodeToLm({ kind: 'find', request: 1, vendor: 7, vendorKey: Buffer.alloc(32), feature: 42, scope: '<haspscope/>' }),
      ]);
      await Promise.all(
        Array.from({ length: good.length }, async (_, length) => {
          const socket = await dial();
          socket.end(good.subarray(0, length));
          await said(socket);
        }),
      );
      for (let round = 0; round < 200; round += 1) {
        const socket = await dial();
        const answer = said(socket);
        socket.write(Buffer.concat([round % 2 === 0 ? hello() : Buffer.of(0), randomBytes(1 + ((round * 37) % 5_000))]));
        socket.end();
        await answer;
      }
      await expectWorks();
    });

    it('a first byte, or a hello, that does not come in time: closed after ten seconds', async () => {
      for (const { ms } of await Promise.all(slow.silent)) {
        expect(ms).toBeGreaterThan(8_000);
        expect(ms).toBeLessThan(20_000);
      }
    });

    it('a flood of questions whose answers nobody reads: bounded memory', async () => {
      const before = lm.memory();
      const socket = await dial();
      socket.pause();
      socket.write(hello());
      const question = encodeToLm({
        kind: 'find',
        request: 1,
        vendor: 1,
        vendorKey: Buffer.alloc(32),
        feature: 1,
        scope: 'x'.repeat(30_000),
      });
      const many = Buffer.concat(Array.from({ length: 100 }, () => question));
      let sent = 0;
      for (; sent < 60 && socket.writableLength < 8 * MEBIBYTE; sent += 1) {
        socket.write(many);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      await expectWorks();
      expect(lm.memory() - before).toBeLessThan(150 * MEBIBYTE);
      socket.destroy();
    });
  });

  it('thousands of idle connections: logins stay quick, memory bounded, and all are closed afterwards', async () => {
    const hard = execFileSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).trim();
    const total = Math.min(10_000, hard === 'unlimited' ? 10_000 : Math.max(200, Number(hard) - 1_000));
    const before = lm.memory();
    const openers = Array.from({ length: 4 }, (_, index) => {
      const program = [
        join(import.meta.dirname, 'idle-connections.ts'),
        String(lm.port),
        String(Math.ceil(total / 4)),
        hello({ pid: 0xffff_fff0 }).toString('hex'),
        `127.0.0.${index + 2}`,
      ];
      return spawn(process.execPath, program, { stdio: ['pipe', 'pipe', 'inherit'] });
    });
    try {
      const counts = await Promise.all(
        openers.map(async (opener) => {
          const [line]: unknown[] = await once(createInterface({ input: opener.stdout }), 'line');
          return Number(String(line).replace('open ', ''));
        }),
      );
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(Math.ceil(total / 4) * 4);
      await expectWorks();
      expect(lm.memory() - before).toBeLessThan(total * 24 * 1024 + 100 * MEBIBYTE);
    } finally {
      for (const opener of openers) opener.stdin.end();
      await Promise.all(openers.map((opener) => once(opener, 'close')));
    }
    await expectWorks();
  });

  it('hostile datagrams: no peer, no connection, no answer larger than its question (R5, S14)', async () => {
    const before = lm.memory();
    const socket = createSocket('udp4');
    let received = 0;
    let largest = 0;
    socket.on('message', (bytes) => {
      received += 1;
      largest = Math.max(largest, bytes.length);
    });
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    const send = (bytes: Uint8Array): Promise<void> => new Promise((resolve) => socket.send(bytes, lm.port, '127.0.0.1', () => resolve()));
    const forged = (index: number): Uint8Array => {
      const sender = { guid: guidText(randomBytes(30)), tcpPort: 1 + (index % 65_000), bootCount: index % 65_536 };
      const kinds: Datagram[] = [
        { kind: 'answer', ...sender, cookie: index },
        { kind: 'ask', ...sender, cookie: index },
        { kind: 'started', ...sender, sequence: index },
        { kind: 'stopping', ...sender, guid: lm.guid, sequence: index },
        { kind: 'changed', ...sender, sequence: index, entries: [{ what: 'removed', keyId: BigInt(key), version: 9 }] },
      ];
      return encodeDatagram(kinds[index % kinds.length] ?? kinds[0] ?? { kind: 'ask', ...sender, cookie: 0 });
    };
    for (let index = 0; index < 20_000; index += 1) {
      await send(index % 2 === 0 ? forged(index >> 1) : randomBytes(index % 1_400));
      if (index % 500 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await expectWorks();
    expect(largest).toBeLessThanOrEqual(40);
    expect(received).toBeLessThan(1_000);
    expect(lm.memory() - before).toBeLessThan(100 * MEBIBYTE);
    expect(JSON.parse((await lm.ask('peers', '--json')).stdout)).toEqual([]);
    socket.close();
  });

  describe('HTTP (S6, S14, S15)', () => {
    it('garbage, huge heads and foreign hosts are refused', async () => {
      expect(await raw('GET garbage\r\n\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
      expect(await raw(Buffer.concat([Buffer.from('P'), randomBytes(4_000), Buffer.from('\r\n\r\n')]))).toMatch(/^HTTP\/1\.1 400 /);
      expect(await raw(`GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'a'.repeat(40_000)}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 431 /);
      expect(await raw('GET /api/v1/sessions HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n')).toMatch(/^HTTP\/1\.1 403 /);
      expect(await raw('PUT /etc/passwd HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')).toMatch(/^HTTP\/1\.1 404 /);
    });

    it('a body of 20 MB is refused, whether it says so or not', async () => {
      const before = lm.memory();
      const head = 'POST /api/v1/apply HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nConnection: close\r\n';
      expect(await raw(`${head}Content-Length: ${20 * MEBIBYTE}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 413 /);
      const chunk = Buffer.concat([Buffer.from('100000\r\n'), Buffer.alloc(MEBIBYTE, 0x41), Buffer.from('\r\n')]);
      const answer = await raw(`${head}Transfer-Encoding: chunked\r\n\r\n`, ...Array.from({ length: 20 }, () => chunk));
      expect(answer === '' || answer.startsWith('HTTP/1.1 413 ')).toBe(true);
      expect(lm.memory() - before).toBeLessThan(150 * MEBIBYTE);
    });

    it('links between license managers believe nobody who proves nothing (R5, R7)', async () => {
      for (const path of ['hello', 'confirm', 'exchange']) {
        for (const body of ['', 'AAAA', randomBytes(300).toString('base64'), '\u0000'.repeat(50)]) {
          const answer = await raw(
            `POST /lm/v1/${path} HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
          );
          expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
        }
      }
    });
  });

  describe('license files (K4, S1, S12)', () => {
    const line = (status: number, name: string): RegExp => new RegExp(`^error ${status} ${name}: [A-Z\`][^\\n]+\\. [^\\n]+\\.\\n$`);

    it('for a key of another computer: error 18', async () => {
      const elsewhere = await startLoneLm(file('elsewhere'));
      try {
        await elsewhere.ask('c2v', '--vendor-code', vendor.vendorCode, '--out', file('elsewhere.c2v'));
        const refused = await apply(vendor.issue(await readFile(file('elsewhere.c2v'), 'latin1')));
        expect(refused).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(line(18, 'KEYID_NOT_FOUND')) });
      } finally {
        await elsewhere.end();
      }
    });

    it('applied twice: error 65; with one missing: 55; older: 54', async () => {
      expect((await apply(firstV2c)).stderr).toMatch(line(65, 'UPDATE_ALREADY_ADDED'));
      await lm.ask('c2v', '--key', key, '--out', file('second.c2v'));
      const second = vendor.issue(await readFile(file('second.c2v'), 'latin1'));
      expect(await apply(second)).toMatchObject({ code: 0 });
      expect((await apply(firstV2c)).stderr).toMatch(line(54, 'UPDATE_TOO_OLD'));
    });

    it('cut, changed, of another kind, no such file: 15, 30, 17, 72', async () => {
      expect((await apply(firstV2c.slice(0, -60))).stderr).toMatch(line(15, 'INV_FORMAT'));
      const at = Math.floor(firstV2c.length / 2);
      expect((await apply(firstV2c.slice(0, at) + (firstV2c[at] === 'A' ? 'B' : 'A') + firstV2c.slice(at + 1))).stderr).toMatch(
        line(30, 'INV_SIG'),
      );
      const cut = firstV2c.replace(/((?:\n.{76}){4})\n.{76}/, '$1');
      expect((await apply(cut)).stderr).toMatch(line(30, 'INV_SIG'));
      expect((await apply(await readFile(file('first.c2v'), 'latin1'))).stderr).toMatch(line(17, 'INV_UPDATE_OBJ'));
      for (const garbage of ['', 'hello', randomBytes(3_000), '<?xml version="1.0"?>'.repeat(1_000)]) {
        const answer = await fetch(`http://127.0.0.1:${lm.port}/api/v1/apply`, {
          method: 'POST',
          body: garbage,
          headers: { 'content-type': 'text/plain' },
        });
        expect(await answer.json()).toMatchObject({ code: 15, name: 'INV_FORMAT' });
      }
      expect((await lm.ask('apply', file('no-such-file'))).stderr).toMatch(line(72, 'CANNOT_READ_FILE'));
    });

    it('of another vendor with the same id: error 30, and the key is as it was', async () => {
      const impostor = createTestVendor(catalog);
      const own = await c2v(impostor.vendorCode, 'impostor.c2v');
      const theirs = impostor.issue(own);
      expect(await apply(theirs)).toMatchObject({ code: 0 });
      // Their key takes only their licenses, and ours only ours.
      const body = (text: string): string => text.split('\n').slice(1, -2).join('');
      const mixed = Buffer.concat([
        Buffer.from(body(firstV2c), 'base64').subarray(0, 101),
        Buffer.from(body(theirs), 'base64').subarray(101),
      ]);
      const armored = `-----BEGIN KEYHAVEN V2C-----\n${mixed
        .toString('base64')
        .match(/.{1,76}/g)
        ?.join('\n')}\n-----END KEYHAVEN V2C-----\n`;
      expect((await apply(armored)).stderr).toMatch(line(30, 'INV_SIG'));
      await expectWorks();
    });
  });

  describe('vendor codes', () => {
    it('that are none: error 22, as a line and as JSON', async () => {
      for (const code of ['nonsense', vendor.vendorCode.slice(0, -1), `${vendor.vendorCode}A`, 'A'.repeat(500)]) {
        expect(await lm.login(code, 42)).toMatchObject({ status: 22, name: 'INV_VCODE' });
      }
      const told = await keyhaven(['login', '--vendor-code', 'nonsense', '--feature', '42'], {
        env: { KEYHAVEN_LOCAL_LM: `127.0.0.1:${lm.port}` },
      });
      expect(told).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/^error 22 INV_VCODE: [^\n]+\n$/) });
      expect((await lm.ask('c2v', '--vendor-code', 'nonsense', '--out', file('none.c2v'))).stderr).toMatch(/^error 22 INV_VCODE: /);
    });

    it('of a vendor that has no key here: error 7; of another vendor with the id of one that has: 34', async () => {
      expect(await lm.login(createTestVendor(catalog, 8).vendorCode, 42)).toMatchObject({ status: 7, name: 'KEY_NOT_FOUND' });
      expect(await lm.login(createTestVendor(catalog).vendorCode, 42)).toMatchObject({ status: 34, name: 'UNKNOWN_VCODE' });
    });

    it('with a feature that was not sold: error 31; with a scope that is none, or leaves nothing: 36, 50', async () => {
      expect(await lm.login(vendor.vendorCode, 43)).toMatchObject({ status: 31, name: 'FEATURE_NOT_FOUND' });
      expect(await lm.login(vendor.vendorCode, 42, '--scope', '<haspscope')).toMatchObject({ status: 36, name: 'INV_SCOPE' });
      expect(await lm.login(vendor.vendorCode, 42, '--scope', '<haspscope><hasp id="1"/></haspscope>')).toMatchObject({
        status: 50,
        name: 'SCOPE_RESULTS_EMPTY',
      });
    });
  });

  it('heads and bodies of HTTP that never end are cut off (S14)', async () => {
    for (const { value, ms } of await Promise.all(slow.http)) {
      expect(value).toMatch(/^HTTP\/1\.1 408 /);
      expect(ms).toBeLessThan(45_000);
    }
  });

  it('after all of this: the same license manager serves, and ends as it should', async () => {
    await expectWorks();
    expect(await lm.end()).toBe(0);
    // Each kind of flood is told once, and nothing else went wrong.
    const told = lm.log
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => (JSON.parse(line) as { readonly msg: string }).msg);
    expect(told).toEqual([
      'datagrams come that are no discovery, and are dropped',
      'more datagrams come than are heard; the rest is dropped',
    ]);
  });
});
