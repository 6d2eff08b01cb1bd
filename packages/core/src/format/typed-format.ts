import { LicensingError, Status } from '../errors/index.ts';
import { type Decoder, list, literal, object, optional, ParseError, parse, tagged, text } from '../parse/index.ts';
import { partNames } from '../scope/index.ts';
import { MAX_XML_DEPTH } from '../xml/index.ts';
import {
  type FieldRequest,
  type Format,
  type FormatObject,
  formatToXml,
  type PartRequest,
  parseFormat,
  predefinedFormats,
  predefinedOf,
  recipientFormat,
} from './format.ts';

// The typed form that programs write by hand. JavaScript callers are not held by the types, so the shape is checked here, and the names by the
// rules of the XML form.

/** XML, the name of a predefined format or `recipient`, or the typed form. */
export type FormatInput = string | Format;

const name = text(64);
const shape = literal('attribute', 'element');
const part: Decoder<PartRequest> = object({ name, as: shape });
const field: Decoder<FieldRequest> = object({ name, as: shape, parts: optional(list(part, 64)) });
const objects =
  (depth: number): Decoder<readonly FormatObject[]> =>
  (value, place, faults) => {
    if (depth === 0) {
      faults.push(`${place}: is nested too deep`);
      return undefined;
    }
    const inner = object({ object: literal(...partNames), fields: list(field, 512), objects: objects(depth - 1) });
    return list(inner, 512)(value, place, faults);
  };
const format: Decoder<Format> = tagged<Format>('kind', {
  predefined: object({ kind: literal('predefined'), name: literal(...predefinedFormats) }),
  tree: object({ kind: literal('tree'), root: name, objects: objects(MAX_XML_DEPTH - 2) }),
});

/** @throws LicensingError INV_SPEC (35), INV_FORMAT (15), or INVALID_PARAMETER above 32 KiB of XML */
export const toFormat = (input: FormatInput): Format => {
  if (typeof input === 'string') {
    if (input === 'recipient') return recipientFormat;
    const predefined = predefinedOf(input);
    return predefined === undefined ? parseFormat(input) : { kind: 'predefined', name: predefined };
  }
  try {
    return parseFormat(formatToXml(parse(format, input, 'format')));
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    throw new LicensingError(Status.INV_FORMAT, { detail: `${error.message}.` });
  }
};
