import { Buffer } from 'node:buffer';
import { toBase64 } from '@keyhaven/core/bytes';
import { fingerprintOf } from '@keyhaven/core/fingerprint';
import { stateDocument } from '@keyhaven/core/key';
import { armor, openDocument, readV2c, signDocument, unarmor, writeV2c } from '@keyhaven/core/license';
import { describe, expect, it } from 'vitest';
import { readCatalog } from './catalog.ts';
import { catalogText, fixedEntropy, makeC2v, makeKey, makeVendor, now } from './fixtures.ts';
import { inspectFile } from './inspect.ts';
import { issueLicense } from './issue.ts';

const vendor = makeVendor(7, 1);
const key = makeKey(vendor, 21);
const { v2c, certificate } = issueLicense({
  vendor,
  catalog: readCatalog(catalogText),
  c2v: makeC2v(key),
  products: [1, 2],
  now,
  entropy: fixedEntropy,
});

describe('a look into a license file', () => {
  it('shows what a V2C grants and who signed it, and nothing sealed', () => {
    const found = inspectFile(v2c);
    expect(found).toMatchObject({ kind: 'V2C', signature: { holds: true, signer: toBase64(vendor.publicKey) } });
    expect(found.contents).toEqual({ kind: 'V2C', v2c: { format: 1, vendor: 7, key: key.id, counter: 1 }, certificate });
    expect(found.text).toContain(`For key ${key.id} (sl-adminmode) of vendor 7, update counter 1`);
    expect(found.text).toContain('Feature 43 Side scan: until 2027-12-31T23:59:59.999Z, 2 seats per station, local only');
    expect(found.text).toContain('Feature 50 Charts: 100 executions, unlimited seats');
    expect(JSON.parse(JSON.stringify(found))).toEqual(found);
  });

  it('shows the state of a key in a C2V', () => {
    const found = inspectFile(makeC2v(key, 3, [{ product: 2, feature: 50, executions: 9 }]));
    expect(found).toMatchObject({ kind: 'C2V', signature: { holds: true }, contents: { kind: 'C2V', c2v: { counter: 3 } } });
    expect(found.text).toContain('Product 2, feature 50: 9 executions used');
    expect(found.text).toContain('survey-1.example');
  });

  it('shows a certificate by itself', () => {
    const { payload } = openDocument('V2C', unarmor(v2c).bytes);
    const inner = Buffer.from(readV2c(payload).certificate, 'base64url');
    expect(inspectFile(armor('certificate', inner)).contents).toEqual({ kind: 'certificate', certificate });
  });

  it('shows nothing of a file whose signature does not hold (S1)', () => {
    const { bytes } = unarmor(v2c);
    bytes[bytes.length - 5]! ^= 1;
    const found = inspectFile(armor('V2C', bytes));
    expect(found.signature).toMatchObject({ holds: false, reason: expect.stringContaining('does not hold') });
    expect(found).not.toHaveProperty('contents');
    expect(found.text).not.toContain(key.id);
  });

  it('does not take a V2C whose certificate somebody else signed', () => {
    const { payload } = openDocument('V2C', unarmor(v2c).bytes);
    const thief = makeVendor(7, 31);
    const found = inspectFile(armor('V2C', signDocument('V2C', writeV2c(readV2c(payload)), thief.signingKey)));
    expect(found.signature).toMatchObject({ holds: false });
    expect(found).not.toHaveProperty('contents');
  });

  it('prints no control or direction characters out of names (S8)', () => {
    const host = 'a\u001b[2J\nerror 0 OK\u202e';
    const text = armor('C2V', stateDocument(key, { counter: 0, host, virtualMachine: true, usage: [] }, now));
    const found = inspectFile(text);
    for (const bad of ['\u001b', '\u202e', '\nerror']) expect(found.text).not.toContain(bad);
    expect(found.text).toContain('a virtual machine');
  });

  it('throws 15 on what is no document, and on a document that is signed but not understood', () => {
    expect(() => inspectFile('hello')).toThrow(expect.objectContaining({ status: 15 }));
    expect(() => inspectFile(armor('C2V', signDocument('C2V', Buffer.from('{}'), key.signingKey)))).toThrow(
      expect.objectContaining({ status: 15 }),
    );
  });

  describe('of a protected key', () => {
    const salt = vendor.publicKey;
    const tower = fingerprintOf({ host: 'physical', values: { board: ['B-1'], disk: ['D-1', 'D-2'], cpu: ['C-1'] } }, salt);
    const changed = fingerprintOf({ host: 'physical', values: { board: ['B-1'], disk: ['D-9'], cpu: ['C-1'] } }, salt);
    const stateOn = (of: typeof tower, counter = 0, inside?: Uint8Array): string =>
      armor('C2V', stateDocument(key, { counter, host: 'h', virtualMachine: false, usage: [], fingerprint: of, certificate: inside }, now));
    const catalog = readCatalog(
      'products: [{ id: 1, name: Survey, features: [{ id: 42, license: { type: perpetual } }], protection: { physical: PMType1, virtual: FQDN }, rehost: true }]',
    );
    const bound = issueLicense({ vendor, catalog, c2v: stateOn(tower), products: [1], now, entropy: fixedEntropy });
    const inside = Buffer.from(readV2c(openDocument('V2C', unarmor(bound.v2c).bytes).payload).certificate, 'base64url');

    it('shows clone protection, what it is bound to, and whether it may move', () => {
      const { text } = inspectFile(bound.v2c);
      expect(text).toContain('The customer may move the key to another computer (rehost)');
      expect(text).toContain('Clone protection: PMType1 (disk or board) on a physical computer, FQDN (fqdn) on a virtual one');
      expect(text).toContain(`Bound to a physical computer, recognised by these hashes:`);
      for (const { kind, values } of tower.components) expect(text).toContain(`${kind}: ${values.join(', ')}`);
      expect(inspectFile(v2c).text).toContain('The key may not move to another computer (no rehost)');
    });

    it('shows what a C2V says of its computer, whether that is the licensed one, and the license of the key', () => {
      expect(inspectFile(stateOn(tower)).text).toMatch(
        /It is on a physical computer, recognised by these hashes:[^]*The key has no license yet/,
      );
      const same = inspectFile(stateOn(tower, 1, inside));
      expect(same.text).toContain('It is the computer that the license is bound to');
      expect(same.text).toContain('  Product 1 Survey');
      expect(same.contents).toMatchObject({ kind: 'C2V', certificate: { counter: 1, rehost: true } });
      expect(inspectFile(stateOn(changed, 1, inside)).text).toContain('these are others: disk');
      expect(inspectFile(makeC2v(key)).text).toContain('does not say what the computer is recognised by');
    });

    it('does not show a license in a C2V that another vendor signed', () => {
      const thief = makeVendor(7, 31);
      const foreign = signDocument('certificate', openDocument('certificate', inside).payload, thief.signingKey);
      const found = inspectFile(stateOn(tower, 1, foreign));
      expect(found.contents).not.toHaveProperty('certificate');
      expect(found.text).toContain('is not signed by the vendor that the key was made for');
    });
  });
});
