import { createHmac, createSecretKey, hkdfSync, type KeyObject, timingSafeEqual } from 'node:crypto';

// Authentication of rows at rest (docs/decisions/0002-ledger.md). One HMAC-SHA-512 over (domain, key, JSON text) per row: its first
// half, the tag, stands beside the row and finds an edited one; its second half is never stored and is XORed into the set value of
// the row's scope. The root of a scope authenticates how many rows there are and their set value, so that a row deleted, added, or
// put back with its old tag is found too (MSet-XOR-Hash of Clarke, Devadas, van Dijk, Gassend, Suh 2003; an element occurs once,
// because it contains its row key). A change costs O(1).
//
// What this does not do: notice that a scope with its root, or the whole file, was put back from an older time. No software can tell
// the latter without a witness outside of the file (SPEC K9), and the former gains an attacker nothing over it.

const HALF = 32;

/** What a root says of the rows of one scope. */
export type ScopeSum = { count: number; readonly set: Uint8Array };

export type RowSeal = {
  /** 64 bytes: the tag, then the half that stays secret. */
  row(key: string, text: string): Uint8Array;
  root(scope: string, sum: ScopeSum): Uint8Array;
  /** Of the end of the audit's chain (audit-chain.ts). */
  chain(head: string): Uint8Array;
  /** Tells another authentication key from an edited file. */
  check(): Uint8Array;
};

export function createRowSeal(authenticationKey: KeyObject): RowSeal {
  const key = createSecretKey(Buffer.from(hkdfSync('sha512', authenticationKey, '', 'keyhaven ledger rows 1', 2 * HALF)));
  // The length makes (key, text) unambiguous whatever characters a forged key or text contains.
  const hmac = (domain: string, name: string, rest: string): Buffer =>
    createHmac('sha512', key).update(`${domain} ${name.length} ${name}${rest}`).digest();
  return {
    row: (name, text) => hmac('row', name, text),
    root: (scope, { count, set }) => hmac('root', scope, `${count} ${Buffer.from(set).toString('hex')}`),
    chain: (head) => hmac('audit', '', head).subarray(0, HALF),
    check: () => hmac('check', '', ''),
  };
}

export const emptySum = (): ScopeSum => ({ count: 0, set: new Uint8Array(HALF) });
export const copySum = ({ count, set }: ScopeSum): ScopeSum => ({ count, set: set.slice() });

export const tagOf = (seal: Uint8Array): Uint8Array => seal.subarray(0, HALF);
export const secretOf = (seal: Uint8Array): Uint8Array => seal.subarray(HALF);

/** Adds an element to the set value, or takes it out again: XOR is its own inverse. */
export function toggle({ set }: ScopeSum, secret: Uint8Array): void {
  for (let index = 0; index < HALF; index += 1) set[index] = (set[index] ?? 0) ^ (secret[index] ?? 0);
}

export const equalBytes = (a: Uint8Array, b: unknown): boolean => b instanceof Uint8Array && a.length === b.length && timingSafeEqual(a, b);
