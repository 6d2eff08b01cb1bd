import { Buffer } from 'node:buffer';
import { LicensingError, Status, type StatusCode } from '../errors/index.ts';

// A small XML reader and writer for the XML forms of the field: scopes, formats, actions (A1).
//
// Promises: bounded time and memory for any text from outside (S3). At most 32 KiB and 32 levels; one pass with a stack of its own, no
// recursion; the only failure is a LicensingError that names line and column. Accepts elements, attributes, text, comments, an XML
// declaration, the five named entities and numeric references.
// Does not accept document types, entities of any other kind, CDATA, processing instructions, or an attribute given twice. It knows no
// namespaces and reads nothing from anywhere else.

export const MAX_XML_BYTES = 32 * 1024;
export const MAX_XML_DEPTH = 32;

export type XmlElement = {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: readonly XmlElement[];
  /** All text directly inside the element, references resolved, white space kept. */
  readonly text: string;
  /** Where the element begins in the source; for `placeIn`. */
  readonly offset: number;
};

type OpenElement = { name: string; attributes: ReadonlyMap<string, string>; children: XmlElement[]; text: string; offset: number };

const NAME = '[A-Za-z_][A-Za-z0-9_.:-]{0,63}';
const wholeName = new RegExp(`^${NAME}$`);
const startOfTag = new RegExp(`<(${NAME})`, 'y');
const attribute = new RegExp(`\\s+(${NAME})\\s*=\\s*(?:"([^"<]*)"|'([^'<]*)')`, 'y');
const endOfTag = /\s*(\/?)>/y;
const closingTag = new RegExp(`</(${NAME})\\s*>`, 'y');
const declaration = /<\?xml\s[^?<>]*\?>/y;
const unrepresentable = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u;
const entities: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
]);

/** The root element of `text`. Throws `invalid` with the place and the reason, or INVALID_PARAMETER when the text is too large. */
export function readXml(text: string, invalid: StatusCode): XmlElement {
  if (text.length > MAX_XML_BYTES || Buffer.byteLength(text) > MAX_XML_BYTES) {
    throw new LicensingError(Status.INVALID_PARAMETER, { detail: `The XML is larger than ${MAX_XML_BYTES} bytes` });
  }
  const fail = (offset: number, reason: string): never => {
    throw new LicensingError(invalid, { detail: `${placeIn(text, offset)}: ${reason}` });
  };
  const match = (pattern: RegExp, offset: number): RegExpExecArray | null => {
    pattern.lastIndex = offset;
    return pattern.exec(text);
  };
  const resolve = (raw: string, offset: number): string =>
    raw.replaceAll(/&([^&;]*)(;?)/g, (_, name: string, semicolon: string, index: number) => {
      const character = semicolon === ';' ? (entities.get(name) ?? numericReference(name)) : undefined;
      return character ?? fail(offset + index, 'this reference is not one of the five entities or a character number');
    });

  const open: OpenElement[] = []; // BOUNDED by MAX_XML_DEPTH
  let root: XmlElement | undefined;

  const addText = (raw: string, offset: number): void => {
    const parent = open.at(-1);
    if (parent !== undefined) parent.text += resolve(raw, offset);
    else if (raw.trim() !== '') fail(offset + raw.search(/\S/), 'text stands outside the root element');
  };

  const startElement = (offset: number): number => {
    const [tag, name] = match(startOfTag, offset) ?? fail(offset, 'this is not a tag');
    if (root !== undefined && open.length === 0) fail(offset, 'there is more than one root element');
    if (open.length === MAX_XML_DEPTH) fail(offset, `elements are nested deeper than ${MAX_XML_DEPTH} levels`);
    const attributes = new Map<string, string>();
    let next = offset + tag.length;
    for (let found = match(attribute, next); found !== null; found = match(attribute, next)) {
      const [whole, key = '', double, single] = found;
      if (attributes.has(key)) fail(next, `attribute ${key} is given twice`);
      attributes.set(key, resolve((double ?? single ?? '').replaceAll(/[\t\n\r]/g, ' '), next));
      next += whole.length;
    }
    const end = match(endOfTag, next) ?? fail(next, `the tag of ${name} is malformed`);
    const element: OpenElement = { name: name ?? '', attributes, children: [], text: '', offset };
    const parent = open.at(-1);
    if (parent === undefined) root = element;
    else parent.children.push(element);
    if (end[1] === '') open.push(element);
    return next + end[0].length;
  };

  const closeElement = (offset: number): number => {
    const [tag, name] = match(closingTag, offset) ?? fail(offset, 'this closing tag is malformed');
    const element = open.pop();
    if (element?.name !== name) fail(offset, `${name} is closed but ${element?.name ?? 'nothing'} is open`);
    return offset + tag.length;
  };

  const markup = (offset: number): number => {
    if (text.startsWith('<!--', offset)) {
      const end = text.indexOf('-->', offset + 4);
      return end < 0 ? fail(offset, 'this comment does not end') : end + 3;
    }
    if (text.startsWith('<!', offset)) return fail(offset, 'document types and CDATA sections are not accepted');
    if (text.startsWith('<?', offset)) return fail(offset, 'processing instructions are not accepted');
    return text.startsWith('</', offset) ? closeElement(offset) : startElement(offset);
  };

  const stray = text.search(unrepresentable);
  if (stray >= 0) fail(stray, 'this character is not allowed in XML');
  let at = text.startsWith('\uFEFF') ? 1 : 0;
  at += match(declaration, at)?.[0].length ?? 0;
  while (at < text.length) {
    const tag = text.indexOf('<', at);
    const end = tag < 0 ? text.length : tag;
    if (end > at) addText(text.slice(at, end), at);
    at = tag < 0 ? end : markup(tag);
  }
  const unclosed = open.at(-1);
  if (unclosed !== undefined) fail(unclosed.offset, `${unclosed.name} is not closed`);
  return root ?? fail(text.length, 'there is no element');
}

/** Whether the reader takes it as the name of an element or attribute. */
export const isXmlName = (text: string): boolean => wholeName.test(text);

/** `Line 1, column 12`, counted from 1. */
export function placeIn(text: string, offset: number): string {
  const before = text.slice(0, offset).split('\n');
  return `Line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
}

function numericReference(name: string): string | undefined {
  const [, decimal, hexadecimal] = name.match(/^#(?:(\d{1,7})|x([0-9A-Fa-f]{1,6}))$/) ?? [];
  const point = decimal !== undefined ? Number.parseInt(decimal, 10) : Number.parseInt(hexadecimal ?? '', 16);
  if (!(point <= 0x10ffff)) return undefined;
  const character = String.fromCodePoint(point);
  return unrepresentable.test(character) ? undefined : character;
}

export type XmlNode = {
  readonly name: string;
  readonly attributes?: Readonly<Record<string, string>>;
  readonly content?: string | readonly XmlNode[];
};

/** XML text for a tree; names come from our own tables, every value is escaped. What XML cannot hold becomes U+FFFD. */
export function writeXml(root: XmlNode): string {
  let written = '';
  const pending: (XmlNode | string)[] = [root];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (typeof next === 'string') {
      written += next;
      continue;
    }
    const { name, attributes = {}, content = '' } = next;
    written += `<${name}`;
    for (const [key, value] of Object.entries(attributes)) written += ` ${key}="${escapeXml(value)}"`;
    if (content.length === 0) {
      written += '/>';
    } else if (typeof content === 'string') {
      written += `>${escapeText(content)}</${name}>`;
    } else {
      written += '>';
      pending.push(`</${name}>`, ...content.toReversed());
    }
  }
  return written;
}

const escaped = (value: string, special: RegExp): string =>
  value.replaceAll(new RegExp(unrepresentable, 'gu'), '\uFFFD').replaceAll(special, (character) => `&#${character.charCodeAt(0)};`);
// In an attribute a reader makes white space of line ends; in text they stay, and programs that search the text find them as they were.
const escapeXml = (value: string): string => escaped(value, /[&<>"'\t\n\r]/g);
const escapeText = (value: string): string => escaped(value, /[&<>"'\r]/g);
