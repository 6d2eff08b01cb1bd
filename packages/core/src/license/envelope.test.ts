import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { privateKeyFrom, publicBytes } from '../crypto/index.ts';
import { LicensingError, Status } from '../errors/index.ts';
import { armor, DOCUMENT_LIMIT, openDocument, signDocument, unarmor } from './envelope.ts';

const keyOf = (seed: number) => privateKeyFrom('ed25519', Buffer.alloc(32, seed));
const alice = keyOf(1);
const mallory = keyOf(2);
const payload = Buffer.from('{"format":1}');

const statusOf = (act: () => unknown): number => {
  try {
    act();
    return Status.OK;
  } catch (error) {
    if (!(error instanceof LicensingError)) throw error;
    return error.status;
  }
};

describe('a signed document', () => {
  it('gives its payload and signer back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (content) => {
        const opened = openDocument('V2C', signDocument('V2C', content, alice), publicBytes(alice));
        expect(opened.payload.equals(content)).toBe(true);
        expect(opened.signer.equals(publicBytes(alice))).toBe(true);
      }),
    );
  });

  it('is refused when any one bit of it is flipped (S1)', () => {
    const document = signDocument('C2V', payload, alice);
    for (let bit = 0; bit < document.length * 8; bit += 1) {
      const flipped = Buffer.from(document);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      expect([Status.INV_UPDATE_OBJ, Status.INV_SIG], `bit ${bit}`).toContain(statusOf(() => openDocument('C2V', flipped)));
    }
  });

  it('is refused when it is cut or has bytes behind it', () => {
    const document = signDocument('C2V', payload, alice);
    for (let length = 0; length < document.length; length += 1) {
      expect(
        statusOf(() => openDocument('C2V', document.subarray(0, length))),
        `cut at ${length}`,
      ).not.toBe(Status.OK);
    }
    expect(statusOf(() => openDocument('C2V', Buffer.concat([document, Buffer.of(0)])))).toBe(Status.INV_SIG);
  });

  it('passes for no other kind, neither as it is nor with its kind rewritten (S12)', () => {
    const document = signDocument('certificate', payload, alice);
    expect(statusOf(() => openDocument('V2C', document))).toBe(Status.INV_UPDATE_OBJ);
    const rewritten = Buffer.from(document);
    rewritten[4] = 3;
    expect(statusOf(() => openDocument('V2C', rewritten))).toBe(Status.INV_SIG);
  });

  it('is refused with 30 when somebody other than the trusted signer signed it', () => {
    const document = signDocument('V2C', payload, mallory);
    expect(statusOf(() => openDocument('V2C', document, publicBytes(alice)))).toBe(Status.INV_SIG);
    expect(statusOf(() => openDocument('V2C', document))).toBe(Status.OK);
  });

  it('is refused when the name of the signer is swapped for a trusted one', () => {
    const document = signDocument('V2C', payload, mallory);
    publicBytes(alice).copy(document, 5);
    expect(statusOf(() => openDocument('V2C', document, publicBytes(alice)))).toBe(Status.INV_SIG);
  });

  it('throws only LicensingError on any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, marked) => {
        const input = marked ? Buffer.concat([Buffer.from('KHD1\u0003', 'latin1'), bytes]) : bytes;
        expect(statusOf(() => openDocument('V2C', input))).not.toBe(Status.OK);
      }),
    );
  });

  it('is refused above 8 MiB before anything of it is looked at', () => {
    expect(statusOf(() => openDocument('V2C', Buffer.alloc(DOCUMENT_LIMIT + 1)))).toBe(Status.INV_UPDATE_OBJ);
  });
});

describe('the text form of a document', () => {
  it('comes back whatever mail does to white space and line ends', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.constantFrom('\r\n', '\n', ' \n  ', '\n\n'), (bytes, lineEnd) => {
        const text = `\n  ${armor('V2C', bytes).replaceAll('\n', lineEnd)}  `;
        const found = unarmor(text);
        expect(found.kind).toBe('V2C');
        expect(found.bytes.equals(bytes)).toBe(true);
      }),
    );
  });

  it('comes back from lines of one character, however many', () => {
    const bytes = Buffer.alloc(3_000, 0x5a);
    const [first = '', ...rest] = armor('V2C', bytes).trim().split('\n');
    const last = rest.pop() ?? '';
    const text = [first, ...rest.join('').split(''), last].join('\r\n\t\v\f');
    expect(unarmor(text).bytes.equals(bytes)).toBe(true);
  });

  it('takes no sign for white space or base64 that is neither', () => {
    const text = armor('V2C', Buffer.alloc(60, 7));
    for (const sign of ['\u00a0', '\u0141', '\u2028', '\u0000', '\ufeff', '.'])
      expect(() => unarmor(text.replace('\n', `\n${sign}`))).toThrow(expect.objectContaining({ status: 15 }));
  });

  it('has lines of at most 76 characters', () => {
    for (const line of armor('C2V', Buffer.alloc(500, 7)).split('\n')) expect(line.length).toBeLessThanOrEqual(76);
  });

  it('takes the largest document', () => {
    const bytes = Buffer.alloc(DOCUMENT_LIMIT, 0xa5);
    expect(unarmor(armor('V2C', bytes)).bytes.equals(bytes)).toBe(true);
  });

  it('is found in the XML that an application got for updateinfo, and in no other XML', () => {
    const text = armor('C2V', Buffer.from('state'));
    const wrapped = `<?xml version="1.0" encoding="UTF-8" ?>\n<hasp_info><c2v>${text}</c2v></hasp_info>`;
    expect(unarmor(wrapped)).toEqual(unarmor(text));
    for (const bad of [
      `<hasp_info><c2v>${text}</c2v>`,
      `<hasp_info><c2v>&#45;${text}</c2v></hasp_info>`,
      `<x>${text}</x>`,
      `${wrapped}${wrapped}`,
    ])
      expect(() => unarmor(bad)).toThrow(LicensingError);
  });

  it('is refused with 15 when a part is missing, changed or unknown', () => {
    const text = armor('V2C', signDocument('V2C', payload, alice));
    for (let length = 0; length < text.length - 1; length += 1) {
      expect(
        statusOf(() => unarmor(text.slice(0, length))),
        `cut at ${length}`,
      ).toBe(Status.INV_FORMAT);
    }
    for (const bad of [
      '',
      '-----BEGIN KEYHAVEN V2C-----END KEYHAVEN V2C-----',
      text.replace('BEGIN KEYHAVEN V2C', 'BEGIN KEYHAVEN C2V'),
      text.replaceAll('KEYHAVEN V2C', 'KEYHAVEN H9Z'),
      text.replaceAll('KEYHAVEN V2C', 'KEYHAVEN toString'),
      text.replace('\n', '\n!'),
      `${text}x`,
      `x${text}`,
      text + text,
      'x'.repeat(DOCUMENT_LIMIT * 1.5 + 1),
    ]) {
      expect(
        statusOf(() => unarmor(bad)),
        bad.slice(0, 60),
      ).toBe(Status.INV_FORMAT);
    }
  });
});
