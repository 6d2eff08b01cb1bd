import { Buffer } from 'node:buffer';
import { speaksForItself } from '@keyhaven/core/key';
import { openDocument, readC2v } from '@keyhaven/core/license';
import { wall } from '@keyhaven/core/time';
import { createMemoryLedger } from '@keyhaven/ledger';
import { expect, it } from 'vitest';
import { createTestDevice } from '../devices/device.testing.ts';
import { createMachineSeal, systemEntropy } from '../machine/index.ts';
import { type KeyDevice, openKeystore } from './index.ts';
import { createTestVendor } from './vendor.testing.ts';

// "Generate C2V for HASP key": off, on, and a device that does not sign.

const vendor = createTestVendor();
const now = wall(Date.UTC(2026, 5, 1));
const open = async (change: Partial<KeyDevice> = {}) => {
  let isOn = false;
  const seal = createMachineSeal(['id:test'], Buffer.alloc(32, 9), systemEntropy);
  const keystore = await openKeystore(createMemoryLedger({ now: () => now }), seal, systemEntropy, undefined, 'admin', () => isOn);
  const { device } = createTestDevice(vendor, { wish: { features: [{ id: 42, seats: 2 }] } });
  const key = await keystore.devices.attach(device);
  const found = { ...key, signer: { kind: 'device', device: { ...device, ...change } } } as const;
  return { key, state: () => keystore.state(found, 'here', now), set: (on: boolean) => void (isOn = on) };
};

it('a key in hardware has a C2V where the setting is on, and it is one that the key itself signed', async () => {
  const { key, state, set } = await open();
  await expect(state()).rejects.toMatchObject({ status: 16, remedy: expect.stringContaining('hardwareC2v') as string });
  set(true);
  const { signer, payload } = openDocument('C2V', await state());
  const c2v = readC2v(payload);
  expect(speaksForItself(c2v, signer)).toBe(true);
  expect(c2v).toMatchObject({ key: key.identity.id, type: 'hl-driverless', counter: 1, host: 'here', vendor: vendor.code.vendor });
  expect(c2v.certificate).toBe(key.license?.document.toString('base64url'));
  set(false);
  await expect(state()).rejects.toMatchObject({ status: 16 });
});

it('a device that does not sign is told as such (43)', async () => {
  const { state, set } = await open({ sign: () => Promise.reject(new Error('unplugged')) });
  set(true);
  await expect(state()).rejects.toMatchObject({ status: 43 });
});
