import { createLicensing, type Licensing } from '@keyhaven/licensing-api/licensing';
import { lmAddressFrom, ownIdentity, systemEntropy } from '../packages/licensing-api/src/environment.ts';
import { type Figure, median } from './figures.ts';
import type { Lm } from './site.ts';

// P3: a login at a key behind two LMs beside a login at the same key on this computer; channels open, every login durable.

const ROUNDS = 9;
const LOGINS = 150;

export const licensingAt = (lm: Lm): Licensing => createLicensing(lmAddressFrom(`${lm.host}:${lm.port}`), ownIdentity(), systemEntropy);

/** Mean milliseconds of one login; logouts are not counted. */
export const meanLogin = async (licensing: Licensing, vendorCode: string, feature: number, count: number): Promise<number> => {
  let total = 0;
  for (let i = 0; i < count; i++) {
    const from = performance.now();
    const session = await licensing.login({ vendorCode, feature });
    total += performance.now() - from;
    await session.logout();
  }
  return total / count;
};

export const benchRemote = async (near: Lm, far: Lm, vendorCode: string): Promise<Figure[]> => {
  const local = licensingAt(near);
  const remote = licensingAt(far);
  try {
    await meanLogin(local, vendorCode, 11, LOGINS);
    await meanLogin(remote, vendorCode, 11, LOGINS);
    const rounds: { local: number; remote: number }[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      rounds.push({ local: await meanLogin(local, vendorCode, 11, LOGINS), remote: await meanLogin(remote, vendorCode, 11, LOGINS) });
    }
    const value = median(rounds.map((each) => each.remote)) * 1_000;
    const reference = median(rounds.map((each) => each.local)) * 1_000;
    return [
      {
        clause: 'P3',
        what: 'login through two LMs',
        value,
        reference,
        unit: 'us',
        referenceIs: 'login at the LM with the key',
        ratio: value / reference,
        target: { atMost: 2 },
      },
    ];
  } finally {
    local.close();
    remote.close();
  }
};
