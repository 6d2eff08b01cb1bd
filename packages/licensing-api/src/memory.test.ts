import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { armor, openDocument, readC2v, unarmor } from '@keyhaven/core/license';
import type { Call } from '@keyhaven/core/session';
import { createTestVendor, type LocalLm, startLocalLm } from '@keyhaven/testkit/local-lm';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ownIdentity, systemEntropy } from './environment.ts';
import { createLicensing, type Licensing } from './licensing.ts';
import { type MemoryCalls, writeMemory } from './memory-access.ts';

// Memory files of a key through the API, on a real LM and a real socket (K3), and what updates do to them (K4).

const MIB = 1024 * 1024;
const catalog = (files: string): string => `
products:
  - id: 1
    name: Survey
    features: [{ id: 42, name: Echo sounder, license: { type: perpetual } }]
    memory: { readWrite: 64, readOnly: 16, dynamic: [ ${files} ] }
`;
const FIRST =
  '{ id: 1, size: 2097152, access: rw }, { id: 2, size: 32, access: ro, data: { text: tides } }, { id: 3, size: 700000, access: rwo }';
const vendor = createTestVendor(catalog(FIRST));
let local: LocalLm;
let key: string;
beforeAll(async () => {
  local = await startLocalLm();
  key = await local.license(vendor);
});
afterAll(() => local[Symbol.asyncDispose]());

const createApplication = (): Licensing => {
  const licensing = createLicensing(local.address, ownIdentity(), systemEntropy);
  onTestFinished(() => licensing.close());
  return licensing;
};
const login = () => createApplication().login({ vendorCode: vendor.vendorCode, feature: 42 });
const update = async (files: string): Promise<void> => {
  const c2v = await local.ask('POST', '/api/v1/c2v', { key });
  await local.ask('POST', '/api/v1/apply', vendor.issue(c2v, catalog(files)));
};

describe('memory files of a key', () => {
  it('take two mebibytes in pieces, and keep them when the LM restarts', async () => {
    const session = await login();
    const data = randomBytes(2 * MIB);
    await session.write({ file: 1, offset: 0, data });
    expect(Buffer.from(await session.read({ file: 1, offset: 0, length: 2 * MIB })).equals(data)).toBe(true);
    await local.restart();
    expect(Buffer.from(await session.read({ file: 1, offset: 0, length: 2 * MIB })).equals(data)).toBe(true);
    await session.write({ file: 1, offset: MIB - 2, data: Buffer.from('over') });
    expect(
      Buffer.from(await session.read({ file: 1, offset: MIB - 3, length: 6 })).equals(
        Buffer.concat([data.subarray(MIB - 3, MIB - 2), Buffer.from('over'), data.subarray(MIB + 2, MIB + 3)]),
      ),
    ).toBe(true);
    await session.logout();
  });

  it.each([
    ['reading behind the end', 1, { read: [2 * MIB - 1, 2] }],
    ['reading more than there is, in pieces', 1, { read: [1, 2 * MIB] }],
    ['reading four gigabytes', 1, { read: [0, 0xffff_ffff] }],
    ['writing behind the end', 1, { write: [2 * MIB - 1, 2] }],
    ['writing in pieces behind the end, of which none is written', 1, { write: [MIB + 1, MIB] }],
    ['writing what only the vendor writes', 5, { file: 2, write: [0, 1] }],
    ['reading a file that is not there', 10, { file: 9, read: [0, 1] }],
    ['writing a file that is not there', 10, { file: 9, write: [0, MIB] }],
  ] as const)(
    'refuse %s with %d',
    async (_, status, { file = 1, read, write }: { file?: number; read?: readonly number[]; write?: readonly number[] }) => {
      const session = await login();
      const [offset = 0, length = 0] = read ?? write ?? [];
      const before = file === 1 ? Buffer.from(await session.read({ file: 1, offset: MIB, length: 256 })) : Buffer.alloc(0);
      const work =
        read === undefined ? session.write({ file, offset, data: Buffer.alloc(length, 1) }) : session.read({ file, offset, length });
      await expect(work).rejects.toMatchObject({ status });
      if (file === 1) expect(Buffer.from(await session.read({ file: 1, offset: MIB, length: 256 })).equals(before)).toBe(true);
      await session.logout();
    },
  );

  it('of access rwo take one write, in pieces where it is long, and none after it', async () => {
    const session = await login();
    const data = randomBytes(700_000);
    await session.write({ file: 3, offset: 0, data });
    for (const [offset, length] of [
      [0, 700_000],
      [0, 1],
      [699_999, 1],
    ] as const)
      await expect(session.write({ file: 3, offset, data: Buffer.alloc(length) })).rejects.toMatchObject({ status: 5 });
    expect(Buffer.from(await session.read({ file: 3, offset: 0, length: 700_000 })).equals(data)).toBe(true);
    await session.logout();
  });

  it('are listed with their sizes by keyinfo, by the data of a session, and for administrators', async () => {
    const session = await login();
    const data = await session.info('data');
    const files = data.licenseManagers[0]?.vendors[0]?.keys[0]?.memory?.map(({ file, size, access }) => [file, size, access]);
    expect(files).toEqual([
      [65_524, 64, 'rw'],
      [65_525, 16, 'ro'],
      [1, 2_097_152, 'rw'],
      [2, 32, 'ro'],
      [3, 700_000, 'rwo'],
    ]);
    expect(await createApplication().information({ vendorCode: vendor.vendorCode, format: 'keyinfo' })).toContain(
      '<fileid>3</fileid><size>700000</size>',
    );
    const [told] = JSON.parse(await local.ask('GET', '/api/v1/keys')) as [{ memory: readonly { file: number; size: number }[] }];
    expect(told.memory.map(({ file, size }) => [file, size])).toContainEqual([3, 700_000]);
    await session.logout();
  });

  it('follow the updates of the key under a running session', async () => {
    const session = await login();
    const read = async (file: number, length: number) => Buffer.from(await session.read({ file, offset: 0, length })).toString();
    await session.write({ file: 1, offset: 0, data: Buffer.from('kept') });
    await update(
      '{ id: 1, size: 6, access: rw }, { id: 2, size: 32, access: ro, data: { text: new tides } }, { id: 3, size: 10, access: rwo }, { id: 4, size: 8, access: rw, data: { text: begin } }',
    );
    expect([await session.size(1), await read(2, 9), await read(4, 8)]).toEqual([6, 'new tides', 'begin\0\0\0']);
    expect((await read(1, 6)).slice(0, 4)).toBe('kept');
    await expect(session.write({ file: 3, offset: 0, data: Buffer.alloc(1) })).rejects.toMatchObject({ status: 5 });
    await session.write({ file: 4, offset: 0, data: Buffer.from('mine') });
    await update('{ id: 1, size: 20, access: rw }, { id: 4, size: 8, access: rw, data: { text: begin } }');
    expect([(await read(1, 20)).slice(6), await read(4, 4)]).toEqual(['\0'.repeat(14), 'mine']);
    await expect(session.size(3)).rejects.toMatchObject({ status: 10 });
    await update(`${FIRST}`);
    await session.write({ file: 3, offset: 0, data: Buffer.from('made anew') });
    await local.restart();
    expect([await read(3, 9), await read(1, 4)]).toEqual(['made anew', 'kept']);
    await session.logout();
  });
});

describe('an update with an acknowledgement (K4)', () => {
  it('gives the application a fresh C2V of the key for the vendor, and none where none is asked for', async () => {
    const acknowledging = createTestVendor(catalog('{ id: 7, size: 8, access: rw }'), 9);
    const c2v = await local.ask('POST', '/api/v1/c2v', { vendorCode: acknowledging.vendorCode });
    expect(await createApplication().update(acknowledging.issue(c2v))).toEqual({
      message: expect.stringMatching(/^Key \d+ is at update 1$/) as string,
    });
    const id = readC2v(openDocument('C2V', unarmor(c2v).bytes).payload).key;
    const now = await local.ask('POST', '/api/v1/c2v', { key: id });
    const { message, ack = '' } = await createApplication().update(acknowledging.issue(now, undefined, { acknowledge: true }));
    expect(message).toBe(`Key ${id} is at update 2`);
    const { bytes, kind } = unarmor(ack);
    expect(readC2v(openDocument(kind as 'C2V', bytes).payload)).toMatchObject({ key: id, counter: 2 });
    expect(ack).toBe(armor('C2V', bytes));
  });
});

describe('a write whose answer is lost', () => {
  it('says that it is repeated, so that a file that can be written once answers as the first time', async () => {
    const sent: Call[] = [];
    let lose = true;
    const calls: MemoryCalls = {
      async call(make, take) {
        sent.push(make(1, false));
        if (lose) sent.push(make(2, true));
        lose = false;
        return take(new Uint8Array(0));
      },
      size: async () => 2 * MIB,
    };
    await writeMemory(calls, { file: 3, offset: 5 }, Buffer.alloc(10));
    expect(sent).toMatchObject([{ kind: 'write' }, { kind: 'piece', piece: { repeated: true, continues: false, more: false } }]);
    sent.length = 0;
    await writeMemory(calls, { file: 3, offset: 5 }, Buffer.alloc(600_000));
    expect(
      sent.map((each) => (each.kind === 'piece' ? [each.offset, each.data.length, each.piece.continues, each.piece.more] : each.kind)),
    ).toEqual([
      [5, 262_144, false, true],
      [262_149, 262_144, true, true],
      [524_293, 75_712, true, false],
    ]);
  });
});
