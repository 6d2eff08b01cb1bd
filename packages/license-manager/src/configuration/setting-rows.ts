import { type IniEntry, iniDecimal, iniFlag, iniHost, iniNumber, iniText, isOf, many, one, sameName } from '@keyhaven/core/ini';
import type { Decoder } from '@keyhaven/core/parse';
import { MINUTE, SECOND } from '@keyhaven/core/time';
import type { RemoteMode } from '@keyhaven/core/users';
import { detachRows } from './detach-rows.ts';
import { logRows } from './log-rows.ts';
import { pageRows } from './page-rows.ts';
import { row, type SettingRow, whole } from './setting-row.ts';

export type { SettingRow } from './setting-row.ts';

// Every setting of an Admin LM: its name in TOML and in the schema of settings.ts, its key in an ini file, whether a change is taken over while
// the license manager runs, and what it does, in words. The reference in docs/guide/operate.md is made from it.

/** "Access from Remote Clients": the old 0 and 1, and the names that the field has for its four modes. */
const modes: Readonly<Record<string, RemoteMode>> = {
  '0': 'none',
  local: 'none',
  secure: 'identifiable',
  split: 'split',
  remote: 'all',
  '1': 'all',
};
const remoteClients: Decoder<RemoteMode> = (value, place, faults) => {
  const mode = Object.entries(modes).find(([name]) => name === value)?.[1];
  if (mode === undefined) faults.push(`${place}: must be 0, 1, local, secure, split or remote`);
  return mode;
};
const writtenMode = (mode: unknown): readonly string[] => {
  const of = mode === true ? 'all' : mode === false ? 'none' : mode;
  // What is neither stays as it is, so that reading it tells the fault.
  return [of === 'all' ? '1' : of === 'none' ? '0' : (Object.entries(modes).find(([, each]) => each === of)?.[0] ?? String(of))];
};
export const localOnly = one('SERVER', 'bind_local_only', iniFlag, { also: ['bindlocalonly'] });

/** A rule is a line of its own in its section: `allow=...`, `deny=...`, `group makers = ...`. */
export const ruleSections: Readonly<Record<string, { readonly path: string; readonly ini: string }>> = {
  USERS: { path: 'access.users', ini: '[USERS] allow, deny, group NAME' },
  ACCESS: { path: 'access.clients', ini: '[ACCESS] allow, deny' },
};

export const settingRows: readonly SettingRow[] = [
  row(
    'name',
    one('SERVER', 'name', iniText(80), { also: ['friendlyname'] }),
    false,
    'The machine name that others see. Without it, the host name of the computer.',
  ),
  row(
    'bind',
    many('SERVER', 'bind', iniHost),
    false,
    'IPv4 and IPv6 addresses to listen on, TCP and UDP. Empty: all addresses of IPv4, and of IPv6 where the computer has it. Applications connect to 127.0.0.1, so a list should contain it.',
  ),
  row(
    'port',
    one('SERVER', 'port', whole),
    false,
    'The port, TCP and UDP. Other license managers search at 1947; another port is for tests.',
  ),
  row(
    'localOnly',
    localOnly,
    false,
    '"Network Visibility": true is "Local only". Nothing but 127.0.0.1 and ::1 is listened on, TCP and UDP, and no datagram goes out: no other computer sees this license manager, and it finds none, but by `search.aggressive`.',
  ),
  row(
    'ipv6',
    one('SERVER', 'ipv6', iniFlag),
    false,
    'IPv6 is used where the computer has it. Off: nothing of IPv6 is listened on, searched or connected to.',
  ),
  row(
    'adminPort',
    one('SERVER', 'port_admin', whole),
    false,
    'A separate port for the page and the admin API, any but that of `port` and 80; they are then at this one only. License managers and applications stay at `port`. In an ini file 1947 is none. See [access.md](access.md#a-port-for-administration).',
    { read: (port) => (port === 1947 ? undefined : port) },
  ),
  row(
    'idleConnectionMinutes',
    one('SERVER', 'idle_connection_timeout_mins', iniDecimal),
    false,
    'Minutes after which the unused connection of an application is closed. Its sessions and seats stay, and the next call connects again.',
  ),
  row(
    'sessionIdleMinutes',
    one('SERVER', 'idle_session_timeout_mins', iniDecimal),
    false,
    'Minutes without a call after which a session ends and its seat is free.',
  ),
  ...pageRows,
  row(
    'search.broadcast',
    one('REMOTE', 'broadcastsearch', iniFlag),
    true,
    '"Broadcast Search for Remote Licenses": ask the local subnets for other license managers.',
  ),
  row(
    'search.aggressive',
    one('REMOTE', 'aggressive', iniFlag),
    true,
    '"Aggressive Search for Remote Licenses": ask the single addresses of the search by TCP, too, for networks that let no UDP through.',
  ),
  row(
    'search.addresses',
    many('REMOTE', 'serveraddr', iniHost),
    true,
    '"Remote License Search Parameters": addresses, host names or broadcast addresses to ask as well.',
  ),
  row(
    'search.intervalMinutes',
    one('REMOTE', 'serversearchinterval', whole),
    true,
    'Minutes between two searches. A random part is added, so that computers switched on together do not ask together. In an ini file in seconds; what is below five minutes there is five minutes.',
    {
      read: (seconds) => Math.max(5, (seconds * SECOND) / MINUTE),
      write: (minutes) => [String(Math.round((Number(minutes) * MINUTE) / SECOND))],
    },
  ),
  row(
    'access.remoteClients',
    one('SERVER', 'accessfromremote', remoteClients),
    true,
    '"Access from Remote Clients": `"all"` other computers may use the licenses of this one, `"none"` may (also `true` and `false`), `"identifiable"` only clients of the REST licensing API with an identity (other license managers have none: 87), or `"split"`: licenses in a cloud need an identity, and others, which all are, do not. In an ini file `remote`, `local`, `secure`, `split`, or 1 and 0.',
    { write: writtenMode },
  ),
  row(
    'access.remoteLicenses',
    one('SERVER', 'accesstoremote', iniFlag),
    true,
    'Applications on this computer may use the licenses of others.',
  ),
  row(
    'access.remoteAdministration',
    one('SERVER', 'ACCremote', iniFlag),
    true,
    'Other computers may administer this license manager. Off by default, and it cannot be switched on from another computer. In an ini file `adminremote = 1` does the same: page and admin API have one gate.',
  ),
  row(
    'access.remoteMetrics',
    one('SERVER', 'remotemetrics', iniFlag),
    true,
    'Other computers may read /metrics without a password. Off by default; what it has is in [monitoring.md](monitoring.md).',
  ),
  row(
    'access.users',
    many('USERS', 'allow', iniText(1_024)),
    true,
    '"Users": rules for who may take which seat, one to an entry, the first that matches decides; also groups, priorities and reserved seats. See [access.md](access.md).',
  ),
  row(
    'access.clients',
    many('ACCESS', 'allow', iniText(1_024)),
    true,
    '"Access from Remote Clients": rules for which other computers may use licenses of this one at all. See [access.md](access.md).',
  ),
  row(
    'access.publicAddress',
    one('SERVER', 'publicaddress', iniText(253)),
    true,
    '"Public Address for Access With Identity and ACC": a further name of this computer, or the address that others reach it by behind a router. The page and the admin API may be called by it, and whoever is issued an identity is told it.',
  ),
  row(
    'protection.duplicateKey',
    one('PROTECTION', 'duplicate_key', iniText(20)),
    false,
    'What is done with a software key that another computer of the network holds, too, and proves to hold: `"refuse"` its logins on both with error 64, or `"warn"` only.',
  ),
  row(
    'protection.custom',
    many('PROTECTION', 'computer_name', iniText(255)),
    false,
    'Names that licenses may recognise this computer by, besides its parts. A container has nothing else of its own: give it a name here and tell the vendor before the first license.',
  ),
  ...detachRows,
  row(
    'updates.folder',
    one('UPDATE', 'folder', iniText(4_096)),
    false,
    'The folder whose license files are applied at once. Without it, `installed` in the state directory.',
  ),
  row(
    'tls.certificate',
    one('TLS', 'certificate', iniText(4_096)),
    false,
    'A PEM file with the certificate for TLS, and its chain. Without it a TLS connection is refused with an alert.',
  ),
  row('tls.key', one('TLS', 'key', iniText(4_096)), false, 'A PEM file with the private key of the certificate.'),
  row(
    'tls.peers',
    one('TLS', 'peers', iniText(10)),
    false,
    'TLS between license managers: `"off"`; `"prefer"` where the other one has a certificate, whichever; `"require"` one that is trusted, or nothing is said to it, and nothing is served to one that comes without TLS. Sessions are encrypted in each case.',
  ),
  row(
    'tls.authorities',
    one('TLS', 'authorities', iniText(4_096)),
    false,
    'A PEM file of the authorities whose certificates are trusted with `peers = "require"`. Without it, those that Node.js trusts. Names in certificates are not looked at: license managers are found by address, and prove who they are inside.',
  ),
  row(
    'proxy.connect',
    one('SERVER', 'proxyconnect', iniNumber(0, 2)),
    false,
    'The way to other license managers: `"none"` is straight, `"manual"` through the HTTP proxy of `proxy.host`. What is on this computer or on an IPv6 link goes straight. In an ini file 0 and 2; 1 (WPAD) is not supported, because it runs a program that whoever answers first on the network hands out.',
    { read: (choice) => (choice === 2 ? 'manual' : 'none'), write: (choice) => [choice === 'manual' ? '2' : '0'] },
  ),
  row('proxy.host', one('SERVER', 'proxyhost', iniHost), false, 'The name or address of the HTTP proxy.'),
  row('proxy.port', one('SERVER', 'proxyport', whole), false, 'The port of the HTTP proxy.'),
  ...logRows,
  row(
    'limits.connections',
    one('LIMITS', 'connections', whole),
    false,
    'TCP connections at a time, of all kinds. Further ones are closed at once.',
  ),
  row(
    'limits.connectionsPerAddress',
    one('LIMITS', 'connections_per_address', whole),
    false,
    'TCP connections at a time of one other computer, and of all unknown computers of one IPv6 /64. A license manager needs fewer than ten. This computer itself is bounded by `limits.connections` only.',
  ),
  row(
    'limits.firstByteSeconds',
    one('LIMITS', 'first_byte_seconds', iniDecimal),
    false,
    'Seconds until the first byte of a connection must have come; the handshake of TLS counts likewise.',
  ),
  row(
    'rest.idleSeconds',
    one('SERVER', 'KeepAliveTimeout', whole),
    true,
    'Seconds of silence after which a session of the REST licensing API ends and its seat is free; its client is told them. `sessionIdleMinutes` is not for these sessions. In an ini file what is out of the bounds is the nearest that is not. See [interoperability.md](interoperability.md).',
    { read: (seconds) => Math.min(9_000_000, Math.max(900, seconds)) },
  ),
  row(
    'compat.newLmIdByGet',
    one('COMPAT', 'new_lm_id_by_get', iniFlag),
    false,
    'Existing programs on this computer may make a new LM id by `GET /action.html?Create_new_lmid`. Off by default: whatever follows a link could do it. See [interoperability.md](interoperability.md).',
  ),
];

/** The rule of that setting in this entry, as the lists of the settings have it. */
export const ruleOf = ({ key, value }: IniEntry): string =>
  `${key.toLowerCase() === 'allow' || key.toLowerCase() === 'deny' ? key.toLowerCase() : key}=${value}`;

/** Whether this entry of a file says something to that setting. */
export const saysTo = (entry: IniEntry, { path, ini }: SettingRow): boolean => {
  const [section] = Object.entries(ruleSections).find(([, rules]) => rules.path === path) ?? [];
  return section === undefined ? isOf(entry, ini) : sameName(entry.section, section);
};
