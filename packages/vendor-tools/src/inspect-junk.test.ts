import { Buffer } from 'node:buffer';
import { LicensingError } from '@keyhaven/core/errors';
import { armor, type DocumentKind, openDocument, signDocument, unarmor } from '@keyhaven/core/license';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCatalog } from './catalog.ts';
import { catalogText, fixedEntropy, makeC2v, makeKey, makeVendor, now } from './fixtures.ts';
import { inspectFile } from './inspect.ts';
import { issueLicense } from './issue.ts';
import { packUpdates } from './v2c.ts';

// Whatever is in a file, a look into it ends with a report or with a LicensingError, and nothing in it reaches the terminal but printable characters.

const kinds: readonly DocumentKind[] = [
  'certificate',
  'V2C',
  'V2CP',
  'C2V',
  'ID',
  'delegation',
  'H2R',
  'R2H',
  'H2H',
  'trial',
  'trialkey',
  'legacy',
  'legacyterms',
  'legacykey',
];
const vendor = makeVendor(7, 1);
const key = makeKey(vendor, 21);
const catalog = readCatalog(catalogText);
const { v2c } = issueLicense({ vendor, catalog, c2v: makeC2v(key), products: [1], now, entropy: fixedEntropy });
const samples = [v2c, makeC2v(key), packUpdates(vendor, [v2c])];

const look = (text: string): void => {
  try {
    const found = inspectFile(text);
    expect(found.text).not.toMatch(/[^\P{Cc}\n]|\p{Cf}/u);
    expect(JSON.parse(JSON.stringify(found))).toEqual(found);
  } catch (error) {
    expect(error).toBeInstanceOf(LicensingError);
  }
};
const kind = fc.constantFrom(...kinds);

describe('junk', () => {
  it('is refused, or reported as what it is: any text', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.string().map((text) => `<${text}`),
        ),
        look,
      ),
    );
  });
  it('any bytes in any envelope', () => {
    fc.assert(fc.property(kind, fc.uint8Array({ maxLength: 600 }), (of, bytes) => look(armor(of, bytes))));
  });
  it('any payload that somebody signed', () => {
    const payload = fc.oneof(
      fc.json().map((text) => Buffer.from(text)),
      fc.uint8Array({ maxLength: 200 }),
    );
    fc.assert(fc.property(kind, payload, (of, bytes) => look(armor(of, signDocument(of, Buffer.from(bytes), key.signingKey)))));
  });
  it('files with some bytes changed, cut, or in another envelope', () => {
    const change = fc.record({ at: fc.nat({ max: 5_000 }), to: fc.nat({ max: 255 }) });
    fc.assert(
      fc.property(
        fc.constantFrom(...samples),
        fc.array(change, { maxLength: 4 }),
        fc.option(fc.nat({ max: 5_000 })),
        kind,
        (text, changes, cut, of) => {
          const { kind: own, bytes } = unarmor(text);
          for (const { at, to } of changes) if (at < bytes.length) bytes[at] = to;
          look(armor(changes.length % 2 === 0 ? own : of, cut === null ? bytes : bytes.subarray(0, cut)));
          const characters = Buffer.from(text);
          for (const { at, to } of changes) if (at < characters.length) characters[at] = to;
          look(characters.toString('utf8'));
        },
      ),
    );
  });
  it('fields of a signed C2V replaced by anything', () => {
    const { payload: own } = openDocument('C2V', unarmor(makeC2v(key)).bytes);
    const json = JSON.parse(Buffer.from(own).toString('utf8')) as Record<string, unknown>;
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(json)), fc.jsonValue(), (field, value) => {
        const payload = Buffer.from(JSON.stringify({ ...json, [field]: value }));
        look(armor('C2V', signDocument('C2V', payload, key.signingKey)));
      }),
    );
  });
});
