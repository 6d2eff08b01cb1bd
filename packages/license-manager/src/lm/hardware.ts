import type { Authority } from '../authority/index.ts';
import { watchDevices } from '../devices/index.ts';
import type { Key } from '../keystore/index.ts';
import type { LmOptions } from './types.ts';

/** Keys in hardware come and go (K7); undefined where this license manager has no part in that. */
export const watchHardware = (
  { devices, keystore, clock, onEvent }: LmOptions,
  authority: Authority,
  licensed: (key: Key, added: boolean) => void,
  gone: (key: string) => void,
): { close(): void } | undefined =>
  devices === undefined
    ? undefined
    : watchDevices(devices, {
        keystore,
        authority,
        clock,
        onAttached(key) {
          licensed(key, true);
          onEvent({ level: 'info', event: 'key plugged in', key: key.identity.id });
        },
        onGone(key) {
          gone(key);
          onEvent({ level: 'info', event: 'key unplugged', key });
        },
        onProblem: (key, error) => onEvent({ level: 'warn', event: 'a key in hardware is not served', key, error }),
      });
