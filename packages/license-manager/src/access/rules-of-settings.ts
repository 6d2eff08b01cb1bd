import {
  type AccessRules,
  type LineFault,
  MAX_LINE,
  MAX_LINES,
  parseClientRules,
  parseUserRules,
  type RemoteMode,
  type RulePlace,
} from '@keyhaven/core/users';
import { z } from 'zod';

// The lists `access.users` and `access.clients` of the settings: each line is parsed at the start, so that a rule with a typing error stops
// the license manager with a word on it and does not let in or lock out the wrong people.

const ruleList = (parse: (lines: readonly string[]) => { readonly faults: readonly LineFault[] }) =>
  z
    .array(z.string().max(MAX_LINE))
    .max(MAX_LINES)
    .superRefine((lines, context) => {
      for (const { line, fault } of parse(lines).faults) context.addIssue({ code: 'custom', path: [line], message: fault });
    })
    .default([]);

export const userRuleList = ruleList(parseUserRules);
export const clientRuleList = ruleList(parseClientRules);

/** Where a setting is written, or one entry of a list of it; undefined where that is not known. */
export type Where = (path: string, index?: number) => RulePlace | undefined;

export const rulesOf = (
  access: { readonly users: readonly string[]; readonly clients: readonly string[]; readonly remoteClients?: RemoteMode },
  where: Where = () => undefined,
): AccessRules => {
  const { users, clients, remoteClients: mode } = access;
  const place = where('access.remoteClients');
  return {
    users: parseUserRules(users, (line) => where('access.users', line)).rules,
    clients: parseClientRules(clients, (line) => where('access.clients', line)).rules,
    ...(mode === undefined ? {} : { remote: { mode, ...(place === undefined ? {} : { place }) } }),
  };
};
