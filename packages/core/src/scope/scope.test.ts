import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LicensingError } from '../errors/index.ts';
import {
  anyScope,
  type Clause,
  matches,
  parseScope,
  type Scope,
  type ScopeInput,
  type ScopeSubject,
  scopeToXml,
  toScope,
} from './index.ts';

const subject: ScopeSubject = {
  licenseManager: { hostname: 'Bridge', id: 'AbC+/1', ips: ['10.0.0.7', 'fe80::1%eth0'], local: true },
  vendor: { id: 37515, code: 'QUJD\nREVG=' },
  key: { id: '00123', type: 'HASP-SL-AdminMode', configuration: 'haspsl-adminmode', version: '3.25', attached: true },
  product: { id: 7 },
  feature: { id: 42 },
};

const scope = (inner: string): string => `<haspscope>${inner}</haspscope>`;
const matched = (inner: string, against = subject): boolean => matches(parseScope(scope(inner)).scope, against);

function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof LicensingError) return `${error.status} ${error.detail}`;
    throw error;
  }
  return 'accepted';
}

describe('the scopes that applications write', () => {
  it.each([
    ['<haspscope/>', true],
    ['<?xml version="1.0" encoding="UTF-8" ?><haspscope/>', true],
    ['<haspscope><license_manager hostname="localhost"/></haspscope>', true],
    ['<haspscope>\n <license_manager hostname="localhost" />\n</haspscope>\n', true],
    ['<haspscope><license_manager hostname="~localhost"/></haspscope>', false],
    ['<haspscope><license_manager ip="127.0.0.1"/></haspscope>', true],
    ['<haspscope><license_manager ip="::1"/></haspscope>', true],
    ['<haspscope><license_manager ip="FF02::1"/></haspscope>', false],
    ['<haspscope><license_manager ip="FE80:0:0::0:1"/></haspscope>', true],
    ['<haspscope><hasp id="123"/></haspscope>', true],
    ['<haspscope><hasp id="124"/></haspscope>', false],
    ['<haspscope><hasp type="HASP-HL" ><license_manager hostname="localhost" /></hasp></haspscope>', false],
    ['<haspscope><hasp type="HASP-SL-AdminMode" ><license_manager hostname="localhost" /></hasp></haspscope>', true],
    ['<haspscope><hasp id="124"/><hasp id="123"/></haspscope>', true],
  ])('%s', (xml, expected) => {
    expect(matches(parseScope(xml).scope, subject)).toBe(expected);
  });
});

describe('parseScope and matches', () => {
  it('takes elements beside each other as alternatives and nested ones together', () => {
    expect(matched('<product id="7"><feature id="42"/></product>')).toBe(true);
    expect(matched('<product id="7"><feature id="43"/></product>')).toBe(false);
    expect(matched('<product id="7"><feature id="43"/><feature id="42"/></product>')).toBe(true);
    expect(matched('<product id="8"/><feature id="42"/>')).toBe(true);
    expect(matched('<feature id="42"><feature id="43"/></feature>')).toBe(false);
  });

  it('takes attributes and child elements alike', () => {
    const same = ['<hasp id="123"/>', '<hasp><id>123</id></hasp>', '<hasp>\n<id> 123 </id>\n</hasp>'];
    expect(same.map((inner) => parseScope(scope(inner)))).toEqual(Array(3).fill(parseScope(scope('<hasp id="0123"/>'))));
    expect(matched('<hasp><id>9</id><id>123</id></hasp>')).toBe(true);
    expect(matched('<hasp><id>123</id><type>HASP-HL</type></hasp>')).toBe(false);
    expect(matched('<hasp id="123" type="HASP-HL"/>')).toBe(false);
    expect(matched('<feature><id cmp="ge">42</id></feature>')).toBe(true);
  });

  it.each([
    ['equ', [false, true, false]],
    ['lt', [true, false, false]],
    ['le', [true, true, false]],
    ['gt', [false, false, true]],
    ['ge', [false, true, true]],
  ])('compares features and versions by cmp="%s"', (cmp, expected) => {
    const features = [41, 42, 43].map((id) => matched(`<feature id="42" cmp="${cmp}"/>`, { ...subject, feature: { id } }));
    const versions = ['3.9', '3.25', '3.25.1'].map((version) =>
      matched(`<hasp version="3.25" cmp="${cmp}"/>`, { ...subject, key: { id: 1, version } }),
    );
    expect(features).toEqual(expected);
    expect(versions).toEqual(expected);
    expect(matched(`<feature id="~42" cmp="${cmp}"/>`)).toBe(!expected[1]);
  });

  it('lets HASP-SL stand for every kind of software key', () => {
    expect(matched('<hasp type="HASP-SL"/>')).toBe(true);
    expect(matched('<hasp type="~HASP-SL"/>')).toBe(false);
    expect(matched('<hasp type="HASP-SL"/>', { ...subject, key: { id: 1, type: 'HASP-SLX' } })).toBe(false);
    expect(matched('<hasp type="HASP-SL-AdminMode"/>', { ...subject, key: { id: 1, type: 'HASP-SL' } })).toBe(false);
  });

  it('compares the other fields by their meaning', () => {
    expect(matched('<license_manager hostname="BRIDGE."/>')).toBe(true);
    expect(matched('<license_manager id="abc+/1"/>')).toBe(false);
    expect(matched('<vendor code="QUJDREVG"/>')).toBe(true);
    expect(matched('<vendor id="037515"/>')).toBe(true);
    expect(matched('<hasp attached="1" configuration="HASPSL-ADMINMODE"/>')).toBe(true);
    expect(matched('<license_manager ip="::ffff:10.0.0.7"/>')).toBe(true);
    expect(matched('<session username="eva"/>', { ...subject, session: { username: 'Eva' } })).toBe(true);
  });

  it('knows localhost only as the license manager of the own computer', () => {
    const remote = { ...subject, licenseManager: { ...subject.licenseManager, local: false } };
    expect(matched('<license_manager hostname="localhost"/>', remote)).toBe(false);
    expect(matched('<license_manager ip="127.0.0.1"/>', remote)).toBe(false);
    expect(matched('<license_manager hostname="~localhost"/>', remote)).toBe(true);
  });

  it('finds that what a subject does not have equals nothing', () => {
    const { product: _, ...without } = subject;
    expect(matched('<product id="7"/>', without)).toBe(false);
    expect(matched('<product id="~7"/>', without)).toBe(true);
    expect(matched('<session handle="1"/>')).toBe(false);
  });

  it('hands out login options apart from the scope', () => {
    const xml = scope(
      '<hasp id="123"><feature id="42" network_seats_to_consume="3" die_at_expiration="1"><execution_count_to_consume>2</execution_count_to_consume></feature></hasp>',
    );
    expect(parseScope(xml).options).toEqual({ seats: 3, executions: 2, dieAtExpiration: true });
    expect(parseScope(xml).scope).toEqual(parseScope(scope('<hasp id="123"><feature id="42"/></hasp>')).scope);
    expect(parseScope(scope('<feature occupy_cloud_session="0"/>'))).toEqual({ scope: anyScope, options: { occupyCloudSession: false } });
  });

  it('does not take a feature element with options only as an alternative to the rest', () => {
    expect(matched('<hasp id="9"/><feature network_seats_to_consume="3"/>')).toBe(false);
  });

  it.each([
    ['<haspformat/>', '36 Line 1, column 1: the root element is "haspformat" and not haspscope.'],
    ['<haspscope\n>\n <dongle/></haspscope>', '36 Line 3, column 2: "dongle" is not an element of scopes.'],
    [scope('<hasp colour="1"/>'), '36 Line 1, column 12: "colour" is not one of id, version, type, configuration, attached.'],
    [scope('<hasp id=""/>'), '36 Line 1, column 12: "" is not an id.'],
    [scope('<hasp id="1" cmp="ge"/>'), '36 Line 1, column 12: cmp has no attribute that it could compare.'],
    [scope('<hasp><id cmp="ge">1</id></hasp>'), '36 Line 1, column 18: id can only be compared for being equal.'],
    [scope('<feature id="1" cmp="ne"/>'), '36 Line 1, column 12: "ne" is not one of equ, lt, le, gt, ge.'],
    [scope('<feature id="4294967296"/>'), '36 Line 1, column 12: "4294967296" is not a whole number from 0 to 4294967295.'],
    [scope('<license_manager ip="10.0.0.256"/>'), '36 Line 1, column 12: "10.0.0.256" is not an IPv4 or IPv6 address.'],
    [scope('<hasp>123</hasp>'), '36 Line 1, column 12: text stands in hasp.'],
    [scope('<hasp><id><id>1</id></id></hasp>'), '36 Line 1, column 18: id holds text, not elements.'],
    [scope('<hasp network_seats_to_consume="1"/>'), /not one of id/],
    [scope('<feature network_seats_to_consume="0"/>'), /"0" is not a value of network_seats_to_consume/],
    [scope('<feature die_at_expiration="1"/><feature die_at_expiration="0"/>'), /die_at_expiration is given twice/],
    [scope(`<hasp id="${'1'.repeat(33_000)}"/>`), '501 The XML is larger than 32768 bytes.'],
    [scope('<hasp>'.repeat(40)), /^36 .*nested deeper than 32 levels/],
    ['<!DOCTYPE haspscope><haspscope/>', /^36 .*document types/],
  ])('refuses %j', (xml, detail) => {
    const found = refusal(() => parseScope(xml));
    expect(found).toMatch(detail);
  });
});

describe('toScope', () => {
  const agrees = (input: ScopeInput, inner: string): void => expect(toScope(input)).toEqual(parseScope(scope(inner)).scope);

  it('says by hand what the XML says', () => {
    agrees({ key: { id: '123' } }, '<hasp id="123"/>');
    agrees({ licenseManager: { hostname: 'localhost' } }, '<license_manager hostname="localhost"/>');
    agrees([{ key: { id: 1 } }, { feature: { id: { ge: 42 } } }], '<hasp id="1"/><feature id="42" cmp="ge"/>');
    agrees({ key: { id: ['1', { not: '2' }, '~3'] } }, '<hasp><id>1</id><id>~2</id><id>~3</id></hasp>');
    agrees({ product: { id: 7 }, licenseManager: { ip: '::1' } }, '<license_manager ip="::1"><product id="7"/></license_manager>');
    agrees({}, '');
    agrees([{ key: { id: 1 } }, {}], '');
    expect(toScope(toScope({ key: { attached: true } }))).toEqual(parseScope(scope('<hasp attached="true"/>')).scope);
  });

  it.each([
    [[], '36 At scope: an empty list of alternatives would match nothing.'],
    [{ dongle: {} }, /^36 At scope: "dongle" is not one of licenseManager, vendor, key/],
    [[{ key: { id: [] } }], '36 At scope[0].key.id: an empty list of values would match nothing.'],
    [{ key: { id: { ge: 5 } } }, '36 At scope.key.id: id can only be compared for being equal.'],
    [{ key: { id: { not: 1, ge: 5 } } }, '36 At scope.key.id: only one of not, lt, le, gt and ge can be given.'],
    [{ key: { id: null } }, '36 At scope.key.id: a value is a text, a number or a boolean.'],
    [{ feature: { id: -1 } }, /not a whole number/],
    [{ feature: 5 }, '36 At scope.feature: feature is an object.'],
    [null, '36 At scope: an alternative is an object.'],
  ])('refuses %j', (input, detail) => {
    // What JavaScript callers may pass whatever the types say.
    const found = refusal(() => Reflect.apply(toScope, undefined, [input]));
    expect(found).toMatch(detail);
  });
});

describe('any scope', () => {
  const value = fc.oneof(fc.nat(99), fc.constantFrom('7', '~42', '00123'), fc.record({ not: fc.nat(99) }));
  const order = fc.oneof(fc.record({ lt: fc.nat(99) }), fc.record({ ge: fc.nat(99) }));
  const text = fc
    .oneof(fc.constantFrom('HASP-SL', '~a<b', '"&\'', ' x > y '), fc.string({ minLength: 1, unit: 'grapheme-ascii' }))
    .filter((each) => each.trim().replace(/^~/, '').trim() !== '');
  const anyOf = <T>(each: fc.Arbitrary<T>) => fc.oneof(each, fc.array(each, { minLength: 1, maxLength: 3 }));
  const alternative = fc.record(
    {
      licenseManager: fc.record({ hostname: anyOf(fc.constantFrom('localhost', '~bridge')), ip: fc.ipV6() }, { requiredKeys: [] }),
      key: fc.record({ id: anyOf(value), type: anyOf(text), version: anyOf(fc.constantFrom('3.25', '4')) }, { requiredKeys: [] }),
      product: fc.record({ id: anyOf(value) }),
      feature: fc.record({ id: anyOf(fc.oneof(value, order)) }),
    },
    { requiredKeys: [] },
  );
  const typed = fc.array(alternative, { minLength: 1, maxLength: 4 });
  // Nesting that only the XML can say: the clauses of one scope within those of another.
  const within = (outer: readonly Clause[], inner: Scope): Clause[] =>
    outer.map((clause) => ({ ...clause, within: clause.within.length === 0 ? inner.anyOf : within(clause.within, inner) }));

  it('is the same after being written and read again', () => {
    fc.assert(
      fc.property(typed, typed, (outer, inner) => {
        const built: Scope = { anyOf: within(toScope(outer).anyOf, toScope(inner)) };
        const xml = scopeToXml(built, { seats: 2 });
        const read = parseScope(xml);
        expect(read).toEqual({ scope: built, options: { seats: 2 } });
        expect(scopeToXml(read.scope, read.options)).toBe(xml);
        expect(matches(read.scope, subject)).toBe(
          matches(toScope(outer), subject) && (built.anyOf.length === 0 || matches(toScope(inner), subject)),
        );
      }),
      { numRuns: 200 },
    );
  });

  it('written to be too large for a license manager is refused by the writer', () => {
    const keys = Array.from({ length: 3_000 }, (_, index) => `key-${index}`);
    expect(refusal(() => scopeToXml(toScope({ key: { id: keys } })))).toBe('501 The scope is larger than 32768 bytes as XML.');
  });

  it('made of garbage throws LicensingError or is accepted, and never anything else', () => {
    const names = [
      'haspscope',
      'hasp',
      'feature',
      'license_manager',
      'product',
      'vendor',
      'session',
      'id',
      'cmp',
      'ip',
      'constructor',
      '__proto__',
    ];
    const piece = fc.oneof(
      fc.constantFrom('<', '</', '>', '/>', ' ', '="', '"', '~', '1', '<hasp id="1"/>', '</haspscope>'),
      fc.constantFrom(...names),
    );
    const garbage = fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join(''));
    const tags = fc.array(fc.tuple(fc.constantFrom(...names), fc.constantFrom(...names), fc.constantFrom('1', '~2', 'x', '')), {
      maxLength: 5,
    });
    const elements = tags.map((all) =>
      all.map(([tag, attribute, content]) => `<${tag} ${attribute}="${content}"><${attribute}>${content}</${attribute}></${tag}>`).join(''),
    );
    const property = fc.property(fc.oneof(garbage, elements), (inner) =>
      [inner, scope(inner)].every((xml) => /^(accepted|36 )/.test(refusal(() => parseScope(xml)))),
    );
    expect(fc.check(property, { numRuns: 1_000 }).counterexample).toBeNull();
  });
});
