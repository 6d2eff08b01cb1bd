import { Buffer } from 'node:buffer';
import { describe, expect, it } from 'vitest';
import { toBase64 } from '../bytes/index.ts';
import { fingerprintOf } from '../fingerprint/index.ts';
import { ParseError } from '../parse/index.ts';
import { type C2v, type Certificate, readC2v, readCertificate, writeC2v, writeCertificate } from './index.ts';

const bytes = (fill: number) => toBase64(Buffer.alloc(32, fill));
const fingerprint = fingerprintOf(
  { host: 'physical', values: { disk: ['d1', 'd2'], board: ['b'], fqdn: ['a.example'] } },
  Buffer.alloc(32, 3),
);
const c2v: C2v = {
  format: 1,
  vendor: 7,
  vendorKey: bytes(3),
  key: '1',
  type: 'sl-adminmode',
  signingKey: bytes(1),
  exchangeKey: bytes(2),
  counter: 0,
  created: '2026-11-24T03:00:00Z',
  host: 'a',
  virtualMachine: false,
  usage: [],
};
const certificate: Certificate = {
  format: 1,
  vendor: 7,
  key: '1',
  type: 'sl-adminmode',
  signingKey: bytes(1),
  counter: 1,
  issued: '2026-11-24T03:00:00.000Z',
  products: [
    { id: 1, name: 'Survey', features: [], protection: { physical: 'PMType2', virtual: { criteria: ['fqdn', 'custom'], minimum: 1 } } },
  ],
  memory: { readWrite: 0, readOnly: 0 },
  fingerprint,
};

describe('fingerprint and protection inside signed documents (K6)', () => {
  it('come back, and are the last of their fields', () => {
    expect(readC2v(writeC2v({ ...c2v, fingerprint }))).toEqual({ ...c2v, fingerprint });
    expect(readCertificate(writeCertificate(certificate))).toEqual(certificate);
    expect(Object.keys(readC2v(writeC2v({ ...c2v, fingerprint }))).at(-1)).toBe('fingerprint');
    expect(Object.keys(readCertificate(writeCertificate(certificate))).at(-1)).toBe('fingerprint');
  });

  it('leave documents without them as they were', () => {
    expect(writeC2v(c2v).toString()).not.toContain('fingerprint');
    const { fingerprint: _, ...plain } = certificate;
    const without = { ...plain, products: plain.products.map(({ protection: __, ...each }) => each) };
    expect(writeCertificate(without).toString()).not.toMatch(/fingerprint|protection/);
  });

  it('are refused where they say nothing sensible', () => {
    const [product] = certificate.products;
    const with_ = (protection: unknown) => () =>
      writeCertificate({ ...certificate, products: [{ ...product, protection }] } as Certificate);
    expect(with_({ physical: 'VMType1', virtual: 'VMType1' })).toThrow(ParseError);
    expect(with_({ physical: { criteria: [], minimum: 0 }, virtual: 'FQDN' })).toThrow(ParseError);
    expect(() => writeC2v({ ...c2v, fingerprint: { ...fingerprint, components: [...fingerprint.components].reverse() } })).toThrow(
      ParseError,
    );
  });
});
