import { type Clock, SECOND } from '@keyhaven/core/time';
import type { Authority } from '../authority/index.ts';
import type { DeviceSource, Key, Keystore } from '../keystore/index.ts';

// Keys in hardware as they are plugged in and out (K7). Promised: what is told of a device happens in its order; when a device is out its key is
// not here any more (7) and its sessions have ended (39), whatever the disk does meanwhile.

/** After the disk refused the release of the sessions of a key that is gone. */
const AGAIN_MS = 5 * SECOND;

export const watchDevices = (
  source: DeviceSource,
  options: {
    readonly keystore: Pick<Keystore, 'devices'>;
    readonly authority: Pick<Authority, 'exclusively'>;
    readonly clock: Clock;
    /** A key is here from now on. */
    readonly onAttached: (key: Key) => void;
    readonly onGone: (key: string) => void;
    /** A device is not served, or its sessions could not be ended yet. */
    readonly onProblem: (key: string, error: unknown) => void;
  },
): { close(): void } => {
  const { keystore, authority, clock, onProblem } = options;
  const underWay = new Map<string, Promise<void>>(); // BOUNDED by the devices that come or go at a time
  let closed = false;

  const next = (id: string, work: () => Promise<void>): void => {
    const done = (underWay.get(id) ?? Promise.resolve()).then(work).catch((error: unknown) => onProblem(id, error));
    underWay.set(id, done);
    done.then(
      () => {
        if (underWay.get(id) === done) underWay.delete(id);
      },
      () => undefined,
    );
  };
  const endSessions = async (id: string): Promise<void> => {
    try {
      await authority.exclusively(id, 'end', async () => keystore.devices.detach(id));
    } catch (error) {
      keystore.devices.detach(id);
      clock.after(AGAIN_MS, () => {
        if (!closed && !keystore.devices.has(id)) next(id, () => endSessions(id));
      });
      throw error;
    }
  };

  const watching = source.watch({
    attached: (device) =>
      next(device.identity.id, async () => {
        if (!closed) options.onAttached(await keystore.devices.attach(device));
      }),
    detached: (id) =>
      next(id, async () => {
        if (!keystore.devices.has(id)) return;
        try {
          await endSessions(id);
        } finally {
          options.onGone(id);
        }
      }),
  });
  return {
    close() {
      closed = true;
      watching.close();
    },
  };
};
