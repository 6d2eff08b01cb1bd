// Which license manager serves which kind of key (T1 to T4, the seed's first table). Nothing else tells the three apart.

export type HostKind = 'admin' | 'external' | 'integrated';

/** The kinds of protection keys of the table; `hl-*` are hardware. */
export const keyKinds = ['hl-driverless', 'hl-hasp', 'sl-adminmode', 'sl-usermode', 'sl-legacy'] as const;
export type KeyKind = (typeof keyKinds)[number];

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

/** T1: whether keys of other computers are served to others; an External or Integrated LM only reaches a remote Admin LM (R2). */
export const servesOthers = (host: HostKind): boolean => host === 'admin';
