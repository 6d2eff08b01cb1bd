import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { Status } from '@keyhaven/core/errors';
import { labAvailable } from '@keyhaven/testkit/lab';
import { vendorPaths } from '@keyhaven/vendor-tools';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSite, eventually, type Lm, linkedTo, needsLab, type Site } from './site.ts';
import { statusOf, type ToldApplication, type ToldSession } from './told-application.ts';

// Memory files and executions of a key on another computer (K2, K3), while the license manager with the key is killed.

const MIB = 1024 * 1024;
/** Longer writes than 512 KiB go in pieces of this. */
const PIECE = 256 * 1024;
const FILE = { readWrite: 1, readOnly: 2, once: 3 } as const;
const ONCE_BYTES = 700_000;
const CATALOG = `
products:
  - id: 1
    name: Survey
    features:
      - { id: 42, license: { type: perpetual }, concurrency: { network: true } }
      - { id: 50, license: { type: executions, count: 40 }, concurrency: { network: true } }
    memory:
      dynamic:
        - { id: ${FILE.readWrite}, size: ${2 * MIB}, access: rw, data: { text: "before" } }
        - { id: ${FILE.readOnly}, size: 64, access: ro, data: { text: "tide tables" } }
        - { id: ${FILE.once}, size: ${ONCE_BYTES}, access: rwo }
`;

const noLab = labAvailable();

describe('memory files of a key on another computer', () => {
  let site: Site;
  let office: Lm;
  let yard: Lm;
  let application: ToldApplication;
  const login = (feature = 42): Promise<ToldSession> => application.login({ vendorCode: site.code, feature });
  const kill = async (): Promise<void> => {
    await office.end('SIGKILL');
    office = await office.again();
    await linkedTo(yard, office);
  };
  /** As an application does: what nobody answered in time is asked again. Resolves with what the last call ended with. */
  const asked = async (first: Promise<unknown>, again: () => Promise<unknown>): Promise<number> => {
    const unanswered: readonly number[] = [Status.REMOTE_COMM_ERR, Status.LOCAL_COMM_ERR];
    let status = await statusOf(first);
    while (unanswered.includes(status)) status = await statusOf(again());
    return status;
  };

  beforeEach(needsLab(() => site));
  beforeAll(async () => {
    if (noLab !== undefined) return;
    site = await createSite({ hosts: ['office', 'yard'] });
    await writeFile(vendorPaths(site.vendorDirectory).catalog, CATALOG);
    [office, yard] = await Promise.all([site.startLm('office'), site.startLm('yard')]);
    await site.license(office);
    await linkedTo(yard, office);
    application = await site.application('yard');
  });
  afterAll(async () => site?.close());

  it('keep what was written in pieces when the license manager with the key is killed between them, and after the last', async () => {
    const session = await login();
    const [old, wanted] = [randomBytes(2 * MIB), randomBytes(2 * MIB)];
    await session.write(0, old, FILE.readWrite);
    const witness = await login();
    const ended = asked(session.write(0, wanted, FILE.readWrite), () => session.write(0, wanted, FILE.readWrite));
    await eventually('the first piece is there', async () => (await witness.read(0, 16, FILE.readWrite)).equals(wanted.subarray(0, 16)));
    await kill();
    expect(await ended).toBe(0);
    await kill();
    expect((await session.read(0, 2 * MIB, FILE.readWrite)).equals(wanted)).toBe(true);
  }, 60_000);

  it('have each piece whole or not at all, and in order, when the application is killed with the license manager', async () => {
    const [old, wanted] = [Buffer.alloc(2 * MIB, 'o'), Buffer.alloc(2 * MIB, 'w')];
    const session = await login();
    await session.write(0, old, FILE.readWrite);
    const victim = await site.application('yard');
    const doomed = await victim.login({ vendorCode: site.code, feature: 42 });
    const writing = doomed.write(0, wanted, FILE.readWrite).catch(() => undefined);
    await eventually('the first piece is there', async () => (await session.read(0, 1, FILE.readWrite)).toString() === 'w');
    office.process.kill('SIGKILL');
    await Promise.all([victim.end(), office.process.exited, writing]);
    office = await office.again();
    await linkedTo(yard, office);
    const there = (await session.read(0, 2 * MIB, FILE.readWrite)).toString('latin1');
    expect(there.replace(/w+/g, 'w').replace(/o+/g, 'o')).toBeOneOf(['wo', 'w']);
    expect(there.lastIndexOf('w') + 1).toSatisfy((length: number) => length > 0 && length % PIECE === 0);
  }, 60_000);

  it('of access rwo take one write in pieces, also when it is cut in between, and none after it', async () => {
    const session = await login();
    const wanted = randomBytes(ONCE_BYTES);
    const write = () => session.write(0, wanted, FILE.once);
    const witness = await login();
    const writing = statusOf(write());
    await eventually('the first piece is there', async () => (await witness.read(0, 16, FILE.once)).equals(wanted.subarray(0, 16)));
    await kill();
    const first = await writing;
    // Where the answer to the last piece was lost for good, the file is written, and says so to whoever tries again.
    if (first !== 0) expect(await asked(write(), write)).toBeOneOf([0, Status.ACCESS_DENIED]);
    await kill();
    expect(await statusOf(session.write(0, Buffer.from('again'), FILE.once))).toBe(Status.ACCESS_DENIED);
    expect((await session.read(0, ONCE_BYTES, FILE.once)).equals(wanted)).toBe(true);
  }, 60_000);

  it('of access ro are read there and not written, before and after', async () => {
    const session = await login();
    for (const before of [true, false]) {
      expect((await session.read(0, 11, FILE.readOnly)).toString()).toBe('tide tables');
      expect(await statusOf(session.write(0, Buffer.from('x'), FILE.readOnly))).toBe(Status.ACCESS_DENIED);
      expect(await statusOf(session.read(60, 5, FILE.readOnly))).toBe(Status.MEM_RANGE);
      expect(await statusOf(session.read(0, 1, 9))).toBe(Status.INV_FILEID);
      if (before) await kill();
    }
  }, 30_000);

  it('and its executions are kept together: each taken once, each byte there, whatever was killed in between', async () => {
    const session = await login(50);
    const notes = await login();
    let taken = 1;
    for (let round = 0; round < 3; round += 1) {
      const data = Buffer.alloc(3 * PIECE, `round ${round} `);
      const [counted, written] = [session.consume(5), notes.write(PIECE, data, FILE.readWrite)];
      const ends = Promise.all([asked(counted, () => session.consume(5)), asked(written, () => notes.write(PIECE, data, FILE.readWrite))]);
      await kill();
      expect(await ends).toEqual([0, 0]);
      taken += 5;
      expect((await office.features()).find(({ feature }) => feature === 50)?.license).toMatchObject({ used: taken });
      expect((await notes.read(PIECE, data.length, FILE.readWrite)).equals(data)).toBe(true);
    }
    expect(await session.consume(40 - taken)).toBe(0);
    expect(await statusOf(session.consume(1))).toBe(Status.FEATURE_EXPIRED);
  }, 60_000);
});
