import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { LicensingError } from '@keyhaven/core/errors';
import { MIN_IDLE_MS } from '@keyhaven/core/wire';
import { describe, expect, it } from 'vitest';
import { loadSettings } from './configuration/index.ts';
import { parseSettings } from './settings.ts';

const refusalOf = (toml: string, overrides?: Record<string, unknown>): LicensingError => {
  try {
    parseSettings(toml, overrides);
  } catch (error) {
    if (error instanceof LicensingError) return error;
  }
  throw new Error('was accepted');
};

describe('settings', () => {
  it.each([
    [
      '[proxy]\nconnect = "wpad"',
      /proxy\.connect: WPAD is not supported: it runs a program that whoever answers first on the network hands out/,
    ],
    ['[proxy]\nconnect = "manual"', /proxy\.host: is needed/],
    ['[tls]\nkey = "k.pem"', /tls\.certificate: is needed with tls\.key/],
    ['[tls]\ncertificate = "c.pem"', /tls\.key: is needed with tls\.certificate/],
    ['[tls]\npeers = "always"', /tls\.peers: /],
  ])('%j is refused with the reason (501)', (text, reason) => {
    expect(() => parseSettings(text)).toThrow(reason);
  });

  it('are safe and complete when nothing is said', () => {
    expect(parseSettings('')).toEqual({
      name: hostname(),
      bind: [],
      port: 1947,
      localOnly: false,
      ipv6: true,
      idleConnectionMinutes: 10,
      sessionIdleMinutes: 720,
      page: { refreshSeconds: 3, rows: 20, passwordForAll: false },
      pidFile: false,
      temporaryFileDays: 90,
      hardwareC2v: false,
      updates: {},
      tls: { peers: 'off' },
      proxy: { connect: 'none', port: 3_128 },
      search: { broadcast: true, aggressive: false, addresses: [], intervalMinutes: 5 },
      access: { remoteClients: 'all', remoteLicenses: true, remoteAdministration: false, users: [], clients: [], remoteMetrics: false },
      protection: { duplicateKey: 'refuse', custom: [] },
      detach: { maxDays: 14, reservedSeats: 0, reservedPercent: 0, expiredDays: 7, products: [] },
      limits: { connections: 16_384, connectionsPerAddress: 256, firstByteSeconds: 10 },
      rest: { idleSeconds: 900 },
      compat: { newLmIdByGet: false },
      log: {
        access: false,
        local: false,
        remote: false,
        admin: false,
        errors: false,
        json: false,
        pattern:
          '{timestamp} {clientaddr}:{clientport} {clientid} {method} {url} {function}({functionparams}) result({statuscode}){newline}',
        daily: false,
        accessMaxKb: 0,
        errorMaxKb: 0,
        compressDays: 0,
        deleteDays: 0,
      },
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
    expect(error.remedy).toContain('docs/guide/operate.md');
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
