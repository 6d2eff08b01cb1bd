import { Buffer } from 'node:buffer';
import { unarmor } from '@keyhaven/core/license';
import {
  type Block,
  callLink,
  decodeBlocks,
  decodeBody,
  encodeBlocks,
  encodeBody,
  type FileAnswer,
  lmIdentityFrom,
} from '@keyhaven/core/link';
import { SECOND } from '@keyhaven/core/time';
import { describe, expect, it } from 'vitest';
import { systemEntropy } from '../machine/index.ts';
import { createOffices, lendable, type Office, outcomeOf, outOf, PRODUCT, usedAt, wish } from './online.testing.ts';

// K28, K29: what a license manager on the network can get by lying, to an owner and to a recipient.

const site = async () => {
  const offices = await createOffices();
  const owner = await offices.open('keys-1', 1);
  const laptop = await offices.open('laptop', 2);
  const { id: key } = await owner.license([lendable(), lendable(2)]);
  await offices.meet(laptop, owner);
  return { ...offices, owner, laptop, key };
};
/** Somebody with an identity of his own, who says what he likes on his link. */
const stranger = async ({ net }: Awaited<ReturnType<typeof createOffices>>, seed = 77, versions = { from: 1, to: 3 }) => {
  const there = net.answerers.get('keys-1');
  if (there === undefined) throw new Error('no owner');
  const calling = callLink(lmIdentityFrom(Buffer.alloc(32, seed)), 'thief', systemEntropy, versions);
  const { confirmation, keys } = calling.confirm(Buffer.from(there.hello(calling.hello.toString('base64'), '192.0.2.66'), 'base64'));
  there.confirm(confirmation.toString('base64'), '192.0.2.66');
  let sequence = 0;
  const exchange = async (...blocks: readonly Block[]): Promise<Block[]> => {
    sequence += 1;
    const body = encodeBody(keys.id, sequence, encodeBlocks(blocks), keys.outgoing);
    return decodeBlocks(decodeBody(await there.exchange(body, '192.0.2.66'), keys.incoming).blocks);
  };
  return {
    exchange,
    async ask(question: Omit<Extract<Block, { kind: 'ask file' }>, 'kind' | 'number'>): Promise<FileAnswer> {
      for (let said = await exchange({ kind: 'ask file', number: 5, ...question }); ; said = await exchange()) {
        const file = said.find((each) => each.kind === 'file');
        if (file !== undefined) return file;
      }
    },
  };
};
const idOf = async (office: Office): Promise<Buffer> =>
  Buffer.from(unarmor(await office.lm.transfers.recipient({ type: 'sl-adminmode' })).bytes);
const detach = (key: string) => ({ what: 'detach', key, product: PRODUCT, seconds: 3_600, seats: undefined }) as const;

describe('an owner on the network (K28)', () => {
  it('takes no ID of another license manager than the one that asks: 58', async () => {
    const world = await site();
    const thief = await stranger(world);
    expect(await thief.ask({ wish: detach(world.key), document: await idOf(world.laptop) })).toMatchObject({ status: 58, number: 5 });
    expect(await thief.ask({ wish: detach(world.key), document: Buffer.from('no ID') })).toMatchObject({ status: 58 });
    expect([usedAt(world.owner, world.key), outOf(world.owner)]).toEqual([0, 0]);
  });

  it('takes nothing back from another one than it was lent to: 62, and it stays out', async () => {
    const world = await site();
    const { owner, laptop, key } = world;
    const lent = await laptop.lm.online.detach(wish(owner, key));
    const join = world.cut('keys-1');
    const back = laptop.lm.online.giveBack(lent.key);
    await world.pass(11 * SECOND, SECOND);
    await back;
    join();
    const r2h = Buffer.from(unarmor(await laptop.lm.transfers.giveBack(lent.key)).bytes);
    const thief = await stranger(world);
    expect(await thief.ask({ wish: { what: 'return' }, document: r2h })).toMatchObject({
      status: 62,
      remedy: expect.stringContaining('keyhaven return --out'),
    });
    expect(outOf(owner)).toBe(1);
    // One byte of it changed, by whoever it is: not signed.
    const changed = Buffer.from(r2h);
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
    expect((await (await stranger(world, 2)).ask({ wish: { what: 'return' }, document: changed })).status).not.toBe(0);
    expect(outOf(owner)).toBe(1);
  });

  it('answers a fifth question at a time, a question on a link of version 2, or one that is too large with the end of the link', async () => {
    const world = await site();
    const question = { kind: 'ask file', wish: detach(world.key), document: await idOf(world.laptop) } as const;
    const five = [1, 2, 3, 4, 5].map((number) => ({ ...question, number }));
    await expect((await stranger(world)).exchange(...five)).rejects.toMatchObject({ code: 400 });
    await expect((await stranger(world, 78, { from: 1, to: 2 })).exchange({ ...question, number: 1 })).rejects.toMatchObject({ code: 400 });
    const large = { ...question, number: 1, document: Buffer.alloc(16 * 1024 + 1) };
    await expect((await stranger(world, 79)).exchange(large)).rejects.toMatchObject({ code: 400 });
    expect(usedAt(world.owner, world.key)).toBe(0);
  });

  it('goes on with everything else while it works on one (K7)', async () => {
    const world = await site();
    let free = (): void => undefined;
    const { lend } = world.owner.lm.transfers;
    Object.assign(world.owner.lm.transfers, {
      lend: async (...of: Parameters<typeof lend>) => {
        await new Promise<void>((done) => void (free = done));
        return lend(...of);
      },
    });
    const slow = world.laptop.lm.online.detach(wish(world.owner, world.key));
    await world.pass(SECOND, 50);
    const other = await stranger(world);
    expect(await other.exchange({ kind: 'ask changes', version: 0, fresh: false, hears: false })).toMatchObject([{ kind: 'changes' }]);
    const same = world.laptop.lm.peers.get(world.owner.guid)?.refresh(true);
    await world.pass(SECOND, 50);
    await same;
    free();
    await world.pass(SECOND, 50);
    expect(await slow).toMatchObject({ product: PRODUCT });
  });

  it('notes a refusal of its settings once in ten minutes, however often somebody asks', async () => {
    const offices = await createOffices();
    const owner = await offices.open('keys-1', 1, { transfer: { enabled: undefined, maxDays: 14 } });
    const { id: key } = await owner.license([lendable()]);
    const thief = await stranger(offices);
    for (let times = 0; times < 20; times += 1)
      expect(await thief.ask({ wish: detach(key), document: Buffer.from('x') })).toMatchObject({
        status: 5,
        remedy: expect.stringContaining('detach.enabled'),
      });
    const audit = (await owner.ledger.audit()).filter(({ kind }) => kind === 'refused' || kind === 'administration');
    expect(audit).toMatchObject([{ kind: 'refused', detail: { address: '192.0.2.66', host: 'thief', rule: 'detach.enabled', status: 5 } }]);
  });
});

describe('a recipient on the network (K29)', () => {
  it.each([
    { name: 'of another product', change: { product: 2 } },
    { name: 'of another key of this computer', other: true },
  ])('takes no license $name than it asked for: 19, and nothing is applied', async ({ change, other }) => {
    const world = await site();
    const { owner, laptop, key } = world;
    const { lend } = owner.lm.transfers;
    const stolen = other === true ? await idOf(laptop) : undefined;
    Object.assign(owner.lm.transfers, {
      lend: (from: Parameters<typeof lend>[0], of: Parameters<typeof lend>[1], id: Uint8Array) =>
        lend(from, { ...of, ...change }, stolen ?? id),
    });
    expect((await outcomeOf(laptop.lm.online.detach(wish(owner, key)))).status).toBe(19);
    expect(laptop.lm.overview.keys().filter(({ local }) => local)).toEqual([]);
    // With an honest owner it goes on.
    Object.assign(owner.lm.transfers, { lend });
    if (other !== true) expect((await outcomeOf(laptop.lm.online.detach(wish(owner, key)))).status).toBe(73);
    expect((await outcomeOf(laptop.lm.online.detach(wish(owner, key)))).status).toBe(0);
  });

  it('takes nothing that is no license', async () => {
    const { owner, laptop, key } = await site();
    for (const file of [Buffer.alloc(0), Buffer.from('nonsense'), Buffer.alloc(100_000, 3)]) {
      Object.assign(owner.lm.transfers, { lend: async () => file });
      expect((await outcomeOf(laptop.lm.online.detach(wish(owner, key)))).status).toBe(17);
    }
    expect(laptop.lm.overview.keys().filter(({ local }) => local)).toEqual([]);
  });
});
