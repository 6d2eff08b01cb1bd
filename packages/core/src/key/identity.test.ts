import { Buffer } from 'node:buffer';
import { describe, expect, it } from 'vitest';
import { toBase64 } from '../bytes/index.ts';
import { openDocument, readC2v } from '../license/index.ts';
import { wall } from '../time/index.ts';
import { keyFromSeeds, keyIdOf, speaksForItself, stateDocument } from './identity.ts';

const seed = (fill: number) => Buffer.alloc(32, fill);
const pinned = { type: 'sl-adminmode', vendor: 7, vendorKey: seed(9) } as const;
const key = keyFromSeeds(pinned, seed(1), seed(2));
const document = stateDocument(key, { counter: 2, host: 'h', virtualMachine: true, usage: [] }, wall(0));

describe('a protection key', () => {
  it('has an id that follows from its public key and from nothing else', () => {
    expect(keyFromSeeds({ ...pinned, vendor: 8 }, seed(1), seed(3)).id).toBe(key.id);
    expect(keyFromSeeds(pinned, seed(3), seed(2)).id).not.toBe(key.id);
    expect(BigInt(key.id)).toBeLessThan(2n ** 63n);
    expect(key.id).toMatch(/^[1-9]\d*$/);
  });

  it('signs its own state, which names the vendor it was made for', () => {
    const { payload, signer } = openDocument('C2V', document);
    const c2v = readC2v(payload);
    expect(c2v).toMatchObject({ vendor: 7, vendorKey: toBase64(seed(9)), key: key.id, counter: 2, created: '1970-01-01T00:00:00.000Z' });
    expect(speaksForItself(c2v, signer)).toBe(true);
  });

  it('cannot speak for another key', () => {
    const c2v = readC2v(openDocument('C2V', document).payload);
    const other = keyFromSeeds(pinned, seed(3), seed(2));
    expect(speaksForItself(c2v, other.signingPublic)).toBe(false);
    expect(speaksForItself({ ...c2v, key: other.id }, key.signingPublic)).toBe(false);
    expect(speaksForItself({ ...c2v, signingKey: toBase64(other.signingPublic) }, key.signingPublic)).toBe(false);
    expect(
      speaksForItself({ ...c2v, signingKey: toBase64(other.signingPublic), key: keyIdOf(other.signingPublic) }, key.signingPublic),
    ).toBe(false);
  });
});
