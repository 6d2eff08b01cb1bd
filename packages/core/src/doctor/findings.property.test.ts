import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ParseError, parse } from '../parse/index.ts';
import { evidence } from './decode.ts';
import { diagnose } from './diagnose.ts';
import { ADDRESS, evidenceOf, hostOf, namedHost, OTHER } from './evidence.testing.ts';
import type { AddressEvidence, DirectEvidence, HelloEvidence, LinkEvidence, TcpEvidence, UdpEvidence } from './evidence.ts';

// Whatever is seen: a sentence for it, a remedy where something is blocked, and nothing that contradicts what was seen.

const one = <T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
const codes = one('ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EACCES', 'ETIMEDOUT', 'EPERM', 'EFANCY');
const failed = fc.record({ kind: one('failed' as const), code: codes, ms: one(1, 3_100) });
const answered = one<UdpEvidence>(
  { kind: 'answered', from: ADDRESS, guid: OTHER, ms: 1 },
  { kind: 'answered', from: '198.51.100.1', guid: 'third', ms: 1 },
);
const tcp: fc.Arbitrary<TcpEvidence> = fc.oneof(one<TcpEvidence>({ kind: 'connected', ms: 1 }, { kind: 'silent' }), failed);
const udp: fc.Arbitrary<UdpEvidence> = fc.oneof(
  answered,
  one<UdpEvidence>({ kind: 'silent' }, { kind: 'untried' }),
  fc.record({ kind: one('unsent' as const), code: codes }),
);
const direct: fc.Arbitrary<DirectEvidence> = fc.oneof(udp, failed, one<DirectEvidence>({ kind: 'stray', bytes: 3 }));
const hello: fc.Arbitrary<HelloEvidence> = fc.oneof(
  one<HelloEvidence>({ kind: 'closed' }, { kind: 'mute' }, { kind: 'other program', sign: 'HTTP 404' }),
  fc.record({ kind: one('denied' as const, 'version' as const, 'busy' as const), said: fc.string({ maxLength: 20 }) }),
  fc.record({
    kind: one('license manager' as const),
    guid: one(OTHER, 'guid-of-office'),
    name: one('keys', 'mill'),
    aheadSeconds: fc.integer(),
  }),
);
const passage = one('passed' as const, 'lost' as const, 'not tried' as const);
const as = one('itself' as const, 'guest' as const);
const link: fc.Arbitrary<LinkEvidence> = fc.oneof(
  fc.record(
    {
      kind: one('linked' as const),
      as,
      call: one('arrived' as const, 'lost' as const, 'not sent' as const, 'not tried' as const),
      heard: fc.boolean(),
      there: passage,
      back: passage,
    },
    { requiredKeys: ['kind', 'as', 'call', 'there', 'back'] },
  ),
  fc.record({ kind: one('denied' as const), as, said: one('No.') }),
  fc.record({ kind: one('failed' as const), code: codes }),
);
const address: fc.Arbitrary<AddressEvidence> = fc.record(
  {
    address: one(ADDRESS, '2001:db8::7'),
    place: one<AddressEvidence['place']>({ kind: 'own' }, { kind: 'elsewhere' }, { kind: 'subnet', group: '192.0.2.255' }),
    tcp,
    hello,
    link,
    udp,
    direct,
    otherPort: one(1947),
    deniedHere: one('deny=*'),
  },
  { requiredKeys: ['address', 'place', 'tcp', 'udp', 'direct'] },
);

describe('whatever was seen', () => {
  it('is told in one sentence each, with a remedy where it is blocked, and one finding per path', () => {
    fc.assert(
      fc.property(fc.array(address, { minLength: 1, maxLength: 3 }), fc.boolean(), (addresses, named) => {
        const findings = diagnose(evidenceOf([named ? namedHost('keys', ...addresses) : hostOf(addresses[0] as AddressEvidence)]));
        for (const { sentence, remedy, verdict, cause } of findings) {
          expect(sentence.length).toBeGreaterThan(10);
          expect(sentence).not.toContain('undefined');
          if (verdict === 'blocked') expect(remedy).not.toBe('');
          expect(verdict === 'ok').toBe(cause === 'none');
        }
        if (named) return;
        const paths = findings.filter(({ host }) => host !== 'eth0' && host !== 'this computer').map(({ path }) => path);
        expect(paths.length).toBeGreaterThan(0);
        expect(new Set(paths).size).toBe(paths.length);
      }),
      { numRuns: 2_000 },
    );
  });

  it('is never blocked both ways by UDP when the answer came from where it was asked', () => {
    fc.assert(
      fc.property(address, (seen) => {
        const findings = diagnose(evidenceOf([hostOf({ ...seen, udp: { kind: 'answered', from: seen.address, guid: OTHER, ms: 1 } })]));
        expect(findings.filter(({ path, verdict }) => (path === 'udp there' || path === 'udp back') && verdict !== 'ok')).toEqual([]);
      }),
    );
  });

  it('comes through JSON as it was, and what is no evidence is refused', () => {
    fc.assert(
      fc.property(fc.array(address, { maxLength: 3 }), (addresses) => {
        const all = evidenceOf([namedHost('keys', ...addresses)], {
          known: [{ name: 'keys', guid: OTHER, address: ADDRESS, linked: true }],
        });
        const json: unknown = JSON.parse(JSON.stringify(all));
        expect(parse(evidence, json)).toEqual(json);
      }),
      { numRuns: 200 },
    );
    for (const bad of [{}, { ...evidenceOf([]), hosts: [{ asked: 'x' }] }, { ...evidenceOf([]), self: { kind: 'else' } }])
      expect(() => parse(evidence, bad)).toThrow(ParseError);
  });
});
