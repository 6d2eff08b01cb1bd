import { hostname } from 'node:os';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { DEFAULT_PATTERN } from '@keyhaven/core/log';
import { NO_WPAD } from '@keyhaven/core/near-settings';
import { remoteModes } from '@keyhaven/core/users';
import { parse, TomlError } from 'smol-toml';
import { z } from 'zod';
import { clientRuleList, userRuleList } from './access/index.ts';
import { tomlKeyLine } from './configuration/toml-key-lines.ts';
import { detachRuleList } from './transfer/detach-rules.ts';

// What an administrator sets, with its defaults and floors. Parsed once, at the edge; unknown names are refused, so that a typing error
// is told and not ignored. docs/guide/operate.md.

const asMode = (value: unknown): unknown => (value === true ? 'all' : value === false ? 'none' : value);

/** Labels of a host name, or an address of IPv4. */
const PUBLIC_NAME = /^(?!-)[a-z0-9-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9-]{1,63}(?<!-))*$/i;

export const settingsSchema = z.strictObject({
  /** Machine name shown to others. */
  name: z.string().min(1).max(80).optional(),
  /** Addresses to listen on; empty = all of IPv4, and of IPv6 where it exists (L2). */
  bind: z.array(z.union([z.ipv4(), z.ipv6()])).default([]),
  port: z.int().min(1).max(65_535).default(1947),
  /** "Network Visibility: Local only": nothing but loopback is listened on, TCP and UDP. */
  localOnly: z.boolean().default(false),
  /** IPv6 is used, where the computer has it. */
  ipv6: z.boolean().default(true),
  /** The page and the admin API are at this port and no more at `port`; absent: at `port`. */
  adminPort: z.int().min(1).max(65_535).optional(),
  /** L4: minutes after which an unused connection of an application is closed; never under seven. */
  idleConnectionMinutes: z.number().min(7).max(1_440).default(10),
  /** Minutes without a call after which a session ends. */
  sessionIdleMinutes: z.number().min(1).max(525_600).default(720),
  page: z
    .strictObject({
      /** "Display refresh time" and "Table rows per page" of the page for people. */
      refreshSeconds: z.int().min(1).max(86_400).default(3),
      rows: z.int().min(1).max(1_000).default(20),
      /** "Password Protection": of all pages, or of what changes the configuration only (S7). */
      passwordForAll: z.boolean().default(false),
    })
    .prefault({}),
  /** "Write PID file": `keyhaven.pid` in the state directory. */
  pidFile: z.boolean().default(false),
  /** Days after which temporary files are deleted that a crash left in the state directory; 0: never. */
  temporaryFileDays: z.int().min(0).max(36_500).default(90),
  /** "Generate C2V for HASP key": C2V documents of keys in hardware are made (K7). */
  hardwareC2v: z.boolean().default(false),
  search: z
    .strictObject({
      /** "Broadcast Search for Remote Licenses" (R1). */
      broadcast: z.boolean().default(true),
      /** "Aggressive Search for Remote Licenses": single addresses are asked by TCP, too. */
      aggressive: z.boolean().default(false),
      /** "Remote License Search Parameters": addresses, host names or broadcast addresses. */
      addresses: z.array(z.string().min(1).max(255)).max(1_024).default([]),
      /** R4: never under five minutes. */
      intervalMinutes: z.number().min(5).max(1_440).default(5),
    })
    .prefault({}),
  access: z
    .strictObject({
      /** Which remote computers may use licenses of this one: "Access from Remote Clients" (R9). `true` is all, `false` none. */
      remoteClients: z.preprocess(asMode, z.enum(remoteModes)).prefault('all'),
      /** Applications here may use licenses of remote computers. */
      remoteLicenses: z.boolean().default(true),
      /** Administration from other computers. Off by default (S7). */
      remoteAdministration: z.boolean().default(false),
      /** Other computers may read /metrics without a password (S19). */
      remoteMetrics: z.boolean().default(false),
      /** "Users": rules for who may take which seat, one to a line (R9). */
      users: userRuleList,
      /** "Access from Remote Clients": rules for other computers. */
      clients: clientRuleList,
      /** "Public Address for Access With Identity and ACC": another name that this computer is called by. */
      publicAddress: z
        .string()
        .max(253)
        .regex(PUBLIC_NAME, 'must be a host name such as licenses.example.org, or an address of IPv4, without a port')
        .optional(),
    })
    .prefault({}),
  protection: z
    .strictObject({
      /** A key that is on another computer, too: its logins are refused, or it is only told (K9). */
      duplicateKey: z.enum(['refuse', 'warn']).default('refuse'),
      /** What this computer is named for licenses, where it has nothing of its own: containers (K6). */
      custom: z.array(z.string().min(1).max(255)).max(2).default([]),
    })
    .prefault({}),
  detach: z
    .strictObject({
      /** Detaching of licenses (K5). Absent: administrators may, applications may not. */
      enabled: z.boolean().optional(),
      /** For how many days at most. */
      maxDays: z.number().min(0.01).max(3_650).default(14),
      /** "Reserved Licenses": seats of each feature that stay for logins here; the greater of the two holds. */
      reservedSeats: z.int().min(0).max(1_000_000).default(0),
      reservedPercent: z.number().min(0).max(100).default(0),
      /** Days after its end when a license that was lent to this computer is deleted; 0: never. */
      expiredDays: z.int().min(0).max(36_500).default(7),
      /** "Per-Product Settings": one rule to an entry; the first that matches says what it says, and the rest is as for all. */
      products: detachRuleList,
    })
    .prefault({}),
  updates: z
    .strictObject({
      /** Folder whose license files are applied at once (K4); absent: `installed` in the state directory. */
      folder: z.string().min(1).max(4_096).optional(),
    })
    .prefault({}),
  tls: z
    .strictObject({
      /** PEM files. Without them a TLS connection is refused with an alert. */
      certificate: z.string().min(1).optional(),
      key: z.string().min(1).optional(),
      /** Other LMs are reached by TLS, and come by TLS: not, where they have it, or not without. */
      peers: z.enum(['off', 'prefer', 'require']).default('off'),
      /** A PEM file of the authorities whose certificates are trusted; absent: those that Node.js trusts. */
      authorities: z.string().min(1).optional(),
    })
    .prefault({}),
  proxy: z
    .strictObject({
      /** "Proxy": other LMs are reached through an HTTP proxy. */
      connect: z.enum(['none', 'manual'], { error: ({ input }) => (input === 'wpad' ? NO_WPAD : undefined) }).default('none'),
      host: z.string().min(1).max(255).optional(),
      port: z.int().min(1).max(65_535).default(3_128),
    })
    .prefault({}),
  log: z
    .strictObject({
      /** "Write Access Log", and which requests it has (C5). */
      access: z.boolean().default(false),
      local: z.boolean().default(false),
      remote: z.boolean().default(false),
      admin: z.boolean().default(false),
      /** "Write Error Log". */
      errors: z.boolean().default(false),
      /** "Write Log Files Daily". */
      daily: z.boolean().default(false),
      /** Kilobytes after which a new file is begun; 0: never. */
      accessMaxKb: z.int().min(0).max(1_000_000_000).default(0),
      errorMaxKb: z.int().min(0).max(1_000_000_000).default(0),
      /** Days after which old files are compressed and deleted; 0: never. */
      compressDays: z.int().min(0).max(36_500).default(0),
      deleteDays: z.int().min(0).max(36_500).default(0),
      /** "Edit Log Parameters". */
      pattern: z.string().min(1).max(4_096).default(DEFAULT_PATTERN),
      /** Lines are JSON. */
      json: z.boolean().default(false),
      /** Absent: `logs` in the state directory. */
      directory: z.string().min(1).max(4_096).optional(),
    })
    .prefault({}),
  limits: z
    .strictObject({
      /** TCP connections at a time. */
      connections: z.int().min(16).max(1_000_000).default(16_384),
      /** TCP connections at a time of one other computer; its license manager needs a few (S14). */
      connectionsPerAddress: z.int().min(8).max(1_000_000).default(256),
      /** Seconds until the first byte of a connection must have come. */
      firstByteSeconds: z.number().min(1).max(600).default(10),
    })
    .prefault({}),
  rest: z
    .strictObject({
      /** Seconds of silence after which a session of the REST licensing API ends; never under a quarter of an hour (C6). */
      idleSeconds: z.int().min(900).max(9_000_000).default(900),
    })
    .prefault({}),
  compat: z
    .strictObject({
      /** Existing programs may ask for a new LM id by a GET (C6). */
      newLmIdByGet: z.boolean().default(false),
    })
    .prefault({}),
});

export type Settings = z.infer<typeof settingsSchema> & { readonly name: string };

/** `keys`: names under the path that are unknown. */
export type SettingIssue = { readonly path: readonly PropertyKey[]; readonly message: string; readonly keys?: readonly string[] };

const partOf = (document: Readonly<Record<string, unknown>>, name: string): Readonly<Record<string, unknown>> => {
  const part = document[name];
  return typeof part === 'object' && part !== null ? { ...part } : {};
};

/** What is wrong between settings that are right each by itself. */
const contradictions = (document: Readonly<Record<string, unknown>>): SettingIssue[] => {
  const { bind, localOnly, ipv6, adminPort, port = 1947 } = document;
  const [tls, proxy] = [partOf(document, 'tls'), partOf(document, 'proxy')];
  const bound = Array.isArray(bind) ? bind.map(String) : [];
  const wrong = (path: string, is: boolean, message: string): SettingIssue[] => (is ? [{ path: path.split('.'), message }] : []);
  return [
    ...wrong('tls.key', tls['certificate'] !== undefined && tls['key'] === undefined, 'is needed with tls.certificate'),
    ...wrong('tls.certificate', tls['certificate'] === undefined && tls['key'] !== undefined, 'is needed with tls.key'),
    ...wrong('proxy.host', proxy['connect'] === 'manual' && proxy['host'] === undefined, 'is needed with proxy.connect = "manual"'),
    ...wrong('localOnly', localOnly === true && bound.length > 0, 'contradicts bind'),
    ...wrong('ipv6', ipv6 === false && bound.some((address) => address.includes(':')), 'is off, and bind has an address of IPv6'),
    // 80 as in the field: whoever opens it means pages for everybody.
    ...wrong(
      'adminPort',
      adminPort !== undefined && (adminPort === port || adminPort === 80),
      `must be another port than ${String(port)} and 80`,
    ),
  ];
};

/** Settings from what a file says and what the command line says; the command line wins. All that is wrong with them at once. */
export const checkSettings = (
  document: Readonly<Record<string, unknown>>,
  overrides: Readonly<Record<string, unknown>> = {},
): { readonly settings: Settings } | { readonly issues: readonly SettingIssue[] } => {
  const given = Object.fromEntries(Object.entries(overrides).filter(([, value]) => value !== undefined));
  // An address on the command line wins over a file that says "local only".
  const all = { ...document, ...(given['bind'] === undefined ? {} : { localOnly: undefined }), ...given };
  const result = settingsSchema.safeParse(all);
  const issues = [...(result.success ? [] : result.error.issues), ...contradictions(all)];
  if (!result.success || issues.length > 0) return { issues };
  return { settings: { ...result.data, name: result.data.name ?? hostname() } };
};

/**
 * Settings from the text of a TOML file and what the command line says.
 * @param file named in faults, with their lines; absent = neither
 * @throws LicensingError 501 that names every fault
 */
export const parseSettings = (toml: string, overrides: Readonly<Record<string, unknown>> = {}, file?: string): Settings => {
  const at = (line: number | undefined): string => (file === undefined || line === undefined ? '' : `line ${line}: `);
  const of = file === undefined ? '' : `${file}: `;
  let document: Record<string, unknown>;
  try {
    document = parse(toml);
  } catch (cause) {
    const line = cause instanceof TomlError ? cause.line : undefined;
    throw invalidSettings(of + at(line) + (cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : 'no TOML'), cause);
  }
  const checked = checkSettings(document, overrides);
  if ('settings' in checked) return checked.settings;
  const sayIssue = ({ path, message, keys = [] }: SettingIssue): string =>
    `${at(tomlKeyLine(toml, [...path, ...keys.slice(0, 1)]))}${path.join('.') || 'settings'}: ${message}`;
  throw invalidSettings(of + checked.issues.map(sayIssue).join('; '));
};

export const invalidSettings = (detail: string, cause?: unknown): LicensingError =>
  new LicensingError(Status.INVALID_PARAMETER, {
    detail: `The configuration is not valid: ${detail}.`,
    remedy: 'Correct the named settings; docs/guide/operate.md lists all of them.',
    cause,
  });

export type SettingsFault = {
  /** Without anything that the file says: its lines alone. */
  readonly brief: string;
  readonly full: string;
};

/** A fault of the settings file that is found while the license manager runs, for the error log and for `readyz`. */
export const settingsFaultOf = (fault: unknown): SettingsFault & { readonly detail: string; readonly remedy: string } => {
  const known = fault instanceof LicensingError ? fault : invalidSettings(fault instanceof Error ? fault.message : String(fault));
  const { detail = known.message, remedy } = known;
  const lines = [...new Set(detail.match(/\bline \d+/g))];
  const remain = 'the previous settings remain in effect';
  const brief = `the settings file cannot be used${lines.length === 0 ? '' : ` (${lines.join(', ')})`}; ${remain}`;
  return { brief, full: `${detail.replace(/\.$/, '')}; ${remain}`, detail, remedy };
};
