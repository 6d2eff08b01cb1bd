import { Buffer } from 'node:buffer';
import { LicensingError, Status } from '../errors/index.ts';
import { MAX_XML_BYTES, placeIn, readXml, writeXml, type XmlElement, type XmlNode } from '../xml/index.ts';
import type { LoginOptions } from './login-options.ts';
import { optionAttributes, optionOf, readOption } from './login-options.ts';
import type { Clause, Condition, Scope, Test } from './scope.ts';
import { type Checked, checkedField, checkedTest, quoted } from './test-of-text.ts';
import { elementOf, type FieldName, fieldOf, type PartName, partOf } from './vocabulary.ts';

// The XML form of scopes (A1, field-facts 1.4). `parseScope(scopeToXml(scope)).scope` equals `scope`.
//
// Elements beside each other are alternatives, an element within another holds together with it. A field is an attribute or a child
// element. Several fields of one element hold together; the same field in several child elements gives alternatives. `~` before a
// value negates, `cmp` compares versions and numbers. A feature element that has login options and nothing else asks for nothing.

export type ParsedScope = { readonly scope: Scope; readonly options: LoginOptions };

/** Throws INV_SCOPE with place and cause, or INVALID_PARAMETER above 32 KiB. */
export function parseScope(xml: string): ParsedScope {
  const root = readXml(xml, Status.INV_SCOPE);
  const fail = (element: XmlElement, reason: string): never => {
    throw new LicensingError(Status.INV_SCOPE, { detail: `${placeIn(xml, element.offset)}: ${reason}` });
  };
  const check = <T>(element: XmlElement, checked: Checked<T>): T => (checked.kind === 'ok' ? checked.value : fail(element, checked.reason));
  let options: LoginOptions = {};

  const takeOption = (part: PartName, element: XmlElement, name: string, text: string): boolean => {
    const option = part === 'feature' ? optionOf(name) : undefined;
    if (option === undefined) return false;
    options = check(element, readOption(options, option, text));
    return true;
  };

  const readAttributes = (part: PartName, element: XmlElement, conditions: Map<FieldName, Test[]>): void => {
    const comparison = element.attributes.get('cmp');
    let compared = false;
    for (const [name, text] of element.attributes) {
      if (name === 'cmp' || takeOption(part, element, name, text)) continue;
      const field = check(element, checkedField(part, name));
      // cmp belongs to the one field of the element that has an order; where there is none, the check below says so.
      const ordered = fieldOf(part, field)?.kind.ordered === true;
      compared ||= ordered;
      conditions.set(field, [check(element, checkedTest(part, field, ordered ? comparison : undefined, text))]);
    }
    if (comparison !== undefined && !compared) fail(element, 'cmp has no attribute that it could compare');
  };

  const readField = (part: PartName, element: XmlElement, conditions: Map<FieldName, Test[]>): void => {
    if (element.children.length > 0) fail(element, `${element.name} holds text, not elements`);
    for (const name of element.attributes.keys()) if (name !== 'cmp') fail(element, `${quoted(name)} is not cmp`);
    const comparison = element.attributes.get('cmp');
    if (comparison === undefined && takeOption(part, element, element.name, element.text)) return;
    const field = check(element, checkedField(part, element.name));
    const test = check(element, checkedTest(part, field, comparison, element.text));
    conditions.set(field, [...(conditions.get(field) ?? []), test]);
  };

  const readClauses = (elements: readonly XmlElement[]): Clause[] =>
    elements.flatMap((element) => {
      const part = partOf(element.name) ?? fail(element, `${quoted(element.name)} is not an element of scopes`);
      if (element.text.trim() !== '') fail(element, `text stands in ${element.name}`);
      const found = new Map<FieldName, Test[]>();
      const before = options;
      readAttributes(part, element, found);
      const clauses: XmlElement[] = [];
      for (const child of element.children) {
        if (partOf(child.name) !== undefined) clauses.push(child);
        else readField(part, child, found);
      }
      const hadOptions = options !== before;
      const within = readClauses(clauses);
      const conditions = [...found].map(([field, anyOf]): Condition => ({ field, anyOf }));
      return hadOptions && conditions.length === 0 && clauses.length === 0 ? [] : [{ part, conditions, within }];
    });

  if (root.name !== 'haspscope') fail(root, `the root element is ${quoted(root.name)} and not haspscope`);
  if (root.attributes.size > 0) fail(root, 'haspscope has no attributes');
  if (root.text.trim() !== '') fail(root, 'text stands in haspscope');
  return { scope: { anyOf: readClauses(root.children) }, options };
}

/** Throws INVALID_PARAMETER when the XML would be larger than a license manager accepts. */
export function scopeToXml(scope: Scope, options: LoginOptions = {}): string {
  const attributes = optionAttributes(options);
  const optionNodes = Object.keys(attributes).length === 0 ? [] : [{ name: elementOf('feature'), attributes }];
  const xml = writeXml({ name: 'haspscope', content: [...scope.anyOf.map(nodeOf), ...optionNodes] });
  if (Buffer.byteLength(xml) > MAX_XML_BYTES) {
    throw new LicensingError(Status.INVALID_PARAMETER, { detail: `The scope is larger than ${MAX_XML_BYTES} bytes as XML` });
  }
  return xml;
}

const valueOf = ({ not, value }: Test): string => (not ? `~${value}` : value);
const comparisonOf = ({ compare }: Test): Record<string, string> => (compare === 'equ' ? {} : { cmp: compare });

function nodeOf({ part, conditions, within }: Clause): XmlNode {
  const name = elementOf(part);
  const inner = within.map(nodeOf);
  const attributes: Record<string, string> = {};
  // One attribute each, unless a field has alternatives, which only child elements can say. A part has one ordered field at most.
  if (conditions.every(({ anyOf }) => anyOf.length === 1)) {
    for (const { field, anyOf } of conditions)
      for (const test of anyOf) Object.assign(attributes, { [field]: valueOf(test) }, comparisonOf(test));
    return { name, attributes, content: inner };
  }
  const fields = conditions.flatMap(({ field, anyOf }) =>
    anyOf.map((test): XmlNode => ({ name: field, attributes: comparisonOf(test), content: valueOf(test) })),
  );
  return { name, content: [...fields, ...inner] };
}
