import { Buffer } from 'node:buffer';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { lmIdentityFrom } from '@keyhaven/core/link';
import { HOUR, MINUTE } from '@keyhaven/core/time';
import { createMemoryLedger, type LedgerSnapshot, type MemoryLedger } from '@keyhaven/ledger';
import { describe, expect, it } from 'vitest';
import { systemEntropy } from '../machine/index.ts';
import { createLinkAnswerer } from '../peers/index.ts';
import { createComputerClock, createNet, product, settle, vendor } from './lms.testing.ts';

const sold = [product(1, { type: 'perpetual' })];

const world = () => {
  const { clock, pass } = createComputerClock();
  const net = createNet(clock);
  const ledger = (initial?: LedgerSnapshot): MemoryLedger =>
    createMemoryLedger({ now: () => clock.wall(), ...(initial === undefined ? {} : { initial }) });
  /** An LM that tells a catalog of its own making and holds no key at all. */
  const liar = (host: string, seed: number, key: string, counter: number) => {
    const self = lmIdentityFrom(Buffer.alloc(32, seed));
    const entry = {
      key,
      type: 'sl-adminmode',
      vendor: vendor.code.vendor,
      vendorKey: Buffer.from(vendor.code.publicKey).toString('base64url'),
      counter,
      pools: [],
    } as const;
    const authority = {
      open: () => {
        throw new LicensingError(Status.KEY_NOT_FOUND);
      },
    };
    // A liar needs no authority but for the refusal.
    const answerer = createLinkAnswerer({
      self,
      hostname: host,
      clock,
      entropy: systemEntropy,
      authority: authority as never,
      catalog: () => ({ version: 7, keys: () => [entry] }),
    });
    net.answerers.set(host, answerer);
    return self.guid;
  };
  return { clock, pass, ledger, liar, ...net };
};

const licensedLedger = async (
  { start, ledger }: ReturnType<typeof world>,
  licenses = 1,
): Promise<{ snapshot: LedgerSnapshot; key: string; v2c: string }> => {
  const memory = ledger();
  const lm = await start({ host: 'first', seed: 99, ledger: memory });
  let last = { id: '', v2c: '' };
  for (let count = 0; count < licenses; count += 1) last = await lm.license(sold);
  await lm.stop();
  return { snapshot: memory.snapshot(), key: last.id, v2c: last.v2c };
};

describe('one key on two LMs (K9)', () => {
  it('is noticed by both, and refused by both with 64 naming the other', async () => {
    const all = world();
    const { snapshot, key } = await licensedLedger(all);
    const a = await all.start({ host: 'alpha', seed: 1, ledger: all.ledger(snapshot) });
    const b = await all.start({ host: 'beta', seed: 2, ledger: all.ledger(snapshot) });
    expect(await a.login(1, 10)).toBe('OK');
    await all.meet(a, b);
    for (const [lm, other] of [
      [a, 'beta'],
      [b, 'alpha'],
    ] as const) {
      expect(await lm.login(1, 10)).toBe('CLONE_DETECTED');
      expect(lm.events('key is on another computer, too')).toEqual([expect.objectContaining({ key, hostname: other })]);
      const own = lm.lm.overview.keys().find(({ local }) => local);
      expect(own?.warnings).toEqual([`Key ${key} is also on ${other}: one of the two is a copy.`]);
      expect(await lm.ledger.audit({ kind: 'clone detected' })).toHaveLength(1);
    }
    // One of them is switched off: the other goes on.
    await b.stop();
    await all.pass(MINUTE);
    await Promise.all(a.lm.peers.all().map((peer) => peer.refresh()));
    await settle();
    expect(await a.login(1, 10)).toBe('OK');
  });

  it('is only told where the administrator wants that', async () => {
    const all = world();
    const { snapshot } = await licensedLedger(all);
    const a = await all.start({ host: 'alpha', seed: 1, ledger: all.ledger(snapshot), duplicateKey: 'warn' });
    const b = await all.start({ host: 'beta', seed: 2, ledger: all.ledger(snapshot) });
    await all.meet(a, b);
    expect([await a.login(1, 10), await b.login(1, 10)]).toEqual(['OK', 'CLONE_DETECTED']);
    expect(a.lm.overview.keys().find(({ local }) => local)?.warnings).toHaveLength(1);
  });

  it('is not believed of an LM that only says so: nobody stops a key by naming it', async () => {
    const all = world();
    const a = await all.start({ host: 'alpha', seed: 1 });
    const { id } = await a.license(sold);
    const guid = all.liar('liar', 3, id, 1);
    a.lm.peers.found(guid, { host: 'liar', port: 1947 });
    await settle();
    expect(a.lm.peers.get(guid)?.catalog).toHaveLength(1);
    expect([await a.login(1, 10), a.events('key is on another computer, too').length]).toEqual(['OK', 0]);
    expect(a.lm.overview.keys().find(({ local }) => local)?.warnings).toBeUndefined();
  });
});

describe('a whole computer that was copied (K9)', () => {
  it('has the same identity, and both learn it from one handshake', async () => {
    const all = world();
    const { snapshot } = await licensedLedger(all);
    const a = await all.start({ host: 'alpha', seed: 1, ledger: all.ledger(snapshot) });
    const b = await all.start({ host: 'beta', seed: 1, ledger: all.ledger(snapshot) });
    expect(await a.login(1, 10)).toBe('OK');
    a.lm.suspectTwin({ host: 'beta', port: 1947 });
    await settle();
    for (const [lm, other] of [
      [a, 'beta'],
      [b, 'alpha'],
    ] as const) {
      expect(lm.events('another computer is a copy of this one')).toEqual([expect.objectContaining({ hostname: other })]);
      expect(await lm.login(1, 10)).toBe('CLONE_DETECTED');
    }
    // It is asked again and again; once it is gone for good, the other goes on.
    await all.pass(HOUR, MINUTE);
    expect(await a.login(1, 10)).toBe('CLONE_DETECTED');
    await b.stop();
    await all.pass(20 * MINUTE, MINUTE);
    expect(await a.login(1, 10)).toBe('OK');
    expect(a.events('the copy of this computer is gone')).toHaveLength(1);
  });

  it('is not this LM under another of its addresses', async () => {
    const all = world();
    const a = await all.start({ host: 'alpha', seed: 1 });
    await a.license(sold);
    a.lm.suspectTwin({ host: 'alpha', port: 1947 });
    await settle();
    expect([a.events('another computer is a copy of this one').length, await a.login(1, 10)]).toEqual([0, 'OK']);
  });

  it('is not somebody else who sends our GUID', async () => {
    const all = world();
    const a = await all.start({ host: 'alpha', seed: 1 });
    await all.start({ host: 'other', seed: 5 });
    await a.license(sold);
    a.lm.suspectTwin({ host: 'other', port: 1947 });
    a.lm.suspectTwin({ host: 'nobody', port: 1947 });
    await settle();
    expect([a.events('another computer is a copy of this one').length, await a.login(1, 10)]).toEqual([0, 'OK']);
  });
});

describe('a key that went back in time (K9)', () => {
  it('is refused by an LM that saw it later, naming it, also after a restart; and used again when it has caught up', async () => {
    const all = world();
    const old = await licensedLedger(all, 1);
    const ownLedger = all.ledger();
    const user = await all.start({ host: 'user', seed: 1, ledger: ownLedger });
    const serverLedger = all.ledger(old.snapshot);
    let server = await all.start({ host: 'server', seed: 2, ledger: serverLedger });
    const { v2c } = await server.license(sold);
    await all.meet(user, server);
    expect((await user.find(10)).candidates).toHaveLength(1);
    expect(ownLedger.snapshot().rows.find(([name]) => name === `lm/seen/${old.key}`)?.[1]).toContain('"counter":2');

    // The server's disk is put back.
    await server.stop();
    server = await all.start({ host: 'server', seed: 2, ledger: all.ledger(old.snapshot) });
    await Promise.all(user.lm.peers.all().map((peer) => peer.refresh(true)));
    await settle();
    await all.pass(2_000); // The first search is over.
    const refused = expect.objectContaining({
      status: 64,
      message: expect.stringMatching(new RegExp(`Key ${old.key} on server is at update 1, but was at 2 before`)),
    });
    await expect(user.find(10)).rejects.toEqual(refused);
    expect(user.lm.overview.keys()[0]?.damage).toMatch(/put back in time/);
    expect(user.events('key of another computer went back in time')).toHaveLength(1);
    const { application } = user;
    const events = { opened: () => undefined, record: () => undefined, lost: () => undefined };
    const target = { key: old.key, lm: server.guid, opening: new Uint8Array() };
    const caller = { seen: () => ({ unit: '1.1', forwarded: false }) };
    expect(() => user.lm.local.open(target, application, events, caller)).toThrow(/put back in time/);
    // Its own applications do not know better: no peer tells it.
    expect(await server.login(1, 10)).toBe('OK');

    await user.stop();
    const again = await all.start({ host: 'user', seed: 1, ledger: all.ledger(ownLedger.snapshot()) });
    await all.meet(again, server);
    await all.pass(2_000);
    await expect(again.find(10)).rejects.toEqual(refused);
    await server.lm.apply(v2c);
    await Promise.all(again.lm.peers.all().map((peer) => peer.refresh(true)));
    await settle();
    expect((await again.find(10)).candidates).toHaveLength(1);
  });

  it('that claims to be later than it can prove is refused by what it proves', async () => {
    const all = world();
    const old = await licensedLedger(all, 1);
    const user = await all.start({ host: 'user', seed: 1 });
    const server = await all.start({ host: 'server', seed: 2, ledger: all.ledger(old.snapshot) });
    await server.license(sold);
    await all.meet(user, server);
    await server.stop();
    const back = await all.start({ host: 'server', seed: 2, ledger: all.ledger(old.snapshot) });
    // The patched LM tells update 9 and shows the certificate of update 1.
    const catalog = back.lm.overview.catalog().map((key) => ({ ...key, counter: 9 }));
    all.answerers.set(
      'server',
      createLinkAnswerer({
        self: lmIdentityFrom(Buffer.alloc(32, 2)),
        hostname: 'server',
        clock: all.clock,
        entropy: systemEntropy,
        authority: back.lm.authority,
        catalog: () => ({ version: 9, keys: () => catalog }),
      }),
    );
    await Promise.all(user.lm.peers.all().map((peer) => peer.refresh(true)));
    await settle();
    await all.pass(2_000);
    await expect(user.find(10)).rejects.toMatchObject({ status: 64 });
  });

  it('cannot be faked for a key that somebody only names', async () => {
    const all = world();
    const user = await all.start({ host: 'user', seed: 1 });
    const server = await all.start({ host: 'server', seed: 2 });
    const { id } = await server.license(sold);
    const guid = all.liar('liar', 3, id, 4_000);
    user.lm.peers.found(guid, { host: 'liar', port: 1947 });
    await settle();
    await all.meet(user, server);
    expect((await user.find(10)).candidates.map(({ licenseManager }) => licenseManager.hostname)).toContain('server');
    expect(user.events('key of another computer went back in time')).toEqual([]);
  });
});
