import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toBase64 } from '../bytes/index.ts';
import { LicensingError, Status } from '../errors/index.ts';
import { ParseError } from '../parse/index.ts';
import {
  type C2v,
  type Certificate,
  readC2v,
  readCertificate,
  readSecrets,
  readV2c,
  type Secrets,
  type V2c,
  writeC2v,
  writeCertificate,
  writeSecrets,
  writeV2c,
} from './documents.ts';
import { type Feature, MAX_EXECUTIONS, MAX_ID, MAX_SEATS } from './terms.ts';

const bytes = (length: number, fill = 1) => toBase64(Buffer.alloc(length, fill));
const certificate: Certificate = {
  format: 1,
  vendor: 7,
  key: '123456789',
  type: 'sl-adminmode',
  signingKey: bytes(32),
  counter: 1,
  issued: '2026-11-24T03:00:00.000Z',
  products: [
    {
      id: 1,
      name: 'Survey',
      features: [
        {
          id: 42,
          name: 'Echo sounder',
          license: { type: 'expiration', until: '2027-12-31T23:59:59Z' },
          concurrency: { seats: 5, count: 'login', network: true, remoteDesktop: false, virtualMachine: true },
          detachable: true,
        },
      ],
    },
  ],
  memory: { readWrite: 4032, readOnly: 2048 },
};
const v2c: V2c = { format: 1, vendor: 7, key: '1', counter: 1, certificate: bytes(100), sealed: bytes(48) };
const secrets: Secrets = { features: [{ id: 0, secret: bytes(32) }] };
const c2v: C2v = {
  format: 1,
  vendor: 7,
  vendorKey: bytes(32, 3),
  key: '1',
  type: 'sl-adminmode',
  signingKey: bytes(32),
  exchangeKey: bytes(32, 2),
  counter: 0,
  created: '2026-11-24T03:00:00Z',
  host: 'körper.example',
  virtualMachine: false,
  usage: [{ product: 1, feature: 42, executions: 3 }],
};
const kinds = [
  ['certificate', certificate, (value: unknown) => writeCertificate(value as Certificate), readCertificate, Status.INV_UPDATE_DATA],
  ['V2C', v2c, (value: unknown) => writeV2c(value as V2c), readV2c, Status.INV_UPDATE_DATA],
  ['secrets', secrets, (value: unknown) => writeSecrets(value as Secrets), readSecrets, Status.INV_UPDATE_DATA],
  ['C2V', c2v, (value: unknown) => writeC2v(value as C2v), readC2v, Status.INV_FORMAT],
] as const;

const expectStatus = (act: () => unknown, status: number, message: RegExp) => {
  let thrown: unknown;
  try {
    act();
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(LicensingError);
  expect(thrown).toMatchObject({ status, message: expect.stringMatching(message) });
};

describe.each(kinds)('the %s document', (_, sample, write, read, status) => {
  it('reads what was written, and writes the same bytes again', () => {
    const written = write(sample);
    expect(read(written)).toEqual(sample);
    expect(write(read(written)).equals(written)).toBe(true);
  });

  it('has one spelling: fields in another order, spaces, repeated and unknown fields are refused', () => {
    const json = write(sample).toString();
    const reversed = JSON.stringify(Object.fromEntries(Object.entries(sample).reverse()));
    const [first = ''] = Object.keys(sample);
    const canonical = Object.keys(sample).length > 1 ? [reversed] : [];
    for (const spelling of [...canonical, json.replace('{', '{ '), `${json}\n`, json.replace('{', `{${JSON.stringify(first)}:0,`)]) {
      expectStatus(() => read(Buffer.from(spelling)), status, /not in canonical form/);
    }
    expectStatus(() => read(Buffer.from(json.replace('{', '{"more":1,'))), status, /more: is unknown/);
  });

  it('is refused with its own status when it is cut or no JSON at all', () => {
    const written = write(sample);
    for (let length = 0; length < written.length; length += 7) expectStatus(() => read(written.subarray(0, length)), status, /is not JSON/);
    for (const odd of ['null', '[]', '1', '"x"', '{}']) expectStatus(() => read(Buffer.from(odd)), status, /understood/);
  });

  it('names every missing field at once', () => {
    let faults: readonly string[] = [];
    try {
      write({});
    } catch (error) {
      if (error instanceof ParseError) faults = error.faults;
    }
    expect(faults.filter((fault) => fault.endsWith('is missing'))).toHaveLength(Object.keys(sample).length);
  });
});

describe('spellings that could hide something', () => {
  it('refuses bytes that are not UTF-8, though they decode to the same text as bytes that are', () => {
    const written = writeC2v({ ...c2v, host: '\ufffd' });
    const at = written.indexOf(Buffer.from('\ufffd'));
    const other = Buffer.concat([written.subarray(0, at), Buffer.of(0xff), written.subarray(at + 3)]);
    expectStatus(() => readC2v(other), Status.INV_FORMAT, /canonical/);
  });

  it('refuses base64 with padding, with the letters of plain base64, and with spare bits set', () => {
    const signingKey = toBase64(Buffer.alloc(32, 0xff));
    for (const spelling of [`${signingKey}=`, signingKey.replaceAll('_', '/'), `${signingKey.slice(0, -1)}9`]) {
      expect(() => writeC2v({ ...c2v, signingKey: spelling })).toThrow(/32 bytes in base64url/);
    }
  });

  it('refuses moments that do not exist', () => {
    for (const created of ['2027-02-30T00:00:00Z', '2027-13-01T00:00:00Z', '2027-01-01T24:00:00Z', '2027-01-01T00:00:00', '2027-01-01']) {
      expect(() => writeC2v({ ...c2v, created }), created).toThrow(/a moment in UTC/);
    }
  });

  it('refuses one id twice among secrets, products and features', () => {
    const [secret] = secrets.features;
    expect(() => writeSecrets({ features: [secret!, secret!] })).toThrow(/id 0 is there twice/);
    const [product] = certificate.products;
    expect(() => writeCertificate({ ...certificate, products: [product!, product!] })).toThrow(/id 1 is there twice/);
    const twice = { ...product!, features: [...product!.features, ...product!.features] };
    expect(() => writeCertificate({ ...certificate, products: [twice] })).toThrow(/id 42 is there twice/);
  });
});

describe('the limits of a license', () => {
  const [product] = certificate.products;
  const [sample] = product!.features;
  const withFeature = (change: Partial<Feature>) =>
    writeCertificate({ ...certificate, products: [{ ...product!, features: [{ ...sample!, ...change }] }] });

  it('admit the largest values and refuse the next', () => {
    const seats = (count: number) => withFeature({ concurrency: { ...sample!.concurrency, seats: count } });
    const executions = (count: number) => withFeature({ license: { type: 'executions', count } });
    const until = (date: string) => withFeature({ license: { type: 'expiration', until: date } });
    for (const fine of [
      () => seats(MAX_SEATS),
      () => seats(1),
      () => executions(MAX_EXECUTIONS),
      () => withFeature({ id: MAX_ID }),
      () => until('1980-01-01T00:00:00Z'),
      () => until('2091-12-31T23:59:59.999Z'),
      () => withFeature({ name: 'x'.repeat(50) }),
    ]) {
      expect(fine).not.toThrow();
    }
    for (const bad of [
      () => seats(MAX_SEATS + 1),
      () => seats(0),
      () => seats(1.5),
      () => executions(0),
      () => executions(MAX_EXECUTIONS + 1),
      () => withFeature({ id: 0 }),
      () => withFeature({ id: MAX_ID + 1 }),
      () => until('1979-12-31T23:59:59Z'),
      () => until('2092-01-01T00:00:00Z'),
      () => withFeature({ name: 'x'.repeat(51) }),
    ]) {
      expect(bad).toThrow(ParseError);
    }
  });

  it('come back for any admitted terms', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: MAX_ID }),
        fc.string({ maxLength: 25 }),
        fc.oneof(fc.integer({ min: 1, max: MAX_SEATS }), fc.constant('unlimited' as const)),
        fc.constantFrom('login', 'process', 'station'),
        (id, name, seats, count) => {
          const written = withFeature({ id, name, concurrency: { ...sample!.concurrency, seats, count } });
          expect(writeCertificate(readCertificate(written)).equals(written)).toBe(true);
        },
      ),
    );
  });
});
