import { keyTypeNames } from '../format/from-license.ts';
import { type Clause, matches, type Scope } from '../scope/index.ts';
import { type KeyKind, keyKinds } from './serves.ts';

// Which kinds of keys a scope can mean: what is in a scope besides the type and the configuration of the key is taken to hold, for only a
// license manager knows the rest.

type Spelling = { readonly type: string; readonly configuration: string };
/** The field spells the HASP configuration in two ways. */
const alsoSpelled: Readonly<Partial<Record<KeyKind, Spelling>>> = { 'hl-hasp': { type: 'HASP-HL', configuration: 'hasphl' } };

const ofKind = ({ part, conditions, within }: Clause): Clause => ({
  part,
  conditions: part === 'key' ? conditions.filter(({ field }) => field === 'type' || field === 'configuration') : [],
  within: within.map(ofKind),
});

const subjectOf = (key: Spelling) => ({
  licenseManager: { hostname: '', id: '', ips: [] },
  vendor: { id: 0 },
  key: { id: 0, ...key },
});

/** In the order of `keyKinds`; empty where no kind of key lies in the scope. */
export const admittedKinds = (scope: Scope): readonly KeyKind[] => {
  const about: Scope = { anyOf: scope.anyOf.map(ofKind) };
  return keyKinds.filter((kind) =>
    [keyTypeNames[kind], alsoSpelled[kind]].some((spelled) => spelled !== undefined && matches(about, subjectOf(spelled))),
  );
};
