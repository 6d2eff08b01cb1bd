import { Buffer } from 'node:buffer';
import { createMemoryLedger } from '@keyhaven/ledger';
import { expect, it } from 'vitest';
import { connectApplication, createSite } from '../authority/site.testing.ts';
import { createMachineSeal, systemEntropy } from '../machine/index.ts';
import { openKeystore } from './index.ts';
import { createTestVendor } from './vendor.testing.ts';

// Several V2C of one key in one decision, where each changes the memory that the one before leaves (K3, K4).

const vendor = createTestVendor();
const file = (size: number) => ({ readWrite: 64, readOnly: 32, dynamic: [{ id: 1, size, access: 'rw' as const }] });

it('a file that one update removes and the next makes anew begins with zeros, in rows and in memory', async () => {
  const ledger = createMemoryLedger({ now: () => site.clock.wall() });
  const site = await createSite({ ledger });
  const features = [{ id: 42 }];
  const key = await site.licensed({ features, certificate: { memory: file(9_000) } }, vendor);
  const application = connectApplication(site, key);
  await application.login(42);
  for (const offset of [0, 5_000, 8_500])
    expect((await application.call({ kind: 'write', handle: 1, file: 1, offset, data: Buffer.from('before') })).status).toBe(0);
  const state = await site.keystore.state(key, 'here', site.clock.wall());
  const v2c = (counter: number, memory: ReturnType<typeof file> | { readWrite: number; readOnly: number }) =>
    vendor.license(state, { features, counter, certificate: { memory } });
  await site.authority.apply([v2c(2, { readWrite: 64, readOnly: 32 }), v2c(3, file(9_000)), v2c(4, file(8_000))]);
  const read = await application.call({ kind: 'read', handle: 1, file: 1, offset: 0, length: 8_000 });
  expect([read.status, Buffer.from(read.body).every((byte) => byte === 0)]).toEqual([0, true]);

  const seal = createMachineSeal(['id:test'], Buffer.alloc(32, 9), systemEntropy);
  const again = createMemoryLedger({ now: () => site.clock.wall(), initial: ledger.snapshot() });
  const loaded = (await openKeystore(again, seal, systemEntropy)).get(key.identity.id);
  expect(loaded?.counter).toBe(4);
  expect((loaded?.memory.get(1) ?? Buffer.alloc(0)).every((byte) => byte === 0)).toBe(true);
});
