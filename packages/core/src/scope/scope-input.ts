import { LicensingError, Status } from '../errors/index.ts';
import { anyScope, type Clause, type Condition, type Scope, type Test } from './scope.ts';
import { type Checked, checkedField, checkedTest, isComparison, quoted } from './test-of-text.ts';
import { isPartName, type PartName, partNames } from './vocabulary.ts';

// The typed form that programs write by hand: `{ key: { id: '123' } }`, or a list of such alternatives (A1). JavaScript callers are not
// held by the types, so everything is checked here too.

type Plain = string | number | boolean;
/** A value (a text may begin with `~` for "not"), or its negation, or for versions and numeric ids an order. */
type Wanted =
  | Plain
  | { readonly not: Plain }
  | { readonly lt: Plain }
  | { readonly le: Plain }
  | { readonly gt: Plain }
  | { readonly ge: Plain };
/** Any one of several. */
type AnyOf = Wanted | readonly Wanted[];

/** All that is given holds together. */
export type ScopeAlternative = {
  readonly licenseManager?: { readonly hostname?: AnyOf; readonly id?: AnyOf; readonly ip?: AnyOf };
  readonly vendor?: { readonly id?: AnyOf; readonly code?: AnyOf };
  readonly key?: {
    readonly id?: AnyOf;
    readonly version?: AnyOf;
    readonly type?: AnyOf;
    readonly configuration?: AnyOf;
    readonly attached?: AnyOf;
  };
  readonly product?: { readonly id?: AnyOf };
  readonly feature?: { readonly id?: AnyOf };
  readonly session?: {
    readonly username?: AnyOf;
    readonly userid?: AnyOf;
    readonly hostname?: AnyOf;
    readonly apiversion?: AnyOf;
    readonly handle?: AnyOf;
  };
};

export type ScopeInput = Scope | ScopeAlternative | readonly ScopeAlternative[];

/** Throws INV_SCOPE with the place and the cause. */
export function toScope(input: ScopeInput): Scope {
  if (isScope(input)) return input;
  const alternatives: readonly unknown[] = Array.isArray(input) ? input : [input];
  if (alternatives.length === 0) return fail('scope', 'an empty list of alternatives would match nothing');
  const clauses = alternatives.map((alternative, index) => alternativeOf(alternative, Array.isArray(input) ? `scope[${index}]` : 'scope'));
  // An alternative that asks for nothing makes the others void.
  const asking = clauses.filter((clause) => clause !== undefined);
  return asking.length < clauses.length ? anyScope : { anyOf: asking };
}

const isScope = (input: ScopeInput): input is Scope =>
  typeof input === 'object' && input !== null && 'anyOf' in input && Array.isArray(input.anyOf);
const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const fail = (place: string, reason: string): never => {
  throw new LicensingError(Status.INV_SCOPE, { detail: `At ${place}: ${reason}` });
};
const check = <T>(place: string, checked: Checked<T>): T => (checked.kind === 'ok' ? checked.value : fail(place, checked.reason));

function alternativeOf(value: unknown, place: string): Clause | undefined {
  const given = isRecord(value) ? value : fail(place, 'an alternative is an object');
  for (const name of Object.keys(given)) if (!isPartName(name)) fail(place, `${quoted(name)} is not one of ${partNames.join(', ')}`);
  return partNames
    .filter((part) => given[part] !== undefined)
    .reduceRight<Clause | undefined>((inner, part) => {
      const conditions = conditionsOf(part, given[part], `${place}.${part}`);
      return conditions.length === 0 ? inner : { part, conditions, within: inner === undefined ? [] : [inner] };
    }, undefined);
}

function conditionsOf(part: PartName, value: unknown, place: string): Condition[] {
  const given = isRecord(value) ? value : fail(place, `${part} is an object`);
  return Object.entries(given)
    .filter(([, wanted]) => wanted !== undefined)
    .map(([name, wanted]) => {
      const field = check(place, checkedField(part, name));
      const values: readonly unknown[] = Array.isArray(wanted) ? wanted : [wanted];
      if (values.length === 0) fail(`${place}.${field}`, 'an empty list of values would match nothing');
      const test = (each: unknown): Test => {
        const { text, compare, not } = wantedOf(each, `${place}.${field}`);
        const checked = check(`${place}.${field}`, checkedTest(part, field, compare, text));
        return { ...checked, not: checked.not !== not };
      };
      return { field, anyOf: values.map(test) };
    });
}

function wantedOf(value: unknown, place: string): { readonly text: string; readonly compare: string; readonly not: boolean } {
  if (!isRecord(value)) return { text: plainOf(value, place), compare: 'equ', not: false };
  const [[name, inner] = ['', undefined], ...more] = Object.entries(value);
  if (more.length > 0) fail(place, 'only one of not, lt, le, gt and ge can be given');
  if (name === 'not') return { text: plainOf(inner, place), compare: 'equ', not: true };
  return isComparison(name)
    ? { text: plainOf(inner, place), compare: name, not: false }
    : fail(place, `${quoted(name)} is not one of not, lt, le, gt and ge`);
}

const plainOf = (value: unknown, place: string): string =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : fail(place, 'a value is a text, a number or a boolean');
