import type { AddressPattern } from './address-pattern.ts';
import type { Wildcard } from './wildcard.ts';

// The words of who may take which seat (R9, field-facts 2.3 and 2.5). A rule sees of an applicant what is in `Asker`. User and host are what
// the application says of itself; address and holder are known, so rules against somebody who lies name those.

/** Who asks, for what. */
export type Asker = {
  /** undefined = not known: then no rule that allows a user speaks of it, and each that denies one does (field-facts 2.3). */
  readonly user: string | undefined;
  /**
   * An administrator of the owner's computer acts, for the computer that is named: no rule that names a person is about that, whatever its verdict. Rules for
   * everybody, for computers and for license managers are.
   */
  readonly administrator?: boolean;
  readonly host: string;
  readonly address: string;
  /** `local`, or the GUID of the license manager that answers for the application. */
  readonly holder: string;
  /** The GUID that all license managers of its computer can prove; absent = the holder's. */
  readonly station?: string | undefined;
  /** It is not known to be on the computer of its license manager. */
  readonly forwarded?: true;
};
export type Asked = { readonly vendor: number; readonly key: string; readonly product: number; readonly feature: number };

/** undefined = any. */
export type NamePattern = Wildcard | undefined;
export type HostPattern =
  | { readonly kind: 'any' }
  /** `exact`: the name where there is no star in it, in small letters; it has addresses, which others cannot choose. */
  | { readonly kind: 'name'; readonly name: Wildcard; readonly exact?: string }
  | { readonly kind: 'address'; readonly address: AddressPattern };
/** A user at a host. */
export type Person = { readonly user: NamePattern; readonly host: HostPattern };

/** What a rule is about; absent fields are any. */
export type Subject = {
  readonly who: readonly Person[];
  /** Besides `who`: `GROUP@host` are the members of the group who are at the host. */
  readonly host: HostPattern;
  readonly lm?: string;
  readonly vendor?: number;
  readonly key?: string;
  readonly product?: number;
  readonly feature?: number;
};
/** Where a rule is written; lines count from 1. */
export type RulePlace = { readonly file: string; readonly line: number };
export type UserRule = {
  /** The line as it was written; for whoever asks why. */
  readonly line: string;
  readonly place?: RulePlace;
  readonly verdict: 'allow' | 'deny';
  readonly subject: Subject;
  /** Among those who wait for a seat, the greater goes first. */
  readonly priority: number;
  /** Seats of each pool that the rule is about which others may not take; 0 = none. */
  readonly reserve: number;
};
export type ClientRule = {
  readonly line: string;
  readonly place?: RulePlace;
  readonly verdict: 'allow' | 'deny';
  readonly host: HostPattern;
  readonly lm?: string;
};

/**
 * "Access from Remote Clients" (field-facts 2.5). `split`: licenses in a cloud need an identity, others do not; no key here is in a cloud, so
 * all of them are open.
 */
export const remoteModes = ['none', 'identifiable', 'split', 'all'] as const;
export type RemoteMode = (typeof remoteModes)[number];

export type AccessRules = {
  readonly users: readonly UserRule[];
  readonly clients: readonly ClientRule[];
  /** Absent = all. */
  readonly remote?: { readonly mode: RemoteMode; readonly place?: RulePlace };
};
export const NO_RULES: AccessRules = { users: [], clients: [] };

/** BOUNDED: lines of a list, and characters of a line. */
export const MAX_LINES = 4_096;
export const MAX_LINE = 1_000;
