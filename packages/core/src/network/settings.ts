// What the plan of the network is made of: the settings that matter to it, and the interfaces of the computer.

/** One entry of "Remote License Search Parameters". `addresses` is what a name has now, or the entry itself. */
export type SearchEntry = { readonly entry: string; readonly addresses: readonly string[] };

export type NetworkSettings = {
  readonly port: number;
  /** Empty: every address. */
  readonly bind: readonly string[];
  readonly broadcast: boolean;
  readonly search: readonly SearchEntry[];
  readonly intervalMinutes: number;
  /** Other computers may use licenses of this one, and the rules for that ("Access from Remote Clients"). */
  readonly remoteClients: boolean;
  readonly clients: readonly string[];
  readonly remoteLicenses: boolean;
  readonly remoteAdministration: boolean;
  /** Where page and admin API are when they have a port of their own. */
  readonly adminPort?: number;
  readonly tls: boolean;
  /** Other LMs are reached through this HTTP proxy; `addresses` is what its name has now. Absent = straight. */
  readonly proxy?: { readonly host: string; readonly port: number; readonly addresses: readonly string[] };
};

/** One address of one interface, as Node.js tells it: `cidr` is the address with the length of its network. */
export type InterfaceAddress = {
  readonly name: string;
  readonly address: string;
  readonly family: 4 | 6;
  readonly cidr: string;
  readonly internal: boolean;
};
