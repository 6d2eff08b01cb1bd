export {
  type Component,
  type ComponentKind,
  componentKinds,
  type Fingerprint,
  fingerprint,
  fingerprintOf,
  type HostKind,
  hostKinds,
  normalise,
  type Observation,
} from './fingerprint.ts';
export { type CustomScheme, describe, matches, missing, type Protection, protection, protects, resolve, type Scheme, type SchemeName, schemeNames } from './schemes.ts';
