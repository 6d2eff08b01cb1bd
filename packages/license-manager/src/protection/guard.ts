import { Status } from '@keyhaven/core/errors';
import { isVirtualMachine } from '@keyhaven/core/fingerprint';
import type { Bar, LoginGuard } from '../authority/index.ts';
import type { Key, KeyLicense } from '../keystore/index.ts';
import { clonedProducts, isByName, isProtected } from './clones.ts';
import type { LicenseTime } from './license-time.ts';
import type { MachineWatch } from './machine-watch.ts';
import { hasTimeLimit } from './time-limits.ts';

// Joins what is known against logins (K6, K9): a computer that is not the one licensed (64), a clock set back (45), a key that is on another
// computer, too (64), a host name that another computer has, too (79). Each stops only what it is about; everything else goes on.

export type GuardOptions = {
  readonly time: Pick<LicenseTime, 'now' | 'setBack' | 'keep'>;
  /** undefined where this computer is not looked at. */
  readonly machine: MachineWatch | undefined;
  /** Where else this key is, and refused for it; undefined where all is well or it is only warned of. */
  readonly duplicate: (key: string) => string | undefined;
  /** Where another computer of this one's host name is. */
  readonly namesake: () => string | undefined;
};

export type Guard = LoginGuard & {
  /** Products of this key that are for another computer, by id. */
  cloned(key: Key): ReadonlyMap<number, string>;
};

const NONE: ReadonlyMap<number, string> = new Map();

export const createGuard = ({ time, machine, duplicate, namesake }: GuardOptions): Guard => {
  /** What was found of a license on the computer as it was looked at. */
  const found = new WeakMap<KeyLicense, { readonly observed: object; readonly cloned: ReadonlyMap<number, string> }>();

  const cloned = (key: Key): ReadonlyMap<number, string> => {
    const { license } = key;
    const observed = machine?.current;
    if (license === undefined || observed === undefined) return NONE;
    const known = found.get(license);
    if (known?.observed === observed) return known.cloned;
    const products = clonedProducts(key, license, observed);
    found.set(license, { observed, cloned: products });
    return products;
  };
  const goesByName = ({ license }: Key, product: number): boolean => {
    const observed = machine?.current;
    return license !== undefined && observed !== undefined && isByName(license, product, observed.host);
  };

  return {
    cloned,
    ready(key, product, pool) {
      const matters = pool?.terms.virtualMachine === false || (key.license !== undefined && isProtected(key.license, product));
      const looking = machine !== undefined && machine.current === undefined && matters;
      const keeping = pool !== undefined && hasTimeLimit(pool.feature.license) ? time.keep() : undefined;
      return looking ? Promise.all([machine.first(), keeping]).then(() => undefined) : keeping;
    },
    against(key, product, pool): Bar | undefined {
      const elsewhere = duplicate(key.identity.id);
      if (elsewhere !== undefined) return { status: Status.CLONE_DETECTED, detail: elsewhere };
      const clone = cloned(key).get(product);
      if (clone !== undefined && pool?.product !== undefined) return { status: Status.CLONE_DETECTED, detail: clone };
      const other = pool?.product !== undefined && goesByName(key, product) ? namesake() : undefined;
      if (other !== undefined) {
        const detail = `The license of product ${product} goes by the host name, and the computer at ${other} has the same.`;
        return { status: Status.DUPLICATE_HOSTNAME, detail };
      }
      if (pool !== undefined && hasTimeLimit(pool.feature.license) && time.setBack()) {
        return { status: Status.TIME_ERR, detail: "This computer's clock is set back behind the license time." };
      }
      return undefined;
    },
    time: () => time.now(),
    virtualMachine: () => machine?.current !== undefined && isVirtualMachine(machine.current),
  };
};
