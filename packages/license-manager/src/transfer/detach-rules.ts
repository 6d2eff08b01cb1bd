import { MAX_DETACH_RULE, MAX_DETACH_RULES, parseDetachRules } from '@keyhaven/core/transfer';
import { z } from 'zod';

/** `detach.products` of the settings: a rule with a typing error stops the license manager with a word on it, and lends nothing that was to stay. */
export const detachRuleList = z
  .array(z.string().max(MAX_DETACH_RULE))
  .max(MAX_DETACH_RULES)
  .superRefine((lines, context) => {
    for (const { line, fault } of parseDetachRules(lines).faults) context.addIssue({ code: 'custom', path: [line], message: fault });
  })
  .default([]);
