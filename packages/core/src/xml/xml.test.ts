import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LicensingError, Status } from '../errors/index.ts';
import { readXml, writeXml, type XmlElement, type XmlNode } from './xml.ts';

const read = (text: string): XmlElement => readXml(text, Status.INV_SPEC);

function refusal(text: string): string {
  try {
    read(text);
  } catch (error) {
    if (error instanceof LicensingError) return `${error.status} ${error.detail}`;
    throw error;
  }
  return 'accepted';
}

const plain = ({ name, attributes, children, text }: XmlElement): object => ({
  name,
  attributes: Object.fromEntries(attributes),
  children: children.map(plain),
  text,
});

describe('readXml', () => {
  it('reads elements, both kinds of quotes, text, comments and a declaration', () => {
    const root = read(
      `\uFEFF<?xml version="1.0" encoding="UTF-8" ?><!-- a -- b --><a x = "1" y='"2"'>t<b/><!--c-->u<b z=""></b ></a>\n<!---->`,
    );
    expect(plain(root)).toEqual({
      name: 'a',
      attributes: { x: '1', y: '"2"' },
      text: 'tu',
      children: [
        { name: 'b', attributes: {}, children: [], text: '' },
        { name: 'b', attributes: { z: '' }, children: [], text: '' },
      ],
    });
  });

  it('resolves the five entities and numeric references, once', () => {
    expect(read('<a b="&amp;lt;&#65;">&lt;&gt;&quot;&apos;&#x1F511;</a>')).toMatchObject({ text: `<>"'\u{1F511}` });
    expect(read('<a b="&amp;lt;&#65;"/>').attributes.get('b')).toBe('&lt;A');
  });

  it.each([
    ['', 'Line 1, column 1: there is no element.'],
    ['\n x', 'Line 2, column 2: text stands outside the root element.'],
    ['<a/><b/>', 'Line 1, column 5: there is more than one root element.'],
    ['<a>\n<b></a>', 'Line 2, column 4: a is closed but b is open.'],
    ['</a>', 'Line 1, column 1: a is closed but nothing is open.'],
    ['<a><b/>', 'Line 1, column 1: a is not closed.'],
    ['<a b="1" b="2"/>', 'Line 1, column 9: attribute b is given twice.'],
    ['<a b=1/>', 'Line 1, column 3: the tag of a is malformed.'],
    ['<a b="<"/>', 'Line 1, column 3: the tag of a is malformed.'],
    ['<a', 'Line 1, column 3: the tag of a is malformed.'],
    ['< a/>', 'Line 1, column 1: this is not a tag.'],
    ['<a>&nbsp;</a>', 'Line 1, column 4: this reference is not one of the five entities or a character number.'],
    ['<a>& </a>', 'Line 1, column 4: this reference is not one of the five entities or a character number.'],
    ['<a>&#0;</a>', 'Line 1, column 4: this reference is not one of the five entities or a character number.'],
    ['<a>&#xD800;</a>', 'Line 1, column 4: this reference is not one of the five entities or a character number.'],
    ['<a>&#x110000;</a>', 'Line 1, column 4: this reference is not one of the five entities or a character number.'],
    ['<a>\u0000</a>', 'Line 1, column 4: this character is not allowed in XML.'],
    ['<a>\uD800</a>', 'Line 1, column 4: this character is not allowed in XML.'],
    ['<a><!-- </a>', 'Line 1, column 4: this comment does not end.'],
    ['<a><![CDATA[x]]></a>', 'Line 1, column 4: document types and CDATA sections are not accepted.'],
    ['<a><?php x ?></a>', 'Line 1, column 4: processing instructions are not accepted.'],
    ['<!--a--><?xml version="1.0"?><a/>', 'Line 1, column 9: processing instructions are not accepted.'],
  ])('refuses %j with place and reason', (text, detail) => {
    expect(refusal(text)).toBe(`35 ${detail}`);
  });

  it('refuses an entity bomb and an external entity at the document type (S3)', () => {
    const bomb = '<!DOCTYPE a [<!ENTITY x "xx"><!ENTITY y "&x;&x;&x;">]><a>&y;</a>';
    const external = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>';
    for (const text of [bomb, external]) expect(refusal(text)).toMatch(/^35 Line 1, column 1: document types/);
  });

  it('accepts 32 levels and refuses 33, and thousands of levels, without recursion (S3)', () => {
    const nested = (depth: number): string => '<a>'.repeat(depth) + '</a>'.repeat(depth);
    expect(refusal(nested(32))).toBe('accepted');
    expect(refusal(nested(33))).toBe('35 Line 1, column 97: elements are nested deeper than 32 levels.');
    expect(refusal('<a>'.repeat(10_000))).toMatch(/nested deeper/);
  });

  it('accepts 32 KiB and refuses one byte more with INVALID_PARAMETER, counted in bytes', () => {
    const filled = (size: number, filler: string): string => `<a>${filler.repeat((size - 7) / filler.length)}</a>`;
    expect(refusal(filled(32_768, 'x'))).toBe('accepted');
    expect(refusal(filled(32_769, 'x'))).toBe('501 The XML is larger than 32768 bytes.');
    expect(refusal(filled(20_007, '\u00e9'))).toBe('501 The XML is larger than 32768 bytes.');
  });

  it('refuses any garbage with a LicensingError and nothing else', () => {
    const pieces = fc.constantFrom(
      '<',
      '>',
      '/',
      '<a',
      '</a>',
      '<a>',
      ' b="',
      '"',
      "'",
      '=',
      '&',
      '&lt;',
      '&#',
      ';',
      '<!--',
      '-->',
      '<?xml ',
      '?>',
      'x',
      '\n',
      ' ',
    );
    const garbage = fc.oneof(
      fc.array(fc.nat(0xffff)).map((codes) => String.fromCharCode(...codes)),
      fc.array(pieces, { maxLength: 60 }).map((parts) => parts.join('')),
    );
    const property = fc.property(garbage, (text) => /^(accepted|35 )/.test(refusal(text)));
    expect(fc.check(property, { numRuns: 1_000 }).counterexample).toBeNull();
  });

  it('gets through the most laborious texts that fit', () => {
    const worst = [
      '&'.repeat(32_000),
      ' '.repeat(32_000),
      'a '.repeat(16_000),
      'a="1" '.repeat(5_000),
      '<!-'.repeat(10_000),
      '\n'.repeat(32_000),
    ];
    for (const filler of worst)
      for (const text of [filler, `<a>${filler}`, `<a ${filler}`, `<a b="${filler}`]) expect(refusal(text)).toMatch(/^(accepted|35 )/);
  });
});

describe('writeXml', () => {
  const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_.-]{0,8}$/);
  const text = fc.string({
    unit: fc.constantFrom('a', '<', '>', '&', '"', "'", '\n', '\t', '\r', ' ', '\u00e9', '\u{1F511}', ']]>', '-->'),
  });
  const node = (depth: number): fc.Arbitrary<XmlNode> =>
    fc.record({
      name,
      attributes: fc.dictionary(name, text, { maxKeys: 3, noNullPrototype: true }),
      content: depth === 0 ? text : fc.oneof(text, fc.array(node(depth - 1), { maxLength: 3 })),
    });

  const expected = ({ name, attributes, content = '' }: XmlNode): object => ({
    name,
    attributes,
    children: typeof content === 'string' ? [] : content.map(expected),
    text: typeof content === 'string' ? content : '',
  });

  it('writes what readXml reads back the same', () => {
    fc.assert(
      fc.property(node(2), (tree) => {
        expect(plain(read(writeXml(tree)))).toEqual(expected(tree));
      }),
    );
  });

  it('replaces characters that XML cannot hold', () => {
    expect(writeXml({ name: 'a', content: '\u0000b\uD800' })).toBe('<a>\uFFFDb\uFFFD</a>');
  });
});
