import { familyOf } from '../discovery/index.ts';
import type { Flow, Plan } from './plan.ts';

// Firewall rules from the flows of a plan: one line for each flow and address family. For a filter that knows connections.

export type Rule = Flow & {
  /** Rules with addresses are of one family. */
  readonly family: 4 | 6 | undefined;
};

export const rulesOf = ({ flows }: Plan): readonly Rule[] =>
  flows.flatMap((flow): Rule[] => {
    if (flow.transport === 'icmpv6') return [{ ...flow, family: 6 }];
    if (flow.remote.length === 0) return [{ ...flow, family: undefined }];
    return ([4, 6] as const).flatMap((family) => {
      const remote = flow.remote.filter((address) => familyOf(address) === family);
      return remote.length === 0 ? [] : [{ ...flow, family, remote }];
    });
  });

/** What filters let through by themselves that know connections: loopback, answers, and what IPv6 cannot do without. */
export const isImplied = (rule: Rule): boolean => rule.interface === 'lo' || rule.reply === true || rule.transport === 'icmpv6';

/** Words of the settings may stand in a reason; no character of them ends a string or a line. */
export const plainText = (text: string): string => text.replaceAll(/[^\x20-\x7e]|["'`\\$]/g, '?');
