import type { Comparison, Test } from './scope.ts';
import { type FieldName, fieldOf, fieldsOf, isFieldName, type PartName } from './vocabulary.ts';

// From the text of one value to a checked test; shared by the XML form and the typed form. Faults are values: the caller knows the place.

export type Checked<T> = { readonly kind: 'ok'; readonly value: T } | { readonly kind: 'fault'; readonly reason: string };

const comparisons = ['equ', 'lt', 'le', 'gt', 'ge'] as const;
export const isComparison = (text: string): text is Comparison => comparisons.some((comparison) => comparison === text);

const fault = (reason: string): Checked<never> => ({ kind: 'fault', reason });

/** The field of that name in `part`. */
export function checkedField(part: PartName, name: string): Checked<FieldName> {
  return isFieldName(name) && fieldOf(part, name) !== undefined
    ? { kind: 'ok', value: name }
    : fault(`${quoted(name)} is not one of ${fieldsOf(part)}`);
}

/** `text` may begin with `~` for "not". */
export function checkedTest(part: PartName, name: FieldName, comparison: string | undefined, text: string): Checked<Test> {
  const kind = fieldOf(part, name)?.kind;
  if (kind === undefined) return fault(`${part} has no ${name}`);
  const compare = comparison ?? 'equ';
  if (!isComparison(compare)) return fault(`${quoted(compare)} is not one of ${comparisons.join(', ')}`);
  if (compare !== 'equ' && !kind.ordered) return fault(`${name} can only be compared for being equal`);
  const trimmed = text.trim();
  const not = trimmed.startsWith('~');
  const value = kind.normalise(not ? trimmed.slice(1) : trimmed);
  return value === undefined ? fault(`${quoted(text)} is not ${kind.expects}`) : { kind: 'ok', value: { not, compare, value } };
}

/** A short quotation of text from outside. */
export const quoted = (text: string): string => JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}...` : text);
