import { Buffer } from 'node:buffer';
import { sameBytes } from '@keyhaven/core/bytes';
import { type Entropy, type KeyObject, publicKeyFrom, verifyBytes } from '@keyhaven/core/crypto';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { faultOfServing, type HostKind } from '@keyhaven/core/hosts';
import { checkUpdate, keyIdOf, peekV2c, sealContext } from '@keyhaven/core/key';
import { openSealedWith } from '@keyhaven/core/license';
import type { KeyDevice } from './hardware.ts';
import { type Key, type KeyLicense, licenseFrom } from './key.ts';

// Keys in hardware, as they come and go (K7). Nothing of a device is kept here but what was decided of its seats: who plugs it in elsewhere has it
// there. It is believed as far as its vendor signed and as it proves its private key.

export type KeyDevices = {
  /**
   * @throws LicensingError NO_DRIVER (14) where this license manager does not serve its configuration; DEVICE_ERR (43) where it does not answer
   * or does not hold the private key; those of `checkUpdate` where its license is not its own.
   */
  attach(device: KeyDevice): Promise<Key>;
  has(id: string): boolean;
  /** Its device was unplugged; nothing where it is not one of a device here. */
  detach(id: string): void;
  /**
   * Lets the light of a key blink, or not any more.
   * @throws LicensingError REQ_NOT_SUPP (16) where it cannot; DEVICE_ERR (43) where its device does not answer
   */
  blink(id: string, on: boolean): Promise<void>;
  /** Whether it blinks; undefined where it cannot. */
  blinking(id: string): boolean | undefined;
};

const failed = (detail: string, cause?: unknown): LicensingError => new LicensingError(Status.DEVICE_ERR, { detail, cause });
const CHALLENGE = Buffer.from('keyhaven device challenge 1\0', 'latin1');

export const createKeyDevices = (options: {
  readonly host: HostKind;
  readonly entropy: Entropy;
  /** The keys that are served; changed here. */
  readonly keys: Map<string, Key>;
  /** What session tokens of a key of this id are made with; the same after a restart. */
  readonly tokenKey: (id: string) => KeyObject;
}): KeyDevices => {
  const { host, entropy, keys } = options;

  const blinking = new WeakSet<KeyDevice>();

  const has = (id: string): boolean => keys.get(id)?.signer.kind === 'device';
  const deviceOf = (id: string): KeyDevice | undefined => {
    const signer = keys.get(id)?.signer;
    return signer?.kind === 'device' ? signer.device : undefined;
  };

  const prove = async ({ identity, sign }: KeyDevice): Promise<void> => {
    const challenge = Buffer.concat([CHALLENGE, entropy.bytes(32)]);
    const signature = await sign(challenge);
    const holds =
      signature.length === 64 && verifyBytes(publicKeyFrom('ed25519', identity.signingPublic), challenge, Buffer.from(signature));
    if (!holds || keyIdOf(identity.signingPublic) !== identity.id)
      throw failed(`The device of key ${identity.id} does not prove that it is this key.`);
  };
  const licenseOf = async (device: KeyDevice): Promise<KeyLicense | undefined> => {
    const document = await device.license();
    if (document === undefined) return undefined;
    const { identity, exchangePublic } = device;
    const checked = checkUpdate(identity, peekV2c(document).v2c.counter - 1, document);
    const shared = await device.agree(checked.sealed.subarray(0, 32));
    const context = sealContext(identity.id, checked.counter);
    const { certificate, certificateDocument, secrets } = checked.open(openSealedWith(shared, exchangePublic, checked.sealed, context));
    return licenseFrom(certificate, certificateDocument, secrets, entropy);
  };
  const read = async (device: KeyDevice): Promise<Key> => {
    const { identity } = device;
    if (identity.type !== `hl-${device.configuration}`) throw failed(`Key ${identity.id} does not say of what kind it is.`);
    await prove(device);
    const license = await licenseOf(device);
    const memory = new Map([...(await device.memory.read())].map(([file, data]) => [file, Buffer.from(data)]));
    return {
      identity,
      signer: { kind: 'device', device },
      counter: license?.certificate.counter ?? 0,
      license,
      memory,
      tokenKey: options.tokenKey(identity.id),
      damage: undefined,
    };
  };

  return {
    async attach(device) {
      const { id } = device.identity;
      const fault = faultOfServing(host, `hl-${device.configuration}`);
      if (fault !== undefined) throw fault;
      let key: Key;
      try {
        key = await read(device);
      } catch (error) {
        throw error instanceof LicensingError ? error : failed(`Key ${id} does not answer.`, error);
      }
      const there = keys.get(id);
      if (there !== undefined && !sameBytes(there.identity.signingPublic, key.identity.signingPublic))
        throw failed(`Another key of the id ${id} is here.`);
      keys.set(id, key);
      return key;
    },
    has,
    detach(id) {
      const device = deviceOf(id);
      if (device === undefined) return;
      blinking.delete(device);
      keys.delete(id);
    },
    async blink(id, on) {
      const device = deviceOf(id);
      if (device?.blink === undefined)
        throw new LicensingError(Status.REQ_NOT_SUPP, {
          detail: `Key ${id} has no light that can blink.`,
          remedy: 'Only keys in hardware blink, and not all of them; give the key a name with: keyhaven key name',
        });
      try {
        await device.blink(on);
      } catch (error) {
        throw failed(`The device of key ${id} does not answer.`, error);
      }
      if (!on) blinking.delete(device);
      else if (deviceOf(id) === device) blinking.add(device);
    },
    blinking(id) {
      const device = deviceOf(id);
      return device?.blink === undefined ? undefined : blinking.has(device);
    },
  };
};
