import { Buffer } from 'node:buffer';
import { toBase64 } from '@keyhaven/core/bytes';
import { privateKeyFrom } from '@keyhaven/core/crypto';
import { Status, type StatusName } from '@keyhaven/core/errors';
import { armor, openDocument, readV2c, signDocument, unarmor, writeV2c } from '@keyhaven/core/license';
import { decideConsume, decideLogin, type Login, type SeatTerms } from '@keyhaven/core/seats';
import { DAY, wall } from '@keyhaven/core/time';
import { createMemoryLedger } from '@keyhaven/ledger';
import { createSite } from '../../packages/license-manager/src/authority/site.testing.ts';
import { createTestDevice } from '../../packages/license-manager/src/devices/device.testing.ts';
import { createTestVendor, type LicenseWish } from '../../packages/license-manager/src/keystore/vendor.testing.ts';
import { createComputerClock, createNet, product, tower } from '../../packages/license-manager/src/protection/lms.testing.ts';
import { startLm, startWorking, vendorOf } from './lms.ts';

// Statuses of license files, of what a license allows, and of clone protection.

const features = [{ id: 42 }];
/** A key at its second update, and a way to make the others. */
const updated = async (wish: Partial<LicenseWish> = {}) => {
  const site = await createSite();
  const vendor = createTestVendor();
  const key = await site.keystore.unlicensed('sl-adminmode', vendor.code);
  const state = () => site.keystore.state(site.keystore.get(key.identity.id) ?? key, 'here', site.clock.wall());
  const first = vendor.license(await state(), { features });
  await site.authority.apply(first);
  const second = vendor.license(await state(), { features, ...wish });
  await site.authority.apply(second);
  return { site, vendor, first, second, state, apply: (document: Uint8Array) => site.authority.apply(document) };
};

const terms: SeatTerms = { seats: 5, count: 'login', network: true, until: undefined, executions: undefined };
const login = (of: Partial<SeatTerms>, more: Partial<Login> = {}): number => {
  const command: Login = {
    kind: 'login',
    pool: { key: '1', product: 1, feature: 42 },
    terms: { ...terms, ...of },
    session: 'a',
    applicant: { holder: 'local', host: 'h', user: 'u', application: 'a', pid: 1, start: 1, address: '127.0.0.1' },
    seats: 1,
    executions: 0,
    dieAtExpiration: false,
    ...more,
  };
  const { reply } = decideLogin({ get: () => undefined }, command, wall(1_000));
  return reply.kind === 'refused' ? reply.status : 0;
};
/** An LM on a computer whose clock and parts can change. */
const protectedBy = async (of: Parameters<typeof product>[2], license: Parameters<typeof product>[1]) => {
  const computer = createComputerClock();
  const net = createNet(computer.clock);
  const ledger = createMemoryLedger({ now: () => computer.clock.wall() });
  let parts = tower('disk 1', 'board 1');
  const start = () => net.start({ host: 'a', seed: 1, ledger, observe: () => parts });
  const before = await start();
  await before.license([product(1, license, of)]);
  return {
    ...computer,
    before,
    again: async () => {
      await before.stop();
      return start();
    },
    become: (next: typeof parts): void => void (parts = next),
  };
};
const numberOf = (name: string): number => Object.entries(Status).find(([each]) => each === name)?.[1] ?? -1;

export const ofLicenses: Partial<Record<StatusName, () => unknown>> = {
  INV_UPDATE_OBJ: async () => {
    const { apply, c2v } = await startLm();
    return apply(await c2v(vendorOf()));
  },
  KEYID_NOT_FOUND: async () => {
    const vendor = vendorOf();
    const [here, elsewhere] = [await startLm(), await startLm()];
    return here.apply(vendor.issue(await elsewhere.c2v(vendor)));
  },
  INV_UPDATE_DATA: async () => {
    const { apply } = await startLm();
    return apply(armor('V2C', signDocument('V2C', Buffer.from('{"format":1}'), privateKeyFrom('ed25519', Buffer.alloc(32, 1)))));
  },
  NO_DRIVER: async () => {
    const { clock } = createComputerClock();
    const { keystore } = await createNet(clock).start({ host: 'a', seed: 1, kind: 'integrated' });
    const vendor = createTestVendor();
    await keystore.devices.attach(createTestDevice(vendor, { configuration: 'hasp', wish: { features } }).device);
  },
  TS_DETECTED: () => login({ remoteDesktop: false }, { remoteDesktop: true }),
  VM_DETECTED: () => login({ virtualMachine: false }, { virtualMachine: true }),
  FEATURE_START_DATE_NOT_REACHED: () => login({ from: wall(2_000) }),
  INV_SIG: async () => {
    const { apply, c2v } = await startLm();
    const vendor = vendorOf();
    const bytes = Buffer.from(unarmor(vendor.issue(await c2v(vendor))).bytes);
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    return apply(armor('V2C', bytes));
  },
  BROKEN_SESSION: async () => {
    const { login: ask, apply, vendor, key, ask: http } = await startWorking();
    const session = await ask(42);
    const without = 'products: [{ id: 1, features: [{ id: 45, license: { type: perpetual } }] }]';
    await apply(vendor.issue(await http('POST', '/api/v1/c2v', { key }), without));
    return session.size(0xfff4);
  },
  UPDATE_BLOCKED: async () => {
    const { vendor, state, apply } = await updated({ certificate: { final: true } });
    return apply(vendor.license(await state(), { features }));
  },
  TIME_ERR: async () => {
    const { before, setBack, pass, again } = await protectedBy(undefined, { type: 'expiration', until: '2027-06-30T23:59:59Z' });
    await pass(30 * DAY, 10 * DAY);
    await before.login(1, 10);
    setBack(20 * DAY);
    return numberOf(await (await again()).login(1, 10));
  },
  CLONE_DETECTED: async () => {
    const { before, become, again } = await protectedBy({ physical: 'PMType1', virtual: 'VMType1' }, { type: 'perpetual' });
    await before.login(1, 10);
    become(tower('disk 2', 'board 2'));
    return numberOf(await (await again()).login(1, 10));
  },
  DUPLICATE_HOSTNAME: async () => {
    const net = createNet(createComputerClock().clock);
    const [one, other] = [await net.start({ host: 'a', name: 'tower', seed: 1 }), await net.start({ host: 'b', name: 'tower', seed: 2 })];
    await one.license([product(1, { type: 'perpetual' }, { physical: 'FQDN', virtual: 'FQDN' })]);
    await net.meet(one, other);
    return numberOf(await one.login(1, 10));
  },
  IDENTITY_REQUIRED: async () => {
    const { clock, pass } = createComputerClock();
    const net = createNet(clock);
    const rules = { users: [], clients: [], remote: { mode: 'identifiable' } } as const;
    const [owner, client] = [await net.start({ host: 'a', seed: 1, access: rules }), await net.start({ host: 'b', seed: 2 })];
    await owner.license([product(1, { type: 'perpetual' })]);
    await net.meet(owner, client);
    const [found] = await Promise.allSettled([client.find(10), pass(5_000, 500)]);
    if (found.status === 'rejected') throw found.reason;
  },
  UPDATE_TOO_OLD: async () => {
    const { first, apply } = await updated();
    return apply(first);
  },
  UPDATE_TOO_NEW: async () => {
    const { vendor, state, apply } = await updated();
    return apply(vendor.license(await state(), { features, counter: 4 }));
  },
  UPDATE_ALREADY_ADDED: async () => {
    const { second, apply } = await updated();
    return apply(second);
  },
  UPDATE_OUT_OF_SYNC: async () => {
    const { vendor, state, apply } = await updated();
    const v2c = readV2c(openDocument('V2C', vendor.license(await state(), { features })).payload);
    const signer = privateKeyFrom('ed25519', Buffer.alloc(32, 1));
    return apply(signDocument('V2C', writeV2c({ ...v2c, base: toBase64(Buffer.alloc(32)) }), signer));
  },
  INV_OPTION: () => {
    const session = { product: 1, feature: 42, seats: 1, holder: 'local', dieAtExpiration: false };
    const rows = {
      get: <R extends object>(key: string): R | undefined => (key.includes('/session/') ? (session as unknown as R) : undefined),
    };
    const pool = { key: '1', product: 1, feature: 42 };
    const { reply } = decideConsume(rows, { kind: 'consume', pool, terms, session: 'a', executions: 1, nonce: 'b' });
    return reply.kind === 'refused' ? reply.status : 0;
  },
};
