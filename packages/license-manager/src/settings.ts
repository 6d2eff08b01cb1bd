import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { parse } from 'smol-toml';
import { z } from 'zod';
import { clientRuleList, userRuleList } from './access/index.ts';

// What an administrator sets, with its defaults and floors. Parsed once, at the edge; unknown names are refused, so that a typing error
// is told and not ignored. docs/guide/settings.md.

export const settingsSchema = z.strictObject({
  /** Machine name shown to others. */
  name: z.string().min(1).max(80).optional(),
  /** Addresses to listen on; empty = all of IPv4, and of IPv6 where it exists (L2). */
  bind: z.array(z.union([z.ipv4(), z.ipv6()])).default([]),
  port: z.int().min(1).max(65_535).default(1947),
  /** L4: minutes after which an unused connection of an application is closed; never under seven. */
  idleConnectionMinutes: z.number().min(7).max(1_440).default(10),
  /** Minutes without a call after which a session ends. */
  sessionIdleMinutes: z.number().min(1).max(525_600).default(720),
  search: z
    .strictObject({
      /** "Broadcast Search for Remote Licenses" (R1). */
      broadcast: z.boolean().default(true),
      /** "Remote License Search Parameters": addresses, host names or broadcast addresses. */
      addresses: z.array(z.string().min(1).max(255)).max(1_024).default([]),
      /** R4: never under five minutes. */
      intervalMinutes: z.number().min(5).max(1_440).default(5),
    })
    .prefault({}),
  access: z
    .strictObject({
      /** Remote computers may use licenses of this one (R9). */
      remoteClients: z.boolean().default(true),
      /** Applications here may use licenses of remote computers. */
      remoteLicenses: z.boolean().default(true),
      /** Administration from other computers. Off by default (S7). */
      remoteAdministration: z.boolean().default(false),
      /** "Users": rules for who may take which seat, one to a line (R9). */
      users: userRuleList,
      /** "Access from Remote Clients": rules for other computers. */
      clients: clientRuleList,
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
      certificate: z.string().min(1),
      key: z.string().min(1),
    })
    .optional(),
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
});

export type Settings = z.infer<typeof settingsSchema> & { readonly name: string };

/** Settings from the text of a TOML file and what the command line says; the command line wins. */
export const parseSettings = (toml: string, overrides: Readonly<Record<string, unknown>> = {}): Settings => {
  let document: Record<string, unknown>;
  try {
    document = parse(toml);
  } catch (cause) {
    throw invalid(cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : 'no TOML', cause);
  }
  const given = Object.fromEntries(Object.entries(overrides).filter(([, value]) => value !== undefined));
  const result = settingsSchema.safeParse({ ...document, ...given });
  if (!result.success)
    throw invalid(result.error.issues.map((issue) => `${issue.path.join('.') || 'settings'}: ${issue.message}`).join('; '));
  return { ...result.data, name: result.data.name ?? hostname() };
};

export const loadSettings = async (file: string | undefined, overrides: Readonly<Record<string, unknown>> = {}): Promise<Settings> => {
  let toml = '';
  if (file !== undefined) {
    try {
      toml = await readFile(file, 'utf8');
    } catch (cause) {
      throw new LicensingError(Status.CANNOT_READ_FILE, {
        detail: `The configuration file ${file} cannot be read.`,
        remedy: 'Name a file with --config that this user may read.',
        cause,
      });
    }
  }
  return parseSettings(toml, overrides);
};

const invalid = (detail: string, cause?: unknown): LicensingError =>
  new LicensingError(Status.INVALID_PARAMETER, {
    detail: `The configuration is not valid: ${detail}.`,
    remedy: 'Correct the named settings; docs/guide/settings.md lists all of them.',
    cause,
  });
