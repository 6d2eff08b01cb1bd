import { parseClientRules } from '../users/index.ts';
import type { HostPattern } from '../users/rules.ts';
import { sayPattern } from './addresses.ts';

// Which computers the settings let in, as far as a packet filter can tell: it knows addresses and no names.

/** `anybody`, or only these networks; `remark` says why a list of rules could not be turned into networks. */
export type Clients = { readonly networks: readonly string[] | 'anybody'; readonly remark?: string };

const networkIn = (host: HostPattern): string | undefined => (host.kind === 'address' ? sayPattern(host.address) : undefined);

/**
 * Rules that allow addresses and end in `deny=*` are a list of networks. Any other list is `anybody`: the license manager then decides
 * itself, after the connection.
 */
export const clientsOf = (remoteClients: boolean, lines: readonly string[]): Clients => {
  if (!remoteClients) return { networks: [] };
  const { rules } = parseClientRules(lines);
  const networks: string[] = [];
  for (const { verdict, host, lm } of rules) {
    if (host.kind === 'any' && lm === undefined) return { networks: verdict === 'deny' ? networks : 'anybody' };
    // A denial within what a later rule allows: the filter lets a few more through than the license manager takes.
    if (verdict === 'deny') continue;
    const network = networkIn(host);
    if (network === undefined) {
      return { networks: 'anybody', remark: 'The rules of access.clients name computers, which a packet filter does not know by name.' };
    }
    networks.push(network);
  }
  return { networks: 'anybody' };
};
