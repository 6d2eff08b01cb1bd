import { Buffer } from 'node:buffer';
import { Writer } from '@keyhaven/core/bytes';
import { openingFor } from '@keyhaven/core/channel';
import { openDocument, readCertificate } from '@keyhaven/core/license';
import {
  type Block,
  callLink,
  decodeBlocks,
  decodeBody,
  encodeBlocks,
  encodeBody,
  type LmIdentity,
  lmIdentityFrom,
  proveStation,
} from '@keyhaven/core/link';
import { readReplies, signingKeyIn, writeCall } from '@keyhaven/core/session';
import { describe, expect, it } from 'vitest';
import { createAccess, rulesOf } from '../access/index.ts';
import { createSite, someone } from '../authority/site.testing.ts';
import { systemEntropy } from '../machine/index.ts';
import { createLinkAnswerer } from './link-answerer.ts';
import { PeerRefusal } from './post.ts';

// B1: what a station is to the license manager with the key (K34, K35), with links that tests make block by block.

const identity = (): LmIdentity => lmIdentityFrom(systemEntropy.bytes(32));
const [owner, desk, ship] = [identity(), identity(), identity()];
const DESK = '10.0.0.7';

const openOwner = async (rules: { readonly users?: readonly string[]; readonly clients?: readonly string[] } = {}) => {
  const access = createAccess(rulesOf({ users: [], clients: [], ...rules }));
  const site = await createSite({ access });
  const key = await site.licensed({
    features: [
      { id: 12, seats: 9, count: 'process' },
      { id: 13, seats: 9, count: 'station' },
    ],
  });
  const answerer = createLinkAnswerer({
    self: owner,
    hostname: 'owner',
    clock: site.clock,
    entropy: systemEntropy,
    authority: site.authority,
    against: access.againstClient,
    catalog: () => ({ version: 1, keys: () => [] }),
  });
  const used = (feature: number) => site.authority.used({ key: key.identity.id, product: 1, feature });

  /** A license manager on a computer, which links and opens one channel. */
  const link = async (
    of: {
      readonly self?: LmIdentity;
      readonly station?: LmIdentity;
      readonly address?: string;
      readonly process?: string;
      readonly forwarded?: boolean;
      readonly versions?: { readonly from: number; readonly to: number };
    } = {},
  ) => {
    const { self = identity(), address = DESK, process = '100.5', forwarded = false, versions = { from: 1, to: 5 } } = of;
    const calling = callLink(self, 'desk', systemEntropy, versions);
    const { keys, confirmation, transcript, withStation } = calling.confirm(
      Buffer.from(answerer.hello(calling.hello.toString('base64'), address), 'base64'),
    );
    const confirm = of.station === undefined || transcript === undefined ? confirmation : withStation(proveStation(of.station, transcript));
    answerer.confirm(confirm.toString('base64'), address);
    let sequence = 0;
    const exchange = async (...blocks: Block[]): Promise<Block[]> => {
      sequence += 1;
      const text = await answerer.exchange(encodeBody(keys.id, sequence, encodeBlocks(blocks), keys.outgoing), address);
      return decodeBlocks(decodeBody(text, keys.incoming).blocks);
    };
    const opening = openingFor({ vendor: key.identity.vendor, key: key.identity.id }, systemEntropy);
    const target = { channel: 1, key: key.identity.id, opening: opening.message } as const;
    const [opened] = await exchange(keys.version < 5 ? { kind: 'open', ...target } : { kind: 'open for', ...target, process, forwarded });
    if (opened?.kind !== 'opened') throw new Error('no channel');
    const { channel } = opening.complete(opened.answer, (document) =>
      signingKeyIn(readCertificate(openDocument('certificate', document, key.identity.vendorKey).payload)),
    );
    return async (feature: number, application = someone): Promise<number | undefined> => {
      const out = new Writer();
      const more = { product: 1, feature, seats: 1, executions: 0, dieAtExpiration: false, application };
      writeCall(out, 1, { kind: 'login', nonce: systemEntropy.bytes(16), ...more });
      const answers = await exchange({ kind: 'record', channel: 1, record: channel.seal(out.done()) });
      return answers.flatMap((block) => (block.kind === 'record' ? readReplies(channel.open(block.record)) : []))[0]?.status;
    };
  };
  return { site, link, used };
};

describe('the station of a link', () => {
  it('is one for the Admin LM of a computer and every license manager that it signs for', async () => {
    const { link, used } = await openOwner();
    for (const of of [{ self: desk }, { station: desk }, { station: desk }]) expect(await (await link(of))(13)).toBe(0);
    expect(used(13)).toBe(1);
    expect(await (await link({ self: ship, address: '10.0.0.8' }))(13)).toBe(0);
    expect(used(13)).toBe(2);
  });

  it('is each license manager by itself where none is proven, and where the link is of an earlier version', async () => {
    const { link, used } = await openOwner();
    await (await link({ self: desk }))(13);
    await (await link())(13);
    await (await link({ station: desk, versions: { from: 1, to: 4 } }))(13);
    expect(used(13)).toBe(3);
  });

  it('is this computer where the license manager with the key signed it itself', async () => {
    const { site, link } = await openOwner();
    await (await link({ station: owner }))(13);
    expect([...site.authority.sessions()].map(({ row }) => row.consumer)).toEqual(['local']);
  });

  it('is nobody else: a signature of another key, and a confirmation of another link, are refused', async () => {
    const { link } = await openOwner();
    const posing = { ...identity(), publicKey: desk.publicKey };
    await expect(link({ station: posing })).rejects.toThrow(PeerRefusal);
    await expect(link({ station: posing })).rejects.toThrow('a station that is not proven');
  });

  it('is believed from one address of a family at a time: a copied key shares nothing with its computer', async () => {
    const { link, used } = await openOwner();
    await (await link({ self: desk }))(13);
    await (await link({ station: desk, address: 'fd00::7' }))(13);
    expect(used(13)).toBe(1);
    await (await link({ station: desk, address: '10.0.0.66' }))(13);
    expect(used(13)).toBe(2);
    await (await link({ station: desk, address: '10.0.0.67' }))(13);
    expect(used(13)).toBe(3);
  });

  it('has processes: one that uses two of its license managers takes one seat, and equal ones of two stations take two', async () => {
    const { link, used } = await openOwner();
    await (await link({ self: desk, process: '100.5' }))(12);
    await (await link({ station: desk, process: '100.5' }))(12);
    expect(used(12)).toBe(1);
    await (await link({ station: desk, process: '101.5' }))(12);
    await (await link({ self: ship, address: '10.0.0.8', process: '100.5' }))(12);
    expect(used(12)).toBe(3);
  });

  it('vouches for its processes: what an application says of itself counts only where its license manager says nothing', async () => {
    const { link, used } = await openOwner();
    const same = { ...someone, pid: 1, start: 0 };
    for (const process of ['?aa', '?bb']) expect(await (await link({ self: desk, process }))(12, same)).toBe(0);
    expect(used(12)).toBe(2);
    for (const self of [ship, ship]) await (await link({ self, address: '10.0.0.8', versions: { from: 1, to: 4 } }))(12, same);
    expect(used(12)).toBe(3);
  });

  it('does not include an application that came through another process', async () => {
    const { link, used } = await openOwner();
    await (await link({ self: desk }))(13);
    await (await link({ self: desk, process: '?aa', forwarded: true }))(13);
    expect(used(13)).toBe(2);
  });
});

describe('rules that name a computer (R9)', () => {
  it('mean all of its license managers: users, clients, and seats that are kept', async () => {
    const denying = await openOwner({ users: [`deny=*,lm:${desk.guid}`] });
    expect(await (await denying.link({ station: desk }))(13)).toBe(53);
    expect(await (await denying.link({ station: ship, address: '10.0.0.8' }))(13)).toBe(0);

    const closing = await openOwner({ clients: [`deny=*,lm:${desk.guid}`] });
    await expect(closing.link({ station: desk })).rejects.toThrow(/den(y|ies) the computer/);
    await closing.link({ station: ship, address: '10.0.0.8' });

    const keeping = await openOwner({ users: [`allow=*,lm:${desk.guid},feature:13,reserve=9`] });
    expect(await (await keeping.link({ station: ship, address: '10.0.0.8' }))(13)).toBe(38);
    expect(await (await keeping.link({ station: desk }))(13)).toBe(0);
  });
});
