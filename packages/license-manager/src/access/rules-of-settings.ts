import { type AccessRules, type LineFault, MAX_LINE, MAX_LINES, parseClientRules, parseUserRules } from '@keyhaven/core/users';
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

export const rulesOf = (access: { readonly users: readonly string[]; readonly clients: readonly string[] }): AccessRules => ({
  users: parseUserRules(access.users).rules,
  clients: parseClientRules(access.clients).rules,
});
