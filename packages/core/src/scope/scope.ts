import { type FieldName, fieldOf, type PartName, type ScopeSubject } from './vocabulary.ts';

// A scope says which keys, products, features and license managers a request may use (A1).
//
// A scope is a tree of clauses: clauses beside each other are alternatives, a clause within another holds only together with it, and all
// conditions of a clause hold together. An empty list of alternatives asks for nothing. Scopes are made by `parseScope` and `toScope`,
// which check every value; a scope made otherwise is safe but may match nothing.
// A scope is judged for one feature of one key at a time, so one that asks for feature 1 within feature 2 matches nothing.

export type Comparison = 'equ' | 'lt' | 'le' | 'gt' | 'ge';
/** `not` turns the outcome of the comparison round. */
export type Test = { readonly not: boolean; readonly compare: Comparison; readonly value: string };
/** Holds when one of its tests does. */
export type Condition = { readonly field: FieldName; readonly anyOf: readonly Test[] };
export type Clause = { readonly part: PartName; readonly conditions: readonly Condition[]; readonly within: readonly Clause[] };
export type Scope = { readonly anyOf: readonly Clause[] };

/** The scope that everything matches. */
export const anyScope: Scope = { anyOf: [] };

/** True when `subject` lies within `scope`. What a subject does not have equals nothing, and so satisfies every negation. */
export function matches(scope: Scope, subject: ScopeSubject): boolean {
  return anyHolds(scope.anyOf, subject);
}

// Recursion is as deep as the scope, which the reader of the XML form limits to 32.
const anyHolds = (alternatives: readonly Clause[], subject: ScopeSubject): boolean =>
  alternatives.length === 0 || alternatives.some((clause) => holds(clause, subject));

const holds = (clause: Clause, subject: ScopeSubject): boolean =>
  clause.conditions.every((condition) => satisfied(clause.part, condition, subject)) && anyHolds(clause.within, subject);

function satisfied(part: PartName, condition: Condition, subject: ScopeSubject): boolean {
  const field = fieldOf(part, condition.field);
  if (field === undefined) return false;
  const values = field.read(subject).flatMap((value) => field.kind.normalise(String(value)) ?? []);
  return condition.anyOf.some(
    ({ not, compare, value }) =>
      values.some((own) => compares(compare, field.kind.compare(own, value), field.kind.covers?.(value, own))) !== not,
  );
}

function compares(comparison: Comparison, order: number, covered = false): boolean {
  switch (comparison) {
    case 'equ':
      return order === 0 || covered;
    case 'lt':
      return order < 0;
    case 'le':
      return order <= 0;
    case 'gt':
      return order > 0;
    case 'ge':
      return order >= 0;
  }
}
