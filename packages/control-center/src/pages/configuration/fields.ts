// The tabs and fields of the configuration (C2), by the names of the settings. A setting that no tab names is shown under Basic Settings, so that none
// is missing here.

export type Value = null | boolean | number | string | readonly string[];
export type Setting = {
  readonly path: string;
  readonly value: Value;
  readonly default: Value;
  readonly source: 'default' | 'file' | 'command line';
  readonly running: Value;
  readonly type: string;
  readonly bounds: string;
  readonly live: boolean;
  readonly widens: boolean;
  readonly effect: string;
};
export type SettingsAnswer = {
  readonly file: string | null;
  readonly writable: boolean;
  readonly fault: string | null;
  readonly notes: readonly { readonly line: number; readonly level: string; readonly text: string }[];
  readonly settings: readonly Setting[];
};

export const tabs = [
  { name: 'basic', title: 'Basic Settings' },
  { name: 'users', title: 'Users' },
  { name: 'remote', title: 'Access to Remote License Managers' },
  { name: 'clients', title: 'Access from Remote Clients' },
  { name: 'identities', title: 'Client Identities' },
  { name: 'detach', title: 'Detachable Licenses' },
  { name: 'network', title: 'Network' },
] as const;
export type TabName = (typeof tabs)[number]['name'];

const places: readonly (readonly [RegExp, TabName])[] = [
  [/^access\.users$/, 'users'],
  [/^(?:search\.|access\.remoteLicenses$)/, 'remote'],
  [/^access\.(?:remoteClients|clients|publicAddress)$/, 'clients'],
  [/^detach\./, 'detach'],
  [/^(?:bind|port|localOnly|ipv6|adminPort|tls\.|proxy\.|limits\.)/, 'network'],
];
export const tabOf = (path: string): TabName => places.find(([pattern]) => pattern.test(path))?.[1] ?? 'basic';

const groups: readonly (readonly [RegExp, string])[] = [
  [/^page\./, 'Pages'],
  [/^log\./, 'Logs'],
  [/^(?:access\.remote(?:Administration|Metrics)$|compat\.)/, 'Administration'],
  [/^(?:protection|updates)\.|^hardwareC2v$/, 'Keys and Updates'],
];
/** Settings of a tab under what they are about, in their order. */
export const grouped = (settings: readonly Setting[]): readonly (readonly [title: string, settings: readonly Setting[]])[] => {
  const of = (path: string): string => groups.find(([pattern]) => pattern.test(path))?.[1] ?? '';
  return [...Map.groupBy(settings, ({ path }) => of(path))].toSorted(([a], [b]) => Number(a !== '') - Number(b !== ''));
};

/** As the pages of the field call them (field-facts 2.2 to 2.7). */
const labels: Readonly<Record<string, string>> = {
  name: 'Machine Name',
  'access.remoteAdministration': 'Allow Remote Access to ACC and Admin API',
  'access.remoteMetrics': 'Allow Remote Access to Metrics',
  'page.refreshSeconds': 'Display Refresh Time (seconds)',
  'page.rows': 'Table Rows per Page',
  'page.passwordForAll': 'Password Protects All ACC Pages',
  pidFile: 'Write PID File',
  temporaryFileDays: 'Days Before Deleting Temporary Files',
  hardwareC2v: 'Generate C2V for Hardware Keys',
  'access.publicAddress': 'Public Address for Access With Identity and ACC',
  'rest.idleSeconds': 'Idle Timeout of REST Session (seconds)',
  'compat.newLmIdByGet': 'New LM id by GET',
  'detach.expiredDays': 'Days Before Deleting Expired Detached Licenses',
  'detach.products': 'Per-Product Settings',
  sessionIdleMinutes: 'Idle Timeout of Session (minutes)',
  idleConnectionMinutes: 'Idle Timeout of Connection (minutes)',
  'log.access': 'Write Access Log',
  'log.local': 'Include Local Requests',
  'log.remote': 'Include Remote Requests',
  'log.admin': 'Include Administration Requests',
  'log.errors': 'Write Error Log',
  'log.daily': 'Write Log Files Daily',
  'log.accessMaxKb': 'Size Limit of the Access Log (kB, 0 = none)',
  'log.errorMaxKb': 'Size Limit of the Error Log (kB, 0 = none)',
  'log.compressDays': 'Days Before Compressing Log Files (0 = never)',
  'log.deleteDays': 'Days Before Deleting Log Files (0 = never)',
  'log.pattern': 'Log Parameters',
  'log.json': 'JSON Log Format',
  'log.directory': 'Folder of the Log Files',
  'updates.folder': 'Folder Whose License Files Are Applied',
  'protection.duplicateKey': 'A Key That Is on Another Computer, Too',
  'protection.custom': 'Names of This Computer for Licenses',
  'access.users': 'User Restrictions',
  'access.remoteLicenses': 'Allow Access to Remote Licenses',
  'search.broadcast': 'Broadcast Search for Remote Licenses',
  'search.aggressive': 'Aggressive Search for Remote Licenses',
  'search.addresses': 'Remote License Search Parameters',
  'search.intervalMinutes': 'Search Interval (minutes)',
  'access.remoteClients': 'Allow Access From',
  'access.clients': 'Access Restrictions',
  'detach.enabled': 'Enable Detaching of Licenses',
  'detach.maxDays': 'Max. Detach Duration (days)',
  'detach.reservedSeats': 'Reserved Licenses (seats)',
  'detach.reservedPercent': 'Reserved Licenses (percent)',
  localOnly: 'Network Visibility: Local Only',
  bind: 'Addresses to Listen On',
  ipv6: 'Enable IPv6',
  port: 'Port',
  adminPort: 'Separate Port for Administration',
  'proxy.connect': 'Proxy',
  'proxy.host': 'Proxy Address',
  'proxy.port': 'Proxy Port',
  'tls.certificate': 'TLS Certificate (file)',
  'tls.key': 'TLS Private Key (file)',
  'tls.peers': 'TLS to Other License Managers',
  'tls.authorities': 'Trusted Certificate Authorities (file)',
  'limits.connections': 'Connections at a Time',
  'limits.connectionsPerAddress': 'Connections at a Time of One Computer',
  'limits.firstByteSeconds': 'Seconds Until the First Byte',
};
/** `acc.pageRefresh` as words, where the field has no name for it. */
export const labelOf = (path: string): string => labels[path] ?? path.replaceAll('.', ': ').replaceAll(/([a-z])([A-Z])/g, '$1 $2');

/** The values that a setting takes, where they can be counted. */
export const choicesOf = ({ bounds }: Setting): readonly string[] | undefined => {
  if (!/^"[^"]*"(?: or "[^"]*")+$/.test(bounds)) return undefined;
  return [...bounds.matchAll(/"([^"]*)"/g)].map(([, choice = '']) => choice);
};

const choiceNames: Readonly<Record<string, string>> = {
  'access.remoteClients all': 'All licenses accessible without an identity',
  'access.remoteClients none': 'No one',
  'access.remoteClients identifiable': 'Identifiable clients only',
  'access.remoteClients split': 'Cloud licenses need an identity, others are accessible without one',
  'proxy.connect none': 'No proxy',
  'proxy.connect manual': 'Manual proxy',
};
export const choiceName = (path: string, choice: string): string => choiceNames[`${path} ${choice}`] ?? choice;

export const rangeOf = ({ bounds }: Setting): { readonly min?: string; readonly max?: string } => {
  const [, min, max] = /^(-?[\d.]+) to (-?[\d.]+)$/.exec(bounds) ?? [];
  return { ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) };
};

export const sayValue = (value: Value): string =>
  value === null
    ? 'none'
    : typeof value === 'boolean'
      ? value
        ? 'on'
        : 'off'
      : Array.isArray(value)
        ? value.length === 0
          ? 'empty'
          : value.join(', ')
        : String(value);
