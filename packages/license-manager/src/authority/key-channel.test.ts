import { Buffer } from 'node:buffer';
import { Reader, Writer } from '@keyhaven/core/bytes';
import { CIPHER_OVERHEAD } from '@keyhaven/core/key';
import { READ_ONLY_FILE, READ_WRITE_FILE } from '@keyhaven/core/memory';
import { type Call, decodeGrant, MAX_CALL_BYTES, type Reply, writeCall } from '@keyhaven/core/session';
import { describe, expect, it } from 'vitest';
import { createTestVendor } from '../keystore/vendor.testing.ts';
import { connectApplication, createSite, localParty, someone, statusOfThrown } from './site.testing.ts';

const sixteen = Buffer.from('sixteen bytes!!!');

const loggedIn = async (feature = 42) => {
  const site = await createSite();
  const key = await site.licensed({
    features: [
      { id: 42, seats: 5 },
      { id: 43, seats: 5 },
    ],
    readOnly: Buffer.from('fixed'),
    readWrite: Buffer.from('start'),
  });
  const app = connectApplication(site, key);
  const { handle } = decodeGrant((await app.login(feature)).body);
  return { site, key, app, handle };
};
const textOf = (reply: Reply): string => Buffer.from(reply.body).toString();

describe('memory of a key', () => {
  it('is read and written within its size, and not beyond (1)', async () => {
    const { app, handle } = await loggedIn();
    const read = (offset: number, length: number, file = READ_WRITE_FILE) => app.call({ kind: 'read', handle, file, offset, length });
    const write = (offset: number, data: string) =>
      app.call({ kind: 'write', handle, file: READ_WRITE_FILE, offset, data: Buffer.from(data) });
    expect(textOf(await read(0, 5))).toBe('start');
    expect(textOf(await read(3, 4))).toBe('rt\0\0');
    expect(textOf(await read(60, 4))).toBe('\0\0\0\0');
    expect((await read(64, 0)).status).toBe(0);
    for (const [offset, length] of [
      [64, 1],
      [60, 5],
      [0, 65],
      [0xffff_ffff, 1],
      [0xffff_ffff, 0xffff_ffff],
    ] as const)
      expect((await read(offset, length)).status).toBe(1);
    expect((await write(62, 'xy')).status).toBe(0);
    expect(textOf(await read(60, 4))).toBe('\0\0xy');
    expect((await write(63, 'xy')).status).toBe(1);
    expect((await write(0xffff_ffff, 'x')).status).toBe(1);
    expect(textOf(await read(60, 4))).toBe('\0\0xy');
  });

  it('that is read-only is never written (5)', async () => {
    const { app, handle } = await loggedIn();
    const call = { handle, file: READ_ONLY_FILE, offset: 0 };
    expect((await app.call({ kind: 'write', ...call, data: Buffer.from('X') })).status).toBe(5);
    expect(textOf(await app.call({ kind: 'read', ...call, length: 5 }))).toBe('fixed');
    expect((await app.call({ kind: 'read', ...call, length: 33 })).status).toBe(1);
  });

  it('has these two files and no other (10)', async () => {
    const { app, handle } = await loggedIn();
    const size = async (file: number) => {
      const reply = await app.call({ kind: 'size', handle, file });
      return reply.status === 0 ? new Reader(reply.body).u32() : -reply.status;
    };
    expect([await size(READ_WRITE_FILE), await size(READ_ONLY_FILE), await size(1), await size(0)]).toEqual([64, 32, -10, -10]);
    expect((await app.call({ kind: 'read', handle, file: 7, offset: 0, length: 1 })).status).toBe(10);
    expect((await app.call({ kind: 'write', handle, file: 7, offset: 0, data: sixteen })).status).toBe(10);
  });

  it('keeps every one of many writes at once', async () => {
    const { app, handle } = await loggedIn();
    const writes = Array.from(
      { length: 64 },
      (_, offset): Call => ({ kind: 'write', handle, file: READ_WRITE_FILE, offset, data: Buffer.from([offset + 1]) }),
    );
    expect(new Set((await app.send(...writes)).map(({ status }) => status))).toEqual(new Set([0]));
    const { body } = await app.call({ kind: 'read', handle, file: READ_WRITE_FILE, offset: 0, length: 64 });
    expect([...body]).toEqual(Array.from({ length: 64 }, (_, offset) => offset + 1));
  });
});

describe('encrypt and decrypt', () => {
  it('undo each other, from 16 bytes up to the longest buffer', async () => {
    const { app, handle } = await loggedIn();
    for (const data of [sixteen, Buffer.alloc(17, 3), Buffer.alloc(MAX_CALL_BYTES - CIPHER_OVERHEAD, 5)]) {
      const sealed = await app.call({ kind: 'encrypt', handle, data });
      expect(sealed.status).toBe(0);
      expect(Buffer.from(sealed.body).includes(data.subarray(0, 16))).toBe(false);
      const plain = await app.call({ kind: 'decrypt', handle, data: sealed.body });
      expect(Buffer.from(plain.body).equals(data)).toBe(true);
    }
  });

  it('refuse less than 16 bytes (8)', async () => {
    const { app, handle } = await loggedIn();
    for (const length of [0, 1, 15]) {
      expect((await app.call({ kind: 'encrypt', handle, data: Buffer.alloc(length) })).status).toBe(8);
      expect((await app.call({ kind: 'decrypt', handle, data: Buffer.alloc(CIPHER_OVERHEAD + length) })).status).toBe(8);
    }
  });

  it('give other bytes each time, and refuse changed ones (6)', async () => {
    const { app, handle } = await loggedIn();
    const [one, two] = await app.send({ kind: 'encrypt', handle, data: sixteen }, { kind: 'encrypt', handle, data: sixteen });
    expect(Buffer.from(one?.body ?? []).equals(Buffer.from(two?.body ?? []))).toBe(false);
    const sealed = Buffer.from(one?.body ?? []);
    for (let at = 0; at < sealed.length; at += 1) {
      const changed = Buffer.from(sealed);
      changed.writeUInt8(changed.readUInt8(at) ^ 0x80, at);
      expect((await app.call({ kind: 'decrypt', handle, data: changed })).status, `byte ${at}`).toBe(6);
    }
    expect((await app.call({ kind: 'decrypt', handle, data: sealed.subarray(0, -1) })).status).not.toBe(0);
  });

  it('use the secret of the feature: another feature does not decrypt (6)', async () => {
    const { app, handle } = await loggedIn(42);
    const other = decodeGrant((await app.login(43)).body).handle;
    const zero = decodeGrant((await app.login(0)).body).handle;
    const sealed = (await app.call({ kind: 'encrypt', handle, data: sixteen })).body;
    expect((await app.call({ kind: 'decrypt', handle: other, data: sealed })).status).toBe(6);
    expect((await app.call({ kind: 'decrypt', handle: zero, data: sealed })).status).toBe(6);
    expect((await app.call({ kind: 'decrypt', handle, data: sealed })).status).toBe(0);
  });

  it('agree between two keys of one vendor, and not between two vendors', async () => {
    const { app, handle } = await loggedIn();
    const sealed = (await app.call({ kind: 'encrypt', handle, data: sixteen })).body;
    const elsewhere = await loggedIn();
    expect(textOf(await elsewhere.app.call({ kind: 'decrypt', handle: elsewhere.handle, data: sealed }))).toBe('sixteen bytes!!!');
    const site = await createSite();
    const foreign = connectApplication(site, await site.licensed({ features: [{ id: 42 }] }, createTestVendor(37_515, 8)));
    const stranger = decodeGrant((await foreign.login(42)).body).handle;
    expect((await foreign.call({ kind: 'decrypt', handle: stranger, data: sealed })).status).toBe(6);
  });
});

describe('a call', () => {
  const callsOf = (handle: number): Call[] => [
    { kind: 'logout', handle },
    { kind: 'read', handle, file: READ_WRITE_FILE, offset: 0, length: 1 },
    { kind: 'write', handle, file: READ_WRITE_FILE, offset: 0, data: sixteen },
    { kind: 'encrypt', handle, data: sixteen },
    { kind: 'decrypt', handle, data: Buffer.alloc(100) },
    { kind: 'size', handle, file: READ_WRITE_FILE },
    { kind: 'clock', handle },
    { kind: 'info', handle },
  ];

  it('on a session that is none is refused (9), whatever it asks (S5)', async () => {
    const { app, handle } = await loggedIn();
    for (const none of [0, handle + 1, 0xffff_ffff]) {
      for (const reply of await app.send(...callsOf(none))) expect(reply.status).toBe(9);
    }
    expect((await app.call({ kind: 'clock', handle })).status).toBe(0);
  });

  it('on a session after logout is refused (9), and the seat is free', async () => {
    const { site, key, app, handle } = await loggedIn();
    expect((await app.call({ kind: 'logout', handle })).status).toBe(0);
    for (const reply of await app.send(...callsOf(handle))) expect(reply.status).toBe(9);
    expect(site.authority.used({ key: key.identity.id, product: 1, feature: 42 })).toBe(0);
  });

  it('on a session that was killed says so (85), and on one that ended otherwise (39)', async () => {
    const { site, app, handle } = await loggedIn();
    const { handle: second } = decodeGrant((await app.login(43)).body);
    const [one, two] = [...site.authority.sessions()];
    if (one === undefined || two === undefined) throw new Error('two sessions');
    await site.authority.release(one, 'killed');
    await site.authority.release(two, 'idle');
    for (const reply of await app.send(...callsOf(handle))) expect(reply.status).toBe(85);
    for (const reply of await app.send(...callsOf(second))) expect(reply.status).toBe(39);
  });

  it('of a kind that a later version knows is refused alone (16, T6)', async () => {
    const { app, handle } = await loggedIn();
    const out = new Writer();
    out.block(new Writer().u8(200).u32(900).bytes(Buffer.from('whatever it carries')).done());
    writeCall(out, 901, { kind: 'clock', handle });
    const replies = Promise.all([app.reply(900), app.reply(901)]);
    app.raw(out.done());
    expect((await replies).map(({ status }) => status)).toEqual([16, 0]);
    expect(app.failure).toBeUndefined();
  });

  it.each([
    ['cut', new Writer().block(Buffer.from([4, 0, 0, 0, 1, 0])).done()],
    ['with bytes behind it', new Writer().block(Buffer.concat([Buffer.from([9, 0, 0, 0, 1, 0, 0, 0, 1]), Buffer.alloc(3)])).done()],
    ['longer than it says', Buffer.from([0, 0, 0, 99, 1])],
    ['empty', new Writer().block(Buffer.alloc(0)).done()],
    ['longer than allowed', new Writer().u32(0xffff_ffff).done()],
  ])('that is %s ends its channel (46) and nothing else', async (_, plain) => {
    const { site, key, app } = await loggedIn();
    app.raw(plain);
    expect(app.failure?.status).toBe(46);
    expect([...site.authority.sessions()]).toHaveLength(1);
    const other = connectApplication(site, key);
    expect((await other.login(42)).status).toBe(0);
  });

  it('that was changed, repeated or reordered on its way ends the channel (46)', async () => {
    const { app } = await loggedIn();
    app.channel.receive(Buffer.alloc(64, 1));
    expect(app.failure?.status).toBe(46);
  });

  it('among thousands at once is answered in records that pass as frames', async () => {
    const { app, handle } = await loggedIn();
    const calls = Array.from({ length: 3_000 }, (): Call => ({ kind: 'encrypt', handle, data: Buffer.alloc(600) }));
    const replies = await app.send(...calls);
    expect(replies.every(({ status }) => status === 0)).toBe(true);
    expect(app.largest).toBeLessThan(1024 * 1024);
    expect(app.records).toBeGreaterThan(2);
  });

  it('clock tells the time of the license manager and info what was granted, without counting as use', async () => {
    const { site, app, handle } = await loggedIn();
    expect(new Reader((await app.call({ kind: 'clock', handle })).body).u53()).toBe(site.clock.wall());
    site.clock.advance(60_000);
    const info: unknown = JSON.parse(textOf(await app.call({ kind: 'info', handle })));
    expect(info).toMatchObject({ feature: 42, product: 1, seats: 1, limit: 5, used: 1, idleTimeout: 43_200, idleRemaining: 43_140 });
  });
});

describe('a login', () => {
  it('is refused for a feature that the key does not have (31), and for more seats than there are (38)', async () => {
    const { app } = await loggedIn();
    expect((await app.login(44)).status).toBe(31);
    expect((await app.login(42, { product: 2 })).status).toBe(31);
    expect((await app.login(42, { seats: 5 })).status).toBe(38);
    expect((await app.login(42, { seats: 4 })).status).toBe(0);
  });

  it('repeated with its nonce is the same session and takes nothing twice (S20)', async () => {
    const { site, key, app } = await loggedIn();
    const nonce = Buffer.alloc(16, 7);
    const [one, two] = [await app.login(43, { nonce }), await app.login(43, { nonce })];
    expect(Buffer.from(decodeGrant(one.body).session).equals(decodeGrant(two.body).session)).toBe(true);
    expect(site.authority.used({ key: key.identity.id, product: 1, feature: 43 })).toBe(1);
  });

  it('counts the process that the connection belongs to, not what the application says of itself', async () => {
    const { site, app } = await loggedIn();
    await app.login(43, { application: { ...someone, pid: 1, start: 99 } });
    expect([...site.authority.sessions()].map(({ row }) => row.pid)).toEqual([4_711, 4_711]);
    await site.authority.processEnded(4_711, 1);
    expect(site.authority.sessionCount).toBe(0);
  });
});

describe('a session in another channel', () => {
  it('is resumed by its token, by nobody without it, and not from another computer (5)', async () => {
    const { site, key, app } = await loggedIn();
    const grant = decodeGrant((await app.login(43)).body);
    app.channel.close();
    const resume = { kind: 'resume', session: grant.session, token: grant.token, application: someone } as const;
    const again = connectApplication(site, key);
    expect((await again.call({ ...resume, token: Buffer.alloc(32) })).status).toBe(5);
    expect((await again.call({ ...resume, session: Buffer.alloc(16) })).status).toBe(5);
    const remote = connectApplication(site, key, { holder: 'peer', address: '192.0.2.7', process: undefined });
    expect((await remote.call(resume)).status).toBe(5);
    const reply = await again.call(resume);
    expect(reply.status).toBe(0);
    expect((await again.call({ kind: 'clock', handle: decodeGrant(reply.body).handle })).status).toBe(0);
    expect(site.authority.used({ key: key.identity.id, product: 1, feature: 43 })).toBe(1);
  });

  it('is not resumed after it ended (39)', async () => {
    const { site, key, app, handle } = await loggedIn();
    const grant = decodeGrant((await app.login(43)).body);
    await app.send({ kind: 'logout', handle }, { kind: 'logout', handle: grant.handle });
    const again = connectApplication(site, key);
    expect((await again.call({ kind: 'resume', session: grant.session, token: grant.token, application: someone })).status).toBe(39);
  });
});

describe('a channel', () => {
  it('is opened to a key here that has a license, and to no other (7)', async () => {
    const { site, key } = await loggedIn();
    const unlicensed = await site.keystore.unlicensed('sl-adminmode', createTestVendor(9, 3).code);
    const nobody = { ...key, identity: { ...key.identity, id: '12345' } };
    const otherVendor = { ...key, identity: { ...key.identity, vendor: 9 } };
    for (const each of [unlicensed, nobody, otherVendor])
      expect(statusOfThrown(() => connectApplication(site, each, localParty()))).toBe(7);
  });
});
