import type { Inbound } from '@keyhaven/core/doctor';
import { SECOND } from '@keyhaven/core/time';
import type { ProbeLink } from './link-probe.ts';
import type { DoctorSurroundings } from './surroundings.ts';

// Whether TCP connections from the other side reach the license manager here: it opens one when it is asked (K36), while all else is tested.

/** It waits for two seconds itself. */
const BACK_MS = 3 * SECOND;
const AGAIN_MS = 250;
/** The port that it connects to, always. */
const PORT = 1947;

const pause = ({ clock }: DoctorSurroundings): Promise<void> => new Promise((resolve) => void clock.after(AGAIN_MS, resolve));

/** Begins the test. The outcome is to be asked for at the end. */
export const testBack = async (
  around: DoctorSurroundings,
  link: ProbeLink,
): Promise<{ readonly first: Inbound | undefined; outcome(): Promise<Inbound | undefined> }> => {
  const { self, clock } = around;
  const none = { first: undefined, outcome: async () => undefined };
  if (self.kind !== 'license manager' || self.port !== PORT) return none;
  const number = Buffer.from(around.entropy.bytes(4)).readUInt32BE(0);
  const ask = async (): Promise<Inbound | 'pending'> => {
    const state = await link.back(number);
    switch (state) {
      case undefined:
        return 'not tried';
      case 'connected':
        return 'arrived';
      case 'silent':
        return 'lost';
      case 'not tried':
        return 'not sent';
      default:
        return state;
    }
  };
  const begun = await ask();
  if (begun !== 'pending') return { first: begun, outcome: async () => begun };
  const end = clock.mono() + BACK_MS;
  return {
    first: undefined,
    async outcome() {
      for (;;) {
        const state = await ask();
        if (state !== 'pending') return state;
        if (clock.mono() >= end) return 'lost';
        await pause(around);
      }
    },
  };
};
