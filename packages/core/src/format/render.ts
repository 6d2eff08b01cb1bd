import { Buffer } from 'node:buffer';
import { LicensingError, Status } from '../errors/index.ts';
import { checkedField, checkedTest, elementOf, type PartName } from '../scope/index.ts';
import { MAX_XML_BYTES, writeXml, type XmlNode } from '../xml/index.ts';
import { type Field, formatFieldOf, formatFieldsOf, type Parts } from './fields.ts';
import { type FieldRequest, type Format, type FormatObject, isScopeField, SCOPE_ROOT } from './format.ts';
import type { InfoData } from './info-data.ts';
import { predefinedNodes } from './predefined.ts';
import { type Row, rowsOf } from './rows.ts';

// From data to the XML that a format asks for (A1, field-facts 1.5). The nesting of the format groups the answer, in either direction: the
// features of each key, or the keys of each feature. What is not known is left out. Tags and their spelling are those that programs search for
// (interop 4).
//
// With the root `haspscope` the answer is a scope that `parseScope` accepts and that lets through nothing but what was found: a value
// that a scope cannot say drops its object, and an answer with nothing in it is SCOPE_RESULTS_EMPTY (50), since an empty scope means everything.

const DECLARATION = '<?xml version="1.0" encoding="UTF-8" ?>\n';

/** @throws LicensingError SCOPE_RESULTS_EMPTY (50); REQ_NOT_SUPP (16) where the data lacks what a predefined format is about */
export const renderInfo = (format: Format, data: InfoData): string => {
  const rows = rowsOf(data);
  switch (format.kind) {
    case 'predefined':
      return DECLARATION + writeXml({ name: 'hasp_info', content: predefinedNodes(format.name, rows) });
    case 'tree':
      return format.root === SCOPE_ROOT
        ? scopeText(format.objects, rows)
        : DECLARATION + writeXml({ name: format.root, content: format.objects.flatMap((object) => nodesOf(object, rows, infoFields)) });
  }
};

const scopeText = (objects: readonly FormatObject[], rows: readonly Row[]): string => {
  const content = objects.flatMap((object) => nodesOf(object, rows, scopeFields));
  if (content.length === 0) throw new LicensingError(Status.SCOPE_RESULTS_EMPTY, { detail: 'Nothing was found that a scope could name.' });
  const text = DECLARATION + writeXml({ name: SCOPE_ROOT, content });
  if (Buffer.byteLength(text) > MAX_XML_BYTES) {
    throw new LicensingError(Status.INVALID_PARAMETER, { detail: `The scope that was found is larger than ${MAX_XML_BYTES} bytes.` });
  }
  return text;
};

type Rendered = { readonly attributes: Readonly<Record<string, string>>; readonly content: readonly XmlNode[] };
/** The fields of one object; undefined: the object is to be left out. */
type FieldsOf = (object: FormatObject, row: Row) => Rendered | undefined;

const order: readonly PartName[] = ['licenseManager', 'vendor', 'key', 'product', 'feature', 'session'];
const holdsOuter = (object: FormatObject): boolean =>
  object.objects.some((inner) => order.indexOf(inner.object) < order.indexOf(object.object) || holdsOuter(inner));

type Group = { readonly rendered: Rendered; readonly rows: Row[] };

/** The rows by the object that they are about. One vendor is there once, however many license managers hold keys of it. */
const groupsOf = (object: FormatObject, rows: readonly Row[], fieldsOf: FieldsOf): readonly Group[] => {
  const turned = holdsOuter(object);
  const byEntity = Map.groupBy(rows, (row) => (object.object === 'vendor' ? row.vendor?.id : row[object.object]));
  byEntity.delete(undefined);
  const groups = new Map<unknown, Group>(); // BOUNDED by the rows
  for (const [entity, of] of byEntity) {
    const [row] = of;
    const rendered = row === undefined ? undefined : fieldsOf(object, row);
    if (row === undefined || rendered === undefined) continue;
    // Turned round, features of several keys that have one id and look the same are one.
    const name = turned ? JSON.stringify([idOf(object.object, row), rendered]) : entity;
    const group = groups.get(name);
    if (group === undefined) groups.set(name, { rendered, rows: of });
    else for (const each of of) group.rows.push(each);
  }
  return [...groups.values()];
};

const idOf = (part: PartName, row: Row): string | undefined => (part === 'session' ? undefined : row[part]?.id);

// Recursion is as deep as the format, which its reader limits to 32.
const nodesOf = (object: FormatObject, rows: readonly Row[], fieldsOf: FieldsOf): readonly XmlNode[] =>
  groupsOf(object, rows, fieldsOf).flatMap(({ rendered, rows: of }) => {
    const inner = object.objects.flatMap((each) => nodesOf(each, of, fieldsOf));
    const content = [...rendered.content, ...inner];
    // In a scope an object that names nothing, or nothing of what it should hold, would let through more than was found.
    const says = Object.keys(rendered.attributes).length + content.length > 0;
    if (fieldsOf === scopeFields && (!says || (object.objects.length > 0 && inner.length === 0))) return [];
    return [{ name: elementOf(object.object), attributes: rendered.attributes, content }];
  });

/** `*` stands for all fields that are not asked for otherwise. */
const requestsOf = ({ object, fields }: FormatObject): readonly FieldRequest[] => {
  const named = new Set(fields.map(({ name }) => name));
  return fields.flatMap((request) =>
    request.name === '*'
      ? formatFieldsOf(object)
          .filter((name) => !named.has(name))
          .map((name): FieldRequest => ({ name, as: request.as }))
      : [request],
  );
};

const infoFields: FieldsOf = (object, row) => {
  const attributes: Record<string, string> = {};
  const content: XmlNode[] = [];
  const seen = new Set<string>();
  for (const request of requestsOf(object)) {
    const field = formatFieldOf(object.object, request.name);
    const once = `${request.as} ${request.name}`;
    if (field === undefined || seen.has(once)) continue;
    seen.add(once);
    if (field.kind !== 'plain') {
      content.push(...compound(field, request, row));
      continue;
    }
    const value = field.read(row);
    if (value === undefined) continue;
    if (request.as === 'attribute') attributes[request.name] = String(value);
    else content.push({ name: request.name, content: String(value) });
  }
  return { attributes, content };
};

const compound = (field: Exclude<Field, { readonly kind: 'plain' }>, { name, as, parts }: FieldRequest, row: Row): readonly XmlNode[] => {
  switch (field.kind) {
    case 'nodes':
      return field.read(row);
    case 'parts': {
      const wanted = (parts ?? [{ name: '*', as }]).flatMap((part) =>
        part.name === '*' ? field.names.map((each) => ({ name: each, as: part.as })) : [part],
      );
      return field.read(row).map((values) => partsNode(name, wanted, values));
    }
  }
};

const partsNode = (name: string, wanted: readonly { readonly name: string; readonly as: FieldRequest['as'] }[], values: Parts): XmlNode => {
  const attributes: Record<string, string> = {};
  const content: XmlNode[] = [];
  for (const part of wanted) {
    const value = values[part.name];
    if (value === undefined) continue;
    if (part.as === 'attribute') attributes[part.name] = String(value);
    else content.push({ name: part.name, content: String(value) });
  }
  return { name, attributes, content };
};

const scopeFields: FieldsOf = (object, row) => {
  const known = requestsOf(object).filter(({ name }) => isScopeField(object.object, name));
  const rendered = infoFields({ ...object, fields: known }, row);
  if (rendered === undefined) return undefined;
  const values = [
    ...Object.entries(rendered.attributes),
    ...rendered.content.map(({ name, content }): [string, string] => [name, typeof content === 'string' ? content : '']),
  ];
  return values.every(([name, value]) => isSaid(object.object, name, value)) ? rendered : undefined;
};

/** Whether a scope with this value means this value: no `~` that would turn it round, nothing that its kind does not accept. */
const isSaid = (part: PartName, name: string, value: string): boolean => {
  const field = checkedField(part, name);
  if (field.kind !== 'ok') return false;
  const test = checkedTest(part, field.value, undefined, value);
  return test.kind === 'ok' && !test.value.not;
};
