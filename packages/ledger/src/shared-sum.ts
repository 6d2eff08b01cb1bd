import { createCipheriv, createDecipheriv, createHmac, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import type { ScopeSum } from './row-seal.ts';

// The set value of a scope at rest (docs/decisions/0002-ledger.md, "Shared by several processes"). Processes that share a ledger cannot
// keep it in memory, because each of them changes it, and the multiset hash of row-seal.ts is one only while the value is secret. So it
// stands in the file under AES-256-GCM; the scope, its count and its number of writes are bound as associated data.
//
// The nonce is an HMAC over all of these and the value itself: it repeats only where everything repeats (or by an accident of 96 bits, as
// a random one does), whatever was put back, rolled back or copied. A counter alone would repeat with another value after each of these.

const KEY = 32;
const NONCE = 12;
const TAG = 16;
const SUM = 32;

/** What the file says of a scope, without its seal. `writes` goes up by one with every transaction that changes the scope. */
export type StoredSum = { readonly count: number; readonly writes: number; readonly sealed: Uint8Array };

export type SumVault = {
  /** Nonce, value, tag: 60 bytes. */
  lock(scope: string, sum: ScopeSum, writes: number): Uint8Array;
  /** Undefined when any part of it is not what was locked. */
  unlock(scope: string, stored: StoredSum): ScopeSum | undefined;
};

export function createSumVault(authenticationKey: KeyObject): SumVault {
  const bytes = Buffer.from(hkdfSync('sha512', authenticationKey, '', 'keyhaven ledger sums 1', KEY + 64));
  const key = createSecretKey(bytes.subarray(0, KEY));
  const nonceKey = createSecretKey(bytes.subarray(KEY));
  const bound = (scope: string, count: number, writes: number): Buffer => Buffer.from(`sum ${scope.length} ${scope}${count} ${writes}`);

  return {
    lock(scope, { count, set }, writes) {
      const associated = bound(scope, count, writes);
      const nonce = createHmac('sha512', nonceKey).update(set).update(associated).digest().subarray(0, NONCE);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(associated);
      return Buffer.concat([nonce, cipher.update(set), cipher.final(), cipher.getAuthTag()]);
    },

    unlock(scope, { count, writes, sealed }) {
      if (sealed.length !== NONCE + SUM + TAG) return undefined;
      const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE), { authTagLength: TAG })
        .setAAD(bound(scope, count, writes))
        .setAuthTag(sealed.subarray(-TAG));
      try {
        return { count, set: Buffer.concat([decipher.update(sealed.subarray(NONCE, -TAG)), decipher.final()]) };
      } catch {
        return undefined;
      }
    },
  };
}
