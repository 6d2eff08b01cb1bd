import { LicensingError, Status } from '../errors/index.ts';

// Which license manager serves which kind of key (T1 to T4, the seed's first table). Nothing else tells the three apart.

export type HostKind = 'admin' | 'external' | 'integrated';

/** The kinds of protection keys of the table; `hl-*` are hardware. */
export const keyKinds = ['hl-driverless', 'hl-hasp', 'sl-adminmode', 'sl-usermode', 'sl-legacy'] as const;
export type KeyKind = (typeof keyKinds)[number];

const names: Readonly<Record<HostKind, string>> = { admin: 'Admin LM', external: 'External LM', integrated: 'Integrated LM' };
const keyNames: Readonly<Record<KeyKind, string>> = {
  'hl-driverless': 'HL driverless',
  'hl-hasp': 'HL HASP',
  'sl-adminmode': 'SL AdminMode',
  'sl-usermode': 'SL UserMode',
  'sl-legacy': 'SL Legacy',
};

const everywhere: readonly HostKind[] = ['admin', 'external', 'integrated'];
const table: Readonly<Record<KeyKind, readonly HostKind[]>> = {
  'hl-driverless': everywhere,
  'hl-hasp': ['admin'],
  'sl-adminmode': ['admin'],
  'sl-usermode': ['external', 'integrated'],
  'sl-legacy': ['admin'],
};

/** T1: whether a license manager of this kind serves keys of that kind on its own computer. */
export const serves = (host: HostKind, key: KeyKind): boolean => table[key].includes(host);

/** T1: why a license manager of this kind does not serve keys of that kind on its own computer; undefined where it does. */
export const faultOfServing = (host: HostKind, key: KeyKind): LicensingError | undefined => {
  if (serves(host, key)) return undefined;
  if (key === 'hl-hasp') {
    return new LicensingError(Status.NO_DRIVER, {
      detail: `The key is in the HASP configuration, whose driver only an Admin LM uses; this is an ${names[host]}.`,
      remedy: 'Install the license manager service on this computer, or have the vendor change the key to the driverless configuration.',
    });
  }
  const admin = table[key].includes('admin');
  return new LicensingError(Status.REQ_NOT_SUPP, {
    detail: `An ${names[host]} does not hold ${keyNames[key]} keys (T1).`,
    remedy: admin
      ? 'Use the Admin LM of this computer: start the license manager service.'
      : 'Keys of this type are kept for each user: use keyhaven c2v --type sl-usermode and keyhaven apply, or the application itself.',
  });
};

/** T1: whether keys of other computers are served to others; an External or Integrated LM only reaches a remote Admin LM (R2). */
export const servesOthers = (host: HostKind): boolean => host === 'admin';
