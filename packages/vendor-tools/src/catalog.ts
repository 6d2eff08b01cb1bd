import { LicensingError, Status } from '@keyhaven/core/errors';
import { type Document, isMap, isPair, isScalar, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { crossFaults, type PlacedFault } from './catalog-crosschecks.ts';
import { type Catalog, catalogSchema } from './catalog-schema.ts';
import { readWhole } from './files.ts';

// Text of catalog.yaml to a typed catalog. Every fault is named at once, with its line and its place.

export const MAX_CATALOG = 4 * 1024 * 1024;
/** BOUNDED: more faults than a person mends in one go are only counted. */
const SHOWN_FAULTS = 50;

/** `line` counts from 1; absent where no line is to blame. `place` is such as `products[0].features[1].license`. */
export type CatalogFault = { readonly line?: number; readonly place?: string; readonly message: string };
export type CatalogReading = { readonly catalog: Catalog } | { readonly faults: readonly CatalogFault[] };

/** The catalog, or everything that is wrong with it, by line. */
export const examineCatalog = (text: string): CatalogReading => {
  if (text.length > MAX_CATALOG) return { faults: [{ message: 'it is larger than 4 MiB' }] };
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  if (document.errors.length > 0)
    return { faults: document.errors.map((error) => ({ line: lines.linePos(error.pos[0]).line, message: error.message })) };
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    return { faults: [{ message: error instanceof Error ? error.message : 'it cannot be read' }] };
  }
  const parsed = catalogSchema.safeParse(value);
  if (parsed.success) return { catalog: parsed.data };
  const placed = [...parsed.error.issues.flatMap(placedIssues), ...crossFaults(value)];
  const faults = placed.map(({ path, message }) => ({ ...place(path, document, lines), message }));
  const distinct = new Map(faults.map((fault) => [formatFault(fault), fault]));
  return { faults: [...distinct.values()].toSorted((one, other) => (one.line ?? 0) - (other.line ?? 0)) };
};

/** `line 7: products[0].features[1].license: must be ...` */
export const formatFault = ({ line, place: where, message }: CatalogFault): string =>
  [...(line === undefined ? [] : [`line ${line}`]), ...(where === undefined ? [] : [where]), message].join(': ');

/** @throws LicensingError INVALID_PARAMETER (501) naming every fault. */
export const readCatalog = (text: string): Catalog => {
  const reading = examineCatalog(text);
  if ('catalog' in reading) return reading.catalog;
  throw refuse(reading.faults.map(formatFault));
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

const placedIssues = (issue: z.core.$ZodIssue): PlacedFault[] =>
  issue.code === 'unrecognized_keys'
    ? issue.keys.map((key) => ({ path: [...issue.path, key], message: 'is unknown' }))
    : [{ path: issue.path, message: issue.message }];

/** The name of a place, and the line of the nearest thing that is there. */
const place = (path: readonly PropertyKey[], document: Document, lines: LineCounter): Pick<CatalogFault, 'line' | 'place'> => {
  const name = path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`))
    .join('')
    .replace(/^\./, '');
  for (let length = path.length; length >= 0; length -= 1) {
    const offset = offsetOf(document, path.slice(0, length));
    if (offset !== undefined) return { line: lines.linePos(offset).line, place: name || 'the document' };
  }
  return { place: name || 'the document' };
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
