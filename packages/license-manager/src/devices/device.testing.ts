import { Buffer } from 'node:buffer';
import { agree, signBytes } from '@keyhaven/core/crypto';
import { keyFromSeeds, stateDocument } from '@keyhaven/core/key';
import { wall } from '@keyhaven/core/time';
import type { DeviceSource, KeyDevice } from '../keystore/index.ts';
import type { LicenseWish, TestVendor } from '../keystore/vendor.testing.ts';

// A key in hardware made of software: it holds its private keys, its license and its memory, and answers when it likes.

export const createTestDevice = (
  vendor: TestVendor,
  options: {
    readonly wish?: LicenseWish;
    readonly configuration?: KeyDevice['configuration'];
    readonly fill?: number;
    readonly memory?: ReadonlyMap<number, Buffer>;
    /** It has a light. */
    readonly light?: true;
    /** Signs with this instead. */
    readonly sign?: KeyDevice['sign'];
    readonly change?: Partial<KeyDevice>;
  } = {},
) => {
  const { configuration = 'driverless', fill = 0x61 } = options;
  const of = { type: `hl-${configuration}`, vendor: vendor.code.vendor, vendorKey: vendor.code.publicKey } as const;
  const { signingKey, exchange, ...identity } = keyFromSeeds(of, Buffer.alloc(32, fill), Buffer.alloc(32, fill + 1));
  const state = { counter: 0, host: 'device', virtualMachine: false, usage: [] };
  const license = options.wish && vendor.license(stateDocument({ ...identity, signingKey, exchange }, state, wall(0)), options.wish);
  const contents = new Map([...(options.memory ?? [])].map(([file, data]) => [file, Buffer.from(data)]));
  let signatures = 0;
  let lit = false;
  const device: KeyDevice = {
    configuration,
    identity,
    exchangePublic: exchange.publicKey,
    license: async () => license,
    sign:
      options.sign ??
      (async (bytes) => {
        signatures += 1;
        return signBytes(signingKey, bytes);
      }),
    agree: async (share) => agree(exchange.privateKey, share),
    memory: {
      read: async () => contents,
      async write(file, offset, data) {
        const before = contents.get(file) ?? Buffer.alloc(0);
        const after = Buffer.alloc(Math.max(before.length, offset + data.length));
        before.copy(after);
        after.set(data, offset);
        contents.set(file, after);
      },
    },
    ...(options.light === undefined
      ? {}
      : {
          async blink(on) {
            lit = on;
          },
        }),
    ...options.change,
  };
  return { device, id: identity.id, contents, signatures: () => signatures, lit: () => lit };
};

/** Ports into which devices are put by hand. */
export const createPorts = () => {
  const watching = new Set<Parameters<DeviceSource['watch']>[0]>();
  const plugged = new Map<string, KeyDevice>();
  const source: DeviceSource = {
    watch(on) {
      watching.add(on);
      for (const device of plugged.values()) on.attached(device);
      return { close: () => void watching.delete(on) };
    },
  };
  return {
    source,
    plug(device: KeyDevice): void {
      plugged.set(device.identity.id, device);
      for (const on of watching) on.attached(device);
    },
    unplug(id: string): void {
      plugged.delete(id);
      for (const on of watching) on.detached(id);
    },
    watched: () => watching.size,
  };
};
