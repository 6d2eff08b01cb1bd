import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromBase64, toBase64 } from '../bytes/index.ts';
import { sha256 } from '../crypto/index.ts';
import { LicensingError, Status } from '../errors/index.ts';
import { formatVendorCode, parseVendorCode } from './vendor-code.ts';

const publicKey = fc.uint8Array({ minLength: 32, maxLength: 32 });
const sample = formatVendorCode({ vendor: 37_515, publicKey: Buffer.alloc(32, 9) });

const expectRefused = (text: string) => {
  let thrown: unknown;
  try {
    parseVendorCode(text);
  } catch (error) {
    thrown = error;
  }
  expect(thrown, text).toBeInstanceOf(LicensingError);
  expect(thrown).toMatchObject({ status: Status.INV_VCODE });
};

describe('a vendor code', () => {
  it('comes back as it was, also with white space around it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 0xffff_ffff }), publicKey, (vendor, key) => {
        const code = parseVendorCode(` ${formatVendorCode({ vendor, publicKey: key })}\n`);
        expect(code.vendor).toBe(vendor);
        expect(Buffer.from(code.publicKey).equals(key)).toBe(true);
      }),
    );
  });

  it('is refused with 22 when one character of it is changed, cut or added', () => {
    for (let at = 0; at < sample.length; at += 1) {
      expectRefused(sample.slice(0, at) + (sample[at] === 'A' ? 'B' : 'A') + sample.slice(at + 1));
      expectRefused(sample.slice(0, at));
    }
    expectRefused(`${sample}A`);
    expectRefused('A'.repeat(201));
  });

  it('is refused with another version or vendor 0, though its checksum holds', () => {
    for (const [at, value] of [
      [2, 2],
      [5, 0],
    ] as const) {
      const body = Buffer.from(fromBase64(formatVendorCode({ vendor: 1, publicKey: Buffer.alloc(32) }))!.subarray(0, -4));
      body[at] = value;
      if (at === 5) body[6] = 0;
      expectRefused(toBase64(Buffer.concat([body, sha256(body).subarray(0, 4)])));
    }
  });

  it('throws nothing else on any text', () => {
    fc.assert(fc.property(fc.string({ maxLength: 100 }), expectRefused));
  });
});
