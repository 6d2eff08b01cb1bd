import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LicensingError, Status } from '../errors/index.ts';
import { type PartName, partNames } from '../scope/index.ts';
import { formatFieldOf, formatFieldsOf } from './fields.ts';
import {
  type FieldRequest,
  type Format,
  type FormatObject,
  formatToXml,
  parseFormat,
  predefinedFormats,
  recipientFormat,
} from './format.ts';
import { toFormat } from './typed-format.ts';

const refusal = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (error instanceof LicensingError) return `${error.status} ${error.detail}`;
    throw error;
  }
  return 'accepted';
};

describe('parseFormat (A1)', () => {
  it.each(predefinedFormats)('knows the predefined format %s in each way of writing it', (name) => {
    const expected = { kind: 'predefined', name };
    expect(parseFormat(`<haspformat format="${name}"/>`)).toEqual(expected);
    expect(parseFormat(`<?xml version="1.0"?><haspformat root="${name}"></haspformat>`)).toEqual(expected);
    expect(toFormat(name)).toEqual(expected);
    expect(toFormat({ kind: 'predefined', name })).toEqual(expected);
  });

  it('knows the recipient by name, and as the root location, empty and in full', () => {
    expect(toFormat('recipient')).toEqual(recipientFormat);
    expect(parseFormat('<haspformat root="location"/>')).toEqual(recipientFormat);
    const inFull = `<haspformat root="location"><license_manager><attribute name="id"/><attribute name="time"/>
      <element name="hostname"/><element name="version"/><element name="host_fingerprint"/></license_manager></haspformat>`;
    expect(parseFormat(inFull)).toEqual(recipientFormat);
  });

  it('reads the custom format that existing programs send (interop 4)', () => {
    const xml =
      '<haspformat root="hasp_info"><hasp><attribute name="id"/><attribute name="type"/><feature><attribute name="id"/>' +
      '<attribute name="name"/><element name="license"/></feature></hasp></haspformat>';
    expect(parseFormat(xml)).toEqual({
      kind: 'tree',
      root: 'hasp_info',
      objects: [
        {
          object: 'key',
          fields: [
            { name: 'id', as: 'attribute' },
            { name: 'type', as: 'attribute' },
          ],
          objects: [
            {
              object: 'feature',
              fields: [
                { name: 'id', as: 'attribute' },
                { name: 'name', as: 'attribute' },
                { name: 'license', as: 'element' },
              ],
              objects: [],
            },
          ],
        },
      ],
    });
  });

  it('has the root hasp_info where none is named, and takes parts of a field', () => {
    expect(parseFormat('<haspformat><feature><license><attribute name="license_type"/></license></feature></haspformat>')).toEqual({
      kind: 'tree',
      root: 'hasp_info',
      objects: [
        {
          object: 'feature',
          fields: [{ name: 'license', as: 'element', parts: [{ name: 'license_type', as: 'attribute' }] }],
          objects: [],
        },
      ],
    });
  });

  it.each([
    ['', '35 Line 1, column 1: there is no element.'],
    ['<haspformat>', '35 Line 1, column 1: haspformat is not closed.'],
    ['<!DOCTYPE a []><haspformat/>', '35 Line 1, column 1: document types and CDATA sections are not accepted.'],
    ['<haspscope/>', '15 Line 1, column 1: the root element is "haspscope" and not haspformat.'],
    ['<haspformat/>', '15 Line 1, column 1: the format asks for nothing.'],
    ['<haspformat root="x"/>', '15 Line 1, column 1: the format asks for nothing.'],
    [
      '<haspformat format="all"/>',
      '15 Line 1, column 1: "all" is not one of updateinfo, fastupdateinfo, sessioninfo, keyinfo, host_fingerprint.',
    ],
    ['<haspformat format="keyinfo"><hasp/></haspformat>', '15 Line 1, column 1: a predefined format holds nothing.'],
    ['<haspformat root="a b"><hasp/></haspformat>', '15 Line 1, column 1: "a b" is not the name of an element.'],
    ['<haspformat root="a&gt;&lt;b"><hasp/></haspformat>', '15 Line 1, column 1: "a><b" is not the name of an element.'],
    ['<haspformat root=""><hasp/></haspformat>', '15 Line 1, column 1: "" is not the name of an element.'],
    ['<haspformat rot="a"><hasp/></haspformat>', '15 Line 1, column 1: haspformat has no "rot".'],
    ['<haspformat>x<hasp/></haspformat>', '15 Line 1, column 1: text stands in haspformat.'],
    ['<haspformat>\n<dongle/></haspformat>', '15 Line 2, column 1: "dongle" is not an object of formats.'],
    ['<haspformat><attribute name="id"/></haspformat>', '15 Line 1, column 13: "attribute" is not an object of formats.'],
    ['<haspformat><vendor><attribute name="ip"/></vendor></haspformat>', '15 Line 1, column 21: "ip" is not one of id, name.'],
    ['<haspformat><vendor><attribute/></vendor></haspformat>', '15 Line 1, column 21: attribute has no name.'],
    ['<haspformat><vendor><element name="id">x</element></vendor></haspformat>', '15 Line 1, column 21: text stands in element.'],
    ['<haspformat><vendor><element name="id"><hasp/></element></vendor></haspformat>', '15 Line 1, column 21: element holds nothing.'],
    ['<haspformat><hasp id="1"/></haspformat>', '15 Line 1, column 13: hasp has no "id".'],
    ['<haspformat><feature><license><x/></license></feature></haspformat>', '15 Line 1, column 31: "x" is neither attribute nor element.'],
    [
      '<haspformat root="haspscope"><hasp><attribute name="updatecounter"/></hasp></haspformat>',
      '15 Line 1, column 1: a scope would have an object without anything that scopes know.',
    ],
  ])('refuses %j with place and reason', (xml, detail) => {
    expect(refusal(() => parseFormat(xml))).toBe(detail);
  });

  it('takes 512 requests and not one more, and not more than 32 KiB', () => {
    const asking = (count: number): string => `<haspformat>${'<hasp/>'.repeat(count - 1)}</haspformat>`;
    expect(refusal(() => parseFormat(asking(512)))).toBe('accepted');
    expect(refusal(() => parseFormat(asking(513)))).toMatch(/^15 .*at most 512/);
    expect(refusal(() => parseFormat(asking(5_000)))).toMatch(/^501 /);
  });

  it('refuses any text with a LicensingError and nothing else (S6)', () => {
    const pieces = fc.constantFrom(
      '<haspformat',
      '<haspformat>',
      '</haspformat>',
      '<hasp>',
      '</hasp>',
      '<attribute',
      ' name="id"',
      ' root="haspscope"',
      '/>',
      '<license>',
      '&lt;',
      ' ',
    );
    const garbage = fc.array(pieces, { maxLength: 30 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.oneof(fc.string(), garbage), (text) => {
        expect(refusal(() => parseFormat(text))).toMatch(/^(accepted|35 |15 )/);
      }),
      { numRuns: 500 },
    );
  });
});

const shape = fc.constantFrom('attribute' as const, 'element' as const);
const request = (object: PartName): fc.Arbitrary<FieldRequest> =>
  fc.tuple(fc.constantFrom('*', ...formatFieldsOf(object)), shape, fc.boolean()).map(([name, as, whole]): FieldRequest => {
    const field = formatFieldOf(object, name);
    if (field?.kind !== 'parts' || whole) return { name, as };
    return { name, as: 'element', parts: field.names.map((part) => ({ name: part, as })) };
  });
const formatObject = (depth: number): fc.Arbitrary<FormatObject> =>
  fc.constantFrom(...partNames).chain((object) =>
    fc.record({
      object: fc.constant(object),
      fields: fc.array(request(object), { maxLength: 4 }),
      objects: depth === 0 ? fc.constant([]) : fc.array(formatObject(depth - 1), { maxLength: 2 }),
    }),
  );
const tree: fc.Arbitrary<Format> = fc.record({
  kind: fc.constant('tree' as const),
  root: fc.constantFrom('hasp_info', 'location', 'mine'),
  objects: fc.array(formatObject(3), { minLength: 1, maxLength: 2 }),
});

describe('toFormat and formatToXml (A1)', () => {
  it('keep every format on the way through XML', () => {
    fc.assert(
      fc.property(tree, (format) => {
        expect(parseFormat(formatToXml(format))).toEqual(format);
        expect(toFormat(format)).toEqual(format);
      }),
    );
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a number', 7],
    ['a kind unknown', { kind: 'other' }],
    ['a name unknown', { kind: 'predefined', name: 'all' }],
    ['an object unknown', { kind: 'tree', root: 'a', objects: [{ object: '__proto__', fields: [], objects: [] }] }],
    ['a field unknown', { kind: 'tree', root: 'a', objects: [{ object: 'key', fields: [{ name: 'x"/>', as: 'element' }], objects: [] }] }],
    [
      'parts of a field that has none',
      {
        kind: 'tree',
        root: 'a',
        objects: [{ object: 'key', fields: [{ name: 'id', as: 'element', parts: [{ name: 'x', as: 'element' }] }], objects: [] }],
      },
    ],
    ['a root that is no name', { kind: 'tree', root: '<a>', objects: [{ object: 'key', fields: [], objects: [] }] }],
  ])('refuse %s with INV_FORMAT', (_, input) => {
    expect(refusal(() => toFormat(input as Format))).toMatch(/^15 /);
  });

  it('refuse a format that holds itself', () => {
    const object: { object: 'key'; fields: []; objects: unknown[] } = { object: 'key', fields: [], objects: [] };
    object.objects.push(object);
    expect(refusal(() => toFormat({ kind: 'tree', root: 'a', objects: [object] } as unknown as Format))).toMatch(/^15 .*too deep/);
  });

  it('use the status of the field', () => {
    expect([Status.INV_SPEC, Status.INV_FORMAT]).toEqual([35, 15]);
  });
});
