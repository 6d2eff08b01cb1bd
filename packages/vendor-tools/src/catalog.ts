import { LicensingError, Status } from '@keyhaven/core/errors';
import { type Document, isMap, isPair, isScalar, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { type Catalog, catalogSchema } from './catalog-schema.ts';
import { readWhole } from './files.ts';

// Text of catalog.yaml to a typed catalog. Every fault is named at once, with its line and its place.

export const MAX_CATALOG = 4 * 1024 * 1024;
/** BOUNDED: more faults than a person mends in one go are only counted. */
const SHOWN_FAULTS = 50;

/** @throws LicensingError INVALID_PARAMETER (501) naming every fault. */
export const readCatalog = (text: string): Catalog => {
  if (text.length > MAX_CATALOG) throw refuse(['it is larger than 4 MiB']);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  if (document.errors.length > 0) {
    throw refuse(document.errors.map((error) => `line ${lines.linePos(error.pos[0]).line}: ${error.message}`));
  }
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw refuse([error instanceof Error ? error.message : 'it cannot be read']);
  }
  const parsed = catalogSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw refuse(parsed.error.issues.flatMap((issue) => sayIssue(issue, document, lines)));
};

/** As `readCatalog`; CANNOT_READ_FILE (72) where there is no such file. */
export const readCatalogFile = async (path: string): Promise<Catalog> => readCatalog((await readWhole(path, MAX_CATALOG)).toString('utf8'));

const refuse = (faults: readonly string[]): LicensingError => {
  const more = faults.length > SHOWN_FAULTS ? `; and ${faults.length - SHOWN_FAULTS} more` : '';
  return new LicensingError(Status.INVALID_PARAMETER, {
    detail: `The catalog is not right: ${faults.slice(0, SHOWN_FAULTS).join('; ')}${more}.`,
    remedy: 'Correct catalog.yaml at the places named.',
  });
};

const sayIssue = (issue: z.core.$ZodIssue, document: Document, lines: LineCounter): string[] => {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => `${place([...issue.path, key], document, lines)}: is unknown`);
  }
  return [`${place(issue.path, document, lines)}: ${issue.message}`];
};

/** `line 7: products[0].features[1].license`; the line of the nearest thing that is there. */
const place = (path: readonly PropertyKey[], document: Document, lines: LineCounter): string => {
  const name = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`)).join('');
  for (let length = path.length; length >= 0; length -= 1) {
    const offset = offsetOf(document, path.slice(0, length));
    if (offset !== undefined) return `line ${lines.linePos(offset).line}: ${name.replace(/^\./, '') || 'the document'}`;
  }
  return name.replace(/^\./, '') || 'the document';
};

const offsetOf = (document: Document, path: readonly PropertyKey[]): number | undefined => {
  const last = path.at(-1);
  const parent = last === undefined ? document.contents : document.getIn(path.slice(0, -1), true);
  if (typeof last === 'string' && isMap(parent)) {
    const pair = parent.items.find((item) => isPair(item) && isScalar(item.key) && item.key.value === last);
    if (isScalar(pair?.key)) return pair.key.range?.[0];
    return undefined;
  }
  const node: unknown = last === undefined ? parent : document.getIn(path, true);
  return isRanged(node) ? node.range[0] : undefined;
};

const isRanged = (node: unknown): node is { readonly range: readonly [number, number, number] } =>
  typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range);
