import { type AccessRules, type AddressesOf, namesIn } from '@keyhaven/core/users';
import { createRuleNames, type RuleNameOptions } from './rule-names.ts';

// The rules of a license manager that runs, with the addresses of the computers that they name. Rules that name computers whose addresses are
// not known yet hold when they are, or after three seconds.

export type RunningRules = {
  readonly addressesOf: AddressesOf;
  /** `apply` is called with the rules when they hold: at once where their names are known; not at all where others came after them. */
  change(rules: AccessRules, apply: (rules: AccessRules) => void): void;
  close(): void;
};

/** Resolves when the names in the first rules were looked up, at most after three seconds. */
export const openRunningRules = async (options: RuleNameOptions & { readonly rules: AccessRules }): Promise<RunningRules> => {
  const names = createRuleNames(options);
  let latest = options.rules;
  const first = namesIn(latest.clients);
  if (first.length > 0) await names.follow(first);
  return {
    addressesOf: names.addressesOf,
    change(rules, apply) {
      latest = rules;
      const wanted = namesIn(rules.clients);
      const known = names.knows(wanted);
      const ready = names.follow(wanted);
      if (known) return apply(rules);
      void ready.then(() => {
        if (latest === rules) apply(rules);
      });
    },
    close: names.close,
  };
};
