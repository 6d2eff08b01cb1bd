import type { Buffer } from 'node:buffer';
import type { PublicIdentity } from '@keyhaven/core/key';

// Keys in hardware (K7): what a license manager needs of a device, whatever it is. A device keeps its private keys, its license and its memory; the
// license manager reads license and memory when it is plugged in, counts seats, and has the device sign each channel. Drivers come later; a
// software device in the tests is the first one.

/** One plugged-in key. Each promise rejects where the device does not answer; nothing is tried twice. */
export type KeyDevice = {
  /** `hasp` needs a driver that only an Admin LM uses (T1). */
  readonly configuration: 'driverless' | 'hasp';
  /** `type` agrees with `configuration`: `hl-driverless` or `hl-hasp`. */
  readonly identity: PublicIdentity;
  readonly exchangePublic: Uint8Array;
  /** The V2C document that the device was licensed with last; undefined where it has none yet. */
  license(): Promise<Uint8Array | undefined>;
  /** Ed25519 over these bytes. */
  sign(bytes: Uint8Array): Promise<Uint8Array>;
  /** X25519 with this public key. */
  agree(share: Uint8Array): Promise<Uint8Array>;
  /** Lets its light blink until it is told otherwise or unplugged; absent where it has none, or none that can. */
  blink?(on: boolean): Promise<void>;
  readonly memory: {
    /** Contents by file, as far as they are written; missing = zeros. */
    read(): Promise<ReadonlyMap<number, Buffer>>;
    /** Resolves when it is durable in the device. */
    write(file: number, offset: number, data: Uint8Array): Promise<void>;
  };
};

/** Where devices come from: what watches the ports of a computer. */
export type DeviceSource = {
  /** Tells of each device that is there or comes, and of each that goes, until it is closed. */
  watch(on: { attached(device: KeyDevice): void; detached(key: string): void }): { close(): void };
};
