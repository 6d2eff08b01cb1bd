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
  ])('refuses %s, and stays as it was', (_name, configuration, status) => {
    const store = createConfiguration();
    // What JavaScript callers may pass whatever the types say.
    const add = (): unknown => Reflect.apply(store.add, undefined, [configuration]);
    expect(add).toThrow(expect.objectContaining({ status }));
    expect(store.of(7).overrides).toEqual({});
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
