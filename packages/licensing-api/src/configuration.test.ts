import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatVendorCode } from '@keyhaven/core/license';
import { describe, expect, it, onTestFinished } from 'vitest';
import { applicationDirectory } from './application-directory.ts';
import { createConfiguration } from './configuration.ts';

const codeOf = (vendor: number): string => formatVendorCode({ vendor, publicKey: Buffer.alloc(32, vendor) });

describe('the configuration of the own license managers', () => {
  it('is that of the vendor, over that of all, over what was said before', () => {
    const store = createConfiguration();
    expect(store.of(7)).toEqual({ directory: undefined, externalLm: undefined, overrides: {} });
    store.add({ searchAddresses: ['lm.example'], broadcast: true, externalLm: '/opt/lm' });
    store.add({ vendorCode: codeOf(7), directory: '/keys', broadcast: false });
    store.add({ vendorCode: codeOf(7), searchAddresses: [] });
    expect(store.of(7)).toEqual({ directory: '/keys', externalLm: '/opt/lm', overrides: { addresses: [], broadcast: false } });
    expect(store.of(8)).toEqual({ directory: undefined, externalLm: '/opt/lm', overrides: { addresses: ['lm.example'], broadcast: true } });
  });

  it.each([
    ['a vendor code that is none', { vendorCode: 'x' }, 22],
    ['an address that is none', { searchAddresses: ['not an address'] }, 501],
    ['addresses that are no list', { searchAddresses: 'lm.example' }, 501],
    ['a directory for all vendors', { directory: '/keys' }, 501],
    ['an empty path', { externalLm: '' }, 501],
    ['a broadcast that is no answer', { broadcast: 'yes' }, 501],
    ['a name that there is not', { serverAddresses: ['lm.example'] }, 501],
    ['both names of one setting', { addresses: [], searchAddresses: [] }, 501],
    ['minutes under the floor', { searchMinutes: 4 }, 501],
    ['a proxy without a host', { proxy: { port: 3128 } }, 501],
    ['nothing at all', undefined, 501],
    ['a list', [], 501],
  ])('refuses %s, and stays as it was', (_name, configuration, status) => {
    const store = createConfiguration();
    // What JavaScript callers may pass whatever the types say.
    const add = (): unknown => Reflect.apply(store.add, undefined, [configuration]);
    expect(add).toThrow(expect.objectContaining({ status }));
    expect(store.of(7).overrides).toEqual({});
  });
});

describe('what configure() refuses', () => {
  it('names every setting that is wrong at once, and takes nothing of the call over', () => {
    const store = createConfiguration();
    const call = { broadcast: true, searchMinutes: 1, searchAddresses: ['a b'] };
    expect(() => store.add(call)).toThrow(/searchMinutes must be.*searchAddresses: must be/);
    const misspelt = { broadcast: true, serverAddresses: [] };
    expect(() => store.add(misspelt)).toThrow(/serverAddresses/);
    expect(store.of(7).overrides).toEqual({});
  });
  it('is nothing of what the guide names for the API', () => {
    const store = createConfiguration();
    const said = {
      remoteLicenses: true,
      searchMinutes: 10,
      sessionIdleMinutes: 60,
      broadcast: true,
      proxy: { host: 'proxy.example', port: 8_080 },
      requestLog: true,
      errorLog: true,
      logPattern: '{timestamp}',
    };
    store.add({ ...said, searchAddresses: ['lm.example'] });
    expect(store.of(7).overrides).toEqual({ ...said, addresses: ['lm.example'] });
    store.add({ addresses: ['other.example'] });
    expect(store.of(7).overrides.addresses).toEqual(['other.example']);
  });
});

describe('the directory of the application', () => {
  it('is that of the main script, where that really is, or of the executable', () => {
    const root = mkdtempSync(join(tmpdir(), 'keyhaven-directory-'));
    onTestFinished(() => rmSync(root, { recursive: true }));
    mkdirSync(join(root, 'app'));
    writeFileSync(join(root, 'app/main.js'), '');
    symlinkSync(join(root, 'app/main.js'), join(root, 'command'));
    const executable = join(root, 'app/main.js');
    const found = (main: string | undefined): string => applicationDirectory(main, executable).slice(root.length);
    expect([join(root, 'app/main.js'), join(root, 'command'), join(root, 'app'), undefined, join(root, 'app/main')].map(found)).toEqual(
      Array(5).fill('/app'),
    );
  });
});
