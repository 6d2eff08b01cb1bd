import { createSecretKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createSumVault, type StoredSum } from './shared-sum.ts';

const vault = createSumVault(createSecretKey(Buffer.alloc(32, 1)));
const sum = { count: 3, set: Uint8Array.from({ length: 32 }, (_, index) => index) };
const stored = (sealed: Uint8Array): StoredSum => ({ count: 3, writes: 5, sealed });

describe('the vault of set values', () => {
  it('gives back what was locked, and stays as it is (a format at rest)', () => {
    const sealed = vault.lock('4711', sum, 5);
    expect(vault.unlock('4711', stored(sealed))).toEqual({ count: 3, set: Buffer.from(sum.set) });
    expect(Buffer.from(sealed).toString('hex')).toMatchInlineSnapshot(
      `"be10a909d25fa56e74b7b29a654820b863af149014b960cf206a248268848b628cab00842173171f9afd9007e1b9d8a6689afda47d129fdebd448dda"`,
    );
  });

  it('opens for no other scope, count, number of writes, key or byte', () => {
    const sealed = vault.lock('4711', sum, 5);
    expect(vault.unlock('4712', stored(sealed))).toBeUndefined();
    expect(vault.unlock('4711', { ...stored(sealed), count: 4 })).toBeUndefined();
    expect(vault.unlock('4711', { ...stored(sealed), writes: 6 })).toBeUndefined();
    expect(createSumVault(createSecretKey(Buffer.alloc(32, 2))).unlock('4711', stored(sealed))).toBeUndefined();
    for (let index = 0; index < sealed.length; index += 1) {
      const edited = Buffer.from(sealed);
      edited[index] = (edited[index] ?? 0) ^ 1;
      expect(vault.unlock('4711', stored(edited))).toBeUndefined();
    }
    for (const length of [0, 12, 59]) expect(vault.unlock('4711', stored(sealed.subarray(0, length)))).toBeUndefined();
    expect(vault.unlock('4711', stored(Buffer.concat([sealed, Buffer.alloc(1)])))).toBeUndefined();
  });

  it('takes another nonce for another value with the same number of writes: after a rollback, or of a copy of the file', () => {
    const other = vault.lock('4711', { ...sum, set: new Uint8Array(32) }, 5);
    const nonces = [vault.lock('4711', sum, 5), other, vault.lock('4711', sum, 6), vault.lock('4712', sum, 5)];
    expect(new Set(nonces.map((sealed) => Buffer.from(sealed).toString('hex', 0, 12))).size).toBe(4);
  });
});
