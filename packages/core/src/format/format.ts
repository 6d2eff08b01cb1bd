import { LicensingError, Status } from '../errors/index.ts';
import { checkedField, elementOf, type PartName, partOf, quoted } from '../scope/index.ts';
import { isXmlName, placeIn, readXml, writeXml, type XmlElement, type XmlNode } from '../xml/index.ts';
import { formatFieldOf, formatFieldsOf } from './fields.ts';

// A format says what to tell and in which shape (A1, field-facts 1.5): one of the predefined ones, or a tree of objects whose nesting groups the
// answer. `parseFormat(formatToXml(format))` equals `format`.
//
// XML that is none is INV_SPEC (35); XML that is no format is INV_FORMAT (15), both with the place. Bounded by the reader: 32 KiB, 32 levels.

export const predefinedFormats = ['updateinfo', 'fastupdateinfo', 'sessioninfo', 'keyinfo', 'host_fingerprint'] as const;
export type PredefinedFormat = (typeof predefinedFormats)[number];

export type Format =
  | { readonly kind: 'predefined'; readonly name: PredefinedFormat }
  /** `root` names the root element of the answer; `haspscope` makes the answer a scope. */
  | { readonly kind: 'tree'; readonly root: string; readonly objects: readonly FormatObject[] };
export type FormatObject = {
  readonly object: PartName;
  readonly fields: readonly FieldRequest[];
  readonly objects: readonly FormatObject[];
};
type Shape = 'attribute' | 'element';
/** `name` is one of the field's names, `*` means all. A field of several parts may be asked for some of them only. */
export type FieldRequest = { readonly name: string; readonly as: Shape; readonly parts?: readonly PartRequest[] };
export type PartRequest = { readonly name: string; readonly as: Shape };

/** Who receives a license that moves: the format that the field calls HASP_RECIPIENT. */
export const recipientFormat: Format = {
  kind: 'tree',
  root: 'location',
  objects: [
    {
      object: 'licenseManager',
      fields: [
        { name: 'id', as: 'attribute' },
        { name: 'time', as: 'attribute' },
        { name: 'hostname', as: 'element' },
        { name: 'version', as: 'element' },
        { name: 'host_fingerprint', as: 'element' },
      ],
      objects: [],
    },
  ],
};

export const SCOPE_ROOT = 'haspscope';
const DEFAULT_ROOT = 'hasp_info';
/** BOUNDED: objects and fields of one format, and so the work of an answer. */
const MAX_REQUESTS = 512;

export const predefinedOf = (name: string): PredefinedFormat | undefined => predefinedFormats.find((each) => each === name);
const shapeOf = (name: string): Shape | undefined => (name === 'attribute' || name === 'element' ? name : undefined);

/** @throws LicensingError INV_SPEC (35), INV_FORMAT (15), or INVALID_PARAMETER above 32 KiB */
export const parseFormat = (xml: string): Format => {
  const root = readXml(xml, Status.INV_SPEC);
  const fail = (element: XmlElement, reason: string): never => {
    throw new LicensingError(Status.INV_FORMAT, { detail: `${placeIn(xml, element.offset)}: ${reason}` });
  };
  let requests = 0;
  const checkPlain = (element: XmlElement, ...allowed: readonly string[]): void => {
    requests += 1;
    if (requests > MAX_REQUESTS) fail(element, `a format asks for at most ${MAX_REQUESTS} things`);
    if (element.text.trim() !== '') fail(element, `text stands in ${element.name}`);
    for (const name of element.attributes.keys()) if (!allowed.includes(name)) fail(element, `${element.name} has no ${quoted(name)}`);
  };

  /** `<attribute name="x"/>` or `<element name="x"/>`. */
  const readRequest = (element: XmlElement, as: Shape, known: readonly string[]): PartRequest => {
    checkPlain(element, 'name');
    if (element.children.length > 0) fail(element, `${element.name} holds nothing`);
    const name = element.attributes.get('name')?.trim() ?? fail(element, `${element.name} has no name`);
    if (name !== '*' && !known.includes(name)) fail(element, `${quoted(name)} is not one of ${known.join(', ')}`);
    return { name, as };
  };

  const readParts = (element: XmlElement, known: readonly string[]): FieldRequest => {
    checkPlain(element);
    const parts = element.children.map((child) => {
      const as = shapeOf(child.name) ?? fail(child, `${quoted(child.name)} is neither attribute nor element`);
      return readRequest(child, as, known);
    });
    return { name: element.name, as: 'element', ...(parts.length === 0 ? {} : { parts }) };
  };

  const readObject = (element: XmlElement): FormatObject => {
    const object = partOf(element.name) ?? fail(element, `${quoted(element.name)} is not an object of formats`);
    checkPlain(element);
    const fields: FieldRequest[] = [];
    const objects: FormatObject[] = [];
    for (const child of element.children) {
      const as = shapeOf(child.name);
      const field = formatFieldOf(object, child.name);
      if (as !== undefined) fields.push(readRequest(child, as, formatFieldsOf(object)));
      else if (field?.kind === 'parts') fields.push(readParts(child, field.names));
      else objects.push(readObject(child));
    }
    return { object, fields, objects };
  };

  if (root.name !== 'haspformat') fail(root, `the root element is ${quoted(root.name)} and not haspformat`);
  checkPlain(root, 'format', 'root');
  const asked = root.attributes.get('format')?.trim();
  const rootName = root.attributes.get('root')?.trim() ?? DEFAULT_ROOT;
  if (asked !== undefined) {
    const name = predefinedOf(asked) ?? fail(root, `${quoted(asked)} is not one of ${predefinedFormats.join(', ')}`);
    if (root.children.length > 0) fail(root, 'a predefined format holds nothing');
    return { kind: 'predefined', name };
  }
  if (root.children.length === 0) {
    // The field writes predefined formats in this way, too.
    const name = predefinedOf(rootName);
    if (name !== undefined) return { kind: 'predefined', name };
    return rootName === 'location' ? recipientFormat : fail(root, 'the format asks for nothing');
  }
  if (!isXmlName(rootName)) fail(root, `${quoted(rootName)} is not the name of an element`);
  const objects = root.children.map(readObject);
  if (rootName === SCOPE_ROOT && !objects.every(fitsScope)) fail(root, 'a scope would have an object without anything that scopes know');
  return { kind: 'tree', root: rootName, objects };
};

/** Whether every branch names something that a scope can ask for. */
const fitsScope = ({ object, fields, objects }: FormatObject): boolean =>
  objects.length > 0 ? objects.every(fitsScope) : fields.some(({ name }) => name === '*' || isScopeField(object, name));

export const isScopeField = (part: PartName, name: string): boolean =>
  formatFieldOf(part, name)?.kind === 'plain' && checkedField(part, name).kind === 'ok';

/** The XML form. */
export const formatToXml = (format: Format): string => {
  switch (format.kind) {
    case 'predefined':
      return writeXml({ name: 'haspformat', attributes: { format: format.name } });
    case 'tree':
      return writeXml({ name: 'haspformat', attributes: { root: format.root }, content: format.objects.map(objectNode) });
  }
};

const requestNode = ({ name, as }: PartRequest): XmlNode => ({ name: as, attributes: { name } });

const objectNode = ({ object, fields, objects }: FormatObject): XmlNode => ({
  name: elementOf(object),
  content: [
    ...fields.map(({ name, as, parts }) =>
      parts === undefined || !isXmlName(name) ? requestNode({ name, as }) : { name, content: parts.map(requestNode) },
    ),
    ...objects.map(objectNode),
  ],
});
