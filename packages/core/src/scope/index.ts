// Scopes: which keys, products, features and license managers a request may use; typed, and as the XML of the field (A1).

export type { LoginOptions } from './login-options.ts';
export { anyScope, type Clause, type Condition, matches, type Scope, type Test } from './scope.ts';
export { type ScopeAlternative, type ScopeInput, toScope } from './scope-input.ts';
export { type ParsedScope, parseScope, scopeToXml } from './scope-xml.ts';
export { type Checked, checkedField, checkedTest, quoted } from './test-of-text.ts';
export { elementOf, type PartName, partNames, partOf, type ScopeSubject } from './vocabulary.ts';
