import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { LicensingError } from '@keyhaven/core/errors';
import { MIN_IDLE_MS } from '@keyhaven/core/wire';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { loadSettings, parseSettings, settingsSchema } from './settings.ts';

/** A JSON schema as far as settings need it. */
type Schema = {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
};
type Line = { readonly name: string; readonly type: string; readonly default: string; readonly bounds: string };

const boundsOf = (schema: Schema): string => {
  if (schema.minimum !== undefined) return `${schema.minimum} to ${schema.maximum}`;
  if (schema.maxLength !== undefined) return `${schema.minLength} to ${schema.maxLength} characters`;
  return schema.maxItems === undefined ? '-' : `up to ${schema.maxItems}`;
};

const linesOf = (schema: Schema, prefix = '', required = false): Line[] => {
  if (schema.properties === undefined) {
    const none = required ? 'required' : 'none';
    return [
      {
        name: prefix,
        type: schema.type ?? '',
        default: schema.default === undefined ? none : JSON.stringify(schema.default),
        bounds: boundsOf(schema),
      },
    ];
  }
  return Object.entries(schema.properties).flatMap(([name, each]) =>
    linesOf(each, prefix === '' ? name : `${prefix}.${name}`, schema.required?.includes(name) ?? false),
  );
};
const settingsReference = (): Line[] => linesOf(z.toJSONSchema(settingsSchema, { io: 'input' }) as Schema);

const refusalOf = (toml: string, overrides?: Record<string, unknown>): LicensingError => {
  try {
    parseSettings(toml, overrides);
  } catch (error) {
    if (error instanceof LicensingError) return error;
  }
  throw new Error('was accepted');
};

describe('settings', () => {
  it('are safe and complete when nothing is said', () => {
    expect(parseSettings('')).toEqual({
      name: hostname(),
      bind: [],
      port: 1947,
      idleConnectionMinutes: 10,
      sessionIdleMinutes: 720,
      updates: {},
      search: { broadcast: true, addresses: [], intervalMinutes: 5 },
      access: { remoteClients: true, remoteLicenses: true, remoteAdministration: false, users: [], clients: [] },
      protection: { duplicateKey: 'refuse', custom: [] },
      detach: { maxDays: 14 },
      limits: { connections: 16_384, connectionsPerAddress: 256, firstByteSeconds: 10 },
    });
  });

  it('name every fault at once, with its place (501)', () => {
    const error = refusalOf(
      'port = 0\nbind = ["nonsense"]\nprot = 1\n[search]\nintervalMinutes = 1\nbroadcast = "yes"\n[access]\nremoteAdmin = true\n[limits]\nconnections = 1\n[tls]\ncertificate = "a.pem"\n',
    );
    expect(error.status).toBe(501);
    for (const place of [
      'port',
      'bind.0',
      'prot',
      'search.intervalMinutes',
      'search.broadcast',
      'remoteAdmin',
      'limits.connections',
      'tls.key',
    ]) {
      expect(error.message).toContain(place);
    }
    expect(error.remedy).toContain('docs/guide/settings.md');
  });

  it('have floors: seven minutes for an unused connection (L4), five for the search (R4)', () => {
    expect(refusalOf('idleConnectionMinutes = 6.9').message).toContain('idleConnectionMinutes');
    expect(refusalOf('[search]\nintervalMinutes = 4.9').message).toContain('search.intervalMinutes');
    expect(parseSettings('idleConnectionMinutes = 7\n[search]\nintervalMinutes = 5')).toMatchObject({
      idleConnectionMinutes: 7,
      search: { intervalMinutes: 5 },
    });
    expect(MIN_IDLE_MS).toBe(7 * 60_000);
  });

  it('say what is wrong with a text that is no TOML', () => {
    expect(refusalOf('port = = 1').message).toContain('TOML');
  });

  it('are overruled by the command line, which is checked likewise', () => {
    expect(parseSettings('port = 2000\nname = "file"', { port: 3000, name: undefined, bind: ['127.0.0.1'] })).toMatchObject({
      port: 3000,
      name: 'file',
      bind: ['127.0.0.1'],
    });
    expect(refusalOf('', { port: Number.NaN }).message).toContain('port');
    expect(refusalOf('', { bind: ['localhost'] }).message).toContain('bind.0');
  });

  it('name the file that cannot be read (72)', async () => {
    const missing = join(tmpdir(), 'keyhaven-no-such-file.toml');
    await expect(loadSettings(missing)).rejects.toMatchObject({ status: 72, message: expect.stringContaining(missing) });
    await expect(loadSettings(tmpdir())).rejects.toMatchObject({ status: 72 });
  });

  it('are read from a file', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'keyhaven-'));
    try {
      const file = join(directory, 'keyhaven.toml');
      await writeFile(file, 'name = "survey-1"\n');
      expect((await loadSettings(file, { port: 2000 })).name).toBe('survey-1');
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

describe('docs/guide/settings.md', () => {
  const guide = readFile(new URL('../../../docs/guide/settings.md', import.meta.url), 'utf8');

  it('lists every setting with its default and its bounds, and no other', async () => {
    const rows = (await guide).split('\n').flatMap((line) => {
      const found = /^\| `([A-Za-z.]+)` \| (.+?) \| (.+?) \| (.+?) \| .+ \|$/.exec(line);
      return found === null ? [] : [{ name: found[1], type: found[2], default: found[3], bounds: found[4] }];
    });
    expect(rows).toEqual(settingsReference());
  });

  it('shows an example file that is valid, sets everything, and keeps the defaults where it says so', async () => {
    const example = /```toml\n([\s\S]+?)```/.exec(await guide)?.[1] ?? '';
    const settings: Record<string, unknown> = parseSettings(example);
    for (const { name } of settingsReference()) {
      const value = name
        .split('.')
        .reduce<unknown>(
          (at, part) => (typeof at === 'object' && at !== null ? Object.entries(at).find(([key]) => key === part)?.[1] : undefined),
          settings,
        );
      expect(value, name).toBeDefined();
    }
  });
});
