import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ParseError, parse } from '../parse/index.ts';
import { componentKinds, type Fingerprint, fingerprint, fingerprintOf, hostKinds, normalise, type Observation } from './index.ts';

const salt = Buffer.alloc(32, 7);
const observation: Observation = {
  host: 'physical',
  values: {
    disk: ['WD-1234', 'S5GXNX0T'],
    board: ['Made Ltd X1 77AB12'],
    fqdn: ['Survey.example'],
    ethernet_address: ['00:1B:21:0A:0B:0C'],
  },
};

const observations: fc.Arbitrary<Observation> = fc.record({
  host: fc.constantFrom(...hostKinds),
  values: fc.dictionary(fc.constantFrom(...componentKinds), fc.array(fc.string({ maxLength: 12 }), { maxLength: 70 })),
});

describe('a fingerprint (K6)', () => {
  it('does not show what it was made of', () => {
    const text = JSON.stringify(fingerprintOf(observation, salt));
    for (const values of Object.values(observation.values))
      for (const value of values ?? []) expect(text.toLowerCase()).not.toContain(value.toLowerCase());
  });

  it('is the same for the same computer, however it was read', () => {
    const again: Observation = {
      host: 'physical',
      values: {
        ethernet_address: ['00:1b:21:0a:0b:0c'],
        fqdn: [' survey.EXAMPLE\n'],
        board: ['made  ltd x1 77ab12'],
        disk: ['s5gxnx0t', 'WD-1234', 'WD-1234'],
      },
    };
    expect(fingerprintOf(again, salt)).toEqual(fingerprintOf(observation, salt));
  });

  it('has nothing in common with the one that another vendor gets, nor with another component of the same value', () => {
    const values = (of: Fingerprint) => of.components.flatMap((component) => component.values);
    const other = new Set(values(fingerprintOf(observation, Buffer.alloc(32, 8))));
    expect(values(fingerprintOf(observation, salt)).filter((value) => other.has(value))).toEqual([]);
    const [a, b] = values(fingerprintOf({ host: 'virtual', values: { machine_id: ['x1'], vm_uuid: ['x1'] } }, salt));
    expect(a).not.toBe(b);
  });

  it.each([
    '',
    ' ',
    '0',
    '00:00:00:00:00:00',
    'FF:FF:FF:FF:FF:FF',
    'To be filled by O.E.M.',
    'Default string',
    'None',
    '00000000-0000-0000-0000-000000000000',
    'ffffffff-ffff-ffff-ffff-ffffffffffff',
    '03000200-0400-0500-0006-000700080009',
    'xxxxxxx',
    '\0\0',
  ])('takes %j for nothing', (value) => {
    expect(normalise(value)).toBeUndefined();
    expect(fingerprintOf({ host: 'physical', values: { board: [value] } }, salt).components).toEqual([]);
  });

  it('comes back from JSON as it went, for any observation', () => {
    fc.assert(
      fc.property(observations, (observed) => {
        const made = fingerprintOf(observed, salt);
        const read: unknown = JSON.parse(JSON.stringify(made));
        expect(JSON.stringify(parse(fingerprint, read))).toBe(JSON.stringify(made));
        for (const { values } of made.components) expect(values.length).toBeLessThanOrEqual(64);
      }),
    );
  });

  it('has one spelling; others are refused', () => {
    const good = fingerprintOf(observation, salt);
    const [first, second] = good.components;
    const disk = good.components.find(({ kind }) => kind === 'disk');
    for (const components of [
      [second, first],
      [first, first],
      [{ ...first, values: [] }],
      [{ kind: 'disk', values: [...(disk?.values ?? [])].reverse() }],
      [{ kind: 'disk', values: [disk?.values[0], disk?.values[0]] }],
      [{ kind: 'disk', values: ['AAAA'] }],
      [{ kind: 'disk', values: ['AAAAAAAAAAAAAAA+'] }],
      [{ kind: 'shoe size', values: disk?.values }],
      [{ ...first, more: 1 }],
    ]) {
      expect(() => parse(fingerprint, { ...good, components }), JSON.stringify(components)).toThrow(ParseError);
    }
    expect(() => parse(fingerprint, { ...good, version: 2 })).toThrow(ParseError);
    expect(() => parse(fingerprint, { ...good, host: 'cloud' })).toThrow(ParseError);
    expect(() => parse(fingerprint, good)).not.toThrow();
  });
});
