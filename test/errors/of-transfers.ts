import { Buffer } from 'node:buffer';
import { toBase64 } from '@keyhaven/core/bytes';
import type { StatusName } from '@keyhaven/core/errors';
import { armor, openDocument, signDocument, unarmor } from '@keyhaven/core/license';
import { HOUR, wall } from '@keyhaven/core/time';
import { faultOfMoving, openRecipient, recipientKeyFrom } from '@keyhaven/core/transfer';
import { featureOf } from '../../packages/core/src/channel/world.testing.ts';
import { lendable, Side } from '../../packages/core/src/transfer/sides.testing.ts';
import { chosenBy } from '../../packages/license-manager/src/transfer/chosen.ts';
import { startLm, startWorking } from './lms.ts';

// Statuses of lending, giving back and moving.

const at = (hours: number) => wall(Date.UTC(2026, 10, 24) + hours * HOUR);
const owner = (of: Parameters<typeof Side.licensed>[1] = {}) => Side.licensed(0x21, of);
const boat = () => new Side(0x51);
const only = (...features: ReturnType<typeof lendable>[]) => ({ products: [{ id: 1, name: 'Survey', features }] });

/** Two computers, a key at the first, and the ID of the second. */
const two = async () => {
  const here = await startWorking();
  const there = await startLm();
  const recipient = await there.ask('POST', '/api/v1/recipient', {});
  const lend = (more: object = {}) =>
    here.ask('POST', '/api/v1/detach', { key: here.key, product: 1, recipient, duration: 3_600, ...more });
  const move = () => here.ask('POST', '/api/v1/rehost', { key: here.key, recipient });
  return { here, there, recipient, lend, move };
};

export const ofTransfers: Partial<Record<StatusName, () => unknown>> = {
  INV_RECIPIENT: async () => (await two()).lend({ recipient: 'no ID' }),
  // The ID of a version that never was: one format before the first.
  RECIPIENT_OLD_LM: async () => {
    const { lend, recipient } = await two();
    const fields: unknown = JSON.parse(openDocument('ID', unarmor(recipient).bytes).payload.toString('utf8'));
    const { signingKey } = recipientKeyFrom('sl-adminmode', Buffer.alloc(32, 1), Buffer.alloc(32, 2));
    const old = Buffer.from(JSON.stringify({ ...(fields as object), format: 0 }));
    return lend({ recipient: armor('ID', signDocument('ID', old, signingKey)) });
  },
  INV_ACTION: async () => {
    const { here } = await two();
    return here.ask('POST', '/api/v1/return', { key: here.key });
  },
  TOO_MANY_PRODUCTS: async () => {
    const { api, apply, ask, key, vendor } = await startWorking({ settings: '[detach]\nenabled = true' });
    const one = '{ license: { type: perpetual }, detachable: true';
    const products = `products:\n  - { id: 1, features: [${one}, id: 42 }] }\n  - { id: 2, features: [${one}, id: 43 }] }\n`;
    await apply(vendor.issue(await ask('POST', '/api/v1/c2v', { key }), products));
    const recipient = await (await startLm()).ask('POST', '/api/v1/recipient', {});
    return api.transfer({ action: 'detach', vendorCode: vendor.vendorCode, recipient });
  },
  INV_PRODUCT: async () => (await two()).lend({ product: 9 }),
  UNKNOWN_RECIPIENT: async () => {
    const { lend } = await two();
    const third = await startLm();
    return third.apply(await lend());
  },
  INV_DURATION: async () => (await two()).lend({ duration: 400 * 86_400 }),
  KEY_INACTIVE: async () => {
    const { here, there, lend } = await two();
    const key = await there.apply(await lend());
    await there.ask('POST', '/api/v1/return', { key });
    return there.ask('POST', '/api/v1/rehost', { key, recipient: await here.ask('POST', '/api/v1/recipient', {}) });
  },
  NO_DETACHABLE_FEATURE: () => owner(only(featureOf(42, 5))).detach(boat().id(at(0)), at(0)),
  // Two other computers have keys that an application here would give away.
  TOO_MANY_HOSTS: () => {
    const pool = {
      product: 1,
      productName: 'Survey',
      feature: 42,
      name: 'Echo sounder',
      license: { type: 'perpetual' },
      limit: 5,
      used: 0,
    } as const;
    const pools = [{ ...pool, executions: 0, count: 'login', network: true } as const];
    const key = { type: 'sl-adminmode', vendor: 7, vendorKey: toBase64(Buffer.alloc(32)), counter: 1, pools } as const;
    const sources = ['1', '2'].map((id) => ({
      local: false,
      guid: id.repeat(40),
      hostname: `pc-${id}`,
      address: `10.0.0.${id}`,
      kind: 'admin',
      keys: [{ ...key, key: id }],
    }));
    const wish = { request: 1, action: 'rehost', vendor: 7, vendorKey: Buffer.alloc(32), scope: '', recipient: '' } as const;
    return chosenBy({ ...wish, seconds: 0, seats: 0 }, sources, () => false);
  },
  REHOST_NOT_ALLOWED: () => faultOfMoving(owner().certificate, { virtualMachine: false })?.status,
  LICENSE_REHOSTED: async () => {
    const { lend, move } = await two();
    await move();
    return lend();
  },
  REHOST_ALREADY_APPLIED: async () => {
    const { here, there, move } = await two();
    const first = await move();
    const key = await there.apply(first);
    const back = await here.ask('POST', '/api/v1/recipient', {});
    await here.apply(await there.ask('POST', '/api/v1/rehost', { key, recipient: back }));
    return there.apply(first);
  },
  EXTENSION_NOT_ALLOWED: () => {
    const [from, to] = [owner(), boat()];
    from.detach(to.id(at(0)), at(0));
    return from.detach(to.id(at(0)), at(0), { seats: 2 });
  },
  DETACH_DISABLED: () => {
    const physical = { ...lendable(42, 5), concurrency: { ...lendable(42, 5).concurrency, virtualMachine: false } };
    return owner(only(physical)).detach(boat().id(at(0), true), at(0));
  },
  REHOST_DISABLED: () => {
    const bound = { ...featureOf(42, 5), concurrency: { ...featureOf(42, 5).concurrency, virtualMachine: false } };
    return faultOfMoving(owner({ rehost: true, ...only(bound) }).certificate, openRecipient(boat().id(at(0), true)))?.status;
  },
  DETACHED_LICENSE_FOUND: async () => {
    const { lend, move } = await two();
    await lend();
    return move();
  },
  INV_NETWORK_SEATS: () => {
    const [from, to] = [owner(), boat()];
    from.detach(to.id(at(0)), at(0), { seats: 3 });
    return from.detach(to.id(at(0)), at(0), { seats: 2 });
  },
  NETWORK_DETACH_DISABLED: () => owner(only(lendable(43, 'unlimited'))).detach(boat().id(at(0)), at(0), { seats: 2 }),
};
