import { MAX_ID } from '../license/index.ts';
import { looksLikeAddress, parseAddressPattern } from './address-pattern.ts';
import type { ClientRule, HostPattern, NamePattern, Person, RulePlace, Subject, UserRule } from './rules.ts';
import { parseWildcard } from './wildcard.ts';

// The grammar of rules, one to a line, strict: a line that is not understood is a fault with its number, and all faults come at once, for
// a rule that is silently ignored lets in or locks out the wrong people. docs/guide/access.md has the grammar for people.

/** What is wrong with one line; `line` counts from 0. */
export type LineFault = { readonly line: number; readonly fault: string };
export type Parsed<R> = { readonly rules: readonly R[]; readonly faults: readonly LineFault[] };

class LineError extends Error {}

const MAX_PRIORITY = 1_000;
const MAX_RESERVE = 32_752;
const anyHost: HostPattern = { kind: 'any' };

const quoted = (text: string): string => JSON.stringify(text.slice(0, 60));
/** `all` is how older files write `*`. */
const isAny = (text: string): boolean => text === '' || text === '*' || text.toLowerCase() === 'all';
const isComment = (line: string): boolean => line === '' || line.startsWith('#') || line.startsWith(';');

const namePattern = (text: string): NamePattern => {
  if (isAny(text)) return undefined;
  // Some systems have names with a space inside.
  if (/[@=,:]|\p{Cc}/u.test(text)) throw new LineError(`${quoted(text)} is no user name`);
  return parseWildcard(text);
};

const hostPattern = (text: string): HostPattern => {
  if (isAny(text)) return anyHost;
  if (looksLikeAddress(text)) {
    const address = parseAddressPattern(text);
    if (address === undefined) throw new LineError(`${quoted(text)} is no address, no range like 10.1.0.0/16 and no 10.1.*`);
    return { kind: 'address', address };
  }
  if (!/^[\p{L}\d._*-]{1,255}$/u.test(text)) throw new LineError(`${quoted(text)} is no host name`);
  return { kind: 'name', name: parseWildcard(text), ...(text.includes('*') ? {} : { exact: text.toLowerCase() }) };
};

const person = (text: string): Person => {
  const at = text.indexOf('@');
  return at < 0
    ? { user: namePattern(text), host: anyHost }
    : { user: namePattern(text.slice(0, at)), host: hostPattern(text.slice(at + 1)) };
};

const number = (name: string, text: string, min: number, max: number): number => {
  const value = /^(0|[1-9]\d{0,15})$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) throw new LineError(`${name} must be a whole number from ${min} to ${max}, not ${quoted(text)}`);
  return value;
};

const keyOf = (text: string): string => {
  if (!/^[1-9]\d{0,19}$/.test(text) || BigInt(text) > 0xffff_ffff_ffff_ffffn) throw new LineError(`${quoted(text)} is no id of a key`);
  return text;
};

const lmOf = (text: string): string => {
  if (text !== 'local' && !/^[\w-]{40}$/.test(text))
    throw new LineError(`lm must be local or a GUID of 40 characters, not ${quoted(text)}`);
  return text;
};

/** What may follow the name of a rule, each at most once. */
const options = (parts: readonly string[], allowed: readonly string[]) => {
  const found = new Map<string, string>();
  for (const part of parts) {
    const [, name = '', value = ''] = /^([a-z]+)\s*[:=]\s*(.*)$/.exec(part) ?? [];
    const sign = name === 'priority' || name === 'reserve' ? '=' : ':';
    if (!allowed.includes(name) || part[name.length] !== sign) throw new LineError(`${quoted(part)} is not understood here`);
    if (found.has(name)) throw new LineError(`${name} is there twice`);
    found.set(name, value);
  }
  return <T>(name: string, read: (text: string) => T): T | undefined => {
    const text = found.get(name);
    return text === undefined ? undefined : read(text);
  };
};

const VERDICT = /^(allow|deny)\s*=(.*)$/;
const verdictOf = (word: string): 'allow' | 'deny' => (word === 'deny' ? 'deny' : 'allow');
const partsOf = (text: string): string[] => text.split(',').map((part) => part.trim());

/** Where each line of a list is written, by its index; absent where that is not known. */
export type Places = (index: number) => RulePlace | undefined;

const lines = <R>(texts: readonly string[], read: (line: string, at: number) => R | undefined): Parsed<R> => {
  const rules: R[] = [];
  const faults: LineFault[] = [];
  for (const [line, text] of texts.entries()) {
    try {
      const trimmed = text.trim();
      const rule = isComment(trimmed) ? undefined : read(trimmed, line);
      if (rule !== undefined) rules.push(rule);
    } catch (error) {
      if (!(error instanceof LineError)) throw error;
      faults.push({ line, fault: error.message });
    }
  }
  return { rules, faults };
};

const placed = (places: Places | undefined, index: number): { readonly place?: RulePlace } => {
  const place = places?.(index);
  return place === undefined ? {} : { place };
};

const GROUP = /^group\s+([^=]*?)\s*=(.*)$/;
const groupsIn = (
  texts: readonly string[],
): { readonly groups: ReadonlyMap<string, readonly Person[]>; readonly faults: readonly LineFault[] } => {
  const named = new Map<string, string>();
  const groups = new Map<string, readonly Person[]>();
  for (const text of texts) {
    const name = GROUP.exec(text.trim())?.[1];
    if (name !== undefined) named.set(name.toLowerCase(), name);
  }
  const { faults } = lines(texts, (line) => {
    const [, name, members] = GROUP.exec(line) ?? [];
    if (name === undefined || members === undefined) return undefined;
    if (!/^[\p{L}\d._-]{1,64}$/u.test(name) || isAny(name)) throw new LineError(`${quoted(name)} is no name for a group`);
    if (groups.has(name.toLowerCase())) throw new LineError(`the group ${name} is there twice`);
    groups.set(
      name.toLowerCase(),
      partsOf(members).map((member) => {
        if (member === '') throw new LineError('a member is missing');
        if (named.has(member.split('@', 1)[0]?.toLowerCase() ?? ''))
          throw new LineError(`${quoted(member)} is a group, and groups have no groups`);
        return person(member);
      }),
    );
    return undefined;
  });
  return { groups, faults };
};

const QUALIFIERS = ['lm', 'vendor', 'key', 'product', 'feature'];

/** "Users": `allow|deny=[user|group][@host][,vendor:ID][,key:ID][,product:ID][,feature:ID][,lm:GUID][,priority=N][,reserve=N]`, `group NAME = a, b@host`. */
export const parseUserRules = (texts: readonly string[], places?: Places): Parsed<UserRule> => {
  const { groups, faults } = groupsIn(texts);
  const subjectOf = (who: string, option: ReturnType<typeof options>): Subject => {
    const at = who.indexOf('@');
    const group = groups.get((at < 0 ? who : who.slice(0, at)).toLowerCase());
    const [lm, vendor, key, product, feature] = [
      option('lm', lmOf),
      option('vendor', (text) => number('vendor', text, 1, 0xffff_ffff)),
      option('key', keyOf),
      option('product', (text) => number('product', text, 0, MAX_ID)),
      option('feature', (text) => number('feature', text, 0, MAX_ID)),
    ];
    return {
      who: group ?? [person(who)],
      host: group === undefined || at < 0 ? anyHost : hostPattern(who.slice(at + 1)),
      ...(lm === undefined ? {} : { lm }),
      ...(vendor === undefined ? {} : { vendor }),
      ...(key === undefined ? {} : { key }),
      ...(product === undefined ? {} : { product }),
      ...(feature === undefined ? {} : { feature }),
    };
  };
  const parsed = lines(texts, (line, at): UserRule | undefined => {
    if (GROUP.test(line)) return undefined;
    const [, word, rest] = VERDICT.exec(line) ?? [];
    if (word === undefined || rest === undefined) throw new LineError(`${quoted(line)} is neither allow=, deny= nor group NAME =`);
    const [who = '', ...more] = partsOf(rest);
    // `deny=vendor:7` has nobody before its first comma, and means everybody.
    const nobody = /^(vendor|key|product|feature|lm):/.test(who);
    const verdict = verdictOf(word);
    const option = options(nobody ? [who, ...more] : more, verdict === 'allow' ? [...QUALIFIERS, 'priority', 'reserve'] : QUALIFIERS);
    const subject = subjectOf(nobody ? '' : who, option);
    const reserve = option('reserve', (text) => number('reserve', text, 1, MAX_RESERVE)) ?? 0;
    if (reserve > 0 && subject.product === undefined && subject.feature === undefined)
      throw new LineError('reserve needs a product: or a feature: that it is of');
    const priority = option('priority', (text) => number('priority', text, 0, MAX_PRIORITY)) ?? 0;
    return { line, ...placed(places, at), verdict, subject, priority, reserve };
  });
  return { rules: parsed.rules, faults: [...faults, ...parsed.faults].sort((a, b) => a.line - b.line) };
};

/** "Access from Remote Clients": `allow|deny=address, range, host name or *[,lm:GUID]`. */
export const parseClientRules = (texts: readonly string[], places?: Places): Parsed<ClientRule> =>
  lines(texts, (line, at): ClientRule => {
    const [, word, rest] = VERDICT.exec(line) ?? [];
    if (word === undefined || rest === undefined) throw new LineError(`${quoted(line)} is neither allow= nor deny=`);
    const [host = '', ...more] = partsOf(rest);
    if (host === '') throw new LineError('an address, a host name or * is missing');
    const lm = options(more, ['lm'])('lm', lmOf);
    return { line, ...placed(places, at), verdict: verdictOf(word), host: hostPattern(host), ...(lm === undefined ? {} : { lm }) };
  });
